//! docs/api.md, written from the definitions and the lists of words, so that it cannot disagree with them.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::{ErrorCode, Reason, schema};

/// The whole document.
pub fn api() -> String {
    let mut text = String::from(
        "# The API\n\nWritten by `cargo generate` from the types in `crds/`: do not edit. `kubectl explain` shows the same.\n\n\
         A field is required where the table says so. Times are RFC 3339. A field that is *not supported yet* is \
         refused by the API server with those words, and never accepted and ignored.\n",
    );
    for definition in schema::definitions() {
        kind(&mut text, &definition);
    }
    reasons(&mut text);
    error_codes(&mut text);
    text
}

fn kind(text: &mut String, definition: &Value) {
    let names = &definition["spec"]["names"];
    let schema = schema::schema_of(definition);
    line(text, &format!("\n## {}\n", word(&names["kind"])));
    line(text, word(&schema["description"]));
    line(
        text,
        &format!(
            "\n`{}.coffer.dev`, short name `{}`, namespaced.\n",
            word(&names["plural"]),
            word(&names["shortNames"][0])
        ),
    );
    let selectable: Vec<&str> = definition["spec"]["versions"][0]["selectableFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|field| field["jsonPath"].as_str())
        .map(|path| path.trim_start_matches('.'))
        .collect();
    if !selectable.is_empty() {
        line(text, &format!("Fields for `--field-selector`: `{}`.\n", selectable.join("`, `")));
    }
    line(text, "| field | type | meaning |\n|---|---|---|");
    for part in ["spec", "status"] {
        fields(text, part, &schema["properties"][part]);
    }
    rules(text, schema);
}

/// One row for each property of a schema, its own properties after it. Types of Kubernetes itself are not opened.
fn fields(text: &mut String, path: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (name, property) in properties {
        let path = format!("{path}.{name}");
        let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let needed = if required { ", required" } else { "" };
        let meaning = word(&property["description"]).replace('|', "\\|").replace('\n', " ");
        line(text, &format!("| `{path}` | {}{needed} | {meaning} |", kind_of(property)));
        if OPEN_ELSEWHERE.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let (inner, mark) =
            if property["items"].is_object() { (&property["items"], "[]") } else { (property, "") };
        fields(text, &format!("{path}{mark}"), inner);
    }
}

/// Parts whose fields are described where they come from: Kubernetes' own types, and a policy inside an instance.
const OPEN_ELSEWHERE: [&str; 9] = [
    "podTemplate.resources",
    "podTemplate.affinity",
    "podTemplate.tolerations",
    "podTemplate.topologySpreadConstraints",
    "podTemplate.imagePullSecrets",
    "status.conditions",
    "policySnapshot.spec",
    "status.savedSpec",
    "archive.storage",
];

/// The type of a field with its bounds and its default.
fn kind_of(schema: &Value) -> String {
    let base = match &schema["enum"] {
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(" \\| "),
        _ if schema["format"] == "date-time" => "time".to_owned(),
        _ if schema["type"] == "array" => format!("list of {}", kind_of(&schema["items"])),
        _ if schema["additionalProperties"].is_object() => "map".to_owned(),
        _ => word(&schema["type"]).to_owned(),
    };
    let range = match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (low, Value::Null) => format!(", at least {}", whole(low)),
        (Value::Null, high) => format!(", at most {}", whole(high)),
        (low, high) => format!(" {} to {}", whole(low), whole(high)),
    };
    let default = match &schema["default"] {
        Value::Null => String::new(),
        Value::Object(_) => String::new(),
        value => format!(", default {}", shown(value)),
    };
    format!("{base}{range}{default}")
}

/// What the API server refuses, in its own words, each once.
fn rules(text: &mut String, schema: &Value) {
    let mut messages = Vec::new();
    collect(schema, &mut messages);
    line(text, "\nRefused by the API server:\n");
    for message in messages {
        line(text, &format!("- {message}"));
    }
}

fn collect<'a>(schema: &'a Value, messages: &mut Vec<&'a str>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let message = word(&rule["message"]);
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    for property in schema["properties"].as_object().into_iter().flat_map(Map::values) {
        collect(property, messages);
    }
    for keyword in ["items", "additionalProperties"] {
        if schema[keyword].is_object() {
            collect(&schema[keyword], messages);
        }
    }
}

fn reasons(text: &mut String) {
    line(
        text,
        "\n## Reasons\n\nOf conditions and events. Programs may branch on reasons, never on messages.",
    );
    for (section, reasons) in Reason::SECTIONS {
        line(
            text,
            &format!(
                "\n### {section}\n\n| reason | what is the case | why | what to do |\n|---|---|---|---|"
            ),
        );
        for reason in *reasons {
            let explanation = reason.explanation();
            line(
                text,
                &format!(
                    "| `{reason}` | {} | {} | {} |",
                    explanation.what, explanation.why, explanation.action
                ),
            );
        }
    }
}

fn error_codes(text: &mut String) {
    line(
        text,
        "\n## Error codes\n\nOf `status.errors[].code`. *Tried again*: by itself, while attempts and windows last. \
         *Yours*: something outside Coffer has to be changed.\n\n\
         | code | what happened | tried again | yours | what to do |\n|---|---|---|---|---|",
    );
    for code in ErrorCode::ALL {
        let meaning = code.meaning();
        let (again, yours) = (yes(meaning.retryable), yes(meaning.user_error));
        line(text, &format!("| `{code}` | {} | {again} | {yours} | {} |", meaning.what, meaning.action));
    }
}

fn yes(held: bool) -> &'static str {
    if held { "yes" } else { "no" }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A bound without the fraction that JSON gives it.
fn whole(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| format!("{number:.0}"))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn line(text: &mut String, content: &str) {
    writeln!(text, "{content}").expect("writing to a String cannot fail");
}
