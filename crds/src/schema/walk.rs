//! Going through a schema from the top, telling schemas from maps of schemas.

use serde_json::{Map, Value};

/// Calls `visit` for a schema and every schema inside it, outer ones first.
///
/// A field that is itself called `properties`, `items` or `default` is a schema, not a keyword.
pub fn for_each_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(schema) = schema else {
        return;
    };
    visit(schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for inner in properties.values_mut() {
            for_each_schema(inner, visit);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(keyword) {
            for_each_schema(inner, visit);
        }
    }
}
