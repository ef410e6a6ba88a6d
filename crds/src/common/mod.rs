//! What several kinds share: references, conditions, progress, errors, states.

mod condition;
mod error;
mod expiry;
mod job;
mod reference;
mod tls;

pub use condition::{ConditionType, condition, is_true, set_condition};
pub use error::{InnerError, JobError, JobWarning};
pub use expiry::NextExpiry;
pub use job::{Attempt, AttemptOutcome, JobState, Progress, Stage, SubTask};
pub use reference::{
    AuthorityRef, DatabaseCredentialsRef, InstanceReference, LocalPointReference, PolicyReference,
    SecretReference, VaultReference,
};
pub use tls::{Tls, TlsMode};

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
