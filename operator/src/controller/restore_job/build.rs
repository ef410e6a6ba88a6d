//! The plan of one attempt of a restore. Pure.

use aws_lc_rs::digest::{SHA256, digest};
use contract::{
    Assignment, Connection, KeeperEndpoint, Limits, PointView, Purpose, RestoreDatabasesTask, RestoreRoles,
    RestoreSelection, RestoreTarget, RestoreTask, RunId, Task, VERSION,
};
use crds::restore_job::RestoreRoles as SpecRoles;
use crds::{BackupVault, RestoreJob};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::facts::Facts;
use super::observe::KIND;
use super::source;
use crate::cluster::JobOwner;
use crate::controller::run::{Plan, Role};
use crate::names;
use crate::settings::Settings;
use crate::token::{Claims, VaultToken};

/// Connections that load at the same time: the point's own server may be another, so there is no wish to follow.
const LANES: u16 = 4;
const LOCK_TIMEOUT_SECONDS: u32 = 10;
/// A table comes with indexes, sequences and constraints; the memory is sized by all of them.
const RELATIONS_PER_TABLE: u64 = 4;

/// Hash of what a restore is of and where it goes, hex. `cancel` is no part of it.
pub fn spec_hash(job: &RestoreJob) -> String {
    let spec = (&job.spec.vault_ref, &job.spec.source, &job.spec.target, &job.spec.if_exists);
    let mut text = serde_json::to_vec(&spec).expect("a spec is strings and numbers");
    if let Some(select) = &job.spec.select {
        text.extend(serde_json::to_vec(select).expect("a selection is strings"));
    }
    if let Some(roles) = &job.spec.roles {
        text.extend(serde_json::to_vec(roles).expect("a choice is a string"));
    }
    digest(&SHA256, &text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The plan; `None` when a fact is missing that the guards have asked for, so never after them.
pub fn plan<'a>(
    job: &RestoreJob,
    facts: &'a Facts,
    (number, deadline): (u32, Timestamp),
    settings: &'a Settings,
    token: &VaultToken,
    clock_offset_seconds: i64,
) -> Option<Plan<'a>> {
    let run = RunId(job.uid()?);
    let vault = facts.vault.as_deref()?;
    let point = source::point(job, facts, vault).ok()?;
    let purpose = Purpose::Read { point: point.id.clone() };
    let claims = Claims { run: run.clone(), purpose, deadline };
    let address = facts.keeper.as_ref()?;
    let keeper = KeeperEndpoint {
        url: address.url.clone(),
        certificates: address.certificates.clone(),
        token: token.sign(&claims),
    };
    let requested_by = (job.namespace()?, job.name_any(), facts.spec_hash.clone());
    let connection = facts.connection.as_ref()?.as_ref().ok()?;
    let task = task(job, Common { keeper, point, connection, requested_by, limits: limits(vault) })?;
    Some(Plan {
        vault,
        settings,
        name: names::attempt(&run.0, number),
        role: Role::Mover,
        owner: JobOwner { kind: KIND.into(), namespace: job.namespace()?, name: job.name_any() },
        instance: None,
        assignment: Assignment {
            version: VERSION,
            run,
            attempt: number,
            clock_offset_seconds,
            deadline,
            task,
        },
        decision: None,
        relations: relations(point),
        beside_keeper: facts.beside_keeper,
    })
}

/// What both kinds of task need.
struct Common<'a> {
    keeper: KeeperEndpoint,
    point: &'a PointView,
    connection: &'a Connection,
    requested_by: (String, String, String),
    limits: Limits,
}

fn task(job: &RestoreJob, common: Common<'_>) -> Option<Task> {
    let Common { keeper, point, connection, requested_by, limits } = common;
    let (point, connection) = (point.id.clone(), connection.clone());
    if let Some(database) = &job.spec.target.database {
        return Some(Task::Restore(Box::new(RestoreTask {
            keeper,
            point,
            database: job.spec.source.database.clone(),
            target: RestoreTarget {
                connection,
                database: database.name.clone(),
                owner: database.owner.clone(),
            },
            requested_by,
            limits,
            select: selection(job),
        })));
    }
    let databases = job.spec.target.databases.as_ref()?;
    Some(Task::RestoreDatabases(Box::new(RestoreDatabasesTask {
        keeper,
        point,
        connection,
        databases: databases.names.clone().unwrap_or_default(),
        rename: databases.rename.clone().unwrap_or_default(),
        roles: match job.spec.roles {
            None | Some(SpecRoles::CreateMissing | SpecRoles::Full) => RestoreRoles::CreateMissing,
            Some(SpecRoles::Skip) => RestoreRoles::Skip,
        },
        requested_by,
        limits,
    })))
}

fn selection(job: &RestoreJob) -> RestoreSelection {
    let select = job.spec.select.clone().unwrap_or_default();
    RestoreSelection {
        schemas: select.schemas.unwrap_or_default(),
        tables: select.tables.unwrap_or_default(),
        rename: select.rename.unwrap_or_default(),
    }
}

fn limits(vault: &BackupVault) -> Limits {
    Limits {
        lanes: LANES,
        lock_timeout_seconds: LOCK_TIMEOUT_SECONDS,
        bytes_per_second: vault.spec.limits.bytes_per_second.and_then(|rate| u64::try_from(rate).ok()),
    }
}

fn relations(point: &PointView) -> u64 {
    let tables = point.data_stores.iter().fold(0_u64, |sum, store| sum.saturating_add(store.tables));
    tables.saturating_mul(RELATIONS_PER_TABLE)
}
