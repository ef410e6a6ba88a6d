//! What keeps a job until its run is stopped. Pure.

use crds::finalizers::STOP_RUN;
use kube::ResourceExt;

/// Whether nothing is left to do about the job, and nothing has to be read to know it.
pub fn is_done(job: &impl ResourceExt, terminal: bool) -> bool {
    !is_held(job) && (terminal || job.meta().deletion_timestamp.is_some())
}

/// Whether it has to be added: a job that is on its way out can be given none.
pub fn is_missing(job: &impl ResourceExt) -> bool {
    !is_held(job) && job.meta().deletion_timestamp.is_none()
}

fn is_held(job: &impl ResourceExt) -> bool {
    job.finalizers().iter().any(|held| held == STOP_RUN)
}
