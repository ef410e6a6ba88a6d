//! Looks who waits for a lock of ours. Ours let readers and writers pass, but an `ALTER TABLE` that waits for one makes
//! everybody behind it wait, too; past the limit the backup gives way.

use std::{collections::HashMap, time::Duration};

use tokio::time::{Instant, sleep};

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
    waiting: HashMap<i32, Instant>,
}

/// A session that waits for a lock of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    pub pid: i32,
    pub application: String,
    pub relation: String,
}

impl LockWatch {
    /// `application` is the name that all our sessions have; `limit` how long others may wait.
    pub fn new(application: &str, limit: Duration) -> Self {
        Self { application: application.to_owned(), limit, waiting: HashMap::new() }
    }

    /// How long to wait between two looks.
    pub fn period(&self) -> Duration {
        LOOK_EVERY.min(self.limit / 4).max(Duration::from_millis(100))
    }

    /// Looks once, in any session of ours. It also tells whether that session lives.
    ///
    /// # Errors
    /// [`BackupError::Blocking`] when somebody has waited too long.
    pub async fn look(&mut self, session: &mut Session) -> Result<(), BackupError> {
        let waiters = waiters(session, &self.application).await.map_err(|source| BackupError::Source {
            doing: "look for sessions that wait for our locks",
            source,
        })?;
        match self.judge(waiters, Instant::now()) {
            None => Ok(()),
            Some((waiter, waited)) => Err(BackupError::Blocking {
                pid: waiter.pid,
                application: waiter.application,
                relation: waiter.relation,
                seconds: waited.as_secs(),
            }),
        }
    }

    /// Looks until somebody has waited too long, or the session is lost.
    pub async fn until_blocking(mut self, session: &mut Session) -> BackupError {
        loop {
            if let Err(error) = self.look(session).await {
                return error;
            }
            sleep(self.period()).await;
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

async fn waiters(session: &mut Session, application: &str) -> Result<Vec<Waiter>, PgError> {
    // What activity looks like is remembered within a transaction, unless it is told to forget.
    let sql = Sql::default()
        .text("SELECT pg_stat_clear_snapshot()::text, NULL, NULL; ")
        .text(
            "SELECT w.pid, coalesce(a.application_name, ''), coalesce(w.relation::regclass::text, w.locktype) \
             FROM pg_locks w LEFT JOIN pg_stat_activity a ON a.pid = w.pid WHERE NOT w.granted \
             AND pg_blocking_pids(w.pid) && (SELECT coalesce(array_agg(o.pid), '{}') FROM pg_stat_activity o \
             WHERE o.application_name = ",
        )
        .literal(application.as_bytes())
        .text(") AND a.application_name IS DISTINCT FROM ")
        .literal(application.as_bytes());
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

    #[test]
    fn it_looks_more_often_where_little_waiting_is_allowed() {
        assert_eq!(LockWatch::new("", Duration::from_secs(60)).period(), Duration::from_secs(2));
        assert_eq!(LockWatch::new("", Duration::from_secs(1)).period(), Duration::from_millis(250));
    }
}
