//! A database's schema as a point stores it, and how it is put back: the entries of pg_dump's archive (see
//! [`crate::archive`]), one after the other, each executed as it is.
//!
//! What an archive leaves to the program that restores it is decided here, the way pg_restore does: the settings of the
//! session, the tablespace and table access method of each entry, the owner (which no definition names), the passes,
//! and which entries may run beside each other. Nothing here talks to a server.

mod adapt;
mod entry;
mod error;
mod graph;
mod kind;
mod owner;
mod pass;
mod session;
mod sql;
mod stream;

pub use entry::{Entry, Section};
pub use error::SchemaError;
pub use graph::{Graph, NodeId, Stage, Work};
pub use kind::Kind;
pub use owner::Owners;
pub use pass::Pass;
pub use session::{Preamble, SessionState, Statement};
pub use sql::{Sql, identifier, literal, qualified};
pub use stream::{SchemaReader, encode};

#[cfg(test)]
mod graph_tests;
#[cfg(test)]
mod stream_tests;
