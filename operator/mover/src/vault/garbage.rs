//! Taking one writer's objects away, the ones that others depend on last.

use jiff::{SignedDuration, Timestamp};

use super::{
    SweepOptions, SweepReport, Vault, VaultError,
    sweep::{AFTER_DEADLINE, AFTER_TOMBSTONE},
};
use crate::{
    clock::later,
    format::{Id, StatePoint},
    store::{Listed, Name, Place, StoreError, StoreErrorKind, Verb},
};

/// A point's objects are looked for this long after they may go: what one listing lacks a later one shows.
const LISTED: SignedDuration = SignedDuration::from_hours(2);

impl Vault {
    /// A tombstoned point: packs, lists, manifests and keys; inventory and contents; the record; and, once nobody can write
    /// any more and listings have had time to show all there was, the heartbeat and the intent. Repeated until the intent
    /// is gone.
    pub(super) async fn clear_point(
        &self,
        point: &StatePoint,
        now: Timestamp,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let (id, writer) = (point.point.id, point.point.writer);
        let before = report.objects;
        self.clear_data(writer, options, report).await?;
        if report.unfinished {
            return Ok(());
        }
        // Only the record that was tombstoned: another one under this name would be a late writer's, and is no point either.
        self.inner.store.delete(&Name::point(id)).await?;
        self.is_gone(id, writer).await?;
        let since = point.tombstoned.map_or(now, |tombstoned| later(tombstoned, AFTER_TOMBSTONE));
        if later(since, LISTED) <= now && later(point.point.deadline, AFTER_DEADLINE) <= now {
            self.clear_intent(id, writer).await?;
        }
        report.points += u64::from(report.objects > before);
        Ok(())
    }

    /// A writer that lost, or whose point was voided: everything of it is garbage by proof.
    pub(super) async fn clear_writer(
        &self,
        point: Id,
        writer: Id,
        now: Timestamp,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let Some(intent) = self.read_intent(point, writer).await? else {
            return Ok(());
        };
        let before = report.objects;
        self.clear_data(writer, options, report).await?;
        if report.unfinished {
            return Ok(());
        }
        if later(intent.deadline, AFTER_DEADLINE) <= now {
            self.clear_intent(point, writer).await?;
        }
        report.writers += u64::from(report.objects > before);
        Ok(())
    }

    async fn clear_data(
        &self,
        writer: Id,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let store = &self.inner.store;
        let listed = store.list(&Place::data(writer)).await?;
        let keys = store.list(&Place::chain_keys(writer)).await?;
        let is_page = |listed: &Listed| listed.name.last().starts_with(['i', 'c']);
        let (pages, data): (Vec<Listed>, Vec<Listed>) = listed.into_iter().partition(is_page);
        for object in data.into_iter().chain(keys).chain(pages) {
            if report.objects >= options.objects {
                report.unfinished = true;
                return Ok(());
            }
            store.delete(&object.name).await?;
            report.objects += 1;
            report.bytes = report.bytes.saturating_add(object.size);
        }
        Ok(store.clear_unfinished(writer).await?)
    }

    /// Whether storage has done what it said: nothing of the point is shown any more. A store may take a deletion and keep the
    /// object all the same, as one does that a rule of its own holds.
    async fn is_gone(&self, point: Id, writer: Id) -> Result<(), VaultError> {
        let store = &self.inner.store;
        let mut left = store.list(&Place::data(writer)).await?;
        left.extend(store.list(&Place::chain_keys(writer)).await?);
        let mut name = left.into_iter().map(|listed| listed.name).next();
        if name.is_none() {
            match store.head(&Name::point(point)).await {
                Ok(_) => name = Some(Name::point(point)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(name) = name else { return Ok(()) };
        let what = "it is still there after storage said that it was deleted";
        Err(StoreError::new(Verb::Delete, name.as_str(), StoreErrorKind::Unexpected, what).into())
    }

    async fn clear_intent(&self, point: Id, writer: Id) -> Result<(), VaultError> {
        self.inner.store.delete(&Name::heartbeat(point, writer)).await?;
        self.inner.store.delete(&Name::intent(point, writer)).await?;
        Ok(())
    }
}
