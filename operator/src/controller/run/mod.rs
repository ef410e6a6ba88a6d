//! What backups, restores and checks share: one mover, run once, in a Job of the vault's namespace.
//!
//! ```text
//! plan      what one attempt is and where it runs            (data)
//! job, pod, secret, memory   its objects                     (pure)
//! connection                 a tenant's Secret as a log-in   (pure)
//! attempt   what Job and pods say of it                      (pure)
//! current, heard, failure, progress, sub_tasks, pace, place   what that means   (pure)
//! figures   what metrics are told                            (pure)
//! finalizer   what keeps a job until its run is stopped      (pure)
//! outcome   the parts of a status that all jobs have         (pure)
//! observe   Jobs, pods, Secrets and the keeper's address     (reads)
//! act       create, release, delete                          (writes)
//! ```

pub mod act;
pub mod attempt;
pub mod connection;
pub mod current;
pub mod failure;
pub mod figures;
pub mod finalizer;
pub mod heard;
pub mod job;
pub mod memory;
pub mod observe;
pub mod outcome;
pub mod pace;
pub mod place;
pub mod plan;
mod pod;
pub mod progress;
pub mod secret;
pub mod sub_tasks;

#[cfg(test)]
mod builders_tests;
#[cfg(test)]
mod kstatus_tests;

pub use attempt::{AttemptState, Ending, SeenAttempt};
pub use connection::{Fault, Found, Material, databases};
pub use current::{Current, current};
pub use plan::{Plan, Role};
