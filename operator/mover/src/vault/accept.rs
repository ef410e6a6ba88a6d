//! Accepting a point: from here on it is promised.

use std::collections::{HashMap, HashSet};

use contract::PointId;
use jiff::{SignedDuration, Timestamp};

use super::{Vault, VaultError};
use crate::{
    clock::later,
    format::{AcceptedPoint, FORMAT, Hash, Id, Promise, Record, StatePoint},
    ledger::{State, Verdict},
    point::{PointReader, ReadError},
    seal::{Expected, Header, ObjectKind, open_document},
    store::{Listed, Name, Place},
    verify::structure,
};

/// Until when a point is kept, told from its record; `None`: until somebody removes it. An error says why it cannot be told.
pub type Expiry<'a> = &'a (dyn Fn(&Record) -> Result<Option<Timestamp>, String> + Send + Sync);

/// How far a point may lie ahead of the custodian's clock.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

impl Vault {
    /// Checks the record that a run has committed, and everything that it names but packs, and promises the point. Asked
    /// again, it changes nothing.
    ///
    /// # Errors
    /// What is wrong with the point; what keeps it from being looked at.
    pub(super) async fn accept(
        &self,
        record: &Record,
        hash: Hash,
        expiry: Expiry<'_>,
    ) -> Result<PointId, VaultError> {
        let point = record.point;
        self.check_times(record)?;
        let grant = self.grant_for(record, hash).await?;
        let store = std::sync::Arc::clone(&self.inner.store);
        let reader = PointReader::open(store, &grant).await?;
        let names = self.check_inventory(&reader).await?;
        structure::check(&reader, &names).await?;
        let expiration_time = expiry(record).map_err(|reason| VaultError::Expiry { point, reason })?;
        let accepted = AcceptedPoint {
            id: point,
            run: record.run.clone(),
            writer: record.writer,
            record_hash: hash,
            owner: record.owner.clone(),
            decision: record.decision.clone(),
            point_time: record.point_time,
            commit_time: record.commit_time,
            expiration_time,
            deadline: record.deadline,
            source: record.source.clone(),
            data_stores: record.data_stores.clone(),
            stored_bytes: record.stored_bytes,
            objects: record.objects,
            coverage: record.coverage.clone(),
            warnings: record.warnings.clone(),
        };
        let accept = move |state: &State| match state.point(point) {
            Some(_) => Verdict::Nothing,
            None => Verdict::Append(vec![Promise::Accepted { point: Box::new(accepted.clone()) }]),
        };
        self.inner.ledger.append(accept).await?;
        // The writer is done. What it may have left half written is in nobody's way.
        if let Err(error) = self.inner.store.clear_unfinished(record.writer).await {
            tracing::warn!(%point, %error, "a writer's unfinished files could not be removed");
        }
        Ok(point.into())
    }

    /// Opens the record of a promised point. A record of a newer format is none that is damaged: what was accepted decides,
    /// before anything is read in it.
    pub(super) async fn read_accepted(&self, known: &StatePoint) -> Result<Record, VaultError> {
        let point = known.point.id;
        let name = Name::point(point);
        let stored = match self.inner.store.get(&name, ObjectKind::Record.stored_limit()).await {
            Err(error) if error.is_not_found() => return Err(ReadError::NotFound { point }.into()),
            stored => stored?,
        };
        if Hash::of(&stored) != known.point.record_hash {
            return Err(ReadError::contradiction(&name, "it is not the record that was accepted").into());
        }
        self.open_record(&name, point, known.point.writer, &stored)
    }

    pub(super) fn open_record(
        &self,
        name: &Name,
        point: Id,
        writer: Id,
        stored: &bytes::Bytes,
    ) -> Result<Record, VaultError> {
        let header = Header::decode(name, stored)?;
        let object = Expected {
            kind: ObjectKind::Record,
            number: 0,
            vault: self.inner.id,
            chain: writer,
            point,
            writer: Some(writer),
        };
        let key = self.record_key(point, header.writer);
        let record: Record = open_document(name, stored, &object, key.key())?;
        let is_its_own = record.format == FORMAT
            && record.vault == self.inner.id
            && record.point == point
            && record.writer == writer
            && record.chain == writer
            && Id::of_point(self.inner.id, &record.run) == point;
        if !is_its_own {
            return Err(ReadError::contradiction(name, "the record tells of another point").into());
        }
        Ok(record)
    }

    /// A point from the future would hold back all older ones from expiry.
    fn check_times(&self, record: &Record) -> Result<(), VaultError> {
        let limit = later(self.inner.clock.now(), AHEAD);
        let time = record.point_time.max(record.commit_time);
        if time > limit {
            return Err(VaultError::FromTheFuture { point: record.point, time });
        }
        Ok(())
    }

    /// Level 1: every object is there with the size and ETag of its PUT's answer. Returns the numbers of all of them.
    pub(super) async fn check_inventory(&self, reader: &PointReader) -> Result<HashSet<u32>, VaultError> {
        let record = reader.record();
        let listed = self.inner.store.list(&Place::data(record.writer)).await?;
        let listed: HashMap<Name, Listed> =
            listed.into_iter().map(|listed| (listed.name.clone(), listed)).collect();
        let mut numbers = HashSet::new();
        let mut bytes = 0u64;
        for page in 0..record.inventory.len() {
            for object in reader.inventory_page(page).await?.objects {
                let name = reader.name(&object.object)?;
                match listed.get(&name) {
                    Some(listed) => {
                        reader.check_described(&object, listed.size, listed.etag.as_deref()).await?
                    }
                    // Listings lag behind.
                    None => reader.check_stored(&object).await?,
                }
                let number = object.object.name.parse().ok().filter(|number| numbers.insert(*number));
                if number.is_none() {
                    return Err(
                        ReadError::contradiction(&name, "the inventory names it twice or wrongly").into()
                    );
                }
                bytes = bytes.saturating_add(object.object.size);
            }
        }
        let pages = record.inventory.iter().chain(&record.contents);
        bytes = pages.fold(bytes, |bytes, page| bytes.saturating_add(page.size));
        let objects = (numbers.len() + record.inventory.len() + record.contents.len()) as u64;
        if (objects, bytes) != (record.objects, record.stored_bytes) {
            let name = Name::point(record.point);
            let what = format!("it counts {} objects of {} bytes", record.objects, record.stored_bytes);
            return Err(ReadError::contradiction(&name, format!("{what}, not {objects} of {bytes}")).into());
        }
        Ok(numbers)
    }
}
