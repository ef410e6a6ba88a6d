//! Grants: what one process needs for one point, and nothing more.

use contract::{PointId, ReadGrant, RestoreOutcome, RunId, WriteGrant, WriterId};
use jiff::Timestamp;

use super::{Vault, VaultError, keys::store_chain_key};
use crate::{
    format::{FORMAT, Hash, Id, Intent, Promise, Record},
    ledger::{LedgerHead, Refused, State, Verdict},
    seal::{ChainKey, Expected, Header, ObjectKind, Suite, open_document, seal_document},
    store::Name,
};

/// What is said of a restore before it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestoreAnnouncement {
    pub point: Id,
    pub namespace: String,
    pub name: String,
    pub spec_hash: String,
    pub target: String,
}

impl Vault {
    /// Gives a process what it needs to write the run's point. Before this returns, the writer's intent is in storage, and
    /// its chain key wrapped for every recipient, as is the catalogue key: no data can come to be that nobody could open or
    /// clear away. Asked again by the same writer, it gives the same but for the chain key, which is always a new one: what
    /// storage has under the chain's name may have been planted there by somebody who wants to read along, or be wrapped for
    /// some recipients only.
    ///
    /// # Errors
    /// [`VaultError::AlreadyDecided`] when the point has a record or a void.
    pub async fn write_grant(
        &self,
        run: &RunId,
        writer: &WriterId,
        deadline: Timestamp,
    ) -> Result<WriteGrant, VaultError> {
        let inner = &self.inner;
        let writer = Id::try_from(writer).map_err(|_| VaultError::Id { what: "the writer's" })?;
        let point = Id::of_point(inner.id, run);
        self.refuse_decided(point).await?;
        self.admit_recipients().await?;
        self.begin(run, point, writer, deadline).await?;
        let chain_key = self.new_chain_key(writer).await?;
        Ok(WriteGrant {
            vault_id: inner.id.to_string(),
            point: point.into(),
            storage: inner.storage.clone(),
            chain_key: chain_key.to_base64(),
            record_key: self.record_key(point, writer).to_base64(),
        })
    }

    /// Gives a process what it needs to read a point, and remembers until when: the point's data stay until then. A vault
    /// that is open for reading only gives the grant and remembers nothing.
    ///
    /// # Errors
    /// When there is no such point, or its key is not at hand or not its own.
    pub async fn read_grant(
        &self,
        run: &RunId,
        point: &PointId,
        reader: &WriterId,
        deadline: Timestamp,
    ) -> Result<ReadGrant, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        let reader = Id::try_from(reader).map_err(|_| VaultError::Id { what: "the reader's" })?;
        let grant = self.reading(point).await?;
        if self.inner.ledger.is_writable() {
            let opened = Promise::ReadOpened { run: run.clone(), point, reader, deadline };
            self.inner.ledger.append(move |state| open_read(state, point, &opened)).await?;
        }
        Ok(grant)
    }

    /// As [`Vault::read_grant`], for whoever may perhaps only read: where storage forbids to write, nothing is remembered, and
    /// the vault is open for reading only from then on. Whoever reads for longer than an hour may then see the point go.
    ///
    /// # Errors
    /// As those of [`Vault::read_grant`].
    pub async fn read_grant_announced_if_allowed(
        &self,
        run: &RunId,
        point: &PointId,
        reader: &WriterId,
        deadline: Timestamp,
    ) -> Result<ReadGrant, VaultError> {
        match self.read_grant(run, point, reader, deadline).await {
            Err(error) if error.writing_is_forbidden() => {
                self.close().await;
                self.read_grant(run, point, reader, deadline).await
            }
            answer => answer,
        }
    }

    /// Says that a reader has ended.
    ///
    /// # Errors
    /// When the ledger does not take it; the read then ends by its deadline.
    pub async fn close_read(&self, run: &RunId) -> Result<LedgerHead, VaultError> {
        let run = run.clone();
        let closed = move |state: &State| match state.read(&run) {
            Some(_) => Verdict::Append(vec![Promise::ReadClosed { run: run.clone() }]),
            None => Verdict::Nothing,
        };
        Ok(self.inner.ledger.append(closed).await?)
    }

    pub(crate) async fn announce_restore(
        &self,
        run: &RunId,
        restore: RestoreAnnouncement,
    ) -> Result<LedgerHead, VaultError> {
        let run = run.clone();
        let announce = move |state: &State| match state.restore_of_run(&run) {
            Some(_) => Verdict::Nothing,
            None => Verdict::Append(vec![Promise::RestoreStarted {
                run: run.clone(),
                point: restore.point,
                namespace: restore.namespace.clone(),
                name: restore.name.clone(),
                spec_hash: restore.spec_hash.clone(),
                target: restore.target.clone(),
            }]),
        };
        Ok(self.inner.ledger.append(announce).await?)
    }

    pub(crate) async fn end_restore(
        &self,
        run: &RunId,
        outcome: RestoreOutcome,
    ) -> Result<LedgerHead, VaultError> {
        let run = run.clone();
        let end = move |state: &State| {
            let known = state.restore_of_run(&run).map(|restore| restore.outcome);
            if known == Some(Some(outcome)) {
                return Verdict::Nothing;
            }
            Verdict::Append(vec![Promise::RestoreEnded { run: run.clone(), outcome }])
        };
        Ok(self.inner.ledger.append(end).await?)
    }

    /// A reading grant for a point that is in the ledger.
    pub(super) async fn reading(&self, point: Id) -> Result<ReadGrant, VaultError> {
        let state = self.inner.ledger.state();
        let known = state.point(point).ok_or(Refused::NotFound { point })?;
        if known.tombstoned.is_some() {
            return Err(Refused::Expired { point }.into());
        }
        let record = self.read_accepted(known).await?;
        self.grant_for(&record, known.point.record_hash).await
    }

    /// A reading grant for a record that was opened.
    pub(super) async fn grant_for(&self, record: &Record, hash: Hash) -> Result<ReadGrant, VaultError> {
        let chain_key = self.chain_key(record.chain, record.chain_commitment).await?;
        Ok(ReadGrant {
            vault_id: self.inner.id.to_string(),
            point: record.point.into(),
            writer: record.writer.into(),
            storage: self.inner.storage.clone(),
            chain_key: chain_key.to_base64(),
            record_key: self.record_key(record.point, record.writer).to_base64(),
            record_hash: hash.to_string(),
        })
    }

    async fn refuse_decided(&self, point: Id) -> Result<(), VaultError> {
        let name = Name::point(point);
        match self.inner.store.get(&name, ObjectKind::Record.stored_limit()).await {
            Ok(stored) => {
                let voided = Header::decode(&name, &stored)?.kind == ObjectKind::Void;
                Err(VaultError::AlreadyDecided { voided })
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a writer's intent, unless it is there already, for the same run.
    async fn begin(&self, run: &RunId, point: Id, writer: Id, deadline: Timestamp) -> Result<(), VaultError> {
        let created = self.inner.clock.now();
        let intent = Intent { format: FORMAT, point, writer, run: run.clone(), created, deadline };
        let object = self.intent_object(point, writer);
        let key = self.record_key(point, writer);
        let sealed = seal_document(&intent, &object, writer, Suite::Aes256Gcm, key.key())?;
        let name = Name::intent(point, writer);
        match self.inner.store.create(&name, sealed).await {
            Ok(_) => Ok(()),
            Err(error) if error.already_exists() => {
                let there = self.read_intent(point, writer).await?;
                let same = there.is_some_and(|there| there.run == *run && there.writer == writer);
                if same { Ok(()) } else { Err(VaultError::WriterUsed { writer }) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A writer's intent; `None` where there is none.
    pub(super) async fn read_intent(&self, point: Id, writer: Id) -> Result<Option<Intent>, VaultError> {
        let name = Name::intent(point, writer);
        let stored = match self.inner.store.get(&name, ObjectKind::Intent.stored_limit()).await {
            Ok(stored) => stored,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let key = self.record_key(point, writer);
        Ok(Some(open_document(&name, &stored, &self.intent_object(point, writer), key.key())?))
    }

    async fn new_chain_key(&self, writer: Id) -> Result<ChainKey, VaultError> {
        let key = ChainKey::random()?;
        if self.inner.recipients.is_empty() {
            return Err(VaultError::NoRecipient);
        }
        for recipient in &self.inner.recipients {
            store_chain_key(&self.inner.store, self.inner.id, writer, &key, recipient).await?;
        }
        Ok(key)
    }

    fn intent_object(&self, point: Id, writer: Id) -> Expected {
        Expected {
            kind: ObjectKind::Intent,
            number: 0,
            vault: self.inner.id,
            chain: Id::NONE,
            point,
            writer: Some(writer),
        }
    }
}

fn open_read(state: &State, point: Id, opened: &Promise) -> Verdict {
    match state.point(point) {
        None => Verdict::Refuse(Refused::NotFound { point }),
        Some(found) if found.tombstoned.is_some() => Verdict::Refuse(Refused::Expired { point }),
        Some(_) => Verdict::Append(vec![opened.clone()]),
    }
}
