//! What became of a run's point.

use contract::{RunId, Settled, Stage};
use jiff::Timestamp;

use super::{Expiry, Vault, VaultError};
use crate::{
    format::{FORMAT, Hash, Id, Void},
    ledger::Refused,
    seal::{Expected, Header, ObjectKind, Suite, open_document, seal_document},
    store::Name,
};

/// What is at the place of a point's decision.
pub(super) enum Decision {
    Nothing,
    Void { voided: Timestamp },
    Record { writer: Id, record: Box<crate::format::Record>, hash: Hash },
}

impl Vault {
    /// Reads what a run has left and, where that is a good record, promises the point. With `void`, a point that is undecided
    /// is closed for good; exactly one of a commit and a void can win.
    ///
    /// # Errors
    /// When storage, ledger or keys keep it from being told. A record that is at fault itself is an answer:
    /// [`Settled::Rejected`].
    pub async fn settle(
        &self,
        run: &RunId,
        void: bool,
        reason: &str,
        expiry: Expiry<'_>,
    ) -> Result<Settled, VaultError> {
        let point = Id::of_point(self.inner.id, run);
        if let Some(view) = self.point(&point.into()) {
            return Ok(Settled::Accepted(Box::new(view)));
        }
        // A second look suffices: if a void is refused, the decision is there.
        for _ in 0..2 {
            let decision = match self.decision(point).await {
                Ok(decision) => decision,
                Err(error) if error.condemns_the_point() => {
                    return Ok(Settled::Rejected(error.failure(Stage::Accepting)));
                }
                Err(error) => return Err(error),
            };
            match decision {
                Decision::Void { .. } => return Ok(Settled::Voided),
                Decision::Record { record, hash, .. } => {
                    return self.settle_record(&record, hash, expiry).await;
                }
                Decision::Nothing if !void => return Ok(Settled::Undecided),
                Decision::Nothing => {
                    if self.void(point, Some(run), reason).await? {
                        return Ok(Settled::Voided);
                    }
                }
            }
        }
        Ok(Settled::Undecided)
    }

    async fn settle_record(
        &self,
        record: &crate::format::Record,
        hash: Hash,
        expiry: Expiry<'_>,
    ) -> Result<Settled, VaultError> {
        match self.accept(record, hash, expiry).await {
            Ok(point) => match self.point(&point) {
                Some(view) => Ok(Settled::Accepted(Box::new(view))),
                None => Err(Refused::NotFound { point: record.point }.into()),
            },
            Err(error) if error.condemns_the_point() => {
                Ok(Settled::Rejected(error.failure(Stage::Accepting)))
            }
            Err(error) => Err(error),
        }
    }

    /// What decides a point in storage, opened.
    pub(super) async fn decision(&self, point: Id) -> Result<Decision, VaultError> {
        let name = Name::point(point);
        let stored = match self.inner.store.get(&name, ObjectKind::Record.stored_limit()).await {
            Ok(stored) => stored,
            Err(error) if error.is_not_found() => return Ok(Decision::Nothing),
            Err(error) => return Err(error.into()),
        };
        let header = Header::decode(&name, &stored)?;
        if header.kind == ObjectKind::Void {
            let object = self.void_object(point, header.writer);
            let key = self.record_key(point, header.writer);
            let void: Void = open_document(&name, &stored, &object, key.key())?;
            return Ok(Decision::Void { voided: void.voided });
        }
        let record = self.open_record(&name, point, header.writer, &stored)?;
        Ok(Decision::Record { writer: header.writer, record: Box::new(record), hash: Hash::of(&stored) })
    }

    /// Closes a point; `false` when it was decided in the meantime.
    pub(super) async fn void(
        &self,
        point: Id,
        run: Option<&RunId>,
        reason: &str,
    ) -> Result<bool, VaultError> {
        let inner = &self.inner;
        let void = Void {
            format: FORMAT,
            point,
            writer: inner.process,
            run: run.cloned(),
            voided: inner.clock.now(),
            reason: reason.chars().take(1_000).collect(),
        };
        let object = self.void_object(point, inner.process);
        let key = self.record_key(point, inner.process);
        let sealed = seal_document(&void, &object, inner.process, Suite::Aes256Gcm, key.key())?;
        match inner.store.create(&Name::point(point), sealed).await {
            Ok(_) => Ok(true),
            Err(error) if error.already_exists() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn void_object(&self, point: Id, writer: Id) -> Expected {
        Expected {
            kind: ObjectKind::Void,
            number: 0,
            vault: self.inner.id,
            chain: Id::NONE,
            point,
            writer: Some(writer),
        }
    }
}
