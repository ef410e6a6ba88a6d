//! The delete pass: takes away what may go, by proof and in an order that can be broken off anywhere.

use std::collections::BTreeMap;

use contract::Undeleted;
use jiff::{SignedDuration, Timestamp};

use super::{Vault, VaultError, refusals, settle::Decision};
use crate::{
    clock::later,
    format::{Heartbeat, Id, StatePoint},
    ledger::{Refused, State},
    seal::{Expected, ObjectKind, open_document},
    store::{Name, Place},
};

/// What a pass may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepOptions {
    /// Close undecided points whose writers have all been silent for ten minutes, and not only those whose writers are
    /// past their deadlines. Not for whoever has another attempt follow a dead one.
    pub void_silent: bool,
    /// Objects to delete at most, so that a pass ends.
    pub objects: u64,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self { void_silent: true, objects: 100_000 }
    }
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Tombstoned points whose data, or the rest of them, went.
    pub points: u64,
    /// Dead writers whose data went.
    pub writers: u64,
    pub voided: u64,
    /// Tombstoned points of which storage would not delete an object; [`Vault::refused`] says more.
    pub refused: u64,
    pub objects: u64,
    pub bytes: u64,
    /// The bound of [`SweepOptions::objects`] was met: another pass has more to do.
    pub unfinished: bool,
}

/// A tombstoned point's data stay this long: somebody may be in the middle of reading them.
pub(super) const AFTER_TOMBSTONE: SignedDuration = SignedDuration::from_hours(1);
/// An intent outlives its deadline by the life of credentials that were drawn at the last moment, and an hour to be sure.
pub(super) const AFTER_DEADLINE: SignedDuration = SignedDuration::from_hours(2);
/// A void outlives its last intent this long.
const AFTER_VOID: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Heartbeats older than this are those of the dead.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);
/// Stored states that are kept.
const STATES: usize = 4;

impl Vault {
    /// Takes away the data of tombstoned points and of writers that lost, closes points that nobody writes any more.
    ///
    /// Anything that cannot be told for certain is left for the next pass; so is anything that a listing lacks.
    ///
    /// # Errors
    /// A refusal ([`VaultError::refused`]) while nothing may be deleted; the first failure of storage.
    pub async fn sweep(&self, options: SweepOptions) -> Result<SweepReport, VaultError> {
        if !self.check_storage().await? {
            return Err(Refused::RolledBack.into());
        }
        self.may_delete()?;
        self.measure_clocks().await;
        self.may_delete()?;
        let mut report = SweepReport::default();
        let state = self.inner.ledger.state();
        let now = self.inner.clock.now();
        for point in state.points() {
            if !may_go(&state, point, now) {
                continue;
            }
            if self.inner.refusals.is_due(point.point.id, self.inner.clock.wall()) {
                self.sweep_point(point, now, options, &mut report).await?;
            } else {
                report.refused += 1;
            }
            if report.unfinished {
                return Ok(report);
            }
        }
        let attempts = self.attempts().await?;
        for (point, writers) in &attempts {
            match self.sweep_attempts(*point, writers, now, options, &mut report).await {
                // What does not open proves nothing, and is no reason to leave the others.
                Err(error) if error.condemns_the_point() => {
                    tracing::warn!(%point, error = %crate::causes(&error), "what was written of a point cannot be read");
                }
                Err(VaultError::Store(error)) if refusals::is_of_one_object(&error) => {
                    tracing::warn!(%point, %error, "storage does not let go what a dead writer left");
                }
                swept => swept?,
            }
            if report.unfinished {
                return Ok(report);
            }
        }
        self.clear_old_voids(&attempts, now, &mut report).await?;
        self.clear_old_states(&mut report).await?;
        Ok(report)
    }

    /// Takes away what is left of a tombstoned point. One that storage does not let go is tried again later, and is no reason
    /// to leave the others.
    async fn sweep_point(
        &self,
        point: &StatePoint,
        now: Timestamp,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let id = point.point.id;
        if !self.is_left(point).await? {
            self.inner.refusals.keep(|held| held != id);
            self.inner.ledger.may_forget(id);
            return Ok(());
        }
        match self.clear_point(point, now, options, report).await {
            Ok(()) => self.inner.refusals.keep(|held| held != id),
            Err(VaultError::Store(error)) if refusals::is_of_one_object(&error) => {
                tracing::warn!(point = %id, %error, "storage does not let an expired point go");
                self.inner.refusals.note(id, &error, self.inner.clock.wall());
                report.refused += 1;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Tombstoned points that storage did not let go when it was last asked to; `None`: there are none that this process
    /// knows of.
    pub fn refused(&self) -> Option<Undeleted> {
        self.inner.refusals.told()
    }

    /// How many tombstoned points still have their data although the time of these is over. After a pass that came to its end
    /// there is none; after one that failed, storage did not let them go.
    ///
    /// # Errors
    /// The first failure of storage.
    pub async fn undeleted(&self) -> Result<u64, VaultError> {
        let state = self.inner.ledger.state();
        let now = self.inner.clock.now();
        let mut count = 0;
        for point in state.points().filter(|point| may_go(&state, point, now)) {
            // The record goes after all that it speaks of.
            match self.inner.store.head(&Name::point(point.point.id)).await {
                Ok(_) => count += 1,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    /// Points that have intents, and whose. A listing only discovers: each one is judged by what decides it.
    async fn attempts(&self) -> Result<BTreeMap<Id, Vec<Id>>, VaultError> {
        let mut attempts: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
        for listed in self.inner.store.list(&Place::attempts()).await? {
            let mut parts = listed.name.as_str().split('/').skip(1);
            let ids = parts
                .next()
                .and_then(|point| point.parse().ok())
                .zip(parts.next().and_then(|writer| writer.parse().ok()));
            if let Some((point, writer)) = ids {
                attempts.entry(point).or_default().push(writer);
            }
        }
        Ok(attempts)
    }

    async fn sweep_attempts(
        &self,
        point: Id,
        writers: &[Id],
        now: Timestamp,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let state = self.inner.ledger.state();
        let winner = match state.point(point) {
            // Its own pass sees to a tombstoned point's winner.
            Some(known) => Some(known.point.writer),
            None => match self.decision(point).await? {
                Decision::Record { writer, .. } => Some(writer),
                Decision::Void { .. } => None,
                Decision::Nothing => {
                    if self.is_over(point, writers, now, options).await? {
                        let reason = "its writers are silent or past their deadlines";
                        report.voided += u64::from(self.void(point, None, reason).await?);
                    }
                    // Whatever it is now, the next pass acts on it.
                    return Ok(());
                }
            },
        };
        for writer in writers.iter().filter(|writer| Some(**writer) != winner) {
            self.clear_writer(point, *writer, now, options, report).await?;
        }
        Ok(())
    }

    /// Whether nobody is writing a point any more: every writer's deadline has passed, or every heartbeat is old.
    async fn is_over(
        &self,
        point: Id,
        writers: &[Id],
        now: Timestamp,
        options: SweepOptions,
    ) -> Result<bool, VaultError> {
        let mut all_past = true;
        let mut all_silent = true;
        for writer in writers {
            let Some(intent) = self.read_intent(point, *writer).await? else {
                continue;
            };
            all_past &= intent.deadline < now;
            // A writer that has not come to its first heartbeat counts from its intent.
            let last = self.last_beat(point, *writer).await?;
            let silent = match last {
                Some(beat) => later(beat, SILENCE) < self.inner.clock.wall(),
                None => later(intent.created, SILENCE) < now,
            };
            all_silent &= silent;
        }
        Ok(all_past || (options.void_silent && all_silent))
    }

    async fn last_beat(&self, point: Id, writer: Id) -> Result<Option<Timestamp>, VaultError> {
        let name = Name::heartbeat(point, writer);
        let stored = match self.inner.store.get(&name, ObjectKind::Heartbeat.stored_limit()).await {
            Ok(stored) => stored,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let object = Expected {
            kind: ObjectKind::Heartbeat,
            number: 0,
            vault: self.inner.id,
            chain: Id::NONE,
            point,
            writer: Some(writer),
        };
        let key = self.record_key(point, writer);
        let beat: Heartbeat = open_document(&name, &stored, &object, key.key())?;
        Ok(Some(beat.time))
    }

    /// Whether a tombstoned point has anything left: its intent goes last.
    async fn is_left(&self, point: &StatePoint) -> Result<bool, VaultError> {
        match self.inner.store.head(&Name::intent(point.point.id, point.point.writer)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Voids that nobody can run into any more. What else a listing of decisions shows is left alone.
    async fn clear_old_voids(
        &self,
        attempts: &BTreeMap<Id, Vec<Id>>,
        now: Timestamp,
        report: &mut SweepReport,
    ) -> Result<(), VaultError> {
        let state = self.inner.ledger.state();
        for listed in self.inner.store.list(&Place::points()).await? {
            let Ok(point) = listed.name.last().parse::<Id>() else {
                continue;
            };
            let is_young = listed.modified.is_some_and(|modified| later(modified, AFTER_VOID) > now);
            if is_young || state.point(point).is_some() || attempts.contains_key(&point) {
                continue;
            }
            if let Ok(Decision::Void { voided }) = self.decision(point).await
                && later(voided, AFTER_VOID) <= now
            {
                self.inner.store.delete(&listed.name).await?;
                report.objects += 1;
                report.bytes += listed.size;
            }
        }
        Ok(())
    }

    async fn clear_old_states(&self, report: &mut SweepReport) -> Result<(), VaultError> {
        let mut states = self.inner.store.list(&Place::ledger_states()).await?;
        // Those beyond the ledger's end are of entries that were lost: they may be all that tells of them, and must not
        // crowd out the ones that are used.
        let end = Name::ledger_state(self.head().sequence);
        states.retain(|state| state.name <= end);
        states.sort_by(|a, b| a.name.cmp(&b.name));
        let old = states.len().saturating_sub(STATES);
        for state in states.into_iter().take(old) {
            self.inner.store.delete(&state.name).await?;
            report.objects += 1;
            report.bytes += state.size;
        }
        Ok(())
    }
}

/// Whether the data of a point are nobody's any more: it was tombstoned long enough ago, and nobody reads it.
fn may_go(state: &State, point: &StatePoint, now: Timestamp) -> bool {
    point.tombstoned.is_some_and(|since| later(since, AFTER_TOMBSTONE) <= now)
        && !state.is_read(point.point.id, now)
}
