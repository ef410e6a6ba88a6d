//! The Secret of one attempt: its assignment, with every credential that the mover gets. It goes with its Job.

use std::collections::BTreeMap;

use contract::files;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::plan::Plan;

/// The Secret, never changed and never read back by the operator.
pub fn secret(plan: &Plan<'_>, job_uid: &str) -> Secret {
    let assignment = serde_json::to_string(&plan.assignment).expect("an assignment is strings and numbers");
    Secret {
        metadata: ObjectMeta {
            name: Some(plan.name.clone()),
            namespace: Some(plan.namespace()),
            labels: Some(plan.labels()),
            owner_references: Some(vec![OwnerReference {
                api_version: "batch/v1".into(),
                kind: "Job".into(),
                name: plan.name.clone(),
                uid: job_uid.to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(false),
            }]),
            ..ObjectMeta::default()
        },
        immutable: Some(true),
        type_: Some("Opaque".into()),
        string_data: Some(BTreeMap::from([(files::ASSIGNMENT_KEY.to_owned(), assignment)])),
        ..Secret::default()
    }
}
