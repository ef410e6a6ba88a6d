//! A lane: one connection that reads segment after segment, and begins again with a new connection when it loses its own.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::FailureCode;
use tokio::{sync::Notify, time::sleep};

use super::{
    BackupError,
    lists::Lists,
    lock::Snapshot,
    packer::Packer,
    pins::Pins,
    plan::{Job, Segment, Work},
    reading::SharedLeader,
    segment::{self, SegmentError},
    source::{Source, SourceSession},
    table::Table,
    throttle::Throttle,
};
use crate::{
    point::{PackKind, PointWriter},
    postgres::{PgError, Session, sqlstate},
    progress::ProgressSink,
};

/// How long a lane waits for a lock before the leader is asked, which has it already.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often in a row a lane may lose its connection, or a segment, before the run is given up.
const LOSSES: u32 = 5;

/// One of the databases that are read.
pub struct ReadDatabase {
    pub source: Source,
    pub pins: Pins,
    pub snapshot: Snapshot,
    pub leader: SharedLeader,
    pub lists: Lists,
}

/// What all lanes share.
pub struct Reading {
    pub databases: Vec<ReadDatabase>,
    pub writer: PointWriter,
    pub throttle: Arc<Throttle>,
    pub progress: ProgressSink,
    pub work: Mutex<Work>,
    /// Somebody has work for a leader.
    pub leader_wanted: Notify,
    /// Every table is finished.
    pub all_done: Notify,
}

/// How a lane ended without a failure.
#[derive(Debug)]
pub enum LaneEnd {
    /// There was nothing left to hand out.
    NothingLeft,
    /// The server does not let it in: it has no connection left, or the password was changed since the run began. Lanes
    /// that are in go on.
    Refused(PgError),
}

impl Reading {
    pub fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn packer(&self) -> Packer {
        Packer::new(self.writer.clone(), PackKind::Rows, Arc::clone(&self.throttle), self.progress.clone())
    }

    /// A segment was read.
    pub async fn done(&self, job: Job, segments: Vec<Segment>) -> Result<(), BackupError> {
        let finished = self.work().done(job, segments);
        if let Some(finished) = finished {
            self.databases[finished.database].lists.add(finished).await?;
        }
        if self.work().is_done() {
            self.all_done.notify_waiters();
        }
        Ok(())
    }

    /// What is read by a job, and the index of its database. Cheap enough to copy: the work is locked for no longer than this.
    pub fn table(&self, job: Job) -> (Table, usize) {
        let work = self.work();
        (work.table(job.table).clone(), work.database(job.table))
    }

    /// An error, told with the name of the database where there are several.
    pub fn met_in(&self, database: usize, error: BackupError) -> BackupError {
        if self.databases.len() == 1 {
            return error;
        }
        error.met_in(self.databases[database].source.endpoint().database())
    }
}

/// Reads until nothing is left.
///
/// # Errors
/// What nobody can go on after: storage, a snapshot that is gone, connections lost again and again.
pub async fn run(reading: Arc<Reading>) -> Result<LaneEnd, BackupError> {
    let mut packer = reading.packer();
    let mut session: Option<Connected> = None;
    let mut losses = 0;
    loop {
        let Some(job) = reading.work().next() else { break };
        let (table, database) = reading.table(job);
        let read = match connected(&reading, &mut session, database).await {
            Ok(session) => segment::read(session, &table, job, &mut packer).await,
            Err(error) if is_kept_out(&error) => {
                reading.work().again(job);
                packer.finish().await?;
                return Ok(LaneEnd::Refused(error));
            }
            Err(error) => Err(SegmentError::Source(error)),
        };
        match read {
            Ok(segments) => {
                losses = 0;
                reading.done(job, segments).await?;
            }
            Err(error) => {
                let next = failed(&reading, &table, job, error, losses)
                    .map_err(|error| reading.met_in(database, error))?;
                if next.is_session_lost {
                    session = None;
                }
                if next.is_loss {
                    losses += 1;
                    // A server that comes back, or a standby that catches up, is given a moment.
                    sleep(Duration::from_millis(200) * 2_u32.pow(losses)).await;
                }
            }
        }
    }
    packer.finish().await?;
    if let Some(connected) = session {
        connected.session.close().await;
    }
    Ok(LaneEnd::NothingLeft)
}

fn is_kept_out(error: &PgError) -> bool {
    matches!(error.code(), FailureCode::TooManyConnections | FailureCode::AuthenticationFailed)
}

/// A lane's session. There is one at a time.
struct Connected {
    database: usize,
    session: SourceSession,
}

async fn connected<'a>(
    reading: &Reading,
    connected: &'a mut Option<Connected>,
    database: usize,
) -> Result<&'a mut Session, PgError> {
    if let Some(other) = connected.take_if(|connected| connected.database != database) {
        other.session.close().await;
    }
    if connected.is_none() {
        let ReadDatabase { source, pins, snapshot, .. } = &reading.databases[database];
        let session = source.connect_with_snapshot(pins, snapshot, LOCK_TIMEOUT).await?;
        *connected = Some(Connected { database, session });
    }
    match connected {
        Some(connected) => Ok(&mut connected.session),
        None => Err(PgError::Answer("no session was opened".to_owned())),
    }
}

/// How a lane goes on after a segment that it could not read.
struct Next {
    is_session_lost: bool,
    is_loss: bool,
}

/// What becomes of a segment that was not read.
fn failed(
    reading: &Reading,
    table: &Table,
    job: Job,
    error: SegmentError,
    losses: u32,
) -> Result<Next, BackupError> {
    let error = match error {
        SegmentError::Run(error) => return Err(error),
        SegmentError::Source(error) => error,
    };
    let name = || segment::name(table);
    let go_on = Ok(Next { is_session_lost: error.ends_session(), is_loss: false });
    if segment::is_lock_refused(&error) {
        reading.work().refused(job);
        reading.leader_wanted.notify_one();
        return go_on;
    }
    if error.server().is_some_and(|server| server.is_value_too_large()) {
        if reading.work().again_in_binary(job) {
            return go_on;
        }
        return Err(segment::too_large(table, job, error));
    }
    // A statement that somebody cancels by hand costs as much as a session that somebody ends.
    let may_pass = error.ends_session()
        || error.code() == FailureCode::StandbyConflict
        || error.is(sqlstate::QUERY_CANCELED);
    if !may_pass || losses >= LOSSES {
        return Err(BackupError::ReadTable { table: name(), source: error });
    }
    tracing::info!(table = name(), place = segment::place(job.range), %error, "a segment is read again");
    reading.work().again(job);
    Ok(Next { is_session_lost: error.ends_session(), is_loss: true })
}
