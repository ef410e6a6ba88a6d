//! Backups that stand still in the middle of their rows, so that something can happen to them there.

use std::sync::Arc;

use contract::{Failure, FailureCode, PointId};
use mover::backup::BackupDone;
use tokio::task::JoinHandle;

use crate::{
    support::{Asked, Point, Proxy, Server, TestCustody, expect_nothing_left},
    vaulted::{Vault, limits},
};

/// A table of three segments, one row a page.
pub const BIG: &str = "CREATE TABLE big (id int PRIMARY KEY, x text); ALTER TABLE big ALTER x SET STORAGE PLAIN; \
    INSERT INTO big SELECT g, repeat(md5(g::text), 240) FROM generate_series(1, 10000) g";
/// Its rows.
pub const BIG_ROWS: u64 = 10_000;
/// All of them at a glance.
pub const BIG_SUM: &str = "SELECT count(*), sum(id), sum(hashtext(x)) FROM big";
/// So many bytes of answers come to a backup when it is in the middle of [`BIG`].
pub const MID_RUN: u64 = 12_000_000;

/// A backup that gets no more answers from its server until it is told to go on.
pub struct Held<'a> {
    pub server: &'a Server,
    pub proxy: Proxy,
    pub custody: Arc<TestCustody>,
    database: String,
    backup: JoinHandle<Result<BackupDone, Failure>>,
}

impl<'a> Held<'a> {
    /// In the middle of the rows.
    pub async fn of(server: &'a Server, database: &str) -> Self {
        Self::asked(server, database, Asked::of(server, database)).await
    }

    pub async fn asked(server: &'a Server, database: &str, asked: Asked) -> Self {
        let proxy = Proxy::before(server).await;
        proxy.hold_after(MID_RUN);
        let custody = Arc::new(TestCustody::new());
        let backup = asked.through(&proxy).start(&custody);
        proxy.until_held().await;
        Self { server, proxy, custody, database: database.into(), backup }
    }

    /// Goes on to its good end.
    pub async fn expect_point(&mut self) -> Point {
        self.proxy.resume();
        let done = (&mut self.backup).await.unwrap().unwrap();
        Point::open(&self.custody, &done).await
    }

    /// Takes lanes their connections away and waits until one of them has made another one.
    pub async fn lose(&self, cut: impl FnOnce(&Proxy)) {
        let before = self.proxy.connections();
        self.proxy.let_new_ones_through();
        cut(&self.proxy);
        self.proxy.until_more_than(before).await;
    }

    /// Goes on and fails, leaving nothing; with which words.
    pub async fn expect_failure(self, code: FailureCode) -> String {
        let (server, database) = (self.server, self.database.clone());
        let (custody, failure) = self.failed().await;
        assert_eq!(failure.code, code, "{}", failure.message);
        expect_nothing_left(server, &database, &custody).await;
        failure.message
    }

    /// Goes on and fails. The server may be gone.
    pub async fn failed(self) -> (Arc<TestCustody>, Failure) {
        self.proxy.resume();
        (self.custody, self.backup.await.unwrap().unwrap_err())
    }
}

/// Backs a database up into a vault and restores it as `<database>_copy`. In the middle of the rows something is done.
pub async fn copy_while(server: &Server, database: &str, act: impl AsyncFnOnce()) {
    let (vault, point) = back_up_while(server, database, act).await;
    let copy = format!("{database}_copy");
    vault.restore(database, server, &point, &copy, limits()).await.unwrap();
}

/// Backs a database up into a vault. In the middle of the rows something is done.
pub async fn back_up_while(server: &Server, database: &str, act: impl AsyncFnOnce()) -> (Vault, PointId) {
    let vault = Vault::new().await;
    let proxy = Proxy::before(server).await;
    proxy.hold_after(MID_RUN);
    let mut source = server.connection(database);
    source.port = proxy.port;
    let meanwhile = async {
        proxy.until_held().await;
        act().await;
        proxy.resume();
    };
    let (done, ()) = tokio::join!(vault.back_up_as_far_as_possible(source, database), meanwhile);
    (vault, done.unwrap().point)
}
