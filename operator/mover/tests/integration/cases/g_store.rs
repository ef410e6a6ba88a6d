//! G: buckets that do less than others, or more: listings that lag behind, no deletion in bulk, locks.

use contract::{Owner, PointId};
use jiff::SignedDuration;
use mover::vault::SweepOptions;

use crate::{
    stores::{BUCKET, S3Server, proxy::Proxy},
    support::{Server, fresh},
    vaulted::{Vault, limits},
};

/// A point that was let go leaves nothing behind after so long.
const LONG_AFTER: SignedDuration = SignedDuration::from_hours(4);

/// A vault in a bucket, seen through a proxy, and the rows that go into it.
struct Bucket {
    s3: S3Server,
    proxy: Proxy,
    vault: Vault,
    database: &'static str,
}

impl Bucket {
    /// `name` is the bucket's, which is there.
    async fn of(s3: S3Server, name: &str, database: &'static str) -> Self {
        fresh(Server::shared(), database, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
        let proxy = Proxy::before(s3.port());
        let mut vault = Vault::over(s3.storage_through(&proxy, name)).await;
        vault.owner = Some(instance());
        Self { s3, proxy, vault, database }
    }

    /// Backs up, by a run of its own, and adds rows for the next one.
    async fn back_up(&self, run: &str) -> PointId {
        let server = Server::shared();
        let connection = server.connection(self.database);
        let done = self.vault.back_up_as_far_as_possible(connection, run).await.unwrap();
        server.sql(self.database, "INSERT INTO t SELECT * FROM generate_series(1, 1000)");
        done.point
    }

    /// Every byte of a point is read, and its rows come back.
    async fn expect_good(&self, point: &PointId, rows: &str) {
        let report = self.vault.verify(point).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        let (server, copy) = (Server::shared(), format!("{}_{rows}", self.database));
        self.vault.restore(&copy, server, point, &copy, limits()).await.unwrap();
        assert_eq!(server.sql(&copy, "SELECT count(*) FROM t"), rows);
        server.sql("postgres", &format!("DROP DATABASE {copy}"));
    }

    async fn sweep(&self) -> mover::vault::SweepReport {
        self.vault.custody.vault().sweep(SweepOptions::default()).await.unwrap()
    }

    /// The keys of a bucket, former versions too where `what` asks for them.
    async fn keys(&self, bucket: &str, what: &str) -> Vec<String> {
        let (status, answer) = self.s3.ask("GET", &format!("{bucket}?{what}")).await;
        assert_eq!(status, 200, "{answer}");
        answer.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }

    fn writer(&self, point: &PointId) -> String {
        self.vault.custody.vault().point(point).unwrap().writer.0
    }
}

/// An owner whose points may be let go.
fn instance() -> Owner {
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "n".into(),
        namespace_uid: "nu".into(),
        instance: "i".into(),
        instance_uid: "iu".into(),
        datasource_id: "1/app".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g24_a_listing_that_lags_behind_costs_no_point_and_hides_nothing_for_good() {
    let bucket = Bucket::of(S3Server::start(), BUCKET, "g24").await;
    // From here on no listing shows what is written.
    let empty = bucket.s3.copy();
    bucket.proxy.list_from(Some(empty.port()));
    let first = bucket.back_up("first").await;
    let second = bucket.back_up("second").await;
    let opened = Vault::opened(&bucket.vault.key()).await;
    assert_eq!(opened.custody.vault().points(0).len(), 2);
    bucket.expect_good(&first, "1000").await;
    bucket.expect_good(&second, "2000").await;
    assert_eq!(bucket.sweep().await, mover::vault::SweepReport::default());

    // What no listing shows when its time has come is deleted once one does, although nobody can write it any more.
    let writer = bucket.writer(&first);
    bucket.vault.later(LONG_AFTER);
    bucket.vault.tombstone(&first).await;
    bucket.vault.later(LONG_AFTER + SignedDuration::from_mins(90));
    bucket.sweep().await;
    assert!(bucket.keys(BUCKET, "list-type=2").await.iter().any(|key| key.contains(&writer)));
    bucket.proxy.list_from(None);
    let full = bucket.s3.copy();
    assert_eq!(bucket.sweep().await.points, 1);
    bucket.vault.later(LONG_AFTER + LONG_AFTER);
    bucket.sweep().await;
    let left = bucket.keys(BUCKET, "list-type=2").await;
    assert!(!left.iter().any(|key| key.contains(&writer)), "{left:?}");

    // Listings go on to show what is gone: nothing else goes, and nobody fails.
    bucket.proxy.list_from(Some(full.port()));
    assert_eq!(bucket.sweep().await.voided, 0);
    assert_eq!(bucket.keys(BUCKET, "list-type=2").await.len(), left.len());
    bucket.expect_good(&second, "2000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g26_a_store_without_bulk_deletes_is_never_asked_for_one() {
    let bucket = Bucket::of(S3Server::start(), BUCKET, "g26").await;
    bucket.proxy.forbid(Some("POST"));
    let first = bucket.back_up("first").await;
    let second = bucket.back_up("second").await;
    let writer = bucket.writer(&first);
    bucket.vault.tombstone(&first).await;
    bucket.vault.later(LONG_AFTER);
    assert_eq!(bucket.sweep().await.points, 1);
    let left = bucket.keys(BUCKET, "list-type=2").await;
    assert!(!left.iter().any(|key| key.contains(&writer)), "{left:?}");
    bucket.expect_good(&second, "2000").await;
    let lines = bucket.proxy.lines();
    let of = |method: &str| lines.iter().filter(|line| line.starts_with(method)).count();
    assert!(of("DELETE") > 8, "{lines:?}");
    assert_eq!(of("POST"), 0, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g27_in_a_bucket_that_locks_what_is_written_points_live_and_go_and_their_bytes_stay() {
    const LOCKED: &str = "locked";
    let s3 = S3Server::start();
    s3.make_bucket(LOCKED, true).await;
    s3.lock_by_default(LOCKED).await;
    let bucket = Bucket::of(s3, LOCKED, "g27").await;
    let probes = bucket.vault.custody.vault().probe().await.unwrap();
    assert_eq!((probes.versioning, probes.object_lock), (Some(true), Some(true)));
    let first = bucket.back_up("first").await;
    let second = bucket.back_up("second").await;
    bucket.expect_good(&first, "1000").await;
    let writer = bucket.writer(&first);
    bucket.vault.tombstone(&first).await;
    bucket.vault.later(LONG_AFTER);
    assert_eq!(bucket.sweep().await.points, 1);
    let left = bucket.keys(LOCKED, "list-type=2").await;
    assert!(!left.iter().any(|key| key.contains(&writer)), "{left:?}");
    bucket.expect_good(&second, "2000").await;

    // The lock is a real one: what was deleted is still there, and nobody can remove that.
    let (_, versions) = bucket.s3.ask("GET", &format!("{LOCKED}?versions=")).await;
    let version = versions.split("<Version>").skip(1).find(|version| version.contains(&writer)).unwrap();
    let of = |name: &str| version.split_once(&format!("<{name}>")).unwrap().1.split('<').next().unwrap();
    let object = format!("{LOCKED}/{}?versionId={}", of("Key").replace(' ', "%20"), of("VersionId"));
    let (status, said) = bucket.s3.ask("DELETE", &object).await;
    assert_eq!(status, 403, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g27_where_a_lock_refuses_every_deletion_it_is_named_and_points_come_and_go_on() {
    let bucket = Bucket::of(S3Server::start(), BUCKET, "g27b").await;
    bucket.proxy.forbid(Some("DELETE"));
    let first = bucket.back_up("first").await;
    let second = bucket.back_up("second").await;
    bucket.vault.tombstone(&first).await;
    bucket.vault.later(LONG_AFTER);
    let writer = bucket.writer(&first);
    assert_eq!(bucket.sweep().await.refused, 1);
    let undeleted = bucket.vault.custody.vault().refused().unwrap();
    assert_eq!(undeleted.points, 1, "{undeleted:?}");
    assert!(undeleted.message.contains(&format!("delete data/{writer}/")), "{undeleted:?}");
    bucket.expect_good(&second, "2000").await;
    let third = bucket.back_up("third").await;
    bucket.expect_good(&third, "3000").await;
    // Once the lock is over, the next process, which knows of no pause, takes away what is due.
    bucket.proxy.forbid(None);
    let next = Vault::opened(&bucket.vault.key()).await;
    next.later(LONG_AFTER);
    let swept = next.custody.vault().sweep(SweepOptions::default()).await.unwrap();
    assert_eq!((swept.points, swept.refused), (1, 0), "{swept:?}");
    assert_eq!(next.custody.vault().undeleted().await.unwrap(), 0);
    bucket.expect_good(&third, "3000").await;
}
