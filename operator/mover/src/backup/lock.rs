//! Lock, then look. Every table is locked before the snapshot is taken, because some changes take effect in snapshots that
//! are older than they are: a table truncated between snapshot and lock would be stored empty, without an error.
//!
//! Between the start of the transaction and its first query nothing may take a snapshot: `SET LOCAL`, `SAVEPOINT` and
//! `LOCK` do not, a function call does.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    BackupError,
    facts::tables::{self, Seen, TableName, Trouble},
    pins::{Pins, set_lock_timeout},
    source::{Source, SourceSession},
};
use crate::{
    clock::Clock,
    postgres::{PgError, Session, sqlstate},
    schema::Sql,
};

/// How often it is tried.
pub const TRIES: u32 = 5;
/// Tables locked by one statement.
const BATCH: usize = 500;
/// What the server may take for a lock that nobody else wants.
const TO_LOCK_ONE: Duration = Duration::from_millis(1);
/// How long the leader waits for a lock once it has all tables': for those of indexes, briefly.
const LATER_LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// The session that holds every lock and the snapshot.
pub struct Leader {
    pub session: SourceSession,
    /// What lanes and pg_dump take over.
    pub snapshot: Snapshot,
    /// The mover's clock just after the snapshot was fixed.
    pub point_time: Timestamp,
}

/// What other sessions see when they take it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub id: String,
    /// When its server was started: snapshots of two servers may have the same id.
    pub server_started: String,
}

/// Asks when the server was started, in the words of [`Snapshot::server_started`].
pub const SERVER_STARTED: &str = "SELECT extract(epoch FROM pg_postmaster_start_time())::text";

/// Why a try came to nothing.
enum Failed {
    /// Another session holds a lock, or waits for one before us.
    Locked(String),
    /// The schema changed meanwhile.
    Changed(String),
    Other(BackupError),
}

impl From<PgError> for Failed {
    fn from(error: PgError) -> Self {
        Self::Other(BackupError::Source { doing: "lock the tables", source: error })
    }
}

/// Locks all tables and takes a snapshot that fits. `names` are the tables as they were seen last.
///
/// # Errors
/// [`BackupError::LockTimeout`] and [`BackupError::SchemaBusy`] after [`TRIES`] tries.
pub async fn lock_then_look(
    source: &Source,
    pins: &Pins,
    mut names: Vec<TableName>,
    lock_timeout: Duration,
    clock: &Clock,
) -> Result<Leader, BackupError> {
    let mut tried = 1;
    loop {
        let mut session = source.connect().await.map_err(BackupError::Connect)?;
        let failed = match look(&mut session, pins, &names, lock_timeout, clock).await {
            Ok((snapshot, point_time)) => return Ok(Leader { session, snapshot, point_time }),
            Err(Failed::Other(error)) => return Err(error),
            Err(failed) => failed,
        };
        match failed {
            Failed::Locked(why) if tried >= TRIES => return Err(BackupError::LockTimeout(why)),
            Failed::Changed(why) if tried >= TRIES => return Err(BackupError::SchemaBusy(why)),
            Failed::Locked(why) | Failed::Changed(why) => {
                tracing::info!(why, tried, "the locks are taken again")
            }
            Failed::Other(error) => return Err(error),
        }
        // Nothing may stay locked while others are let through.
        session.close().await;
        pause(tried).await?;
        tried += 1;
        names = list(source, pins).await?;
    }
}

/// The tables that have to be locked, as they are now.
pub async fn list(source: &Source, pins: &Pins) -> Result<Vec<TableName>, BackupError> {
    let mut session = source.connect().await.map_err(BackupError::Connect)?;
    let failed = BackupError::doing("list the tables");
    session.execute(pins.begin(None, LATER_LOCK_TIMEOUT)).await.map_err(&failed)?;
    let names = tables::names(&mut session).await.map_err(&failed)?;
    session.close().await;
    Ok(names)
}

/// Waits, each time longer, and never as long as another mover that was refused at the same moment.
pub async fn pause(tried: u32) -> Result<(), BackupError> {
    let [random, ..] = crate::seal::random_id()?.0;
    let jitter = Duration::from_millis(u64::from(random) * 8);
    tokio::time::sleep(Duration::from_secs(u64::from(tried)) + jitter).await;
    Ok(())
}

async fn look(
    session: &mut Session,
    pins: &Pins,
    names: &[TableName],
    lock_timeout: Duration,
    clock: &Clock,
) -> Result<(Snapshot, Timestamp), Failed> {
    session.execute(pins.begin(None, lock_timeout)).await?;
    lock_all(session, names, lock_timeout).await?;
    // The first query fixes the snapshot.
    let id = session.query_one("SELECT pg_catalog.pg_export_snapshot()").await?.text(0)?.to_string();
    let point_time = clock.now();
    let server_started = session.query_one(SERVER_STARTED).await?.text(0)?.to_string();
    let snapshot = Snapshot { id, server_started };
    let seen = tables::seen(session).await?;
    if let Some(changed) = seen.iter().find(|table| table.trouble == Some(Trouble::Changed)) {
        return Err(Failed::Changed(shown(&changed.name)));
    }
    let new: Vec<TableName> =
        seen.into_iter().filter(|table| table.trouble.is_some()).map(|table| table.name).collect();
    if !new.is_empty() {
        lock_all(session, &new, lock_timeout).await?;
        let seen = tables::seen(session).await?;
        if let Some(Seen { name, .. }) = seen.iter().find(|table| table.trouble.is_some()) {
            return Err(Failed::Changed(shown(name)));
        }
    }
    session.execute(set_lock_timeout(LATER_LOCK_TIMEOUT)).await?;
    Ok((snapshot, point_time))
}

/// Locks tables batch by batch. Those that are gone meanwhile are left out: the snapshot will not show them either.
///
/// Who waits for a table that is locked already waits until the last one is: `limit` holds for all of them together.
async fn lock_all(session: &mut Session, names: &[TableName], limit: Duration) -> Result<(), Failed> {
    let given_up = Instant::now() + limit + TO_LOCK_ONE * u32::try_from(names.len()).unwrap_or(u32::MAX);
    for batch in names.chunks(BATCH) {
        if lock(session, batch, given_up).await? == Locked::All {
            continue;
        }
        // One that was dropped spoils its whole batch.
        for one in batch {
            lock(session, std::slice::from_ref(one), given_up).await?;
        }
    }
    session.execute("SET LOCAL statement_timeout = 0").await?;
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Locked {
    All,
    SomeAreGone,
}

async fn lock(session: &mut Session, names: &[TableName], given_up: Instant) -> Result<Locked, Failed> {
    let left = given_up.saturating_duration_since(Instant::now());
    let error = match session.execute(statement(names, left)).await {
        Ok(()) => return Ok(Locked::All),
        Err(error) => error,
    };
    let sqlstate = error.server().map(|server| server.sqlstate.clone()).unwrap_or_default();
    match sqlstate.as_str() {
        sqlstate::LOCK_NOT_AVAILABLE | sqlstate::DEADLOCK_DETECTED | sqlstate::QUERY_CANCELED => {
            let names: Vec<String> = names.iter().take(3).map(shown).collect();
            Err(Failed::Locked(format!(
                "a lock was not granted in time, among {} ...: {error}",
                names.join(", ")
            )))
        }
        sqlstate::UNDEFINED_TABLE | sqlstate::INVALID_SCHEMA_NAME | sqlstate::WRONG_OBJECT_TYPE => {
            session.execute("ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch").await?;
            Ok(Locked::SomeAreGone)
        }
        _ => Err(error.into()),
    }
}

/// A savepoint that is kept holds its locks until the end of the transaction.
fn statement(names: &[TableName], left: Duration) -> Vec<u8> {
    let left = left.as_millis().clamp(1, i32::MAX as u128);
    let mut sql = Sql::default();
    sql = sql.text(&format!("SET LOCAL statement_timeout = {left}; SAVEPOINT batch; LOCK TABLE "));
    for (at, TableName { schema, name }) in names.iter().enumerate() {
        sql = sql.text(if at == 0 { "ONLY " } else { ", ONLY " }).qualified(schema, name);
    }
    sql.text(" IN ACCESS SHARE MODE; RELEASE SAVEPOINT batch").into_bytes()
}

fn shown(name: &TableName) -> String {
    format!("\"{}\".\"{}\"", name.schema, name.name)
}

/// Tables that pg_dump defines and we do not, or the other way round: they were not looked at under the same snapshot.
pub fn differ(dumped: &HashSet<u32>, ours: &HashSet<u32>) -> Option<String> {
    let missing: Vec<String> = ours.difference(dumped).take(5).map(u32::to_string).collect();
    let strange: Vec<String> = dumped.difference(ours).take(5).map(u32::to_string).collect();
    if missing.is_empty() && strange.is_empty() {
        return None;
    }
    Some(format!(
        "pg_dump's tables are not the snapshot's: missing OIDs [{}], unexpected OIDs [{}]",
        missing.join(", "),
        strange.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_locked_table_by_table_without_their_children() {
        let name = |name: &str| TableName { schema: "app".into(), name: name.into() };
        let sql = statement(&[name("a\"b"), name("c")], Duration::from_secs(2));
        assert_eq!(
            String::from_utf8(sql).unwrap(),
            "SET LOCAL statement_timeout = 2000; SAVEPOINT batch; LOCK TABLE ONLY \"app\".\"a\"\"b\", ONLY \"app\".\"c\" IN ACCESS SHARE MODE; \
             RELEASE SAVEPOINT batch"
        );
    }

    #[test]
    fn tables_that_only_one_of_two_sides_knows_are_told() {
        let set = |oids: &[u32]| oids.iter().copied().collect::<HashSet<u32>>();
        assert_eq!(differ(&set(&[1, 2]), &set(&[2, 1])), None);
        let told = differ(&set(&[1, 3]), &set(&[1, 2])).unwrap();
        assert!(told.ends_with("missing OIDs [2], unexpected OIDs [3]"), "{told}");
    }
}
