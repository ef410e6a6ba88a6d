//! Starts and ends the runs that read points back, and writes what they found into the ledger.

use contract::{
    Assignment, KeeperEndpoint, LedgerRequest, PointId, Purpose, RunId, Task, VERSION, VerifyTask,
};
use crds::BackupInstance;
use kube::ResourceExt as _;

use super::decide::{Decision, LEVEL, PATIENCE, PAUSE, Step};
use super::observe::{Seen, run_of};
use crate::cluster::{self, JobOwner};
use crate::context::Context;
use crate::controller::run::{self, Plan, Role};
use crate::controller::{Error, Wake};
use crate::keeper_client::KeeperAddress;
use crate::names;
use crate::token::Claims;

/// How soon the keeper is asked again when it cannot be reached.
const AGAIN: Wake = Wake::seconds(60);

/// Does what was decided, in order.
///
/// # Errors
/// The first step that failed; what comes after it is decided anew.
pub async fn act(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    decision: Decision,
) -> Result<Wake, Error> {
    if decision.steps.is_empty() {
        return Ok(decision.wake);
    }
    let Some(keeper) = run::observe::keeper_address(&context.client, &seen.vault).await? else {
        return Ok(AGAIN);
    };
    for step in decision.steps {
        if !take(instance, context, seen, &keeper, step).await? {
            return Ok(AGAIN);
        }
    }
    Ok(decision.wake)
}

/// `false`: the keeper did not take it, and nothing that comes after may be done.
async fn take(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    keeper: &KeeperAddress,
    step: Step,
) -> Result<bool, Error> {
    let vault_uid = seen.vault.uid().unwrap_or_default();
    match step {
        Step::Start(point) => start(instance, context, seen, keeper, &point).await?,
        Step::Substitute(job) => match cluster::create(&context.client, job.as_ref()).await {
            Err(error) if !cluster::is_already_exists(error.cause()) => return Err(error.into()),
            // Its name is the point's: it was made before.
            Ok(_) | Err(_) => {}
        },
        Step::Record { point, damage } => {
            let request = LedgerRequest::Verified { point: point.clone(), level: LEVEL, damage };
            // A catalogue that did not have it yet would let the same point be read again until the next poll.
            if let Err(error) = context.tell_ledger(&vault_uid, keeper, &request).await? {
                tracing::warn!(%point, %error, "failed to write what a verification found into the ledger");
                return Ok(false);
            }
        }
        Step::Tell(note) => context.notes.publish(instance, &note).await,
        Step::Pause(point) => {
            let until = context.clock.now().wall.checked_add(PAUSE).unwrap_or(jiff::Timestamp::MAX);
            context.keepers.pause_verification(&vault_uid, &point, until);
        }
        Step::Remove(attempt) => run::act::remove(&context.client, &attempt).await?,
    }
    Ok(true)
}

async fn start(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    keeper: &KeeperAddress,
    point: &PointId,
) -> Result<(), Error> {
    let uid = instance.uid().unwrap_or_default();
    let now = context.clock.now();
    let run = RunId(run_of(&uid));
    let deadline = now.time.checked_add(PATIENCE).unwrap_or(now.time);
    let claims = Claims { run: run.clone(), purpose: Purpose::Read { point: point.clone() }, deadline };
    let token = context.vault_token(&seen.vault.uid().unwrap_or_default())?.sign(&claims);
    let task = VerifyTask {
        keeper: KeeperEndpoint { url: keeper.url.clone(), certificates: keeper.certificates.clone(), token },
        point: point.clone(),
        level: LEVEL,
        scratch: None,
    };
    let plan = Plan {
        vault: &seen.vault,
        settings: &context.settings,
        name: names::verification(&uid, point),
        role: Role::Mover,
        owner: JobOwner {
            kind: "BackupInstance".into(),
            namespace: instance.namespace().unwrap_or_default(),
            name: instance.name_any(),
        },
        instance: Some(instance.name_any()),
        assignment: Assignment {
            version: VERSION,
            run,
            attempt: 1,
            clock_offset_seconds: context.clock.offset_seconds(),
            deadline,
            task: Task::Verify(Box::new(task)),
        },
        decision: None,
        relations: 0,
        beside_keeper: run::observe::beside_keeper(&context.client, &seen.vault).await?,
    };
    run::act::start(&context.client, &plan).await
}
