//! What jobs tell, and by what they can be found: the fields and words that runbooks of the managed services know.

use crds::schema;
use serde_json::Value;

/// The definition of a kind.
fn definition(kind: &str) -> Value {
    let found =
        schema::definitions().into_iter().find(|definition| definition["spec"]["names"]["kind"] == kind);
    found.expect("there is such a kind")
}

fn status_fields(kind: &str) -> Value {
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
    definition(kind).pointer(path).cloned().expect("a job has a status")
}

#[test]
fn row_a41_e14_jobs_are_found_by_state_and_instance() {
    for (kind, instance) in
        [("BackupJob", ".spec.instanceRef.name"), ("RestoreJob", ".spec.source.instance.name")]
    {
        let definition = definition(kind);
        let selectable =
            definition["spec"]["versions"][0]["selectableFields"].as_array().expect("fields are selectable");
        for path in [".status.state", instance] {
            assert!(
                selectable.iter().any(|field| field["jsonPath"] == path),
                "{kind}: {path} is not selectable"
            );
        }
    }
}

#[test]
fn row_a42_e15_a_job_tells_what_the_managed_services_tell() {
    let fields = status_fields("BackupJob");
    let theirs = [
        "state",
        "startTime",
        "completionTime",
        "duration",
        "acceptedTime",
        "startDeadlineTime",
        "completionDeadlineTime",
        "vaultRef",
        "recoveryPoint",
        "progress",
        "subTasks",
        "dataTransferredBytes",
        "storedBytes",
        "errors",
        "warnings",
        "attempts",
        "retention",
        "createdBy",
    ];
    for field in theirs {
        assert!(fields.get(field).is_some(), "a BackupJob's status has no {field}");
    }
    for field in ["policy", "version", "rule", "slot"] {
        assert!(fields["createdBy"]["properties"].get(field).is_some(), "createdBy has no {field}");
    }
    assert!(fields["progress"]["properties"].get("percent").is_some());
    let restored = status_fields("RestoreJob");
    for field in
        ["state", "startTime", "completionTime", "duration", "recoveryPoint", "target", "errors", "warnings"]
    {
        assert!(restored.get(field).is_some(), "a RestoreJob's status has no {field}");
    }
}

#[test]
fn row_a43_e14_e16_a_job_has_the_states_of_the_managed_services() {
    let states = |kind: &str| status_fields(kind)["state"].clone();
    for kind in ["BackupJob", "RestoreJob"] {
        let state = states(kind).to_string();
        for word in [
            "Created",
            "Pending",
            "Running",
            "Cancelling",
            "Completed",
            "CompletedWithWarnings",
            "Failed",
            "Expired",
            "Cancelled",
        ] {
            assert!(state.contains(&format!("\"{word}\"")), "{kind} has no state {word}");
        }
    }
}

#[test]
fn row_a45_an_error_says_what_to_do_whose_it_is_and_what_lay_behind() {
    let error = status_fields("BackupJob")["errors"]["items"]["properties"].clone();
    for field in ["code", "message", "recommendedAction", "retryable", "userError", "inner"] {
        assert!(error.get(field).is_some(), "an error has no {field}");
    }
    for field in ["code", "message"] {
        assert!(error["inner"]["properties"].get(field).is_some(), "what lies behind has no {field}");
    }
}
