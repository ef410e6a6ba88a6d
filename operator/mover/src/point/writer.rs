//! Writes one point. All lanes of a backup share one writer.

use std::sync::{
    Arc, Mutex as Lock, PoisonError,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use bytes::Bytes;
use contract::{RunId, WriteGrant};
use jiff::Timestamp;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    task::{JoinSet, spawn_blocking},
};

use super::{
    ListWriter, Pack, PackKind, WriteError, heartbeat,
    inventory::{Contents, Inventory},
    pool::Pool,
    session::Session,
};
use crate::{
    clock::Clock,
    format::{
        ContentsTable, Globals, Hash, Id, InventoryObject, InventoryPage, ListEntry, Manifest, Reference,
    },
    seal::{ObjectKind, Suite, seal_document, seal_records},
    store::{Name, SharedStore},
};

/// How much a writer may have in its hands.
#[derive(Debug, Clone, Copy)]
pub struct WriterOptions {
    /// Lanes that fill packs at the same time.
    pub lanes: u16,
    /// Uploads at the same time. Packs in memory: `lanes + uploads`, of 16 MiB each.
    pub uploads: u16,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { lanes: 2, uploads: 3 }
    }
}

/// One process's writing of one point. Clones share it. Dropping all of them stops every task; what was written stays and
/// is the custodian's to clear.
#[derive(Clone)]
pub struct PointWriter {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub store: SharedStore,
    pub session: Arc<Session>,
    pub run: RunId,
    pub deadline: Timestamp,
    pub clock: Clock,
    pub suite: Suite,
    pool: Arc<Pool>,
    slots: Arc<Semaphore>,
    /// How many slots there are.
    width: u32,
    /// Uploads that were begun, and those that ended well.
    begun: AtomicU64,
    ended: AtomicU64,
    uploads: Lock<JoinSet<()>>,
    /// The first upload that failed ends the writing.
    failed: Lock<Option<WriteError>>,
    next: AtomicU32,
    pub inventory: Mutex<Inventory>,
    pub contents: Mutex<Contents>,
    /// Manifests in the order of their data stores.
    pub manifests: Mutex<Vec<Reference>>,
    pub globals: Mutex<Option<Reference>>,
    pub stored_bytes: AtomicU64,
    pub objects: AtomicU64,
    heartbeat: Lock<JoinSet<()>>,
}

impl PointWriter {
    /// Begins to write the point of a grant: the first heartbeat is in storage when this returns. The custodian has
    /// written the intent before it gave the grant.
    ///
    /// # Errors
    /// When the grant is not usable or storage does not take the heartbeat.
    pub async fn begin(
        store: SharedStore,
        grant: &WriteGrant,
        run: &RunId,
        writer: Id,
        deadline: Timestamp,
        clock: Clock,
        options: WriterOptions,
    ) -> Result<Self, WriteError> {
        let session = Session::of_writer(grant, writer).map_err(|what| WriteError::Grant { what })?;
        let session = Arc::new(session);
        let heartbeat = heartbeat::start(Arc::clone(&store), Arc::clone(&session), clock.clone()).await?;
        let uploads = usize::from(options.uploads.max(1));
        let inner = Inner {
            store,
            session,
            run: run.clone(),
            deadline,
            clock,
            suite: Suite::Aes256Gcm,
            pool: Pool::new(usize::from(options.lanes.max(1)) + uploads),
            slots: Arc::new(Semaphore::new(uploads)),
            width: u32::from(options.uploads.max(1)),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            uploads: Lock::default(),
            failed: Lock::default(),
            next: AtomicU32::new(0),
            inventory: Mutex::default(),
            contents: Mutex::default(),
            manifests: Mutex::default(),
            globals: Mutex::default(),
            stored_bytes: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            heartbeat: Lock::new(heartbeat),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The point that is written.
    pub fn point(&self) -> Id {
        self.inner.session.point
    }

    /// Opens a pack, once a buffer is free.
    ///
    /// # Errors
    /// The failure of an earlier upload; a deadline that has passed.
    pub async fn open_pack(&self, kind: PackKind) -> Result<Pack, WriteError> {
        self.check()?;
        let buffer = self.inner.pool.take().await?;
        self.check()?;
        let number = self.next()?;
        let object = self.inner.session.expected(kind.object(), u64::from(number));
        let key = self.inner.session.chain_key.key();
        Ok(Pack::begin(number, &object, self.inner.session.writer, self.inner.suite, key, buffer)?)
    }

    /// Takes a pack to storage, without waiting for it to arrive: this returns as soon as an upload slot is free. An empty
    /// pack is dropped.
    ///
    /// # Errors
    /// The failure of an earlier upload; a deadline that has passed.
    pub async fn put(&self, pack: Pack) -> Result<(), WriteError> {
        self.check()?;
        if pack.is_empty() {
            return Ok(());
        }
        let slot = Arc::clone(&self.inner.slots)
            .acquire_owned()
            .await
            .expect("the writer's semaphore is never closed");
        self.check()?;
        let writer = self.clone_for_task();
        self.inner.reap();
        self.inner.begun.fetch_add(1, Ordering::AcqRel);
        let mut uploads = self.inner.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.spawn(upload(writer, pack, slot));
        Ok(())
    }

    /// Waits until every pack that was put is in storage.
    ///
    /// # Errors
    /// The first upload that failed.
    pub async fn flush(&self) -> Result<(), WriteError> {
        // Every upload holds a slot until it has ended.
        let all = self.inner.slots.acquire_many(self.inner.width).await;
        drop(all.expect("the writer's semaphore is never closed"));
        self.inner.reap();
        self.check()?;
        let (begun, ended) =
            (self.inner.begun.load(Ordering::Acquire), self.inner.ended.load(Ordering::Acquire));
        if begun != ended {
            return Err(WriteError::Stopped { reason: format!("{ended} of {begun} uploads ended") });
        }
        Ok(())
    }

    /// Begins a list of a database, whose place among the record's data stores is given.
    pub fn list<E: ListEntry>(&self, data_store: usize) -> ListWriter<E> {
        ListWriter::new(self.clone(), data_store)
    }

    /// Puts the manifest of the next database in the order of data stores. Its lists and packs were put before.
    ///
    /// # Errors
    /// When it is larger than 1 MiB or storage does not take it.
    pub async fn add_database(&self, manifest: &Manifest) -> Result<(), WriteError> {
        self.flush().await?;
        let data_store = self.inner.manifests.lock().await.len();
        let rest = self.inner.contents.lock().await.rest(data_store);
        if let Some((number, text)) = rest {
            self.put_contents(number, text).await?;
        }
        let text = serde_json::to_vec(manifest)
            .map_err(|error| crate::seal::SealError::Document(error.to_string()))?;
        let reference = self.put_text(ObjectKind::Manifest, text).await?;
        self.inner.manifests.lock().await.push(reference);
        Ok(())
    }

    /// Puts what a whole server has besides its databases. Its lists were put before.
    ///
    /// # Errors
    /// When it is larger than 1 MiB or storage does not take it.
    pub async fn add_globals(&self, globals: &Globals) -> Result<(), WriteError> {
        let text = serde_json::to_vec(globals)
            .map_err(|error| crate::seal::SealError::Document(error.to_string()))?;
        let reference = self.put_text(ObjectKind::Manifest, text).await?;
        *self.inner.globals.lock().await = Some(reference);
        Ok(())
    }

    /// Bytes in storage so far.
    pub fn stored_bytes(&self) -> u64 {
        self.inner.stored_bytes.load(Ordering::Relaxed)
    }

    /// Stops writing. What was written is left for the custodian, who will void the point or see another attempt.
    pub async fn abandon(self) {
        self.inner.fail(WriteError::Stopped { reason: "the writer gave up".into() });
        self.stop_heartbeat();
        let mut uploads =
            std::mem::take(&mut *self.inner.uploads.lock().unwrap_or_else(PoisonError::into_inner));
        uploads.shutdown().await;
    }

    pub(super) fn stop_heartbeat(&self) {
        self.inner.heartbeat.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Seals a document that is already text, puts it under the next number and into the inventory.
    pub(super) async fn put_text(&self, kind: ObjectKind, text: Vec<u8>) -> Result<Reference, WriteError> {
        self.check()?;
        let number = self.next()?;
        let session = &self.inner.session;
        let object = session.expected(kind, u64::from(number));
        let sealed =
            seal_records(&[text], &object, session.writer, self.inner.suite, session.chain_key.key())?;
        let name = Name::data(session.writer, number);
        let hash = Hash::of(&sealed);
        let object = self.inner.create(&name, sealed, hash).await?;
        let reference = object.object.clone();
        self.record_object(object).await?;
        Ok(reference)
    }

    pub(super) async fn add_contents(
        &self,
        data_store: usize,
        table: &ContentsTable,
    ) -> Result<(), WriteError> {
        let full = self.inner.contents.lock().await.add(data_store, table)?;
        match full {
            Some((number, text)) => self.put_contents(number, text).await,
            None => Ok(()),
        }
    }

    async fn put_contents(&self, number: u32, text: Vec<u8>) -> Result<(), WriteError> {
        let session = &self.inner.session;
        let object = session.expected(ObjectKind::Contents, u64::from(number));
        let sealed =
            seal_records(&[text], &object, session.writer, self.inner.suite, session.record_key.key())?;
        let hash = Hash::of(&sealed);
        let stored = self.inner.create(&Name::contents(session.writer, number), sealed, hash).await?;
        let mut contents = self.inner.contents.lock().await;
        // Two pages can be under way at once; the record names them in order.
        contents.references.push(stored.object);
        contents.references.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    pub(super) async fn record_object(&self, object: InventoryObject) -> Result<(), WriteError> {
        let full = self.inner.inventory.lock().await.add(object);
        match full {
            Some(page) => self.put_inventory(page).await,
            None => Ok(()),
        }
    }

    pub(super) async fn put_inventory(&self, page: InventoryPage) -> Result<(), WriteError> {
        let session = &self.inner.session;
        let object = session.expected(ObjectKind::Inventory, u64::from(page.page));
        let sealed =
            seal_document(&page, &object, session.writer, self.inner.suite, session.record_key.key())?;
        let hash = Hash::of(&sealed);
        let stored = self.inner.create(&Name::inventory(session.writer, page.page), sealed, hash).await?;
        let mut inventory = self.inner.inventory.lock().await;
        // Two pages can be under way at once; the record names them in order.
        inventory.references.push(stored.object);
        inventory.references.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Whether writing may go on.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        if let Some(error) = self.inner.failed.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(error);
        }
        if self.inner.clock.now() >= self.inner.deadline {
            return Err(WriteError::Deadline { deadline: self.inner.deadline });
        }
        Ok(())
    }

    fn next(&self) -> Result<u32, WriteError> {
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        if number >= 99_999_999 { Err(WriteError::TooManyObjects) } else { Ok(number) }
    }

    /// A handle for a task that is kept in this very writer: it must not keep the writer alive.
    fn clone_for_task(&self) -> std::sync::Weak<Inner> {
        Arc::downgrade(&self.inner)
    }
}

impl Inner {
    /// Creates an object and counts it.
    pub async fn create(&self, name: &Name, bytes: Bytes, hash: Hash) -> Result<InventoryObject, WriteError> {
        let size = bytes.len() as u64;
        let stored = self.store.create_hashed(name, bytes, hash).await?;
        self.stored_bytes.fetch_add(size, Ordering::Relaxed);
        self.objects.fetch_add(1, Ordering::Relaxed);
        Ok(InventoryObject {
            object: Reference { name: name.last().to_owned(), size, sha256: hash },
            etag: stored.etag,
            version: stored.version,
        })
    }

    /// Forgets uploads that have ended. One that ended by a panic has told nobody yet.
    fn reap(&self) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = uploads.try_join_next() {
            if let Err(error) = ended {
                self.fail(WriteError::Stopped { reason: error.to_string() });
            }
        }
    }

    fn fail(&self, error: WriteError) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

async fn upload(inner: std::sync::Weak<Inner>, pack: Pack, slot: OwnedSemaphorePermit) {
    let finished = spawn_blocking(move || pack.finish()).await;
    let Some(inner) = inner.upgrade() else {
        return;
    };
    let writer = PointWriter { inner };
    let result = async {
        let finished = finished.map_err(|error| WriteError::Stopped { reason: error.to_string() })??;
        let name = Name::data(writer.inner.session.writer, finished.number);
        let object = writer.inner.create(&name, finished.bytes, finished.hash).await?;
        writer.record_object(object).await
    }
    .await;
    match result {
        Ok(()) => {
            writer.inner.ended.fetch_add(1, Ordering::AcqRel);
        }
        Err(error) => writer.inner.fail(error),
    }
    drop(slot);
}
