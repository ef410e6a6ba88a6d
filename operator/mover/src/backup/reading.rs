//! Reads all tables: starts lanes, adds some while that pays, and lends the leader's locks to those that were refused one.

use std::{sync::Arc, time::Duration};

use contract::FailureCode;
use futures::future::try_join_all;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    BackupError,
    adapt::LaneController,
    lane::{self, LaneEnd, ReadDatabase, Reading},
    plan::Job,
    segment::{self, SegmentError},
    source::SourceSession,
    statement,
    watch::{LockWatch, watched},
};

/// How long throughput is measured before it is decided on another lane.
const PERIOD: Duration = Duration::from_secs(3);

/// How often the server may have no connection for a lane, before there being none at all ends the run.
const REFUSALS: u32 = 4;

/// How long a leader that may be lost has to answer.
const LEADER_ANSWERS: Duration = Duration::from_secs(5);

/// The leader's session, shared by whoever needs its locks and whoever looks after it.
pub type SharedLeader = Arc<Mutex<SourceSession>>;

/// Reads everything. When this is dropped, all lanes end.
pub async fn read_all(
    reading: &Arc<Reading>,
    mut lanes: LaneController,
    lock_timeout: Duration,
) -> Result<(), BackupError> {
    let everything = async {
        let mut running = JoinSet::new();
        for _ in 0..lanes.lanes() {
            running.spawn(lane::run(Arc::clone(reading)));
        }
        match drive(reading, &mut running, &mut lanes).await {
            Err(error) if error.is_of_the_source() => Err(lost_leader(reading).await.unwrap_or(error)),
            driven => driven,
        }
    };
    let working = async { tokio::try_join!(everything, serve_refused(reading)) };
    watched(working, |done| look_after_all(reading, lock_timeout, done)).await?.map(|_| ())
}

async fn drive(
    reading: &Arc<Reading>,
    running: &mut JoinSet<Result<LaneEnd, BackupError>>,
    lanes: &mut LaneController,
) -> Result<(), BackupError> {
    let mut tick = interval_at(Instant::now() + PERIOD, PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = reading.progress.now().bytes_done;
    let mut refusals = 0;
    loop {
        let all_done = reading.all_done.notified();
        tokio::pin!(all_done);
        all_done.as_mut().enable();
        if reading.work().is_done() && running.is_empty() {
            return Ok(());
        }
        tokio::select! {
            Some(ended) = running.join_next() => {
                if let LaneEnd::Refused(error) = ended?? {
                    refusals += 1;
                    lanes.refused(u16::try_from(running.len()).unwrap_or(u16::MAX).max(1));
                    // A password does not come back as a connection does.
                    if running.is_empty() && error.code() == FailureCode::AuthenticationFailed {
                        return Err(BackupError::Connect(error));
                    }
                    if running.is_empty() && refusals >= REFUSALS {
                        return Err(no_connection());
                    }
                }
            }
            // A segment that came back after its lane had ended waits for the next tick.
            _ = tick.tick() => {
                let now = reading.progress.now().bytes_done;
                let wanted = lanes.observe(rate(now - before));
                before = now;
                if usize::from(wanted) > running.len() && reading.work().has_more() {
                    tracing::debug!(lanes = running.len() + 1, "one more lane");
                    running.spawn(lane::run(Arc::clone(reading)));
                }
            }
            () = all_done, if running.is_empty() => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "throughput is compared, not accounted")]
fn rate(bytes: u64) -> f64 {
    bytes as f64 / PERIOD.as_secs_f64()
}

fn no_connection() -> BackupError {
    BackupError::Refused {
        code: FailureCode::TooManyConnections,
        message: "the server has no connection for a lane besides the leader's; raise max_connections or the role's \
                  connection limit"
            .to_owned(),
    }
}

async fn look_after_all(
    reading: &Reading,
    lock_timeout: Duration,
    done: CancellationToken,
) -> Result<(), BackupError> {
    let each = (0..).zip(&reading.databases).map(async |(index, database)| {
        let watch = LockWatch::new(database.source.application(), lock_timeout);
        let looked = look_after(database, watch, done.clone()).await;
        looked.map_err(|error| reading.met_in(index, error))
    });
    try_join_all(each).await.map(|_| ())
}

/// With a leader its snapshot is gone, and lanes fail for want of it, each in its own words: the leader's tell the cause.
/// Another one who asks it just now hears of its end, too.
async fn lost_leader(reading: &Reading) -> Option<BackupError> {
    for (index, database) in (0..).zip(&reading.databases) {
        let mut session = timeout(LEADER_ANSWERS, database.leader.lock()).await.ok()?;
        if let Err(error) = timeout(LEADER_ANSWERS, session.execute("SELECT 1")).await.ok()? {
            let doing = BackupError::doing("keep the snapshot that the lanes read");
            return Some(reading.met_in(index, doing(error)));
        }
    }
    None
}

/// Keeps the leader alive and looks who waits for our locks, until all is read. If the leader is lost, so is the run.
async fn look_after(
    database: &ReadDatabase,
    mut watch: LockWatch,
    done: CancellationToken,
) -> Result<(), BackupError> {
    let mut own: Option<SourceSession> = None;
    loop {
        tokio::select! {
            () = sleep(watch.period()) => {}
            () = done.cancelled() => break,
        }
        let looked = look(database, &mut watch, &mut own).await;
        if done.is_cancelled() {
            break;
        }
        looked?;
    }
    if let Some(session) = own {
        session.close().await;
    }
    Ok(())
}

/// The leader looks, which tells whether it lives. While it reads for a lane, which tells the same, another session does:
/// others must not wait for as long as a table takes.
async fn look(
    database: &ReadDatabase,
    watch: &mut LockWatch,
    own: &mut Option<SourceSession>,
) -> Result<(), BackupError> {
    if let Ok(mut leader) = database.leader.try_lock() {
        return watch.look(&mut leader).await;
    }
    if own.is_none() {
        match database.source.connect_to_watch().await {
            Ok(session) => *own = Some(session),
            Err(error) => {
                tracing::info!(%error, "nobody looks for sessions that wait for our locks while the leader reads");
                return Ok(());
            }
        }
    }
    if let Some(session) = own {
        match watch.look(session).await {
            Err(BackupError::Source { source, .. }) if source.ends_session() => *own = None,
            looked => return looked,
        }
    }
    Ok(())
}

/// Reads by the leaders' connections what lanes were refused a lock for.
async fn serve_refused(reading: &Arc<Reading>) -> Result<(), BackupError> {
    let mut packer = None;
    loop {
        // Asked for before looking, so that no call is missed in between.
        let (wanted, all_done) = (reading.leader_wanted.notified(), reading.all_done.notified());
        tokio::pin!(all_done);
        all_done.as_mut().enable();
        if reading.work().is_done() {
            break;
        }
        let job = reading.work().next_for_leader();
        match job {
            Some(job) => {
                let packer = packer.get_or_insert_with(|| reading.packer());
                serve(reading, job, packer).await?;
            }
            None => tokio::select! {
                () = wanted => {}
                () = all_done => {}
            },
        }
    }
    match packer {
        Some(packer) => packer.finish().await,
        None => Ok(()),
    }
}

/// The table is locked already. An index may not be, and planning wants it; then the table is read as a whole by its
/// name, which plans nothing.
async fn serve(
    reading: &Arc<Reading>,
    job: Job,
    packer: &mut super::packer::Packer,
) -> Result<(), BackupError> {
    let (table, database) = reading.table(job);
    let failed =
        |source| reading.met_in(database, BackupError::ReadTable { table: segment::name(&table), source });
    let mut session = reading.databases[database].leader.lock().await;
    tracing::info!(table = segment::name(&table), "the leader reads what a lane was refused a lock for");
    session.execute(statement::BEGIN).await.map_err(failed)?;
    let mut job = job;
    let read = loop {
        match segment::read(&mut session, &table, job, packer).await {
            Ok(segments) => break Some(segments),
            Err(SegmentError::Run(error)) => return Err(error),
            Err(SegmentError::Source(source)) if segment::is_lock_refused(&source) => {
                let whole = reading.work().as_a_whole(job);
                let Some((whole, dropped)) = whole else {
                    return Err(failed(source));
                };
                reading.progress.bytes_again(dropped);
                job = whole;
            }
            Err(SegmentError::Source(source))
                if source.server().is_some_and(|server| server.is_value_too_large()) =>
            {
                if reading.work().again_in_binary(job) {
                    break None;
                }
                return Err(segment::too_large(&table, job, source));
            }
            Err(SegmentError::Source(source)) => return Err(failed(source)),
        }
    };
    session.execute(statement::END).await.map_err(failed)?;
    match read {
        Some(segments) => reading.done(job, segments).await,
        None => Ok(()),
    }
}
