//! From derived types to the CustomResourceDefinitions that are installed.
//!
//! The derive gives types, descriptions, bounds and rules; what it cannot express is put in here, and nothing else
//! may patch a definition. All of it is pure: the same types give the same bytes.

mod foreign;
mod walk;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::{
    BackupInstance, BackupJob, BackupPolicy, BackupVault, DeletedBackupInstance, RecoveryPoint, RestoreJob,
};
use walk::for_each_schema;

/// Above this many bytes of JSON `kubectl apply` cannot keep its annotation, and client-side apply fails.
pub const SIZE_LIMIT: usize = 262_144;

/// Every definition, in the order they are best read: what a platform team writes first, comes first.
pub fn definitions() -> Vec<Value> {
    let derived = [
        BackupVault::crd(),
        BackupPolicy::crd(),
        BackupInstance::crd(),
        BackupJob::crd(),
        RecoveryPoint::crd(),
        RestoreJob::crd(),
        DeletedBackupInstance::crd(),
    ];
    derived.iter().map(finished).collect()
}

/// The schema of a definition that [`definitions`] returned.
pub fn schema_of(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// One definition with everything that the derive could not express.
fn finished(derived: &CustomResourceDefinition) -> Value {
    let mut definition = serde_json::to_value(derived).expect("a definition is plain data");
    definition["metadata"]["annotations"] = json!({
        // Flux would replace ${...} in descriptions.
        "kustomize.toolkit.fluxcd.io/substitute": "disabled",
    });
    definition["metadata"]["labels"] = json!({"app.kubernetes.io/name": "coffer"});
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    for_each_schema(schema, &mut without_rust);
    foreign::bound(schema);
    remembered_without_rules(schema);
    status_from_the_first_second(schema);
    definition
}

/// What the derive writes of Rust and a reader of YAML should not see: `nullable`, which would make null a third state
/// of an optional field, and the line ends of doc comments, which `kubectl explain` would keep.
fn without_rust(schema: &mut Map<String, Value>) {
    schema.remove("nullable");
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = unwrapped(description);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// A text whose paragraphs and bullets are lines, however it was wrapped in the source.
fn unwrapped(text: &str) -> String {
    text.lines().fold(String::new(), |mut joined, line| {
        let apart =
            line.is_empty() || line.starts_with(['-', ' ']) || joined.is_empty() || joined.ends_with('\n');
        if apart && !joined.is_empty() {
            joined.push('\n');
        } else if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(line);
        joined
    })
}

/// A status there from the first second, so that kstatus (Flux, Helm) and Argo CD do not take an object that nobody
/// has looked at yet for a healthy one.
fn status_from_the_first_second(schema: &mut Value) {
    let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) else {
        return;
    };
    status.insert("default".to_owned(), json!({"observedGeneration": -1}));
    if let Some(conditions) =
        status.get_mut("properties").and_then(|properties| properties.get_mut("conditions"))
    {
        let properties = &mut conditions["items"]["properties"];
        bounded(properties, "type", json!({"maxLength": 316}));
        bounded(properties, "status", json!({"enum": ["True", "False", "Unknown"]}));
        bounded(
            properties,
            "reason",
            json!({"minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"}),
        );
        bounded(properties, "message", json!({"maxLength": 32768}));
        bounded(properties, "observedGeneration", json!({"minimum": 0}));
    }
}

/// Adds the limits that metav1 documents to one field of a condition.
fn bounded(properties: &mut Value, field: &str, limits: Value) {
    if let (Some(field), Value::Object(limits)) = (properties[field].as_object_mut(), limits) {
        field.extend(limits);
    }
}

/// What a status remembers of another object was judged when it was written there: its rules are not judged again, and its
/// defaults are written out already.
fn remembered_without_rules(schema: &mut Value) {
    for part in ["policySnapshot", "savedSpec"] {
        if let Some(remembered) = schema.pointer_mut(&format!("/properties/status/properties/{part}")) {
            for_each_schema(remembered, &mut |schema| {
                schema.remove("x-kubernetes-validations");
                schema.remove("default");
            });
        }
    }
}
