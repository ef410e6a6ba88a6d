//! What every definition must be, whatever it is about: the conventions of Kubernetes and of the tools around it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::collections::BTreeSet;

use crds::schema::{SIZE_LIMIT, definitions, schema_of};
use serde_json::Value;

/// Calls `visit` with the path of every schema of a kind, and the schema.
fn each_schema(mut visit: impl FnMut(&str, &Value)) {
    for definition in definitions() {
        let kind = text(&definition["spec"]["names"]["kind"]).to_owned();
        walk(&kind, schema_of(&definition), &mut visit);
    }
}

fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for keyword in ["items", "additionalProperties"] {
        if schema[keyword].is_object() {
            walk(&format!("{path}.{keyword}"), &schema[keyword], visit);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Fails with every path for which `wrong` holds.
fn none(what: &str, mut wrong: impl FnMut(&str, &Value) -> bool) {
    let mut found = Vec::new();
    each_schema(|path, schema| {
        if wrong(path, schema) {
            found.push(path.to_owned());
        }
    });
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn there_are_seven_kinds_in_one_group_and_category() {
    let definitions = definitions();
    let kinds: Vec<&str> = definitions.iter().map(|one| text(&one["spec"]["names"]["kind"])).collect();
    assert_eq!(
        kinds,
        [
            "BackupVault",
            "BackupPolicy",
            "BackupInstance",
            "BackupJob",
            "RecoveryPoint",
            "RestoreJob",
            "DeletedBackupInstance"
        ]
    );
    let short: Vec<&str> =
        definitions.iter().map(|one| text(&one["spec"]["names"]["shortNames"][0])).collect();
    assert_eq!(short, ["bvault", "bpol", "binst", "bjob", "rpoint", "rjob", "dbinst"]);
    for definition in &definitions {
        assert_eq!(definition["spec"]["group"], "coffer.dev");
        assert_eq!(definition["spec"]["scope"], "Namespaced");
        assert_eq!(definition["spec"]["names"]["categories"][0], "coffer");
        assert_eq!(definition["spec"]["versions"][0]["name"], "v1alpha1");
        assert!(definition["spec"]["versions"][0]["subresources"]["status"].is_object());
    }
}

#[test]
fn every_definition_fits_the_annotation_of_client_side_apply() {
    for definition in definitions() {
        let size = serde_json::to_vec(&definition).expect("a definition is plain data").len();
        assert!(size < SIZE_LIMIT, "{} has {size} bytes", definition["metadata"]["name"]);
    }
}

#[test]
fn nothing_is_nullable() {
    none("nullable", |_, schema| schema["nullable"] == true);
}

#[test]
fn no_list_item_carries_a_default() {
    none("a default inside list items", |path, schema| {
        path.contains(".items") && !schema["default"].is_null()
    });
}

#[test]
fn every_list_has_a_list_type() {
    none("a list without list type", |_, schema| {
        schema["type"] == "array" && schema["x-kubernetes-list-type"].is_null()
    });
}

#[test]
fn every_list_is_bounded() {
    none("a list without maxItems", |_, schema| schema["type"] == "array" && schema["maxItems"].is_null());
}

#[test]
fn every_map_is_bounded() {
    none("a map without maxProperties", |_, schema| {
        schema["additionalProperties"].is_object() && schema["maxProperties"].is_null()
    });
}

#[test]
fn every_string_is_bounded() {
    // What Kubernetes gives each object is bounded by Kubernetes.
    let given = |path: &str| path.ends_with(".apiVersion") || path.ends_with(".kind");
    none("a string without maxLength, enum or format", |path, schema| {
        schema["type"] == "string"
            && ["maxLength", "enum", "format"].iter().all(|bound| schema[*bound].is_null())
            && !(given(path) && path.matches('.').count() == 1)
    });
}

#[test]
fn no_duration_format_is_used() {
    // The API server takes only Go's spelling there, and would refuse P30D.
    none("format: duration", |_, schema| schema["format"] == "duration");
}

#[test]
fn integers_are_whole_signed_and_bounded_below() {
    none("a number that is not an integer", |_, schema| schema["type"] == "number");
    none("an unsigned format", |_, schema| text(&schema["format"]).starts_with("uint"));
    none("a counter without a minimum", |path, schema| {
        schema["type"] == "integer"
            && schema["minimum"].is_null()
            // -1 stands there before the operator has looked; the others are Kubernetes' own.
            && !path.ends_with(".status.observedGeneration")
            && !path.contains(".podTemplate.")
    });
}

#[test]
fn no_enum_value_is_read_as_a_boolean_by_yaml() {
    let booleans = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    none("an enum value that YAML reads as a boolean", |path, schema| {
        // The API convention for conditions is older than this rule, and people do not write conditions.
        let condition = path.ends_with(".conditions.items.status");
        !condition
            && schema["type"] == "string"
            && schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|value| booleans.contains(&text(value).to_ascii_lowercase().as_str()))
    });
}

#[test]
fn enum_values_are_pascal_case() {
    none("an enum value that is not PascalCase", |_, schema| {
        schema["type"] == "string"
            && schema["enum"].as_array().into_iter().flatten().any(|value| {
                !text(value).starts_with(|letter: char| letter.is_ascii_uppercase())
                    || !text(value).chars().all(|letter| letter.is_ascii_alphanumeric())
            })
    });
}

#[test]
fn every_field_is_described() {
    none("a field without a description", |path, schema| {
        let item = path.ends_with(".items") || path.ends_with(".additionalProperties");
        let given = path.ends_with(".metadata") && path.matches('.').count() == 1;
        !item && !given && text(&schema["description"]).len() < 10
    });
}

#[test]
fn descriptions_of_our_fields_are_sentences() {
    none("a description that is no sentence", |path, schema| {
        let ours = !path.contains(".podTemplate.") && !path.contains(".conditions.");
        let spec_or_status = path.contains(".spec") || path.contains(".status");
        let description = text(&schema["description"]);
        ours && spec_or_status && !description.is_empty() && !description.ends_with('.')
    });
}

#[test]
fn a_status_is_there_from_the_first_second() {
    for definition in definitions() {
        let status = &schema_of(&definition)["properties"]["status"];
        assert_eq!(status["default"]["observedGeneration"], -1, "{}", definition["metadata"]["name"]);
        assert!(
            status["required"].is_null(),
            "{}: a default status lacks what is required",
            definition["metadata"]["name"]
        );
        assert!(status["properties"]["observedGeneration"]["minimum"].is_null());
        assert_eq!(status["properties"]["conditions"]["x-kubernetes-list-map-keys"][0], "type");
        assert_eq!(status["properties"]["conditions"]["items"]["properties"]["reason"]["maxLength"], 1024);
    }
}

#[test]
fn the_derive_left_no_union_behind() {
    none("anyOf, oneOf or allOf", |_, schema| {
        let quantity = schema["x-kubernetes-int-or-string"] == true;
        !quantity && ["anyOf", "oneOf", "allOf"].iter().any(|keyword| !schema[*keyword].is_null())
    });
}

#[test]
fn at_most_eight_fields_are_selectable_and_all_of_them_exist() {
    for definition in definitions() {
        let schema = schema_of(&definition);
        let fields =
            definition["spec"]["versions"][0]["selectableFields"].as_array().cloned().unwrap_or_default();
        assert!(fields.len() <= 8);
        for field in fields {
            let path = text(&field["jsonPath"]);
            let found = path
                .trim_start_matches('.')
                .split('.')
                .fold(schema, |schema, name| &schema["properties"][name]);
            assert_eq!(
                found["type"], "string",
                "{}{path} is no string field",
                definition["metadata"]["name"]
            );
        }
    }
}

#[test]
fn printed_columns_show_fields_that_exist() {
    for definition in definitions() {
        let schema = schema_of(&definition);
        for column in
            definition["spec"]["versions"][0]["additionalPrinterColumns"].as_array().expect("columns")
        {
            let path = text(&column["jsonPath"]);
            if path.starts_with(".metadata") {
                continue;
            }
            let path = path.split('[').next().unwrap_or(path).trim_start_matches('.');
            let found = path.split('.').fold(schema, |schema, name| &schema["properties"][name]);
            assert!(found.is_object(), "{}: column {path} shows nothing", definition["metadata"]["name"]);
        }
    }
}

#[test]
fn no_printed_date_lies_in_the_future() {
    // kubectl shows such a time as <invalid>, so ends and next times are strings.
    for definition in definitions() {
        for column in
            definition["spec"]["versions"][0]["additionalPrinterColumns"].as_array().expect("columns")
        {
            let future = ["expirationTime", "nextBackupTime", "scheduledPurgeTime"]
                .iter()
                .any(|end| text(&column["jsonPath"]).ends_with(end));
            assert!(!(future && column["type"] == "date"), "{column}");
        }
    }
}

#[test]
fn times_are_named_so() {
    none("a time that is not called one", |path, schema| {
        let named =
            ["Time", ".time", ".slot", ".until", ".since", ".before"].iter().any(|end| path.ends_with(end));
        schema["format"] == "date-time" && !named
    });
}

#[test]
fn every_rule_has_a_message_of_one_line() {
    none("a rule without a message of one line", |_, schema| {
        schema["x-kubernetes-validations"].as_array().into_iter().flatten().any(|rule| {
            let message = text(&rule["message"]);
            message.len() < 10 || message.len() > 2048 || message.contains('\n')
        })
    });
}

#[test]
fn flux_leaves_the_definitions_alone() {
    for definition in definitions() {
        assert_eq!(
            definition["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"],
            "disabled"
        );
    }
}

#[test]
fn labels_and_annotations_are_in_our_domain_and_unique() {
    let words = [crds::labels::ALL, crds::annotations::ALL, crds::finalizers::ALL].concat();
    assert!(words.iter().all(|word| word.starts_with("coffer.dev/")));
    assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
}
