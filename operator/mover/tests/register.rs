//! The register of cases against the tests: every case has its test, and every test with an id its case.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]
#![allow(clippy::print_stdout, reason = "the gate shows the count")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The letters of the register. F, the incremental backup, is not built.
const LETTERS: &str = "ABCDEGH";

/// Where tests with ids may be, from the top of the source tree.
const SOURCES: [&str; 4] = ["operator/mover/src", "operator/mover/tests", "operator/tests", "e2e/tests"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Tested,
    Planned,
    CannotRunHere(String),
}

/// What the sources show: ids that begin the names of functions, and ids with two numbers in comments.
#[derive(Debug, Default)]
struct Found {
    functions: BTreeSet<String>,
    marks: BTreeSet<String>,
}

impl Found {
    fn read(&mut self, text: &str) {
        for line in text.lines() {
            self.functions.extend(function_id(line));
            let comment = ["//", "--"].iter().filter_map(|start| line.split_once(start)).next();
            let words = comment.map_or("", |(_, words)| words).split(|at: char| !is_of_id(at));
            let marks = words.map(|word| word.trim_end_matches('.')).filter(|word| word.contains('.'));
            self.marks.extend(marks.filter(|word| is_id(word)).map(str::to_owned));
        }
    }

    /// A mark counts where a test of its group runs what it stands in.
    fn is_tested(&self, id: &str) -> bool {
        match id.split_once('.') {
            None => self.functions.contains(id),
            Some((group, _)) => self.functions.contains(group) && self.marks.contains(id),
        }
    }
}

/// The `A1` of `async fn a1_extremes_of_types() {`.
fn function_id(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("fn ")?;
    let is_declared = before.trim().is_empty() || before.trim() == "async";
    let id = rest.split_once('_')?.0.to_ascii_uppercase();
    (is_declared && is_id(&id) && !id.contains('.')).then_some(id)
}

const fn is_of_id(at: char) -> bool {
    at.is_ascii_alphanumeric() || at == '.'
}

/// A letter, a number, and perhaps a second one.
fn is_id(word: &str) -> bool {
    let Some(numbers) = word.strip_prefix(|first| LETTERS.contains(first)) else { return false };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split('.').count() <= 2 && numbers.split('.').all(is_number)
}

/// The rows of the register, in its order.
fn register(text: &str) -> Vec<(String, State)> {
    let mut cases: Vec<(String, State)> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id |")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, state] = cells.as_slice() else { panic!("a case has id, words and state: {line}") };
        assert!(is_id(id), "no id: {line}");
        assert!(!cases.iter().any(|(other, _)| other == id), "twice: {id}");
        let state = match *state {
            "tested" => State::Tested,
            "planned" => State::Planned,
            other => match other.strip_prefix("cannot run here: ") {
                Some(reason) => State::CannotRunHere(reason.to_owned()),
                None => panic!("an unknown state: {line}"),
            },
        };
        cases.push(((*id).to_owned(), state));
    }
    cases
}

/// What is wrong between the two.
fn faults(cases: &[(String, State)], found: &Found) -> Vec<String> {
    let untested = cases.iter().filter(|(id, state)| *state == State::Tested && !found.is_tested(id));
    let untested = untested.map(|(id, _)| format!("{id} has no test"));
    let needless =
        cases.iter().filter(|(id, state)| matches!(state, State::CannotRunHere(_)) && found.is_tested(id));
    let needless = needless.map(|(id, _)| format!("{id} is said not to run here and has a test"));
    let is_case = |id: &str| cases.iter().any(|(case, _)| case == id);
    let is_group = |id: &str| cases.iter().any(|(case, _)| case.split('.').next() == Some(id));
    let unknown =
        found.functions.iter().filter(|id| !is_group(id)).chain(found.marks.iter().filter(|id| !is_case(id)));
    let unknown = unknown.map(|id| format!("a test says {id}, which is no case of the register"));
    untested.chain(needless).chain(unknown).collect()
}

fn planned<'a>(cases: &'a [(String, State)], found: &Found) -> Vec<&'a str> {
    let planned = cases.iter().filter(|(id, state)| *state == State::Planned && !found.is_tested(id));
    planned.map(|(id, _)| id.as_str()).collect()
}

/// A line per letter, then what cannot run here.
fn count(cases: &[(String, State)], found: &Found) -> String {
    let mut text = String::new();
    let mut letters: BTreeMap<char, Vec<&(String, State)>> = BTreeMap::new();
    for case in cases {
        letters.entry(case.0.chars().next().unwrap_or_default()).or_default().push(case);
    }
    for (letter, cases) in letters {
        let tested = cases.iter().filter(|(id, _)| found.is_tested(id)).count();
        let closed = cases.iter().filter(|(_, state)| matches!(state, State::CannotRunHere(_))).count();
        let (all, to_come) = (cases.len(), cases.len() - tested - closed);
        text += &format!(
            "cases {letter}: {tested} of {all} tested, {to_come} to come, {closed} cannot run here\n"
        );
    }
    for (id, state) in cases {
        if let State::CannotRunHere(reason) = state {
            text += &format!("case {id} cannot run here: {reason}\n");
        }
    }
    text
}

fn here() -> (Vec<(String, State)>, Found) {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
    let tests = Path::new(&own).join("tests");
    let cases = register(&fs::read_to_string(tests.join("CASES.md")).unwrap());
    let top = Path::new(&own).ancestors().nth(2).unwrap();
    let mut found = Found::default();
    for source in SOURCES {
        read_all(&top.join(source), &mut found);
    }
    (cases, found)
}

fn read_all(directory: &Path, found: &mut Found) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|kind| kind == "rs" || kind == "sql");
        // This file speaks of ids that are none.
        if path.is_dir() {
            read_all(&path, found);
        } else if is_source && !path.ends_with("tests/register.rs") {
            found.read(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_case_has_its_test_and_every_test_its_case() {
    let (cases, found) = here();
    // The runner may have left its own line unfinished.
    println!("\n{}", count(&cases, &found));
    assert_eq!(faults(&cases, &found), [""; 0]);
}

#[test]
#[ignore = "asked of a finished tree"]
fn no_case_is_only_planned() {
    let (cases, found) = here();
    assert_eq!(planned(&cases, &found), [""; 0]);
}

#[test]
fn a_case_without_a_test_and_a_test_without_a_case_are_noticed() {
    let cases = register(
        "| id | case | state |\n|---|---|---|\n| A1.1 | x | tested |\n| A1.2 | x | tested |\n| B2 | x | tested |\n\
         | B3 | x | planned |\n| C1 | x | cannot run here: no machine |\n",
    );
    let mut found = Found::default();
    found.read(
        "async fn a1_one() {\n    fn h9_unknown() {\n// A1.1: said here. A1.7 is none\nlet a = \"A1.2\";",
    );
    assert_eq!(
        faults(&cases, &found),
        [
            "A1.2 has no test",
            "B2 has no test",
            "a test says H9, which is no case of the register",
            "a test says A1.7, which is no case of the register",
        ]
    );
    assert_eq!(planned(&cases, &found), ["B3"]);
    let counted = count(&cases, &found);
    assert!(counted.contains("cases A: 1 of 2 tested, 1 to come, 0 cannot run here"), "{counted}");
    assert!(counted.ends_with("case C1 cannot run here: no machine\n"), "{counted}");
    found.read("fn b3_comes() {}");
    assert!(planned(&cases, &found).is_empty());
}
