//! The room that talks to the API server: what is read, what is watched, what is written, and what a refusal means.
//!
//! Everybody else asks this room. Pure code is never given anything out of it but plain objects.

mod covers;
mod departed;
mod error;
mod event;
mod feed;
mod index;
mod job_watch;
#[cfg(test)]
pub mod memory;
mod read;
mod refusals;
mod same;
mod write;

pub use covers::covers;
pub use departed::Departed;
pub use error::{Class, ReadError, WriteError, class, is_already_exists, is_forbidden, is_namespace_ending};
pub use event::{Note, Notes};
pub use feed::{Feed, Held, Key};
pub use index::{Address, Index};
pub use job_watch::{JobOwner, watch_jobs};
pub use read::{get, get_global, list_by_label, uid};
pub use same::same;
pub use write::{
    annotate, apply, apply_status, create, delete, delete_job, remove_finalizer, set_finalizer, unsuspend_job,
};
