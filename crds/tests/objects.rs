//! Objects put to the schemas and the rules as an API server would judge them, in this process.
//!
//! The same documents are put to a real API server by the cluster stories: here a wrong rule is found in a second.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tables of cases, and tests that fail by panicking"
)]

mod support;

use std::{collections::BTreeMap, path::Path};

use crds::{
    BackupInstance, Reason,
    schema::{definitions, schema_of},
};
use kube::core::cel::Validator;
use serde_json::{Value, json};
use support::{
    case::{Case, Expected, cases},
    defaults::filled,
    structure::objections,
};

/// The schemas by kind.
fn schemas() -> BTreeMap<String, Value> {
    let by_kind = |definition: &Value| {
        let kind = definition["spec"]["names"]["kind"].as_str().expect("a definition has a kind");
        (kind.to_owned(), schema_of(definition).clone())
    };
    definitions().iter().map(by_kind).collect()
}

fn read(folder: &str) -> Vec<(Case, Value)> {
    let parsed = |case: Case| {
        let object = serde_yaml::from_str(&case.manifest).expect("a case is YAML");
        (case, object)
    };
    let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
    cases(&Path::new(&own).join("tests").join(folder)).into_iter().map(parsed).collect()
}

fn kind(case: &Case) -> &str {
    case.identity.split('/').next().unwrap_or_default()
}

/// Everything an API server would object to, as `(path, message)`: the rules only when the structure is right.
fn judged(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<(String, String)> {
    let found = objections(schema, object);
    if !found.is_empty() {
        return found;
    }
    match Validator::new().validate(schema, object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_vec()
            .into_iter()
            .map(|error| (error.field_path.clone(), error.message.clone()))
            .collect(),
    }
}

#[test]
fn what_is_valid_is_accepted() {
    let schemas = schemas();
    for (case, object) in read("valid") {
        let found = judged(&schemas[kind(&case)], &object, None);
        assert!(found.is_empty(), "{}: {}\n{found:?}", case.file, case.why);
    }
}

#[test]
fn what_is_valid_may_be_applied_again() {
    let schemas = schemas();
    for (case, object) in read("valid") {
        let found = judged(&schemas[kind(&case)], &object, Some(&object));
        assert!(found.is_empty(), "{}: {}\n{found:?}", case.file, case.why);
    }
}

#[test]
fn what_is_invalid_is_refused_at_its_field_with_its_message() {
    let schemas = schemas();
    let valid: BTreeMap<_, _> =
        read("valid").into_iter().map(|(case, object)| (case.identity, object)).collect();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (case, object) in read("invalid") {
        let old = case.update.then(|| &valid[&case.identity]);
        let found = judged(&schemas[kind(&case)], &object, old);
        match &case.expected {
            Expected::Refused { at, with } => {
                refused += 1;
                let at = if at == "<root>" { "" } else { at };
                if !found.iter().any(|(path, message)| path == at && message.contains(with.as_str())) {
                    wrong.push(format!("{}: {} wanted {at}: {with}, found {found:?}", case.file, case.why));
                }
            }
            Expected::Condition { .. } | Expected::Accepted => {
                if !found.is_empty() {
                    wrong.push(format!("{}: {} is for the reconciler, found {found:?}", case.file, case.why));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused >= 200, "only {refused} invalid objects were tried");
}

/// What `kubectl apply --dry-run=server -o yaml` answers, and what the operator then reads.
#[test]
fn row_a09_a_manifest_of_what_must_be_said_is_filled_in_and_judged() {
    let schema = &schemas()["BackupInstance"];
    let manifest = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {"vaultRef": {"name": "main"}, "policyRef": {"name": "nightly"},
                 "postgresql": {"host": "db", "database": "app", "credentialsSecretRef": {"name": "login"}}},
    });
    let shown = filled(schema, manifest.clone());
    assert_eq!(judged(schema, &shown, None), []);
    assert_eq!(shown["spec"]["protection"], "Enabled");
    assert_eq!(shown["spec"]["deletionPolicy"], "Retain");
    let postgresql = &shown["spec"]["postgresql"];
    assert_eq!((&postgresql["port"], &postgresql["lanes"]), (&json!(5432), &json!(4)));
    assert_eq!(postgresql["lockTimeoutSeconds"], 10);
    let read = |object: &Value| serde_json::from_value::<BackupInstance>(object.clone()).unwrap().spec;
    assert_eq!(read(&shown), read(&manifest), "the operator takes what was shown");

    let mut wrong = manifest.clone();
    wrong["spec"]["postgresql"]["databases"] = json!({"include": ["*"]});
    let found = judged(schema, &filled(schema, wrong), None);
    assert_eq!(
        found,
        [("spec.postgresql".to_owned(), "set exactly one of `database` and `databases`".to_owned())]
    );
    for field in ["vaultRef", "policyRef", "postgresql"] {
        let mut lacking = manifest.clone();
        lacking["spec"].as_object_mut().unwrap().remove(field);
        let found = judged(schema, &filled(schema, lacking), None);
        assert_eq!(found, [(format!("spec.{field}"), "Required value".to_owned())]);
    }
}

#[test]
fn what_only_the_operator_can_refuse_names_a_reason() {
    for (case, object) in read("invalid") {
        assert_ne!(case.expected, Expected::Accepted, "{}: {} has no expectation", case.file, case.why);
        if let Expected::Condition { type_, status, reason, says } = &case.expected {
            // A job that waits for something to be mended is neither ready nor failed.
            let waits = object["kind"].as_str().is_some_and(|kind| kind.ends_with("Job"));
            assert_eq!((type_.as_str(), status.as_str()), ("Ready", if waits { "Unknown" } else { "False" }));
            assert!(reason.parse::<Reason>().is_ok(), "{}: {reason} is no reason", case.file);
            assert!(!says.is_empty(), "{}: {} does not say what its message names", case.file, case.why);
        }
    }
}

#[test]
fn what_people_may_not_create_is_refused_by_a_shipped_policy() {
    let shipped: Vec<String> = crds::admission::policies("system:serviceaccount:coffer-system:coffer")
        .iter()
        .flat_map(|policy| policy.policy["spec"]["validations"].as_array().cloned().unwrap_or_default())
        .filter_map(|validation| validation["message"].as_str().map(str::to_owned))
        .collect();
    let reserved: Vec<_> = read("valid")
        .into_iter()
        .filter_map(|(case, _)| case.for_people.map(|with| (case.file, with)))
        .collect();
    assert!(reserved.len() >= 2, "slots and points are the operator's: {reserved:?}");
    for (file, with) in reserved {
        assert!(shipped.iter().any(|message| message.contains(&with)), "{file}: no policy says {with:?}");
    }
}

#[test]
fn every_unsupported_block_has_a_case() {
    let covered: Vec<String> = read("invalid")
        .into_iter()
        .filter_map(|(case, _)| match case.expected {
            Expected::Refused { with, .. } => Some(with),
            Expected::Condition { .. } | Expected::Accepted => None,
        })
        .collect();
    let mut messages = Vec::new();
    for schema in schemas().values() {
        collect(schema, &mut messages);
    }
    let uncovered: Vec<_> = messages
        .iter()
        .filter(|message| message.contains("not supported yet"))
        .filter(|message| !covered.iter().any(|with| message.contains(with.as_str())))
        .collect();
    assert!(uncovered.is_empty(), "no case shows these refusals: {uncovered:?}");
}

fn collect(schema: &Value, messages: &mut Vec<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        messages.push(rule["message"].as_str().unwrap_or_default().to_owned());
    }
    for inner in schema["properties"].as_object().into_iter().flat_map(|properties| properties.values()) {
        collect(inner, messages);
    }
    for keyword in ["items", "additionalProperties"] {
        if schema[keyword].is_object() {
            collect(&schema[keyword], messages);
        }
    }
}

/// A valid object of the kind, with this status.
fn with_status(kind: &str, status: Value) -> Value {
    let (_, mut object) = read("valid")
        .into_iter()
        .find(|(_, object)| object["kind"] == kind)
        .expect("there is a valid one of each kind");
    object["status"] = status;
    object
}

#[test]
fn a_job_that_has_ended_keeps_its_state() {
    let schemas = schemas();
    let open = [None, Some("Created"), Some("Pending"), Some("Running"), Some("Cancelling")];
    let ended = ["Completed", "CompletedWithWarnings", "Failed", "Expired", "Cancelled"];
    for kind in ["BackupJob", "RestoreJob"] {
        let object = |state: Option<&str>| {
            with_status(kind, state.map_or_else(|| json!({}), |state| json!({"state": state})))
        };
        let refused = |from: Option<&str>, to: Option<&str>| {
            judged(&schemas[kind], &object(to), Some(&object(from))).iter().any(|(path, message)| {
                path.is_empty() && message.contains("a job that has ended keeps its state")
            })
        };
        for last in ended {
            assert!(!refused(Some(last), Some(last)), "{kind}: {last} may stay");
            for other in open.into_iter().chain(ended.map(Some)).filter(|other| *other != Some(last)) {
                assert!(refused(Some(last), other), "{kind}: {last} may not become {other:?}");
            }
            for earlier in open {
                assert!(!refused(earlier, Some(last)), "{kind}: {earlier:?} may become {last}");
            }
        }
    }
}

#[test]
fn a_full_status_of_each_kind_is_accepted() {
    let schemas = schemas();
    let time = "2026-11-01T02:30:00Z";
    let condition = json!({
        "type": "Ready", "status": "False", "reason": "VaultNotFound", "message": "text",
        "lastTransitionTime": time, "observedGeneration": 3,
    });
    let job = json!({
        "observedGeneration": 3, "conditions": [condition], "state": "Failed", "acceptedTime": time,
        "startTime": time, "completionTime": time, "duration": "4m 12s", "dataTransferredBytes": 1_099_511_627_776_i64,
        "progress": {"stage": "Data", "bytesDone": 10, "bytesTotal": 20, "percent": 50, "bytesPerSecond": 1},
        "attempts": [{"number": 1, "jobName": "cj-0a1b2c3d-1", "startTime": time, "endTime": time, "exitCode": 20,
                      "outcome": "RetryableFailure", "errorCode": "StorageUnreachable", "message": "text"}],
        "subTasks": [{"name": "Data", "state": "Completed", "startTime": time, "completionTime": time}],
        "errors": [{"code": "UserErrorDBUserAuthFailed", "message": "text", "recommendedAction": "text",
                    "retryable": true, "userError": true, "inner": {"code": "28P01", "message": "text"}}],
        "warnings": [{"code": "CoverageIncomplete", "message": "text"}],
    });
    let mut backup = job.clone();
    backup["createdBy"] = json!({"policy": "nightly", "policyNamespace": "backups", "version": 3, "rule": "Nightly",
                                 "slot": time, "mergedRules": ["Weekly"]});
    backup["retention"] = json!({"tag": "Default", "keep": "P3M", "timeZone": "Europe/Berlin", "reason": "text",
                                 "keepAtLeast": 1, "expirationTime": time});
    backup["recoveryPoint"] =
        json!({"name": "orders-20261101t023000z-012345", "id": "0123", "pointTime": time});
    let policy = json!({"rules": [{"name": "Nightly", "schedule": {"cron": "30 2 * * *"}}], "keepAtLeast": 1,
                        "retention": [{"name": "Default", "default": true, "keep": "P3M"}],
                        "jobHistory": {"completed": 20, "failed": 20}});
    let statuses = [
        (
            "BackupVault",
            json!({
                "observedGeneration": 3, "conditions": [condition], "revalidated": "1", "vaultId": "0a", "fingerprint": "AB",
                "ledger": {"sequence": 17, "hash": "0a"}, "provider": "S3", "redundancy": "Local", "instances": 2,
                "deletedInstances": 1, "softDelete": {"state": "AlwaysOn", "retentionDays": 30},
                "capabilities": {"createOnly": true, "conditionalOverwrite": true, "versioning": false, "objectLock": false},
                "encryption": {"keySecretName": "main-coffer-keys", "recoveryRecipients": 1}, "keeper": {"version": "0.1.0"},
                "recoveryPoints": 12, "storedBytes": 12, "stored": "12 B",
            }),
        ),
        (
            "BackupPolicy",
            json!({"observedGeneration": 3, "conditions": [condition], "instances": 1, "schedule": "text"}),
        ),
        (
            "BackupInstance",
            json!({
                "observedGeneration": 3, "conditions": [condition], "state": "ProtectionConfigured", "relations": 120,
                "checks": [{"name": "LogIn", "result": "Failed", "reason": "AuthenticationFailed", "message": "text"}],
                "lastCheck": {"time": time, "inputs": "0a", "result": "Failed"}, "missingGrants": ["GRANT"],
                "policyVersion": 3, "policySnapshot": {"name": "nightly", "version": 3, "spec": policy},
                "lastBackup": {"jobName": "orders-20261101t0230z", "state": "Failed", "completionTime": time},
                "lastSlotTime": time, "nextBackupTime": time, "recoveryPoints": 12,
                "jobs7d": {"completed": 6, "failed": 1, "expired": 0, "cancelled": 0}, "missedSlots": {"count": 1, "since": time},
            }),
        ),
        ("BackupJob", backup),
        ("RestoreJob", job),
        (
            "RecoveryPoint",
            json!({
                "observedGeneration": 1, "conditions": [condition], "state": "Available", "pointTime": time,
                "expirationTime": time, "tag": "Default", "policy": {"name": "nightly", "version": 3}, "storedBytes": 12,
                "dataStores": [{"tier": "Vault", "database": "orders", "pointTime": time}], "encryption": {"keyId": "0a"},
                "source": {"serverVersion": "17.4", "databases": ["orders"], "sizeBytes": 12}, "coverage": {"missing": 0},
                "verified": {"objectsTime": time},
            }),
        ),
    ];
    for (kind, status) in statuses.into_iter().chain([deleted_status(&condition)]) {
        let found = judged(&schemas[kind], &with_status(kind, status), None);
        assert!(found.is_empty(), "{kind}: {found:?}");
    }
}

/// What an instance was is remembered with everything that its own schema takes.
fn deleted_status(condition: &Value) -> (&'static str, Value) {
    let time = "2026-11-01T02:30:00Z";
    let (_, everything) = read("valid")
        .into_iter()
        .find(|(_, object)| object["metadata"]["name"] == "everything" && object["kind"] == "BackupInstance")
        .expect("an instance with everything");
    (
        "DeletedBackupInstance",
        json!({
            "observedGeneration": 1, "conditions": [condition], "state": "SoftDeleted", "deletedTime": time,
            "scheduledPurgeTime": time, "reason": "text", "recoveryPoints": 3, "savedSpec": everything["spec"],
            "owner": {"namespace": "shop", "namespaceUid": "0a", "name": "orders", "uid": "0b",
                      "datasourceId": "73/orders"},
        }),
    )
}

#[test]
fn what_is_valid_parses_into_its_type_and_comes_back_whole() {
    for (case, object) in read("valid") {
        let parsed = match kind(&case) {
            "BackupVault" => round::<crds::BackupVault>(&object),
            "BackupPolicy" => round::<crds::BackupPolicy>(&object),
            "BackupInstance" => round::<crds::BackupInstance>(&object),
            "BackupJob" => round::<crds::BackupJob>(&object),
            "RecoveryPoint" => round::<crds::RecoveryPoint>(&object),
            "RestoreJob" => round::<crds::RestoreJob>(&object),
            "DeletedBackupInstance" => round::<crds::DeletedBackupInstance>(&object),
            kind => panic!("{kind} is no kind of ours"),
        };
        assert_within(&format!("{}: {}", case.file, case.why), &object, &parsed);
    }
}

fn round<T: serde::de::DeserializeOwned + serde::Serialize>(object: &Value) -> Value {
    let parsed: T = serde_json::from_value(object.clone()).expect("a valid object parses");
    serde_json::to_value(&parsed).expect("an object is plain data")
}

/// Fails unless everything in `part` is in `whole`, which may have defaults besides.
fn assert_within(what: &str, part: &Value, whole: &Value) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (name, value) in part {
                assert_within(&format!("{what}.{name}"), value, whole.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(part), Value::Array(whole)) => {
            assert_eq!(part.len(), whole.len(), "{what}");
            for (part, whole) in part.iter().zip(whole) {
                assert_within(what, part, whole);
            }
        }
        (part, whole) => assert_eq!(part, whole, "{what}"),
    }
}
