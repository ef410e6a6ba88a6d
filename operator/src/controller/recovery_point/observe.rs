//! What is known about the points of a vault. Reads only, and only of what watches and the keeper have told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Pledges, PointId, RunId};
use crds::{BackupInstance, BackupVault, RecoveryPoint};
use kube::ResourceExt as _;

use super::facts::Facts;
use super::memory::Answer;
use super::ranges::Ranges;
use crate::cluster::Key;
use crate::context::Context;
use crate::keeper_client::Catalogue;

/// Owned, so that decisions can borrow from it.
pub struct Seen {
    catalogue: Arc<Catalogue>,
    pledges: Pledges,
    instances: Vec<Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    objects: Vec<Arc<RecoveryPoint>>,
    jobs: BTreeMap<RunId, String>,
    in_use: BTreeSet<PointId>,
    answers: BTreeMap<String, Answer>,
    /// Whoever tells of them also fills them in.
    pub ranges: Ranges,
    undeleted: BTreeMap<PointId, String>,
    clock_skewed: bool,
}

/// `None` until the keeper has told its catalogue: without it every point would seem to be gone.
pub fn observe(vault: &BackupVault, context: &Context) -> Option<Seen> {
    let uid = vault.uid()?;
    let catalogue = context.keepers.catalogue(&uid)?;
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    let objects = context.known.points.by(&key);
    Some(Seen {
        catalogue,
        pledges: context.keepers.pledges(&uid),
        instances: context.known.instances.by(&key),
        namespaces: context.living_namespaces(),
        answers: answers(context, &objects),
        ranges: Ranges::default(),
        objects,
        jobs: job_names(context),
        in_use: in_use(context, &key),
        undeleted: context.keepers.undeleted(&uid),
        clock_skewed: context.keepers.is_clock_skewed(&uid),
    })
}

impl Seen {
    pub fn instances(&self) -> &[Arc<BackupInstance>] {
        &self.instances
    }

    pub fn facts<'a>(&'a self, vault: &'a BackupVault, context: &'a Context) -> Facts<'a> {
        Facts {
            vault,
            catalogue: &self.catalogue,
            pledges: self.pledges,
            instances: &self.instances,
            namespaces: &self.namespaces,
            objects: &self.objects,
            jobs: &self.jobs,
            in_use: &self.in_use,
            answers: &self.answers,
            ranges: &self.ranges,
            undeleted: &self.undeleted,
            clock_skewed: self.clock_skewed,
            cluster_id: &context.settings.cluster_id,
        }
    }
}

/// What the keeper said of those that have requests.
fn answers(context: &Context, objects: &[Arc<RecoveryPoint>]) -> BTreeMap<String, Answer> {
    let wall = context.clock.now().wall;
    let answer = |object: &Arc<RecoveryPoint>| {
        let uid = object.uid()?;
        let answer = context.asked.answer(&uid, object.metadata.generation, wall)?;
        Some((uid, answer))
    };
    objects.iter().filter_map(answer).collect()
}

fn job_names(context: &Context) -> BTreeMap<RunId, String> {
    context
        .known
        .backup_jobs
        .all()
        .iter()
        .filter_map(|job| Some((RunId(job.uid()?), job.name_any())))
        .collect()
}

/// The points that restores read which have not ended: as chosen, or as named before that.
fn in_use(context: &Context, vault: &Key) -> BTreeSet<PointId> {
    let restores = context.known.restore_jobs.by(vault);
    let live = restores.iter().filter(|job| !job.is_terminal());
    live.filter_map(|job| {
        let chosen = job.status.as_ref().and_then(|status| status.recovery_point.as_ref());
        if let Some(point) = chosen {
            return Some(PointId(point.id.clone()));
        }
        let name = &job.spec.source.recovery_point_ref.as_ref()?.name;
        let point = context.known.points.get(&job.namespace().unwrap_or_default(), name)?;
        Some(PointId(point.spec.point_id.clone()))
    })
    .collect()
}
