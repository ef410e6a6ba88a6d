//! A policy in a file: a BackupPolicy, alone or among other objects, or the bare `spec` of one.

use std::fs::File;
use std::io::{self, Read};

use crds::BackupPolicySpec;
use serde::Deserialize as _;
use serde_yaml::Value;

use super::PolicyError;

/// The largest file that is read: an object of Kubernetes is smaller.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// [`PolicyError::Read`] or [`PolicyError::TooLarge`].
pub fn read(file: &str) -> Result<String, PolicyError> {
    let failed = |source| PolicyError::Read { file: shown(file), source };
    let text = match file {
        "-" => limited(io::stdin().lock()),
        path => File::open(path).and_then(limited),
    }
    .map_err(failed)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= MOST_BYTES => Ok(text),
        _ => Err(PolicyError::TooLarge { file: shown(file), most: MOST_BYTES }),
    }
}

/// How a file is called in messages.
pub fn shown(file: &str) -> String {
    if file == "-" { "standard input".to_owned() } else { file.to_owned() }
}

/// The policy in a text of YAML or JSON. Objects of other kinds beside it are passed over.
///
/// # Errors
/// Another [`PolicyError`]: what the text lacks, has too much of, or says wrongly.
pub fn policy(file: &str, text: &str) -> Result<BackupPolicySpec, PolicyError> {
    let file = shown(file);
    let mut specs = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let document = Value::deserialize(document).map_err(|error| PolicyError::Field {
            file: file.clone(),
            field: ".".to_owned(),
            reason: error.to_string(),
        })?;
        specs.extend(spec(document));
    }
    let count = specs.len();
    let (Some((path, written)), 1) = (specs.pop(), count) else {
        return Err(PolicyError::Documents { file, count });
    };
    parsed(&file, path, &written)
}

/// One byte more than allowed is enough to know.
fn limited(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// The spec in a document and where it lies; none in an object of another kind.
fn spec(document: Value) -> Option<(&'static str, Value)> {
    match document.get("kind").and_then(Value::as_str) {
        Some("BackupPolicy") => Some(("spec", document.get("spec").cloned().unwrap_or_default())),
        Some(_) => None,
        None => (!document.is_null()).then_some(("", document)),
    }
}

fn parsed(file: &str, path: &str, written: &Value) -> Result<BackupPolicySpec, PolicyError> {
    let within = |inner: &str| match (path, inner) {
        ("", inner) => inner.to_owned(),
        (path, ".") => path.to_owned(),
        (path, inner) => format!("{path}.{inner}"),
    };
    let spec: BackupPolicySpec = serde_path_to_error::deserialize(written).map_err(|error| {
        let field = within(&error.path().to_string());
        PolicyError::Field { file: file.to_owned(), field, reason: error.inner().to_string() }
    })?;
    let understood = serde_yaml::to_value(&spec).map_err(|error| PolicyError::Field {
        file: file.to_owned(),
        field: within("."),
        reason: error.to_string(),
    })?;
    match stranger(written, &understood) {
        Some(field) => Err(PolicyError::UnknownField { file: file.to_owned(), field: within(&field) }),
        None => Ok(spec),
    }
}

/// The path of the first field that was written and not understood. A misspelt one would say nothing otherwise.
fn stranger(written: &Value, understood: &Value) -> Option<String> {
    let joined = |name: &str, inner: &str| match inner.chars().next() {
        None | Some('[') => format!("{name}{inner}"),
        Some(_) => format!("{name}.{inner}"),
    };
    match (written, understood) {
        (Value::Mapping(written), Value::Mapping(understood)) => {
            written.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
                let shown = name.as_str().unwrap_or("?");
                match understood.get(name) {
                    None => Some(shown.to_owned()),
                    Some(other) => stranger(value, other).map(|inner| joined(shown, &inner)),
                }
            })
        }
        (Value::Sequence(written), Value::Sequence(understood)) => {
            written.iter().zip(understood).enumerate().find_map(|(index, (value, other))| {
                stranger(value, other).map(|inner| joined(&format!("[{index}]"), &inner))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str =
        "rules: [{name: A, schedule: {cron: '@daily'}}]\nretention: [{name: D, default: true, keep: P3M}]\n";

    fn refused(text: &str) -> String {
        policy("p.yaml", text).expect_err(text).to_string()
    }

    #[test]
    fn an_object_and_its_bare_spec_are_the_same_policy() {
        let indented = SPEC.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let object = format!(
            "kind: Namespace\nmetadata: {{name: backups}}\n---\napiVersion: coffer.dev/v1alpha1\n\
             kind: BackupPolicy\nmetadata: {{name: a, generation: 4}}\nspec:\n{indented}status: {{instances: 3}}\n---\n"
        );
        let (object, bare) = (policy("p.yaml", &object), policy("-", SPEC));
        assert_eq!(object.expect("an object"), bare.expect("a bare spec"));
    }

    #[test]
    fn what_is_no_policy_is_refused_with_the_place() {
        let table = [
            (String::new(), "p.yaml holds 0 policies"),
            ("kind: Namespace".to_owned(), "p.yaml holds 0 policies"),
            (format!("{SPEC}---\n{SPEC}"), "p.yaml holds 2 policies"),
            ("rules: [".to_owned(), "failed to read `.` of p.yaml"),
            ("kind: BackupPolicy\nspec: {rules: 3}".to_owned(), "failed to read `spec.rules` of p.yaml"),
            (
                "rules: [{name: A, schedule: {cron: 5}}]".to_owned(),
                "failed to read `rules[0].schedule.cron` of p.yaml",
            ),
            ("kind: BackupPolicy".to_owned(), "failed to read `spec`"),
        ];
        for (text, expected) in table {
            assert!(refused(&text).contains(expected), "{text}: {}", refused(&text));
        }
    }

    #[test]
    fn a_misspelt_field_is_named_rather_than_passed_over() {
        let table = [
            (SPEC.replace("name: A", "name: A, timezone: UTC"), "`rules[0].timezone`"),
            (SPEC.replace("cron: '@daily'", "cron: '@daily', Cron: x"), "`rules[0].schedule.Cron`"),
            (format!("{SPEC}keepAtleast: 3"), "`keepAtleast`"),
        ];
        for (text, field) in table {
            assert_eq!(refused(&text), format!("{field} of p.yaml is not a field of a BackupPolicy"));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read("/nowhere/p.yaml").expect_err("there is none");
        assert_eq!(error.to_string(), "failed to read /nowhere/p.yaml");
    }
}
