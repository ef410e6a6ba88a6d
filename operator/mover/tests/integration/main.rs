//! What the crate does with real servers: PostgreSQL, S3, directories. One program, so that its tests share a server and are
//! linked once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

mod backup;
mod backup_faults;
mod cases;
mod compared;
mod damage;
mod files;
mod grants;
mod kept;
mod point;
mod postgres;
mod reading;
mod rehearsal;
mod restore;
mod round_trip;
mod schema;
mod server_backup;
mod store_conformance;
mod store_faults;
mod stored;
mod stores;
mod support;
mod vaulted;
mod versions;
mod written;
