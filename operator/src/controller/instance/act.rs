//! Writes what was decided for an instance; the status comes last.

use std::sync::Arc;

use contract::{
    Assignment, CheckTask, Connection, LedgerRequest, Owner, OwnerChange, Refusal, RunId, Task, VERSION,
};
use crds::common::Time;
use crds::instance::InstanceState;
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, BackupJobStatus, Reason, annotations};
use jiff::SignedDuration;
use kube::ResourceExt as _;

use super::claim::Claimed;
use super::decide::{Decision, Step};
use super::notes::notes;
use super::observe::Seen;
use super::slots::Join;
use crate::cluster::{self, JobOwner, Note};
use crate::context::Context;
use crate::controller::run::{self, Plan, Role};
use crate::controller::{Error, Wake};
use crate::keeper_client::{KeeperError, Trouble};
use crate::metrics::{InstanceFigures, InstanceLabels};

/// A check stops itself after this.
const DEADLINE: SignedDuration = SignedDuration::from_mins(4);

/// Writes, in order.
///
/// # Errors
/// The first write that failed; what comes after it is decided anew.
pub async fn act(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    decision: Decision,
) -> Result<Wake, Error> {
    for step in decision.steps {
        take(instance, context, seen, step).await?;
    }
    if let Some(status) = decision.status {
        let figures = figures(seen, &status, decision.interval);
        context.metrics.instance(&labels(instance), Some(&figures));
        write_status(instance, context, &status).await?;
    }
    Ok(decision.wake)
}

/// Asks for the datasource; `None` when there is no keeper to ask.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn claim(context: &Context, seen: &Seen, claim: OwnerChange) -> Result<Option<Claimed>, Error> {
    let Some(told) = tell(context, seen, claim).await? else { return Ok(None) };
    Ok(Some(match told {
        Ok(()) => Claimed::Held,
        Err(KeeperError::Refused { refusal: Refusal { holder: Some(holder), .. }, .. }) => {
            Claimed::Protected(holder)
        }
        Err(error) => match Trouble::from(&error) {
            Trouble::Refused { message, .. } => Claimed::Refused(message),
            Trouble::Unreachable(message) => Claimed::Unanswered(message),
        },
    }))
}

/// Writes into the ledger what has become of the instance.
async fn tell(
    context: &Context,
    seen: &Seen,
    change: OwnerChange,
) -> Result<Option<Result<(), KeeperError>>, Error> {
    let Some(vault) = &seen.vault else { return Ok(None) };
    let Some(address) = run::observe::keeper_address(&context.client, vault).await? else { return Ok(None) };
    let uid = vault.uid().unwrap_or_default();
    Ok(Some(context.tell_ledger(&uid, &address, &LedgerRequest::Owner(change)).await?))
}

/// Somebody has named the record: the instance is as its spec says from now on.
async fn resume(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    owners: Vec<Owner>,
) -> Result<(), Error> {
    for owner in owners {
        match tell(context, seen, OwnerChange::Resumed { owner }).await? {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                // The next look asks again; until then the instance stays stopped.
                tracing::warn!(instance = instance.name_any(), %error, "failed to resume an instance");
                return Ok(());
            }
            None => return Ok(()),
        }
    }
    let message = "The record of its deletion was named: from now on `protection` of the spec holds.";
    context.notes.publish(instance, &Note::normal(Reason::ProtectionResumed, message)).await;
    Ok(())
}

/// Takes the instance out of the metrics.
pub fn forget(instance: &BackupInstance, context: &Context) {
    context.metrics.instance(&labels(instance), None);
}

async fn take(instance: &BackupInstance, context: &Context, seen: &Seen, step: Step) -> Result<(), Error> {
    let namespace = instance.namespace().unwrap_or_default();
    match step {
        Step::RemoveCheck(attempt) => run::act::remove(&context.client, &attempt).await,
        Step::StartCheck { name, connection } => {
            start_check(instance, context, seen, name, *connection).await
        }
        Step::CreateJob(job) => match cluster::create(&context.client, job.as_ref()).await {
            Err(error) if !cluster::is_already_exists(error.cause()) => Err(error.into()),
            // Its name is its slot: it was made before.
            Ok(_) | Err(_) => Ok(()),
        },
        Step::JoinJob(Join { job, annotation }) => {
            let key = annotations::MERGED_SLOTS;
            Ok(cluster::annotate(&context.client, job.as_ref(), key, &annotation).await?)
        }
        Step::RemoveJob { name, uid } => {
            Ok(cluster::delete::<BackupJob>(&context.client, &namespace, &name, uid).await?)
        }
        Step::Resume(owners) => resume(instance, context, seen, owners).await,
        Step::Tell(note) => {
            context.notes.publish(instance, &note).await;
            Ok(())
        }
    }
}

async fn start_check(
    instance: &BackupInstance,
    context: &Context,
    seen: &Seen,
    name: String,
    source: Connection,
) -> Result<(), Error> {
    let Some(vault) = &seen.vault else { return Ok(()) };
    let now = context.clock.now();
    let assignment = Assignment {
        version: VERSION,
        run: RunId(instance.uid().unwrap_or_default()),
        attempt: 1,
        clock_offset_seconds: context.clock.offset_seconds(),
        deadline: now.time.checked_add(DEADLINE).unwrap_or(now.time),
        task: Task::Check(Box::new(CheckTask {
            source,
            databases: run::databases(&instance.spec.postgresql),
        })),
    };
    let plan = Plan {
        vault,
        settings: &context.settings,
        name,
        role: Role::Check,
        owner: JobOwner {
            kind: "BackupInstance".into(),
            namespace: instance.namespace().unwrap_or_default(),
            name: instance.name_any(),
        },
        instance: Some(instance.name_any()),
        assignment,
        decision: None,
        relations: 0,
        beside_keeper: false,
    };
    run::act::start(&context.client, &plan).await
}

async fn write_status(
    instance: &BackupInstance,
    context: &Context,
    status: &BackupInstanceStatus,
) -> Result<(), Error> {
    if cluster::same(instance.status.as_ref(), status) {
        return Ok(());
    }
    cluster::apply_status(&context.client, instance, status).await?;
    for note in notes(instance.status.as_ref(), status) {
        context.notes.publish(instance, &note).await;
    }
    Ok(())
}

fn labels(instance: &BackupInstance) -> InstanceLabels {
    InstanceLabels { namespace: instance.namespace().unwrap_or_default(), instance: instance.name_any() }
}

fn figures(seen: &Seen, status: &BackupInstanceStatus, interval: Option<SignedDuration>) -> InstanceFigures {
    let second = |time: &Time| time.0.as_second();
    let last = status.last_backup.as_ref();
    let good = last_good(&seen.jobs);
    let times = good.and_then(|good| good.start_time.as_ref().zip(good.completion_time.as_ref()));
    InstanceFigures {
        latest_point: status.latest_recovery_point.as_ref().map(|point| second(&point.point_time)),
        oldest_point: seen.points.iter().flatten().next().map(|point| point.point_time.as_second()),
        expected_interval: interval.map(|interval| interval.as_secs()),
        last_success: status.last_success_time.as_ref().map(second),
        last_attempt: last.map(|last| second(&last.completion_time)),
        last_result: last.map(|last| i64::from(last.state.is_success())),
        next_run: status.next_backup_time.as_ref().map(second),
        last_duration: times.map(|(from, to)| to.0.duration_since(from.0).as_secs()),
        last_source_bytes: good.and_then(|good| good.data_transferred_bytes),
        last_stored_bytes: good.and_then(|good| good.stored_bytes),
        protected: status.state.and_then(is_protected).map(i64::from),
        missed_runs: status
            .missed_slots
            .as_ref()
            .map_or(0, |missed| u64::try_from(missed.count).unwrap_or(0)),
    }
}

/// Whether backups run as configured; `None` while they rest.
fn is_protected(state: InstanceState) -> Option<bool> {
    match state {
        InstanceState::ProtectionConfigured | InstanceState::UpdatingProtection => Some(true),
        InstanceState::ConfiguringProtection
        | InstanceState::ConfiguringProtectionFailed
        | InstanceState::ProtectionError => Some(false),
        InstanceState::BackupsSuspended | InstanceState::ProtectionStopped => None,
    }
}

/// Of the jobs that are still there the one that ended well last.
fn last_good(jobs: &[Arc<BackupJob>]) -> Option<&BackupJobStatus> {
    let good = jobs.iter().filter(|job| job.state().is_success()).filter_map(|job| job.status.as_ref());
    good.max_by_key(|status| status.completion_time.as_ref().map(|time| time.0))
}
