//! Reads one point, from its record inwards. Each step proves the next.

use std::sync::Arc;

use bytes::Bytes;
use contract::ReadGrant;

use super::{FrameStream, ReadError, pieces::Pieces, session::Session};
use crate::{
    format::{
        ContentsPage, FORMAT, Globals, Hash, InventoryObject, InventoryPage, ListEntry, ListPage, ListRef,
        Manifest, Record, Reference, SchemaStreamRef, SegmentEntry,
    },
    seal::{Expected, ObjectKind, SealKey, open_document},
    store::{Name, SharedStore},
};

/// A point whose record was read and whose keys fit. Clones share it.
#[derive(Clone)]
pub struct PointReader {
    pub(super) inner: Arc<Reading>,
}

pub(super) struct Reading {
    store: SharedStore,
    pub session: Session,
    record: Record,
    pub pieces: Pieces,
}

impl PointReader {
    /// Reads the record of a grant's point and proves the chain key by it.
    ///
    /// # Errors
    /// When there is no record, it is not the one that was accepted, or a key does not fit.
    pub async fn open(store: SharedStore, grant: &ReadGrant) -> Result<Self, ReadError> {
        let (session, hash) = Session::of_reader(grant).map_err(|what| ReadError::Grant { what })?;
        let name = Name::point(session.point);
        let stored = match store.get(&name, ObjectKind::Record.stored_limit()).await {
            Err(error) if error.is_not_found() => return Err(ReadError::NotFound { point: session.point }),
            stored => stored?,
        };
        if Hash::of(&stored) != hash {
            return Err(ReadError::contradiction(&name, "it is not the record that was accepted"));
        }
        let expected = session.expected(ObjectKind::Record, 0);
        let record: Record = open_document(&name, &stored, &expected, session.record_key.key())?;
        let is_its_own = record.format == FORMAT
            && record.vault == session.vault
            && record.point == session.point
            && record.writer == session.writer
            && record.chain == session.writer;
        if !is_its_own {
            return Err(ReadError::contradiction(&name, "the record tells of another point"));
        }
        if !session.chain_key.fits(session.vault, record.chain, record.chain_commitment) {
            return Err(ReadError::KeySubstituted);
        }
        let pieces = Pieces::new(Arc::clone(&store), session.writer);
        Ok(Self { inner: Arc::new(Reading { store, session, record, pieces }) })
    }

    pub fn record(&self) -> &Record {
        &self.inner.record
    }

    /// The manifest of one of the record's data stores.
    ///
    /// # Errors
    /// When there is none, or it is not what the record names.
    pub async fn manifest(&self, data_store: usize) -> Result<Manifest, ReadError> {
        let name = Name::point(self.inner.session.point);
        let reference =
            self.inner.record.manifests.get(data_store).ok_or_else(|| {
                ReadError::contradiction(&name, format!("it has no data store {data_store}"))
            })?;
        self.data_document(ObjectKind::Manifest, reference).await
    }

    /// What the server has besides its databases, where the point has it.
    ///
    /// # Errors
    /// When it is not what the record names.
    pub async fn globals(&self) -> Result<Option<Globals>, ReadError> {
        let Some(reference) = &self.inner.record.globals else { return Ok(None) };
        let globals: Globals = self.data_document(ObjectKind::Manifest, reference).await?;
        if globals.format != FORMAT {
            return Err(ReadError::contradiction(&self.name(reference)?, "its format is another one"));
        }
        Ok(Some(globals))
    }

    /// One page of a list.
    ///
    /// # Errors
    /// When it is not what the manifest names.
    pub async fn list_page<E: ListEntry>(&self, page: &ListRef) -> Result<Vec<E>, ReadError> {
        let name = self.name(&page.object)?;
        if page.list != E::LIST {
            return Err(ReadError::contradiction(&name, "it is a page of another list"));
        }
        let stored: ListPage<E> = self.data_document(ObjectKind::List, &page.object).await?;
        let fits = stored.format == FORMAT
            && stored.list == E::LIST
            && u32::try_from(stored.entries.len()).is_ok_and(|entries| entries == page.entries);
        if !fits {
            return Err(ReadError::contradiction(&name, "the page does not hold what the manifest says"));
        }
        Ok(stored.entries)
    }

    /// A whole list, in memory.
    ///
    /// # Errors
    /// When one of its pages is not what the manifest names.
    pub async fn list<E: ListEntry>(&self, manifest: &Manifest) -> Result<Vec<E>, ReadError> {
        self.list_of(&manifest.lists).await
    }

    /// A whole list of globals, as [`PointReader::list`].
    ///
    /// # Errors
    /// When one of its pages is not what is named.
    pub async fn list_of<E: ListEntry>(&self, lists: &[ListRef]) -> Result<Vec<E>, ReadError> {
        let mut entries = Vec::new();
        for page in lists.iter().filter(|page| page.list == E::LIST) {
            entries.extend(self.list_page(page).await?);
        }
        Ok(entries)
    }

    /// The bytes of a segment's rows.
    pub fn rows(&self, segment: &SegmentEntry) -> FrameStream {
        FrameStream::new(self.clone(), ObjectKind::Pack, segment.spans.clone(), segment.plain_bytes)
    }

    /// The bytes of the schema stream.
    pub fn schema(&self, schema: &SchemaStreamRef) -> FrameStream {
        FrameStream::new(self.clone(), ObjectKind::Schema, schema.spans.clone(), schema.plain_bytes)
    }

    /// A page of the inventory.
    ///
    /// # Errors
    /// When it is not what the record names.
    pub async fn inventory_page(&self, number: usize) -> Result<InventoryPage, ReadError> {
        let reference = nth(&self.inner.record.inventory, number, self)?;
        let page: InventoryPage = self.outer_document(ObjectKind::Inventory, number, reference).await?;
        if usize::try_from(page.page).ok() != Some(number) || page.format != FORMAT {
            return Err(ReadError::contradiction(&self.name(reference)?, "it is another page"));
        }
        Ok(page)
    }

    /// A page of the contents.
    ///
    /// # Errors
    /// When it is not what the record names.
    pub async fn contents_page(&self, number: usize) -> Result<ContentsPage, ReadError> {
        let reference = nth(&self.inner.record.contents, number, self)?;
        let page: ContentsPage = self.outer_document(ObjectKind::Contents, number, reference).await?;
        let data_stores = self.inner.record.data_stores.len();
        let fits = usize::try_from(page.page).ok() == Some(number)
            && page.format == FORMAT
            && usize::try_from(page.data_store).is_ok_and(|data_store| data_store < data_stores);
        if !fits {
            return Err(ReadError::contradiction(&self.name(reference)?, "it is another page"));
        }
        Ok(page)
    }

    /// The stored bytes of an object of this point, without looking into it.
    ///
    /// # Errors
    /// When storage does not give it.
    pub async fn stored(&self, reference: &Reference, limit: u64) -> Result<Bytes, ReadError> {
        let name = self.name(reference)?;
        Ok(self.inner.store.get(&name, limit).await?)
    }

    /// Whether an object is there with the size and ETag of its PUT's answer. A store that has another ETag may have got
    /// the bytes by a copy of the bucket, which proves nothing against them: then they are read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check_stored(&self, object: &InventoryObject) -> Result<(), ReadError> {
        let name = self.name(&object.object)?;
        let stored = self.inner.store.head(&name).await?;
        self.check_described(object, stored.size, stored.etag.as_deref()).await
    }

    /// As [`PointReader::check_stored`], of what a listing says.
    ///
    /// # Errors
    /// What is wrong with the object.
    pub(crate) async fn check_described(
        &self,
        object: &InventoryObject,
        size: u64,
        etag: Option<&str>,
    ) -> Result<(), ReadError> {
        let reference = &object.object;
        if size != reference.size {
            let what = format!("it has {size} bytes instead of {}", reference.size);
            return Err(ReadError::contradiction(&self.name(reference)?, what));
        }
        match (etag, object.etag.as_deref()) {
            (Some(there), Some(written)) if there != written => {
                let limit = ObjectKind::Pack.stored_limit();
                self.proven(&self.name(reference)?, limit, reference).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// What is known of one of the point's objects, and the key to it.
    pub(crate) fn object(&self, kind: ObjectKind, number: u64) -> (Expected, &SealKey) {
        (self.inner.session.expected(kind, number), self.inner.session.chain_key.key())
    }

    pub(crate) fn name(&self, reference: &Reference) -> Result<Name, ReadError> {
        Ok(Name::referenced(self.inner.session.writer, &reference.name)?)
    }

    /// A document that is sealed with the chain key.
    async fn data_document<T: serde::de::DeserializeOwned>(
        &self,
        kind: ObjectKind,
        reference: &Reference,
    ) -> Result<T, ReadError> {
        let name = self.name(reference)?;
        let number = reference.name.parse().map_err(|_| {
            ReadError::contradiction(&name, "it is named where an object with a number belongs")
        })?;
        let stored = self.proven(&name, kind.stored_limit(), reference).await?;
        let expected = self.inner.session.expected(kind, number);
        let key = self.inner.session.chain_key.key();
        Ok(open_document(&name, &stored, &expected, key).map_err(|error| error.with_proven_key())?)
    }

    /// A document that is sealed with the record key.
    async fn outer_document<T: serde::de::DeserializeOwned>(
        &self,
        kind: ObjectKind,
        number: usize,
        reference: &Reference,
    ) -> Result<T, ReadError> {
        let name = self.name(reference)?;
        let stored = self.proven(&name, kind.stored_limit(), reference).await?;
        let expected = self.inner.session.expected(kind, number as u64);
        let key = self.inner.session.record_key.key();
        Ok(open_document(&name, &stored, &expected, key).map_err(|error| error.with_proven_key())?)
    }

    /// An object's stored bytes, of the size and hash that its name was given with.
    async fn proven(&self, name: &Name, limit: u64, reference: &Reference) -> Result<Bytes, ReadError> {
        let stored = self.inner.store.get(name, limit).await?;
        if stored.len() as u64 != reference.size {
            let found = stored.len();
            let what = format!("it has {found} bytes instead of {}", reference.size);
            return Err(ReadError::contradiction(name, what));
        }
        if Hash::of(&stored) != reference.sha256 {
            return Err(ReadError::contradiction(name, "its SHA-256 is not the one it was stored with"));
        }
        Ok(stored)
    }
}

fn nth<'a>(
    references: &'a [Reference],
    number: usize,
    reader: &PointReader,
) -> Result<&'a Reference, ReadError> {
    references.get(number).ok_or_else(|| {
        let name = Name::point(reader.inner.session.point);
        ReadError::contradiction(&name, format!("it has no page {number}"))
    })
}
