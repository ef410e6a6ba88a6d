//! pg_dump: which one, how it is started, how it is stopped.
//!
//! It only ever writes the schema. What it writes comes out of a pipe; what it says goes into the failure's message.

mod client;
mod hand_over;
mod process;

pub use client::DumpClient;
pub use process::{DumpEnd, DumpProcess, DumpRequest};
