//! PostgreSQL servers for tests: real ones, each in a directory of its own, on a free port of this machine, stopped when
//! the test's process ends.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod backup;
mod custody;
mod installation;
mod killer;
mod pooler;
mod ports;
mod proxy;
mod server;
mod workload;

pub use backup::{Asked, Point, Psql, expect_nothing_left, fresh, rows_of, sessions, until, until_in};
pub use custody::TestCustody;
pub use installation::Installation;
pub use killer::{At, Killer, Moment};
pub use pooler::PgBouncer;
pub use ports::free_port;
pub use proxy::Proxy;
pub use server::Server;
pub use workload::Workload;
