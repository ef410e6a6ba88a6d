//! Bounds for the types of Kubernetes itself that a pod template embeds: their schemas come without any.

use serde_json::{Map, Value, json};

use super::walk::for_each_schema;

/// The parts of a pod template whose types are not ours.
const PARTS: [&str; 5] =
    ["resources", "affinity", "tolerations", "topologySpreadConstraints", "imagePullSecrets"];

/// Bounds what is foreign in a schema; nothing else is touched.
pub fn bound(schema: &mut Value) {
    if let Some(Value::Object(parts)) =
        schema.pointer_mut("/properties/spec/properties/podTemplate/properties")
    {
        for part in PARTS {
            if let Some(part) = parts.get_mut(part) {
                for_each_schema(part, &mut bound_one);
            }
        }
    }
}

/// Lists are replaced as a whole and have at most 64 items, maps 64 entries, strings 1024 characters: more than a pod
/// can use, and little enough that no object grows out of its store.
fn bound_one(schema: &mut Map<String, Value>) {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        quantity(schema);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => {
            schema.entry("x-kubernetes-list-type").or_insert_with(|| json!("atomic"));
            schema.entry("maxItems").or_insert_with(|| json!(64));
        }
        Some("string") if !schema.contains_key("enum") && !schema.contains_key("format") => {
            schema.entry("maxLength").or_insert_with(|| json!(1024));
        }
        Some("object") if schema.contains_key("additionalProperties") => {
            schema.entry("maxProperties").or_insert_with(|| json!(64));
        }
        _ => {}
    }
}

/// A quantity, as the API server checks it in its own kinds.
fn quantity(schema: &mut Map<String, Value>) {
    schema.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
    schema.insert(
        "pattern".to_owned(),
        json!(
            r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
        ),
    );
}
