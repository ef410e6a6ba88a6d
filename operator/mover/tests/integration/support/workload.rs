//! An application that moves amounts between accounts, whose sum stays the same, and writes each move down in a second
//! table, in the same transaction.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mover::postgres::{Endpoint, Session};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Server, fresh};

/// What an account has to begin with.
const BALANCE: u64 = 1_000;
/// How long a test waits for the application.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions that work until they are stopped.
pub struct Workload {
    stop: CancellationToken,
    done: Arc<AtomicU64>,
    running: JoinSet<()>,
}

impl Workload {
    /// What holds at every instant: no amount is lost, and every move of the one table is in the other one. The sequence is
    /// never behind the rows.
    pub const SOUND: &'static str = "SELECT (SELECT sum(balance) = 1000 * count(*) FROM accounts), \
        (SELECT coalesce(sum(moves), 0) FROM accounts) = (SELECT 2 * count(*) FROM moved), \
        (SELECT last_value FROM moved_id_seq) >= (SELECT coalesce(max(id), 0) FROM moved)";

    /// Makes the application's database.
    pub fn prepare(server: &Server, database: &str, accounts: u32) {
        let sql = format!(
            "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint, moves bigint DEFAULT 0, pad text) \
             WITH (fillfactor = 70); ALTER TABLE accounts ALTER pad SET STORAGE PLAIN; \
             CREATE TABLE moved (id serial PRIMARY KEY, a int, b int, amount bigint); \
             INSERT INTO accounts SELECT g, {BALANCE}, 0, repeat('x', 900) FROM generate_series(1, {accounts}) g"
        );
        fresh(server, database, &sql);
    }

    /// Begins to work, and returns when every session has done something.
    pub async fn start(server: &Server, database: &str, sessions: u64, accounts: u32) -> Self {
        let endpoint = Endpoint::new(&server.connection(database)).unwrap();
        let mut workload =
            Self { stop: CancellationToken::new(), done: Arc::default(), running: JoinSet::new() };
        for number in 0..sessions {
            let session = endpoint.connect("application").await.unwrap();
            let (stop, done) = (workload.stop.clone(), Arc::clone(&workload.done));
            workload.running.spawn(work(session, stop, done, accounts, number));
        }
        workload.until_more(sessions).await;
        workload
    }

    /// Waits until this many more transactions are done.
    pub async fn until_more(&self, transactions: u64) {
        let wanted = self.done() + transactions;
        let reached = async {
            while self.done() < wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, reached).await.expect("the application to go on");
    }

    /// Transactions so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Stops in an orderly way; how many transactions were made.
    pub async fn stop(mut self) -> u64 {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        self.done()
    }
}

async fn work(
    mut session: Session,
    stop: CancellationToken,
    done: Arc<AtomicU64>,
    accounts: u32,
    number: u64,
) {
    // A linear congruential generator: the same moves each time.
    let mut state = number.wrapping_add(1);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + (state >> 33) % u64::from(accounts)
    };
    while !stop.is_cancelled() {
        let (one, other) = (draw(), draw());
        if one == other {
            continue;
        }
        // In one order, so that two never wait for each other.
        let (a, b) = (one.min(other), one.max(other));
        let sql = format!(
            "BEGIN; UPDATE accounts SET balance = balance - 7, moves = moves + 1 WHERE id = {a}; \
             UPDATE accounts SET balance = balance + 7, moves = moves + 1 WHERE id = {b}; \
             INSERT INTO moved (a, b, amount) VALUES ({a}, {b}, 7); COMMIT"
        );
        session.execute(sql).await.unwrap();
        done.fetch_add(1, Ordering::SeqCst);
    }
    session.close().await;
}
