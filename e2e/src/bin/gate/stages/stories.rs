//! Stories on a real Kubernetes, with an image whose clock can be moved.

use std::fs;
use std::path::Path;

use e2e::cluster::{Cluster, Tools};
use e2e::world::Setting;
use e2e::world::prepare::{self, PrepareError, Program};

use super::tools::{cached, other};
use super::{Context, side_by_side};
use crate::command::{CommandError, Tally, test};

/// The gate's clusters; the demo has another, so that neither disturbs the other.
const CLUSTERS: [&str; 3] = ["gate", "gate-2", "gate-3"];

/// The ConfigMap that moves the clock: what the shipped program must not know.
const TEST_CLOCK: &[u8] = b"coffer-test-clock";

/// Looks for the test clock in the program as it is shipped, and in the one for tests, lest the search prove nothing.
pub fn shipped_binary(_: &Context) -> Result<Tally, CommandError> {
    for (program, expected) in [(Program::Shipped, false), (Program::TestClock, true)] {
        let path = program.build().map_err(other)?;
        if contains(&fs::read(path).map_err(other)?, TEST_CLOCK) != expected {
            let has = if expected { "lacks" } else { "has" };
            return Err(CommandError::Other(format!("{} {has} the test clock", program.name())));
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

/// Plays every story, on the cluster that the environment names, else on clusters of the gate's own, which are stopped
/// whatever happened.
pub fn play(context: &Context) -> Result<Tally, CommandError> {
    let volumes = cached("volumes")?;
    if let Some(given) = prepare::given(Program::TestClock, &volumes.join(CLUSTERS[0])).map_err(other)? {
        return side_by_side::play(context, &[given]);
    }
    let tools = Tools::ensure().map_err(other)?;
    let program = Program::TestClock.build().map_err(other)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(other)?;
    let mut clusters = Vec::new();
    let set = runtime.block_on(async {
        let mut settings = Vec::new();
        for name in CLUSTERS {
            let cluster = Cluster::boot(name, &tools).await.map_err(other)?;
            let setting = filled(&cluster, &tools, &program, &volumes.join(name)).await;
            clusters.push(cluster);
            settings.push(setting.map_err(other)?);
        }
        Ok(settings)
    });
    let played = set.and_then(|settings| side_by_side::play(context, &settings));
    let mut stopped = Ok(());
    for cluster in clusters {
        stopped = stopped.and(runtime.block_on(cluster.stop()).map_err(other));
    }
    for name in CLUSTERS {
        stopped = stopped.and(clear(&volumes.join(name)));
    }
    let tally = played?;
    stopped?;
    Ok(tally)
}

/// A cluster with every image that a story may need.
async fn filled(
    cluster: &Cluster,
    tools: &Tools,
    program: &Path,
    volumes: &Path,
) -> Result<Setting, PrepareError> {
    let setting = prepare::images(cluster, tools, program, volumes).await?;
    prepare::other_stores(cluster, tools).await?;
    Ok(setting)
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
