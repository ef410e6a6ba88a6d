//! What keeps a job until its run is stopped. Pure.

use crds::finalizers::STOP_RUN;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::SeenAttempt;

/// How long a deleted job waits for its vault's answer to what became of the run, and one that has ended for rights to tidy.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// Whether nothing is left to do about the job, and nothing has to be read to know it.
pub fn is_done(job: &impl ResourceExt, terminal: bool) -> bool {
    !is_held(job) && (terminal || job.meta().deletion_timestamp.is_some())
}

/// Whether it has to be added: a job that is on its way out can be given none.
pub fn is_missing(job: &impl ResourceExt) -> bool {
    !is_held(job) && job.meta().deletion_timestamp.is_none()
}

/// Whether a deleted job goes without its vault's word: its run is stopped, and it has waited long enough for one that does
/// not answer. It must not keep its namespace for ever.
pub fn is_given_up(job: &impl ResourceExt, attempts: &[SeenAttempt], wall: Timestamp) -> bool {
    let is_stopped = attempts.iter().all(|attempt| attempt.going);
    let deleted = job.meta().deletion_timestamp.as_ref();
    is_stopped && deleted.is_some_and(|deleted| wall.duration_since(deleted.0) >= PATIENCE)
}

/// Whether a job that has ended goes without the clean-up of its run, where the operator has lost its rights: neither the job
/// nor its namespace may have to wait until they are given back. A mover ends at its own deadline, and the cluster removes its Job after that.
pub fn is_let_go(ended: Option<Timestamp>, now: Timestamp) -> bool {
    ended.is_none_or(|ended| now.duration_since(ended) >= PATIENCE)
}

fn is_held(job: &impl ResourceExt) -> bool {
    job.finalizers().iter().any(|held| held == STOP_RUN)
}
