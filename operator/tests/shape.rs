//! The shape of every controller, read off its sources: what decides does not read, write or wait, and a driver fits on
//! a screen. A controller that grows another way is noticed here and not in review.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Files of a kind's folder that talk to others. Everything else in it is pure.
const IMPURE: [&str; 4] = ["mod.rs", "observe.rs", "act.rs", "settle.rs"];
/// What a pure file may not name.
const FORBIDDEN: [&str; 6] = ["async ", ".await", "Client", "Api<", "now()", "Context"];
/// Words that contain a forbidden one and are harmless.
const HARMLESS: [&str; 3] = ["ClientCertificate", "SecurityContext", "securityContext"];
/// The kinds that have a driver.
const KINDS: [&str; 7] =
    ["backup_job", "deleted_instance", "instance", "policy", "recovery_point", "restore_job", "vault"];
const LONGEST_FILE: usize = 400;
const LONGEST_DRIVER: usize = 60;

fn controllers() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"))
        .join("src/controller")
}

/// Every folder of a kind.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        entries(&controllers()).into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let is_source = |path: &PathBuf| {
        let name = name(path);
        path.extension().is_some_and(|extension| extension == "rs") && !name.ends_with("tests.rs")
    };
    entries(folder).into_iter().filter(is_source).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The lines of a file that are product code, without comments and what follows `#[cfg(test)]`.
fn product(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ") && pair[1].ends_with('{')
    });
    lines[..tests.unwrap_or(lines.len())]
        .iter()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| (*line).to_owned())
        .collect()
}

/// The lines of the function that begins at the first line with `start`.
fn length_of(lines: &[String], start: &str) -> Option<usize> {
    let from = lines.iter().position(|line| line.starts_with(start))?;
    lines[from..].iter().position(|line| line == "}").map(|length| length + 1)
}

#[test]
fn there_are_controllers_to_look_at() {
    let names: Vec<String> = folders().iter().map(|folder| name(folder)).collect();
    for kind in KINDS.into_iter().chain(["run"]) {
        assert!(names.iter().any(|held| held == kind), "{kind} is missing in {names:?}");
    }
}

/// The forbidden words that a line of product code names.
fn forbidden(line: &str) -> Vec<&'static str> {
    let line = HARMLESS.iter().fold(line.to_owned(), |line, word| line.replace(word, ""));
    FORBIDDEN.into_iter().filter(|word| line.contains(word)).collect()
}

#[test]
fn what_decides_neither_reads_nor_writes_nor_asks_for_the_time() {
    let mut faults = Vec::new();
    for folder in folders() {
        for path in sources(&folder).into_iter().filter(|path| !IMPURE.contains(&name(path).as_str())) {
            for (number, line) in product(&path).iter().enumerate() {
                for word in forbidden(line) {
                    faults.push(format!(
                        "{}/{} names {word:?} (product line {})",
                        name(&folder),
                        name(&path),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_thing_that_a_decision_must_not_do_is_noticed() {
    for line in [
        "pub async fn decide(",
        "    let held = get(name).await?;",
        "use kube::Client;",
        "    jobs: Api<Job>,",
        "    let now = clock.now();",
        "    let now = jiff::Timestamp::now();",
        "fn decide(context: &Context) {",
    ] {
        assert!(!forbidden(line).is_empty(), "{line}");
    }
    for line in ["fn decide(job: &BackupJob, facts: &Facts, now: Now) -> Decision {", "    SecurityContext {"]
    {
        assert!(forbidden(line).is_empty(), "{line}");
    }
}

#[test]
fn every_kind_has_a_decision_and_a_driver_that_fits_on_a_screen() {
    for kind in KINDS {
        let folder = controllers().join(kind);
        let length = length_of(&product(&folder.join("mod.rs")), "pub async fn reconcile(");
        let length = length.unwrap_or_else(|| panic!("{kind} has no driver"));
        assert!(length <= LONGEST_DRIVER, "the driver of {kind} has {length} lines");
        let pure = sources(&folder).into_iter().any(|path| !IMPURE.contains(&name(&path).as_str()));
        assert!(pure, "{kind} has nothing that decides");
    }
}

#[test]
fn files_stay_small() {
    for path in folders().iter().flat_map(|folder| sources(folder)) {
        let length = product(&path).len();
        assert!(length <= LONGEST_FILE, "{} has {length} lines", path.display());
    }
}

#[test]
fn the_reader_of_sources_sees_what_it_should() {
    let lines: Vec<String> =
        ["pub async fn reconcile(", "    x", "}", "fn other() {", "}"].map(str::to_owned).into();
    assert_eq!(length_of(&lines, "pub async fn reconcile("), Some(3));
    assert_eq!(length_of(&lines, "fn missing("), None);
}
