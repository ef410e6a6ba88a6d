//! What the stories, the demo and the gate share: a real cluster, images for it, and the world that stories play in.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this crate talks to the person at the terminal"
)]

pub mod cluster;
pub mod features;
pub mod image;
pub mod source;
pub mod world;
