//! What there is of a backup in cluster and index. Reads only.

use std::sync::Arc;

use contract::{Connection, RunId};
use crds::{BackupInstance, BackupJob, BackupVault};
use kube::ResourceExt as _;
use tokio::sync::OwnedMutexGuard;

use super::facts::{Facts, PolicySeen};
use crate::cluster::Key;
use crate::context::Context;
use crate::controller::run::connection::{self, Place as Target};
use crate::controller::run::place::{Asking, Most, Older, Place, is_queued, place};
use crate::controller::run::{AttemptState, Fault, SeenAttempt, observe};
use crate::controller::{Error, History, life};

/// The kind whose Jobs count against `limits.concurrentBackups`.
pub const KIND: &str = "BackupJob";

/// Facts, and the vault's turn if they say that a run may begin.
pub struct Seen {
    pub facts: Facts,
    /// Held until the Job is made, so that two jobs are not given the same place.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Seen {
    /// Lets the next one have its turn: this job asks what became of its run, which may take long, and starts nothing.
    pub fn give_way(&mut self) {
        self.turn = None;
    }
}

/// Reads everything that decisions about the job are made from.
///
/// # Errors
/// Reads that failed for another reason than absence and missing rights on Secrets.
pub async fn observe(job: &BackupJob, context: &Context) -> Result<Seen, Error> {
    let namespace = job.namespace().unwrap_or_default();
    let run = job.uid().unwrap_or_default();
    let instance = context.known.instances.get(&namespace, &job.spec.instance_ref.name);
    let reference = vault_of(job, instance.as_deref());
    let vault = reference.as_ref().and_then(|(namespace, name)| context.known.vaults.get(namespace, name));
    let mut facts = Facts {
        policy: instance.as_ref().and_then(|instance| policy_of(instance, &namespace, context)),
        namespace_uid: context.namespace(&namespace).map(|(uid, _)| uid),
        instance,
        record: None,
        is_anothers: false,
        attempts: Vec::new(),
        forbidden: None,
        movement: None,
        listening: None,
        place: Place::Free,
        connection: None,
        keeper: None,
        beside_keeper: true,
        history: None,
        settled: None,
        vault,
    };
    let Some(vault) = facts.vault.clone() else {
        if let Some((home, _)) = reference {
            let wall = context.clock.now().wall;
            facts.attempts = observe::orphaned_attempts(&context.client, &home, &run, wall).await?;
        }
        return Ok(Seen { facts, turn: None });
    };
    (facts.attempts, facts.forbidden) = observe::attempts_or_why_not(context, &vault, &run).await?;
    if job.is_terminal() || facts.forbidden.is_some() {
        return Ok(Seen { facts, turn: None });
    }
    let vault_uid = vault.uid().unwrap_or_default();
    facts.record = record(&vault_uid, facts.instance.as_deref(), context);
    facts.is_anothers = is_anothers(&vault_uid, facts.instance.as_deref(), context);
    facts.movement = context.keepers.movement(&vault_uid, &RunId(run.clone()));
    facts.listening = context.keepers.listening(&vault_uid);
    facts.keeper = observe::keeper_address(&context.client, &vault).await?;
    if !may_start(&facts.attempts) {
        return Ok(Seen { facts, turn: None });
    }
    facts.namespace_uid = observe::namespace_uid(&context.client, &namespace).await?;
    let turn = context.turns.of(&vault_uid).await;
    let jobs = observe::jobs_of_vault(&context.client, &vault, KIND).await?;
    let older = older_in_queue(job, &vault, context);
    let asking = Asking { run: &run, instance: Some((&namespace, &job.spec.instance_ref.name)) };
    facts.place = place(asking, &jobs, &older, &|instance| server_of(instance, context), most(&vault));
    if let Some(other) = begun_before(job, context).filter(|_| facts.place == Place::Free) {
        facts.place = Place::InstanceBusy { job: other };
    }
    // Only now: the point of a job that ended a moment ago is in the catalogue before its status says so.
    facts.history = history(&vault_uid, &run, facts.instance.as_deref(), context);
    facts.beside_keeper = observe::beside_keeper(&context.client, &vault).await?;
    if let Some(instance) = &facts.instance {
        facts.connection = Some(source(instance, &namespace, context).await?);
    }
    Ok(Seen { facts, turn: Some(turn) })
}

/// What an instance that was brought back waits for.
fn record(vault_uid: &str, instance: Option<&BackupInstance>, context: &Context) -> Option<String> {
    let uid = instance?.uid()?;
    let catalogue = context.keepers.catalogue(vault_uid)?;
    life::resume_required(&catalogue, &uid).map(str::to_owned)
}

/// Whether another instance holds the datasource. Between the check that finds out what it is and the answer to its claim an
/// instance is ready, and nothing may be made for it yet.
fn is_anothers(vault_uid: &str, instance: Option<&BackupInstance>, context: &Context) -> bool {
    let own = instance.and_then(|instance| instance.uid());
    let datasource = instance.and_then(|instance| instance.status.as_ref()?.datasource_id.clone());
    let (Some(own), Some(datasource)) = (own, datasource) else { return false };
    let catalogue = context.keepers.catalogue(vault_uid);
    catalogue.is_some_and(|catalogue| life::is_held_by_another(&catalogue, &own, &datasource))
}

/// The points that the instance has made, but for this run's own.
fn history(
    vault_uid: &str,
    run: &str,
    instance: Option<&BackupInstance>,
    context: &Context,
) -> Option<History> {
    let uid = instance?.uid()?;
    Some(History::of(&*context.keepers.catalogue(vault_uid)?, &uid, Some(&RunId(run.to_owned()))))
}

/// Another job of the instance whose tag is decided and that has not come to its end. Between two attempts, and while the
/// keeper looks at what it left, it has no Job of the cluster that would hold its place; and a tag that is decided beside
/// it could be the first of its period a second time.
fn begun_before(job: &BackupJob, context: &Context) -> Option<String> {
    if job.status.as_ref().is_some_and(|status| status.retention.is_some()) {
        return None;
    }
    let key = Key::instance(&job.namespace().unwrap_or_default(), &job.spec.instance_ref.name);
    let is_begun = |other: &&Arc<BackupJob>| {
        let decided = other.status.as_ref().is_some_and(|status| status.retention.is_some());
        decided && !other.is_terminal() && other.uid() != job.uid()
    };
    context.known.backup_jobs.by(&key).iter().find(is_begun).map(|other| other.name_any())
}

/// Whether the next thing may be to make a Job or to release one.
fn may_start(attempts: &[SeenAttempt]) -> bool {
    attempts.iter().all(|held| matches!(held.state, AttemptState::Suspended | AttemptState::Ended(_)))
}

/// Namespace and name of the vault that the job was accepted for, else of the one of its instance, which may be gone before
/// the job is.
fn vault_of(job: &BackupJob, instance: Option<&BackupInstance>) -> Option<(String, String)> {
    let accepted = job.status.as_ref().and_then(|status| status.vault_ref.as_ref());
    let reference = accepted.or_else(|| instance.map(|instance| &instance.spec.vault_ref))?;
    let own = job.metadata.namespace.as_deref().unwrap_or_default();
    Some((reference.namespace_or(own).to_owned(), reference.name.clone()))
}

/// The policy, or what the instance remembers of one that is gone.
fn policy_of(instance: &BackupInstance, namespace: &str, context: &Context) -> Option<PolicySeen> {
    let reference = &instance.spec.policy_ref;
    let policy_namespace = reference.namespace_or(namespace);
    if let Some(policy) = context.known.policies.get(policy_namespace, &reference.name) {
        return Some(PolicySeen {
            namespace: policy_namespace.to_owned(),
            name: reference.name.clone(),
            version: policy.metadata.generation.unwrap_or_default(),
            spec: policy.spec.clone(),
        });
    }
    let snapshot = instance.status.as_ref()?.policy_snapshot.as_ref()?;
    Some(PolicySeen {
        namespace: policy_namespace.to_owned(),
        name: snapshot.name.clone(),
        version: snapshot.version,
        spec: snapshot.spec.clone(),
    })
}

fn most(vault: &BackupVault) -> Most {
    let limits = &vault.spec.limits;
    let [of_vault, of_server] = [limits.concurrent_backups, limits.concurrent_backups_per_server]
        .map(|limit| usize::try_from(limit).unwrap_or(1));
    Most { of_vault, of_server }
}

/// Host and port of an instance, by which two of them are of one server.
fn server_of((namespace, name): (&str, &str), context: &Context) -> Option<String> {
    let instance = context.known.instances.get(namespace, name)?;
    let server = &instance.spec.postgresql;
    Some(format!("{}:{}", server.host.to_ascii_lowercase(), server.port))
}

/// The way to the database that is backed up.
async fn source(
    instance: &BackupInstance,
    namespace: &str,
    context: &Context,
) -> Result<Result<Connection, Fault>, Error> {
    let server = &instance.spec.postgresql;
    let tls = server.tls();
    let material =
        observe::material(&context.client, namespace, &server.credentials_secret_ref, &tls).await?;
    let target = Target {
        host: &server.host,
        port: server.port,
        database: server.first_database(),
        credentials: &server.credentials_secret_ref,
        tls,
        namespace,
        bind_command: context.settings.secret_reader_command(namespace),
    };
    Ok(connection::connection(&target, &material))
}

/// Jobs of the same vault that were created earlier and wait for a place like this one, oldest first.
fn older_in_queue(job: &BackupJob, vault: &BackupVault, context: &Context) -> Vec<Older> {
    let age = |job: &BackupJob| (job.metadata.creation_timestamp.clone(), job.namespace(), job.name_any());
    let own = age(job);
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    let mut older: Vec<_> = context
        .known
        .instances
        .by(&key)
        .iter()
        .flat_map(|held| {
            let key = Key::instance(&held.namespace().unwrap_or_default(), &held.name_any());
            context.known.backup_jobs.by(&key)
        })
        .filter(|other| age(other) < own)
        .filter(|other| {
            let conditions = other.status.as_ref().map(|status| status.conditions.as_slice());
            is_queued(other.state(), conditions.unwrap_or_default())
        })
        // Who waits for its own instance keeps nobody else from a place.
        .filter(|other| begun_before(other, context).is_none())
        .collect();
    older.sort_by_key(|other| age(other));
    let described = |other: &Arc<BackupJob>| Older {
        namespace: other.namespace().unwrap_or_default(),
        name: other.name_any(),
        instance: Some(other.spec.instance_ref.name.clone()),
    };
    older.iter().map(described).collect()
}
