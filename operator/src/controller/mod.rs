//! The controllers, one folder for each kind, each with the same steps:
//!
//! ```text
//! observe   reads, absence included                  (client)
//! decide    facts and time -> steps, status, wake    (pure)
//! act       writes in order, status last             (client)
//! ```

mod conditions;
mod error;
mod feeds;
mod history;
mod life;
mod queue;
mod runner;
#[cfg(test)]
pub mod scenario;
mod wake;
mod wakes;
mod wiring;

pub mod adoption;
pub mod backup_job;
pub mod deleted_instance;
pub mod instance;
pub mod policy;
pub mod recovery_point;
pub mod restore_job;
pub mod run;
pub mod vault;
pub mod verification;

pub use conditions::Conditions;
pub use error::Error;
pub use feeds::Feeds;
pub use history::History;
pub use runner::run_controller;
pub use wake::Wake;
pub use wiring::run_all;
