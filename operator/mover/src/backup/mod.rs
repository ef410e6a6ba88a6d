//! A backup: one database, or several of one server, each under one snapshot, exactly, into one point.
//!
//! ```text
//! facts, preflight    what the source is; whether a backup can be made
//! lock                every table locked, then the snapshot; the leader keeps both
//! dump, schema        the schema, by pg_dump under the same snapshot
//! plan, lane, reading the rows: segments, lanes with the snapshot, the leader for what lanes are refused
//! segment, packer     COPY's rows into digests and frames, frames into packs
//! one, opened         one database: its locks, its schema, its plan, its rows
//! together            where it waits for the others
//! databases, globals  which databases of a server; what the server has besides them
//! server, commit      all of it, one after the other; at the end lists, manifests, inventory, record
//! ```

mod adapt;
mod commit;
mod databases;
mod dump;
mod error;
mod facts;
mod globals;
mod job;
mod lane;
mod lists;
mod lock;
mod one;
mod opened;
mod packer;
mod pins;
mod plan;
mod preflight;
mod reading;
mod rows;
mod schema;
mod segment;
mod server;
mod source;
mod statement;
mod stop;
mod table;
mod throttle;
mod together;
mod watch;
mod whitelist;

pub use error::BackupError;
pub use job::{BackupDone, BackupJobInput};
pub use server::run;

pub(crate) use databases::choose_databases;
pub(crate) use dump::{DumpClient, DumpEnd, DumpProcess, DumpRequest};
pub(crate) use facts::{
    is_ours, large_objects::LargeObjects, privileges::PrivilegeFacts, server::ServerFacts,
};
pub(crate) use pins::Pins;
pub(crate) use preflight::Obstacle;
pub(crate) use rows::Rows;
pub(crate) use throttle::Throttle;
pub(crate) mod obstacles {
    //! What stands in the way of a backup.
    pub use super::preflight::{
        coverage, damage_is_told, free_connections, grants, pooler, privileges, relations, row_security,
        usable_locks, version, with_oids,
    };
}
