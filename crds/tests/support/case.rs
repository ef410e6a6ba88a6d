//! The files in `tests/valid` and `tests/invalid`: YAML documents, each under a comment that says what it is for and
//! what becomes of it. The cluster stories include this file to put the same documents to a real API server.
//!
//! ```yaml
//! # Why this is wrong, in a sentence.
//! # update                       (only where the document changes the valid object of the same kind and name)
//! # refused at: spec.some.field  (or `<root>`)
//! # refused with: a part of the message
//! ```
//!
//! Documents that only a reconciler can refuse have these lines instead, the second as often as it takes:
//!
//! ```yaml
//! # accepted, then: Ready=False REASON
//! # says: a part of the condition's message
//! ```
//!
//! A valid document that only the operator may create has `# people are refused with: a part of the message`.

use std::{fs, path::Path};

use serde_json::Value;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's name, to be found again.
    pub file: String,
    /// Why the document is wrong, or what is special about a valid one.
    pub why: String,
    /// Whether it is to be put in the place of the valid object of its kind and name.
    pub update: bool,
    /// What becomes of it.
    pub expected: Expected,
    /// What a person is told who creates a valid document that only the operator may create.
    pub for_people: Option<String>,
    /// Kind and name, such as `BackupVault/main`.
    pub identity: String,
    /// The document as it was written, comments included.
    pub manifest: String,
}

/// What becomes of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The API server takes it.
    Accepted,
    /// The API server refuses it, naming this field with a message that contains this text.
    Refused { at: String, with: String },
    /// The API server takes it, and the operator shows this condition with this reason and a message with these parts.
    Condition { type_: String, status: String, reason: String, says: Vec<String> },
}

/// Every document of the YAML files in a folder, in the order of names.
pub fn cases(folder: &Path) -> Vec<Case> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases is there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| cases_of(path)).collect()
}

fn cases_of(path: &Path) -> Vec<Case> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a file of cases can be read");
    text.split("\n---\n").map(|document| case(&file, document)).collect()
}

fn case(file: &str, document: &str) -> Case {
    let header: Vec<&str> = document.lines().map_while(|line| line.strip_prefix("# ")).collect();
    let after = |key: &str| header.iter().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
    let expected = match (after("refused at: "), after("refused with: "), after("accepted, then: ")) {
        (Some(at), Some(with), None) => Expected::Refused { at, with },
        (None, None, Some(condition)) => {
            let (type_, rest) = condition.split_once('=').expect("a condition is `TYPE=STATUS REASON`");
            let (status, reason) = rest.split_once(' ').expect("a condition is `TYPE=STATUS REASON`");
            let says = header.iter().filter_map(|line| line.strip_prefix("says: ")).map(str::to_owned);
            Expected::Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: reason.to_owned(),
                says: says.collect(),
            }
        }
        (None, None, None) => Expected::Accepted,
        _ => panic!("{file}: a header says neither refused at and with, nor accepted: {header:?}"),
    };
    Case {
        file: file.to_owned(),
        why: (*header.first().expect("a document has a header")).to_owned(),
        update: header.contains(&"update"),
        expected,
        identity: identity(document),
        for_people: after("people are refused with: "),
        manifest: document.to_owned(),
    }
}

fn identity(document: &str) -> String {
    let object: Value = serde_yaml::from_str(document).expect("a case is YAML");
    let word = |value: &Value| value.as_str().expect("an object has kind and name").to_owned();
    format!("{}/{}", word(&object["kind"]), word(&object["metadata"]["name"]))
}
