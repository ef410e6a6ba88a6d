//! Stories on a real Kubernetes, with an image whose clock can be moved.

use std::fs;
use std::path::Path;

use e2e::cluster::{Cluster, Tools};
use e2e::world::{Setting, prepare};

use super::Context;
use super::tools::{cached, other};
use crate::command::{CommandError, Tally, test};

/// The gate's cluster; the demo has another, so that neither disturbs the other.
const CLUSTER: &str = "gate";

/// What an image must not carry unless it was built for tests.
const TEST_CLOCK: &[u8] = b"coffer-test-clock";

/// Looks for the test clock in the program as it is shipped, and in the one for tests, lest the search prove nothing.
pub fn shipped_binary(_: &Context) -> Result<Tally, CommandError> {
    for (features, expected) in [(&[][..], false), (&["test-clock"][..], true)] {
        let program = prepare::build_program(features).map_err(other)?;
        if contains(&fs::read(&program).map_err(other)?, TEST_CLOCK) != expected {
            let has = if expected { "lacks" } else { "has" };
            return Err(CommandError::Other(format!(
                "the program built with features {features:?} {has} the test clock"
            )));
        }
    }
    Ok(Tally::ONE)
}

/// Boots clusters of its own, side by side and one after an interrupted other.
pub fn boot(context: &Context) -> Result<Tally, CommandError> {
    let arguments = ["test", "--quiet", "--locked", "--package", "e2e", "--test", "cluster"];
    let mut command = context.cargo(&arguments);
    command.args(["--", "--ignored", "--test-threads=1"]);
    test(&mut command)
}

/// Boots the gate's cluster, plays every story, and stops it whatever happened.
pub fn play(context: &Context) -> Result<Tally, CommandError> {
    let tools = Tools::ensure().map_err(other)?;
    let program = prepare::build_program(&["test-clock"]).map_err(other)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(other)?;
    let cluster = runtime.block_on(Cluster::boot(CLUSTER, &tools)).map_err(other)?;
    let volumes = cached("volumes")?.join(CLUSTER);
    let played = runtime
        .block_on(prepare::images(&cluster, &tools, &program, &volumes))
        .map_err(other)
        .and_then(|setting| run(context, &setting));
    let stopped = runtime.block_on(cluster.stop()).map_err(other);
    let cleared = clear(&volumes);
    let tally = played?;
    stopped?;
    cleared?;
    Ok(tally)
}

/// One story at a time: some take the operator away, and two cores are few.
fn run(context: &Context, setting: &Setting) -> Result<Tally, CommandError> {
    let mut arguments =
        vec!["test", "--locked", "--package", "e2e", "--test", "stories", "--", "--test-threads=1"];
    if context.full {
        arguments.push("--include-ignored");
    }
    test(context.cargo(&arguments).envs(setting.variables()))
}

fn clear(volumes: &Path) -> Result<(), CommandError> {
    match fs::remove_dir_all(volumes) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(other(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
