//! What keeps a job until its run is stopped.

use std::fmt::Debug;

use crds::finalizers::STOP_RUN;
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::cluster::{self, WriteError};

/// Whether nothing is left to do about the job, and nothing has to be read to know it.
pub fn is_done(job: &impl ResourceExt, terminal: bool) -> bool {
    !is_held(job) && (terminal || job.meta().deletion_timestamp.is_some())
}

/// Whether it has to be added: a job that is on its way out can be given none.
pub fn is_missing(job: &impl ResourceExt) -> bool {
    !is_held(job) && job.meta().deletion_timestamp.is_none()
}

/// Adds it to the job as it was seen.
///
/// # Errors
/// As [`cluster::set_finalizer`].
pub async fn add<K>(client: &Client, job: &K) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    cluster::set_finalizer(client, job, STOP_RUN).await
}

/// Lets the job go.
///
/// # Errors
/// As [`cluster::remove_finalizer`].
pub async fn remove<K>(client: &Client, job: &K) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    cluster::remove_finalizer(client, job, STOP_RUN).await
}

fn is_held(job: &impl ResourceExt) -> bool {
    job.finalizers().iter().any(|held| held == STOP_RUN)
}
