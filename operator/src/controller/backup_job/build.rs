//! The plan of one attempt of a backup. Pure.

use contract::{
    Assignment, BackupTask, Connection, KeeperEndpoint, Limits, Owner, Purpose, RunId, Task, VERSION,
};
use crds::{BackupInstance, BackupJob, BackupVault};
use kube::ResourceExt as _;

use super::facts::{Facts, Start};
use super::observe::KIND;
use crate::cluster::JobOwner;
use crate::controller::run::{Plan, Role, databases};
use crate::keeper_client::KeeperAddress;
use crate::names;
use crate::settings::Settings;
use crate::token::{Claims, VaultToken};

/// The plan; `None` when a fact is missing that the guards have asked for, so never after them.
pub fn plan<'a>(
    job: &BackupJob,
    facts: &'a Facts,
    start: &Start,
    settings: &'a Settings,
    token: &VaultToken,
    clock_offset_seconds: i64,
) -> Option<Plan<'a>> {
    let run = RunId(job.uid()?);
    let (vault, instance) = (facts.vault.as_deref()?, facts.instance.as_deref()?);
    let source = facts.connection.as_ref()?.as_ref().ok()?;
    let claims = Claims { run: run.clone(), purpose: Purpose::Write, deadline: start.deadline };
    let task = BackupTask {
        keeper: endpoint(facts.keeper.as_ref()?, token, &claims),
        source: Connection::clone(source),
        databases: databases(&instance.spec.postgresql),
        owner: owner(job, facts, instance, settings)?,
        decision: start.promise.clone(),
        limits: limits(instance, vault),
    };
    Some(Plan {
        vault,
        settings,
        name: names::attempt(&run.0, start.number),
        role: Role::Mover,
        owner: JobOwner { kind: KIND.into(), namespace: job.namespace()?, name: job.name_any() },
        instance: Some(instance.name_any()),
        assignment: Assignment {
            version: VERSION,
            run,
            attempt: start.number,
            clock_offset_seconds,
            deadline: start.deadline,
            task: Task::Backup(Box::new(task)),
        },
        decision: Some(start.promise.clone()),
        relations: relations(instance),
        beside_keeper: facts.beside_keeper,
    })
}

/// The way to the keeper, with a token for this run alone.
fn endpoint(address: &KeeperAddress, token: &VaultToken, claims: &Claims) -> KeeperEndpoint {
    KeeperEndpoint {
        url: address.url.clone(),
        certificates: address.certificates.clone(),
        token: token.sign(claims),
    }
}

fn owner(job: &BackupJob, facts: &Facts, instance: &BackupInstance, settings: &Settings) -> Option<Owner> {
    Some(Owner::Instance {
        cluster_id: settings.cluster_id.clone(),
        namespace: job.namespace()?,
        namespace_uid: facts.namespace_uid.clone()?,
        instance: instance.name_any(),
        instance_uid: instance.uid()?,
        datasource_id: instance.status.as_ref()?.datasource_id.clone()?,
    })
}

/// The tighter of what server and vault allow.
fn limits(instance: &BackupInstance, vault: &BackupVault) -> Limits {
    let server = &instance.spec.postgresql;
    let rates = [server.bytes_per_second, vault.spec.limits.bytes_per_second];
    Limits {
        lanes: u16::try_from(server.lanes).unwrap_or(1).clamp(1, 32),
        lock_timeout_seconds: u32::try_from(server.lock_timeout_seconds).unwrap_or(10),
        bytes_per_second: rates.into_iter().flatten().filter_map(|rate| u64::try_from(rate).ok()).min(),
    }
}

fn relations(instance: &BackupInstance) -> u64 {
    let known = instance.status.as_ref().and_then(|status| status.relations);
    known.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}
