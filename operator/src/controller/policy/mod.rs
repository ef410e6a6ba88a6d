//! BackupPolicy: whether it is sound, what comes next, and how many instances use it.
//!
//! ```text
//! observe   the instances that refer to it, and the deleted ones that did   (index)
//! decide    parse the spec, fill the status      (pure)
//! act       write the status                     (client)
//! ```

mod decide;
mod parsed;
mod range;
pub mod retention;

use std::sync::Arc;

use crds::BackupPolicy;
use kube::ResourceExt as _;

use super::{Error, Wake};
use crate::cluster::{self, Key};
use crate::context::Context;

pub use parsed::{ParsedPolicy, ParsedRule, PolicyFault};
pub use range::{range, refusal};

/// Brings one policy's status to where it should be.
///
/// # Errors
/// The status could not be written.
pub async fn reconcile(policy: Arc<BackupPolicy>, context: Arc<Context>) -> Result<Wake, Error> {
    let key = Key::policy(&policy.namespace().unwrap_or_default(), &policy.name_any());
    let instances = context.known.instances.by(&key).len();
    let deleted = context.known.deleted_instances.by(&key).len();
    let users = decide::Users { instances, deleted };
    let (status, wake) = decide::decide(&policy, users, context.clock.now().time);
    if !cluster::same(policy.status.as_ref(), &status) {
        cluster::apply_status(&context.client, policy.as_ref(), &status).await?;
    }
    Ok(wake)
}
