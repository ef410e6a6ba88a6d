//! What is known of an instance's points and of the Job that reads one of them. Reads only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use contract::{Owner, PointId, PointState, PointView};
use crds::{BackupInstance, BackupVault};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use crate::cluster::{self, Key};
use crate::context::Context;
use crate::controller::Error;
use crate::controller::run::{self, SeenAttempt};

/// Facts about the verification of one instance's points.
pub struct Seen {
    pub vault: Arc<BackupVault>,
    /// How long after a point was last found whole it is read again.
    pub every: SignedDuration,
    /// Points that can be restored, in no order.
    pub points: Vec<PointView>,
    /// Points that are known to be damaged, in no order.
    pub damaged: Vec<PointView>,
    /// The Job that reads a point back.
    pub attempts: Vec<SeenAttempt>,
    /// After a run that did not come to its end: its point is not read before this time of the wall clock.
    pub paused: HashMap<PointId, Timestamp>,
    /// Names of the instance's BackupJobs.
    pub jobs: HashSet<String>,
    /// A backup of the instance is not at its end: two would share storage and server.
    pub busy: bool,
}

/// Reads everything that decisions are made from; `None` where nothing is to be verified: the policy does not ask for it, no
/// vault admits the instance, its catalogue is not known yet, there are no rights in its namespace.
///
/// # Errors
/// Reads that failed for another reason than missing rights.
pub async fn observe(instance: &BackupInstance, context: &Context) -> Result<Option<Seen>, Error> {
    let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
    let Some(days) = snapshot.and_then(|snapshot| snapshot.spec.verify_every_days) else { return Ok(None) };
    let namespace = instance.namespace().unwrap_or_default();
    let vault_namespace = instance.spec.vault_ref.namespace_or(&namespace);
    let Some(vault) = context.known.vaults.get(vault_namespace, &instance.spec.vault_ref.name) else {
        return Ok(None);
    };
    let ending = context.namespace(&namespace).is_none_or(|(_, ending)| ending);
    if ending || !vault.spec.allows_namespace(vault_namespace, &namespace) {
        return Ok(None);
    }
    let vault_uid = vault.uid().unwrap_or_default();
    let Some(catalogue) = context.keepers.catalogue(&vault_uid) else { return Ok(None) };
    let uid = instance.uid().unwrap_or_default();
    let is_own = |point: &&PointView| matches!(&point.owner, Owner::Instance { instance_uid, .. } if *instance_uid == uid);
    let own = |state: PointState| {
        let points = catalogue.points.values().filter(is_own);
        points.filter(|point| point.state == state).cloned().collect::<Vec<PointView>>()
    };
    let (points, damaged) = (own(PointState::Available), own(PointState::Damaged));
    let wall = context.clock.now().wall;
    let run = run_of(&uid);
    let attempts = match run::observe::attempts(&context.client, vault_namespace, &run, wall).await {
        Err(error) if cluster::is_forbidden(error.cause()) => return Ok(None),
        other => other?,
    };
    let jobs = context.known.backup_jobs.by(&Key::instance(&namespace, &instance.name_any()));
    let names = jobs.iter().map(|job| job.name_any()).collect();
    let busy = jobs.iter().any(|job| !job.is_terminal());
    let paused = context.keepers.verification_pauses(&vault_uid, wall);
    let every = SignedDuration::from_hours(24 * i64::from(days));
    Ok(Some(Seen { vault, every, points, damaged, attempts, paused, jobs: names, busy }))
}

/// The run that all verifications of an instance belong to. Each reads one point, which its token names.
pub fn run_of(instance_uid: &str) -> String {
    format!("verify-{instance_uid}")
}
