//! What there is of a restore in cluster, index and ledger. Reads only.

use contract::{Connection, RunId};
use crds::{BackupVault, RestoreJob};
use kube::ResourceExt as _;
use tokio::sync::OwnedMutexGuard;

use super::build::spec_hash;
use super::facts::Facts;
use crate::cluster::Key;
use crate::context::Context;
use crate::controller::Error;
use crate::controller::run::connection::{self, Place as Target};
use crate::controller::run::place::{Asking, Most, Older, Place, is_queued, place};
use crate::controller::run::{AttemptState, Fault, SeenAttempt, observe};
use crate::keeper_client::Trouble;

/// The kind whose Jobs count against `limits.concurrentRestores`.
pub const KIND: &str = "RestoreJob";
/// The database to log in to: the one to make does not exist yet.
const LOGIN_DATABASE: &str = "postgres";

/// Facts, and the vault's turn if they say that a run may begin.
pub struct Seen {
    pub facts: Facts,
    /// Held until the Job is made, so that two jobs are not given the same place.
    _turn: Option<OwnedMutexGuard<()>>,
}

/// Reads everything that decisions about the job are made from.
///
/// # Errors
/// Reads that failed for another reason than absence and missing rights on Secrets.
pub async fn observe(job: &RestoreJob, context: &Context) -> Result<Seen, Error> {
    let namespace = job.namespace().unwrap_or_default();
    let reference = &job.spec.vault_ref;
    let point = job.spec.source.recovery_point_ref.as_ref();
    let mut facts = Facts {
        vault: context.known.vaults.get(reference.namespace_or(&namespace), &reference.name),
        point: point.and_then(|point| context.known.points.get(&namespace, &point.name)),
        catalogue: None,
        namespace_uid: context.namespace(&namespace).map(|(uid, _)| uid),
        attempts: Vec::new(),
        forbidden: None,
        movement: None,
        listening: None,
        place: Place::Free,
        connection: None,
        keeper: None,
        beside_keeper: true,
        ledger: None,
        spec_hash: spec_hash(job),
    };
    let run = job.uid().unwrap_or_default();
    let (wall, vault_namespace) = (context.clock.now().wall, reference.namespace_or(&namespace));
    let Some(vault) = facts.vault.clone() else {
        facts.attempts = observe::orphaned_attempts(&context.client, vault_namespace, &run, wall).await?;
        return Ok(Seen { facts, _turn: None });
    };
    (facts.attempts, facts.forbidden) = observe::attempts_or_why_not(context, &vault, &run).await?;
    if job.is_terminal() || facts.forbidden.is_some() {
        return Ok(Seen { facts, _turn: None });
    }
    let vault_uid = vault.uid().unwrap_or_default();
    facts.catalogue = context.keepers.catalogue(&vault_uid);
    facts.movement = context.keepers.movement(&vault_uid, &RunId(run.clone()));
    facts.listening = context.keepers.listening(&vault_uid);
    facts.keeper = observe::keeper_address(&context.client, &vault).await?;
    if !nothing_runs(&facts.attempts) {
        return Ok(Seen { facts, _turn: None });
    }
    facts.namespace_uid = observe::namespace_uid(&context.client, &namespace).await?;
    facts.ledger = ledger(job, context, &vault, &facts).await?;
    let turn = context.turns.of(&vault_uid).await;
    let jobs = observe::jobs_of_vault(&context.client, &vault, KIND).await?;
    let of_vault = usize::try_from(vault.spec.limits.concurrent_restores).unwrap_or(1);
    let asking = Asking { run: &run, instance: None };
    let most = Most { of_vault, of_server: of_vault };
    facts.place = place(asking, &jobs, &older_in_queue(job, &vault, context), &|_| None, most);
    facts.beside_keeper = observe::beside_keeper(&context.client, &vault).await?;
    facts.connection = target(job, &namespace, context).await?;
    Ok(Seen { facts, _turn: Some(turn) })
}

fn nothing_runs(attempts: &[SeenAttempt]) -> bool {
    attempts.iter().all(|held| matches!(held.state, AttemptState::Suspended | AttemptState::Ended(_)))
}

/// Restores from the same vault that were created earlier and wait for a place like this one, oldest first.
fn older_in_queue(job: &RestoreJob, vault: &BackupVault, context: &Context) -> Vec<Older> {
    let age = |job: &RestoreJob| (job.metadata.creation_timestamp.clone(), job.namespace(), job.name_any());
    let own = age(job);
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    let mut older = context.known.restore_jobs.by(&key);
    older.retain(|other| {
        let conditions = other.status.as_ref().map(|status| status.conditions.as_slice());
        age(other) < own && is_queued(other.state(), conditions.unwrap_or_default())
    });
    older.sort_by_key(|other| age(other));
    let described = |other: &std::sync::Arc<RestoreJob>| Older {
        namespace: other.namespace().unwrap_or_default(),
        name: other.name_any(),
        instance: None,
    };
    older.iter().map(described).collect()
}

/// What the ledger knows of a restore of this name; `None` while there is no keeper to ask.
async fn ledger(
    job: &RestoreJob,
    context: &Context,
    vault: &BackupVault,
    facts: &Facts,
) -> Result<Option<Result<Option<contract::RestoreSeen>, Trouble>>, Error> {
    let Some(address) = &facts.keeper else { return Ok(None) };
    let client = context.keeper(&vault.uid().unwrap_or_default(), address)?;
    let answer = client.restore(&job.namespace().unwrap_or_default(), &job.name_any()).await;
    Ok(Some(answer.map_err(|error| Trouble::from(&error))))
}

/// The way to the server that databases are made on.
async fn target(
    job: &RestoreJob,
    namespace: &str,
    context: &Context,
) -> Result<Option<Result<Connection, Fault>>, Error> {
    let Some(server) = job.spec.target.server() else { return Ok(None) };
    let material = observe::material(&context.client, namespace, server.credentials, &server.tls).await?;
    let target = Target {
        host: server.host,
        port: server.port,
        database: LOGIN_DATABASE,
        credentials: server.credentials,
        tls: server.tls,
        namespace,
        bind_command: context.settings.secret_reader_command(namespace),
    };
    Ok(Some(connection::connection(&target, &material)))
}
