//! What there is of a vault in its namespace, and what its keeper says. Reads only.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{KeyState, PointState, PointView, VaultView};
use crds::common::NextExpiry;
use crds::{BackupInstance, BackupVault, Reason, labels};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::Value;

use super::config::address;
use super::findings::is_clock_skewed;
use crate::cluster::{self, Key, ReadError};
use crate::context::Context;
use crate::controller::{Error, adoption, life, recovery_point};
use crate::keeper_client::{Catalogue, HeldBack, KeeperClient, Trouble};
use crate::names;
use jiff::Timestamp;

/// Facts about one vault.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The API server refused a read in the vault's namespace.
    pub forbidden: bool,
    pub namespace_ending: bool,
    /// The namespace has the label that keeps it from being deleted.
    pub namespace_protected: bool,
    pub config_map: Option<ConfigMap>,
    pub deployment: Option<Deployment>,
    /// Service, ServiceAccounts and NetworkPolicies as they are, by the order of the workload.
    pub service: Option<Value>,
    pub accounts: [Option<Value>; 2],
    pub policies: [Option<Value>; 2],
    /// `None` for a vault without a claim.
    pub claim: Option<Claim>,
    /// The keeper's answer; `None` while it cannot be asked.
    pub keeper: Option<Result<VaultView, Trouble>>,
    /// When it last answered before, by the wall clock.
    pub last_answer: Option<Timestamp>,
    pub held_back: HeldBack,
    /// What `access.adopt` asks for and is waited for, or cannot be.
    pub adoption: Option<(Reason, String)>,
    /// Since when, by the wall clock, the keeper tells of figures that the status does not say.
    pub untold_since: Option<Timestamp>,
    pub instances: usize,
    /// Deleted instances that have points here; `None` until the ledger was read.
    pub deleted_instances: Option<usize>,
    /// What retention will delete next; `None` until the ledger was read.
    pub next_expiry: Option<Option<NextExpiry>>,
    /// Another vault that names the same place, in words for this one's people.
    pub same_place: Option<String>,
    /// Jobs that are not at their end.
    pub active_runs: bool,
    /// Tells one root secret from the next.
    pub root_version: String,
}

/// The claim of a filesystem vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Missing,
    OncePod,
    Usable,
}

/// Reads everything that decisions about the vault are made from.
///
/// # Errors
/// Reads that failed for another reason than missing rights.
pub async fn observe(vault: &BackupVault, context: &Context) -> Result<Seen, Error> {
    let namespace = vault.namespace().unwrap_or_default();
    let uid = vault.uid().unwrap_or_default();
    let mut seen = Seen {
        last_answer: context.keepers.last_answer(&uid),
        held_back: context.keepers.held_back(&uid),
        untold_since: context.keepers.untold_since(&uid),
        root_version: context.root.version.clone(),
        ..Seen::default()
    };
    seen.namespace_ending = context.namespace(&namespace).is_some_and(|(_, ending)| ending);
    seen.namespace_protected =
        context.known.namespaces.get("", &namespace).is_some_and(|held| {
            held.labels().get(labels::HOLDS_BACKUPS).is_some_and(|value| value == "true")
        });
    seen.instances = users(vault, context, context.keepers.catalogue(&uid).as_deref());
    seen.active_runs = has_active_runs(vault, context);
    seen.same_place = same_place(vault, &context.known.vaults.all());
    match objects(vault, context, &mut seen).await {
        Ok(()) => {}
        Err(error) if cluster::is_forbidden(error.cause()) => {
            seen.forbidden = true;
            return Ok(seen);
        }
        Err(error) => return Err(error.into()),
    }
    ask_keeper(vault, context, &mut seen).await?;
    seen.next_expiry = recovery_point::next_expiry(vault, context);
    seen.adoption = adoption::pending(vault, context);
    let catalogue = context.keepers.catalogue(&uid);
    seen.instances = users(vault, context, catalogue.as_deref());
    seen.deleted_instances = catalogue.map(|catalogue| with_points(&catalogue));
    Ok(seen)
}

/// Instances whose namespace the vault takes, and those that it took before and that have points here. Of others it is no use:
/// anybody could name it, and keep it from going.
fn users(vault: &BackupVault, context: &Context, catalogue: Option<&Catalogue>) -> usize {
    let namespace = vault.namespace().unwrap_or_default();
    let has_points = |instance: &BackupInstance| match (catalogue, instance.uid()) {
        (Some(catalogue), Some(uid)) => {
            let left = |point: &&PointView| point.state != PointState::Expired;
            catalogue.points.values().filter(left).any(|point| life::uid(&point.owner) == Some(&uid))
        }
        // Until the ledger was read, by what the instance said last.
        _ => {
            instance.status.as_ref().and_then(|status| status.recovery_points).is_some_and(|count| count > 0)
        }
    };
    let is_use = |instance: &&Arc<BackupInstance>| {
        vault.spec.allows_namespace(&namespace, &instance.namespace().unwrap_or_default())
            || has_points(instance.as_ref())
    };
    let instances = context.known.instances.by(&Key::vault(&namespace, &vault.name_any()));
    instances.iter().filter(is_use).count()
}

/// Deleted instances, by their UIDs, that still have points.
fn with_points(catalogue: &Catalogue) -> usize {
    let left = catalogue.points.values().filter(|point| point.state != PointState::Expired);
    let deleted = left.filter(|point| life::is_deleted(catalogue, &point.owner));
    deleted.filter_map(|point| life::uid(&point.owner)).collect::<BTreeSet<_>>().len()
}

/// Whether any job of the vault is not at its end.
fn has_active_runs(vault: &BackupVault, context: &Context) -> bool {
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    let backs_up = context.known.instances.by(&key).iter().any(|instance| {
        let key = Key::instance(&instance.namespace().unwrap_or_default(), &instance.name_any());
        context.known.backup_jobs.by(&key).iter().any(|job| !job.is_terminal())
    });
    backs_up || context.known.restore_jobs.by(&key).iter().any(|job| !job.is_terminal())
}

/// A vault of another namespace is not named: who may see it is not known here.
fn same_place(vault: &BackupVault, all: &[Arc<BackupVault>]) -> Option<String> {
    let own = vault.namespace();
    let elsewhere = |other: &&Arc<BackupVault>| other.uid() != vault.uid();
    let claims = |other: &BackupVault| other.spec.storage.filesystem.is_none() || other.namespace() == own;
    let same =
        |other: &&Arc<BackupVault>| other.spec.storage.is_same_place(&vault.spec.storage) && claims(other);
    let mut others: Vec<_> = all.iter().filter(elsewhere).filter(same).collect();
    others.sort_by_key(|other| (other.namespace() != own, other.name_any()));
    others.first().map(|other| {
        if other.namespace() == own {
            format!("BackupVault {}", other.name_any())
        } else {
            "A BackupVault of another namespace".to_owned()
        }
    })
}

async fn objects(vault: &BackupVault, context: &Context, seen: &mut Seen) -> Result<(), ReadError> {
    let client = &context.client;
    let namespace = vault.namespace().unwrap_or_default();
    let [keeper, mover] = [names::keeper(&vault.name_any()), names::mover(&vault.name_any())];
    seen.config_map = cluster::get(client, &namespace, &keeper).await?;
    seen.deployment = cluster::get(client, &namespace, &keeper).await?;
    seen.service = cluster::get::<Service>(client, &namespace, &keeper).await?.as_ref().map(value);
    for (index, name) in [&keeper, &mover].into_iter().enumerate() {
        seen.accounts[index] =
            cluster::get::<ServiceAccount>(client, &namespace, name).await?.as_ref().map(value);
        seen.policies[index] =
            cluster::get::<NetworkPolicy>(client, &namespace, name).await?.as_ref().map(value);
    }
    if let Some(filesystem) = &vault.spec.storage.filesystem {
        let claim = cluster::get::<PersistentVolumeClaim>(client, &namespace, &filesystem.claim_name).await?;
        seen.claim = Some(claim.as_ref().map_or(Claim::Missing, judge_claim));
    }
    Ok(())
}

fn judge_claim(claim: &PersistentVolumeClaim) -> Claim {
    let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_ref());
    if modes.is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteOncePod")) {
        Claim::OncePod
    } else {
        Claim::Usable
    }
}

async fn ask_keeper(vault: &BackupVault, context: &Context, seen: &mut Seen) -> Result<(), Error> {
    let (namespace, name, uid) =
        (vault.namespace().unwrap_or_default(), vault.name_any(), vault.uid().unwrap_or_default());
    let Some(address) = seen.config_map.as_ref().and_then(|map| address(map, &namespace, &name)) else {
        return Ok(());
    };
    if seen.deployment.is_none() {
        return Ok(());
    }
    let client = context.keeper(&uid, &address)?;
    let answer = client.vault().await;
    if let Ok(view) = &answer {
        let wall = context.clock.now().wall;
        context.keepers.answered(&uid, wall, is_clock_skewed(view, wall), view);
        if seen.active_runs
            && let Ok(runs) = client.runs().await
        {
            context.keepers.heard(&uid, runs, wall);
        }
        follow_catalogue(context, &uid, &client, view).await;
    }
    seen.keeper = Some(answer.map_err(|error| Trouble::from(&error)));
    Ok(())
}

/// Asks for what the catalogue lacks. A keeper that cannot say is asked again with the next look.
async fn follow_catalogue(context: &Context, uid: &str, client: &KeeperClient, view: &VaultView) {
    if view.key != KeyState::Open {
        return;
    }
    let head = view.head.as_ref().map_or(0, |head| head.sequence);
    let mut known = context.keepers.catalogue(uid).map(|catalogue| catalogue.sequence);
    if known.is_some_and(|known| head < known) {
        // Storage holds another history than was folded.
        context.keepers.forget_catalogue(uid);
        known = None;
    }
    if known.is_none_or(|known| head > known) {
        match client.points(known.unwrap_or(0)).await {
            Ok(points) => {
                context.keepers.fold(uid, points);
            }
            Err(error) => tracing::warn!(vault = uid, %error, "failed to read the catalogue"),
        }
    }
}

fn value<K: Serialize>(object: &K) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
