//! The data plane: moves PostgreSQL databases into sealed storage and back.
//!
//! ```text
//! backup, restore, check     PostgreSQL on one side of a point
//! grants                     what a role needs for a backup, as SQL
//! point                      one writer's or reader's work on one point
//! vault, custody, verify     promises: grants, acceptance, expiry, checks
//! ledger                     the promises, as a chain of entries
//! format, seal, store        what is stored, how it is sealed, where it lies
//! ```
//!
//! `FORMAT.md` beside this crate's sources describes every stored byte.

pub mod archive;
pub mod backup;
pub mod check;
pub mod clock;
pub mod custody;
pub mod digest;
pub mod format;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod grants;
pub mod ledger;
pub mod point;
pub mod postgres;
pub mod progress;
pub mod restore;
pub mod schema;
pub mod seal;
pub mod store;
pub mod vault;
pub mod verify;

/// What is written into stored objects for people.
pub const TOOL: &str = concat!("coffer ", env!("CARGO_PKG_VERSION"));

/// An error and what caused it, in one line for people. A cause that an error already tells is not told twice.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
