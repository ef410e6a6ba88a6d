//! Looks who waits for a lock of ours. Ours let readers and writers pass, but an `ALTER TABLE` that waits for one makes
//! everybody behind it wait, too; past the limit the backup gives way. It also looks whether pg_dump waits for others, which
//! limits its wait for tables itself and for nothing else, such as a view that it asks the definition of.

use std::{collections::HashMap, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::BackupError;
use crate::{
    postgres::{PgError, Row, Session},
    schema::Sql,
};

/// How often it looks, at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Remembers since when each session waits.
pub struct LockWatch {
    application: String,
    limit: Duration,
    /// Whether a session of ours that waits for somebody else counts, too.
    with_dump: bool,
    waiting: HashMap<i32, Instant>,
    /// How long the last look took.
    took: Duration,
}

/// A session that waits for a lock of ours, or one of ours that waits for somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    pub pid: i32,
    pub application: String,
    pub relation: String,
}

impl LockWatch {
    /// `application` is the name that all our sessions have; `limit` how long others may wait.
    pub fn new(application: &str, limit: Duration) -> Self {
        Self {
            application: application.to_owned(),
            limit,
            with_dump: false,
            waiting: HashMap::new(),
            took: Duration::ZERO,
        }
    }

    /// Looks after pg_dump, too: no other session of ours may wait for as long meanwhile.
    #[must_use]
    pub fn with_dump(self) -> Self {
        Self { with_dump: true, ..self }
    }

    /// How long to wait between two looks. While a server with hundreds of thousands of locks lists them, nobody gets a new
    /// one: a look takes a tenth of the time at most.
    pub fn period(&self) -> Duration {
        LOOK_EVERY
            .min(self.limit / 4)
            .max(Duration::from_millis(100))
            .max((self.took * 9).min(self.limit / 2))
    }

    /// Looks once, in any session of ours. It also tells whether that session lives.
    ///
    /// # Errors
    /// [`BackupError::Blocking`] when somebody has waited too long, [`BackupError::DumpBlocked`] when pg_dump has.
    pub async fn look(&mut self, session: &mut Session) -> Result<(), BackupError> {
        let began = Instant::now();
        let found = waiters(session, &self.application, self.with_dump).await;
        self.took = began.elapsed();
        let waiters = found.map_err(|source| BackupError::Source {
            doing: "look for sessions that wait for our locks",
            source,
        })?;
        match self.judge(waiters, Instant::now()) {
            None => Ok(()),
            Some((Waiter { application, relation, .. }, waited)) if application == self.application => {
                Err(BackupError::DumpBlocked { relation, seconds: waited.as_secs() })
            }
            Some((waiter, waited)) => Err(BackupError::Blocking {
                pid: waiter.pid,
                application: waiter.application,
                relation: waiter.relation,
                seconds: waited.as_secs(),
            }),
        }
    }

    /// Looks until somebody has waited too long, the session is lost, or what is watched over is done.
    ///
    /// # Errors
    /// As those of [`LockWatch::look`].
    pub async fn until_done(
        mut self,
        session: &mut Session,
        done: CancellationToken,
    ) -> Result<(), BackupError> {
        loop {
            let looked = self.look(session).await;
            if done.is_cancelled() {
                // Nobody has to wait much longer; a session that is lost will say so when it is asked next.
                return Ok(());
            }
            looked?;
            tokio::select! {
                () = sleep(self.period()) => {}
                () = done.cancelled() => return Ok(()),
            }
        }
    }

    /// The one that has waited longest, if that is too long.
    fn judge(&mut self, waiters: Vec<Waiter>, now: Instant) -> Option<(Waiter, Duration)> {
        self.waiting.retain(|pid, _| waiters.iter().any(|waiter| waiter.pid == *pid));
        let waited = waiters.into_iter().map(|waiter| {
            let since = *self.waiting.entry(waiter.pid).or_insert(now);
            (waiter, now.duration_since(since))
        });
        waited.max_by_key(|(_, waited)| *waited).filter(|(_, waited)| *waited >= self.limit)
    }
}

/// Works while somebody watches, whose error ends the work. Who watches is told when the work is done, and waited for: a
/// question that is given up half-way leaves its session useless, and the leader's is needed afterwards.
///
/// # Errors
/// What `watching` ends with.
pub async fn watched<T, W>(
    work: impl Future<Output = T>,
    watching: impl FnOnce(CancellationToken) -> W,
) -> Result<T, BackupError>
where
    W: Future<Output = Result<(), BackupError>>,
{
    let done = CancellationToken::new();
    let watching = watching(done.clone());
    let working = async {
        let result = work.await;
        done.cancel();
        Ok(result)
    };
    let (result, ()) = tokio::try_join!(working, watching)?;
    Ok(result)
}

async fn waiters(session: &mut Session, application: &str, with_dump: bool) -> Result<Vec<Waiter>, PgError> {
    // What activity looks like is remembered within a transaction, unless it is told to forget. Whoever waits for the end of
    // our transaction and not for a lock of a table, such as CREATE INDEX CONCURRENTLY, keeps nobody else waiting.
    let sql = Sql::default()
        .text("SELECT pg_stat_clear_snapshot()::text, NULL, NULL; ")
        .text(
            "SELECT w.pid, coalesce(a.application_name, ''), w.relation::regclass::text \
             FROM pg_locks w LEFT JOIN pg_stat_activity a ON a.pid = w.pid WHERE NOT w.granted \
             AND w.locktype = 'relation' \
             AND w.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) \
             AND CASE WHEN a.application_name = ",
        )
        .literal(application.as_bytes())
        .text(&format!(" THEN {with_dump} ELSE "))
        .text(
            "pg_blocking_pids(w.pid) && (SELECT coalesce(array_agg(o.pid), '{}') FROM pg_stat_activity o \
             WHERE o.application_name = ",
        )
        .literal(application.as_bytes())
        .text(") END");
    let rows = session.query(sql.into_bytes()).await?;
    rows.iter().skip(1).map(waiter).collect()
}

fn waiter(row: &Row) -> Result<Waiter, PgError> {
    Ok(Waiter {
        pid: row.parse(0)?,
        application: row.text(1)?.to_string(),
        relation: row.text(2)?.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(pid: i32) -> Waiter {
        Waiter { pid, application: "app".into(), relation: "app.orders".into() }
    }

    #[test]
    fn only_one_and_the_same_session_that_waits_too_long_counts() {
        let start = Instant::now();
        let mut watch = LockWatch::new("coffer", Duration::from_secs(10));
        let mut judge = |waiters: &[i32], second: u64| {
            let waiters = waiters.iter().copied().map(waiter).collect();
            watch
                .judge(waiters, start + Duration::from_secs(second))
                .map(|(waiter, waited)| (waiter.pid, waited.as_secs()))
        };
        assert_eq!(judge(&[1], 0), None);
        assert_eq!(judge(&[1, 2], 6), None);
        assert_eq!(judge(&[2], 9), None);
        assert_eq!(judge(&[1, 2], 12), None, "1 has got its lock meanwhile and waits anew");
        assert_eq!(judge(&[1, 2], 16), Some((2, 10)));
    }

    #[tokio::test]
    async fn a_look_that_has_begun_is_ended_before_the_work_counts_as_done() {
        let mut ended = false;
        let watching = async |done: CancellationToken| {
            done.cancelled().await;
            tokio::task::yield_now().await;
            ended = true;
            Ok(())
        };
        assert_eq!(watched(async { 7 }, watching).await.unwrap(), 7);
        assert!(ended, "it was given up half-way");
        let blocked = async |_| Err(BackupError::Cancelled);
        assert!(watched(std::future::pending::<()>(), blocked).await.is_err());
    }

    #[test]
    fn it_looks_less_often_where_a_look_takes_long() {
        let mut watch = LockWatch::new("", Duration::from_secs(60));
        watch.took = Duration::from_secs(1);
        assert_eq!(watch.period(), Duration::from_secs(9));
    }

    #[test]
    fn it_looks_more_often_where_little_waiting_is_allowed() {
        assert_eq!(LockWatch::new("", Duration::from_secs(60)).period(), Duration::from_secs(2));
        assert_eq!(LockWatch::new("", Duration::from_secs(1)).period(), Duration::from_millis(250));
    }
}
