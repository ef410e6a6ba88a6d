//! The part of an API server's judgement that is not CEL: types, bounds, patterns, unknown fields. In its words as far as
//! tests compare them; the same documents are put to a real one by the cluster stories.

use serde_json::Value;

/// What is wrong with a value, as `(path, message)`.
pub fn objections(schema: &Value, value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    judge("", schema, value, &mut found);
    found
}

fn judge(path: &str, schema: &Value, value: &Value, found: &mut Vec<(String, String)>) {
    let mut object = |message: String| found.push((path.to_owned(), message));
    if let Some(wanted) = schema["type"].as_str()
        && !has_type(wanted, value)
        && schema["x-kubernetes-int-or-string"] != true
    {
        return object(format!("must be of type {wanted}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        object(format!("Unsupported value: {value}"));
    }
    match value {
        Value::String(text) => string(schema, text, &mut object),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
                object(format!("should be greater than or equal to {least}"));
            }
            if let Some(most) = schema["maximum"].as_f64().filter(|most| number > *most) {
                object(format!("should be less than or equal to {most}"));
            }
        }
        Value::Array(items) => list(path, schema, items, found),
        Value::Object(_) => object_fields(path, schema, value, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn has_type(wanted: &str, value: &Value) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn string(schema: &Value, text: &str, object: &mut impl FnMut(String)) {
    let length = u64::try_from(text.chars().count()).expect("a length is a small number");
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        object("Too long".to_owned());
    }
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        object(format!("should be at least {least} chars long"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let pattern = regex::Regex::new(pattern).expect("a pattern is a regular expression");
        if !pattern.is_match(text) {
            object(format!("should match '{pattern}'"));
        }
    }
    if schema["format"] == "date-time" && text.parse::<k8s_openapi::jiff::Timestamp>().is_err() {
        object("must be of type date-time".to_owned());
    }
}

fn list(path: &str, schema: &Value, items: &[Value], found: &mut Vec<(String, String)>) {
    let count = u64::try_from(items.len()).expect("a length is a small number");
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| count > *most) {
        found.push((path.to_owned(), format!("must have at most {most} items")));
    }
    if let Some(least) = schema["minItems"].as_u64().filter(|least| count < *least) {
        found.push((path.to_owned(), format!("should have at least {least} items")));
    }
    let key = &schema["x-kubernetes-list-map-keys"][0];
    let identity = |item: &Value| match key.as_str() {
        Some(key) => item[key].clone(),
        None => item.clone(),
    };
    for (index, item) in items.iter().enumerate() {
        let unique = schema["x-kubernetes-list-type"] != "atomic";
        if unique && items[..index].iter().any(|earlier| identity(earlier) == identity(item)) {
            found.push((format!("{path}[{index}]"), "Duplicate value".to_owned()));
        }
        judge(&format!("{path}[{index}]"), &schema["items"], item, found);
    }
}

fn object_fields(path: &str, schema: &Value, value: &Value, found: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value[required].is_null() {
            found.push((below(required), "Required value".to_owned()));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let given = path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str());
        if given {
            continue;
        }
        if schema["properties"][name].is_object() {
            judge(&below(name), &schema["properties"][name], inner, found);
        } else if schema["additionalProperties"].is_object() {
            judge(&below(name), &schema["additionalProperties"], inner, found);
        } else {
            found.push((below(name), "unknown field".to_owned()));
        }
    }
}
