//! A storage that does not let single objects go.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;

use super::*;
use crate::store::{
    Listed, Overwrite, Place, Setup, SharedStore, Store, StoreError, StoreErrorKind, Stored, Verb,
};

/// A store in which the data of one writer are locked for a while.
struct Locking {
    inner: SharedStore,
    locked: String,
    on: Arc<AtomicBool>,
    /// It says that it has deleted what it has not.
    lies: bool,
}

impl Store for Locking {
    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        self.inner.create(name, bytes)
    }

    fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        self.inner.replace(name, bytes)
    }

    fn get<'a>(&'a self, name: &'a Name, limit: u64) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.inner.get(name, limit)
    }

    fn get_range<'a>(
        &'a self,
        name: &'a Name,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.inner.get_range(name, offset, length)
    }

    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
        self.inner.head(name)
    }

    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        self.inner.list(place)
    }

    fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>> {
        if self.on.load(Ordering::Relaxed) && name.as_str().contains(&self.locked) {
            if self.lies {
                return Box::pin(std::future::ready(Ok(())));
            }
            let error = StoreError::new(Verb::Delete, name, StoreErrorKind::AccessDenied, "locked until May");
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.delete(name)
    }

    fn clear_unfinished<'a>(&'a self, writer: Id) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.clear_unfinished(writer)
    }

    fn overwrite<'a>(
        &'a self,
        name: &'a Name,
        former: &'a Stored,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
        self.inner.overwrite(name, former, bytes)
    }

    fn setup(&self) -> BoxFuture<'_, Setup> {
        self.inner.setup()
    }

    fn skew_seconds(&self) -> Option<i64> {
        self.inner.skew_seconds()
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_e19_a_point_that_storage_does_not_let_go_keeps_no_other_and_is_told() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let mut points = Vec::new();
    for run in ["one", "two", "three", "newest"] {
        points.push(fixture.accepted(&vault, run).await);
    }
    for point in &points[..3] {
        vault.tombstone(point, &please(0)).await.unwrap();
    }
    let state = vault.inner.ledger.state();
    // The first that a pass comes to.
    let locked = state.points().find(|point| point.tombstoned.is_some()).unwrap().point.writer;
    vault.close().await;

    let on = Arc::new(AtomicBool::new(true));
    let store =
        Locking { inner: fixture.store(), locked: locked.to_string(), on: Arc::clone(&on), lies: false };
    let vault = open(Arc::new(store), fixture.request(), &fixture.clock).await.unwrap();
    fixture.clock.advance(Duration::from_secs(2 * 3_600));
    let report = vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!((report.points, report.refused), (2, 1));
    let told = vault.refused().unwrap();
    assert_eq!(told.points, 1);
    assert!(told.message.contains("locked until May"), "{told:?}");

    on.store(false, Ordering::Relaxed);
    let report = vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!((report.points, report.refused), (0, 1), "it is not asked for again at once");
    fixture.clock.advance(Duration::from_secs(10 * 60));
    let report = vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!((report.points, report.refused), (1, 0));
    assert_eq!(vault.refused(), None);
    assert_eq!(vault.undeleted().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_e19_a_deletion_that_storage_only_claims_is_found_out_and_told() {
    for keeps_record in [false, true] {
        let fixture = Fixture::new();
        let vault = fixture.init().await;
        let old = fixture.accepted(&vault, "old").await;
        fixture.accepted(&vault, "new").await;
        vault.tombstone(&old, &please(0)).await.unwrap();
        let point = Id::try_from(&old).unwrap();
        let writer = Id::try_from(&vault.point(&old).unwrap().writer).unwrap();
        vault.close().await;
        fixture.clock.advance(Duration::from_secs(4 * 3_600));

        let kept = if keeps_record { Name::point(point).to_string() } else { format!("data/{writer}/") };
        let on = Arc::new(AtomicBool::new(true));
        let store = Locking { inner: fixture.store(), locked: kept.clone(), on: Arc::clone(&on), lies: true };
        let vault = open(Arc::new(store), fixture.request(), &fixture.clock).await.unwrap();
        let report = vault.sweep(SweepOptions::default()).await.unwrap();
        assert_eq!((report.points, report.refused), (0, 1), "{kept}");
        let told = vault.refused().unwrap();
        assert!(told.message.contains(&kept) && told.message.contains("still there"), "{told:?}");
        assert!(fixture.exists(&Name::intent(point, writer)), "what is left is not forgotten");

        on.store(false, Ordering::Relaxed);
        fixture.clock.advance(Duration::from_secs(10 * 60));
        vault.sweep(SweepOptions::default()).await.unwrap();
        assert_eq!((vault.refused(), vault.undeleted().await.unwrap()), (None, 0));
        assert!(!fixture.exists(&Name::point(point)) && fixture.files(&format!("data/{writer}")).is_empty());
        assert!(!fixture.exists(&Name::intent(point, writer)));
    }
}
