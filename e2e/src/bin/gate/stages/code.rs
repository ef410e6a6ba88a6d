//! What can be said of the code without a cluster.

use std::path::PathBuf;
use std::process::Command;

use e2e::features::Features;

use super::{Context, tools};
use crate::command::{CommandError, Tally, check, test_each, test_unseen};

/// The version whose findings are part of the gate. A newer one is a change like any other.
const CARGO_DENY: &str = "0.20.2";

pub fn format(context: &Context) -> Result<Tally, CommandError> {
    check(&mut context.cargo(&["fmt", "--all", "--check"]))
}

pub fn lints(context: &Context) -> Result<Tally, CommandError> {
    check(&mut context.cargo(&[
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Advisories are left out: they need a network that the gate has not, and a new one must not stop the line.
pub fn rooms(context: &Context) -> Result<Tally, CommandError> {
    let mut command = Command::new(cargo_deny(context)?);
    check(command.current_dir(&context.root).args(["--locked", "check", "bans", "licenses", "sources"]))
}

pub fn generated(context: &Context) -> Result<Tally, CommandError> {
    check(&mut context.cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "e2e",
        "--bin",
        "generate",
        "--",
        "--check",
    ]))
}

/// Every crate but the one of the stories, and of that one what needs no cluster; `--full` adds what is long, and names each
/// test.
pub fn tests(context: &Context) -> Result<Tally, CommandError> {
    let crates: &[&str] = &["--workspace", "--exclude", "e2e"];
    let own: &[&str] = &["--package", "e2e", "--lib", "--bins"];
    let mut tally = Tally::default();
    for selection in [own, crates] {
        let mut arguments = vec!["test", "--locked", "--no-fail-fast"];
        arguments.extend((!context.full).then_some("--quiet"));
        arguments.extend(selection);
        if context.full {
            arguments.extend(["--", "--include-ignored"]);
        }
        let mut command = context.cargo(&arguments);
        tally += test_each(tools::with_servers(&mut command)?, |name, passed| context.ended(name, passed))?;
    }
    Ok(tally)
}

/// The register of cases against the tests; its counts are shown again at the end.
pub fn cases(context: &Context) -> Result<Tally, CommandError> {
    let register = ["test", "--quiet", "--locked", "--package", "mover", "--test", "register"];
    let mut command = context.cargo(&register);
    command.args(["--", "--nocapture"]);
    if context.full {
        command.arg("--include-ignored");
    }
    let (text, outcome) = test_unseen(&mut command);
    println!("{text}");
    text.lines().filter(|line| line.starts_with("case")).for_each(|line| context.note(line));
    outcome
}

/// The rows of what is promised against the names of the tests.
pub fn features(context: &Context) -> Result<Tally, CommandError> {
    let features = Features::read(&context.root).map_err(tools::other)?;
    println!("{}; none yet: {}", features.count(), features.untested().join(", "));
    context.note(&features.count());
    match features.unknown().as_slice() {
        [] => Ok(Tally::ONE),
        unknown => Err(tools::other(format!("tests name rows that there are not: {}", unknown.join(", ")))),
    }
}

/// cargo-deny of the one version, built once and kept in the cache.
fn cargo_deny(context: &Context) -> Result<PathBuf, CommandError> {
    let home = tools::cached(&format!("tools/cargo-deny-{CARGO_DENY}"))?;
    let program = home.join("bin/cargo-deny");
    if !program.is_file() {
        let home = home.to_string_lossy();
        check(&mut context.cargo(&[
            "install",
            "--quiet",
            "--locked",
            "--version",
            CARGO_DENY,
            "--root",
            &home,
            "cargo-deny",
        ]))?;
    }
    Ok(program)
}
