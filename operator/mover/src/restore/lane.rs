//! A lane: one session that takes work from the board until none is left.

use std::sync::Arc;

use contract::{FailureCode, Stage};
use tokio::{sync::Mutex, task::JoinSet};

use super::{
    RestoreError,
    board::{Board, Job},
    lent::Lent,
    load::{Loader, RowSource},
    statements::Executor,
    target::Sessions,
};
use crate::{point::PointReader, postgres::Session, progress::ProgressSink, schema::Owners};

/// What all lanes share.
pub struct Shared {
    pub board: Board,
    pub reader: PointReader,
    pub sessions: Sessions,
    pub owners: Owners,
    pub progress: ProgressSink,
    pub loader: Loader,
    pub lent: Lent,
    /// A session that is open from the first statement on. While it lives the server has not crashed, so that nothing
    /// that was committed, though not waited for, is lost.
    pub witness: Mutex<Session>,
}

impl Shared {
    /// Where rows come from.
    pub fn source(&self) -> RowSource<'_> {
        RowSource { reader: &self.reader, progress: &self.progress }
    }
}

/// Does all that is on the board, by so many lanes. The first failure ends them all. Where the server has fewer connections
/// to give than lanes are wanted, those that have one do it all.
pub async fn run(shared: Arc<Shared>, lanes: u16) -> Result<(), RestoreError> {
    let mut running = JoinSet::new();
    for _ in 0..lanes.max(1) {
        match shared.sessions.for_rows().await {
            Ok(session) => {
                running.spawn(lane(Arc::clone(&shared), session));
            }
            Err(error) if error.code() == FailureCode::TooManyConnections && !running.is_empty() => {
                tracing::info!(lanes = running.len(), "the target has no connection for another lane");
                break;
            }
            Err(error) => return Err(RestoreError::Connect(error)),
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| RestoreError::Lane(error.to_string()))??;
    }
    Ok(())
}

async fn lane(shared: Arc<Shared>, session: Session) -> Result<(), RestoreError> {
    let mut executor = Executor::new(session, &shared.lent);
    while let Some(job) = shared.board.next().await {
        match job {
            Job::Load(unit, table) => {
                let digest = match shared.loader.load(&shared, &mut executor, &unit, &table).await {
                    Err(refusal) if refusal.may_be_for_want_of_other_rows() => {
                        let rollback = executor.session.execute("ROLLBACK").await;
                        rollback.map_err(RestoreError::statement("take back rows that were refused"))?;
                        shared.board.postpone(*unit, refusal);
                        continue;
                    }
                    loaded => loaded?,
                };
                if shared.board.landed(&unit, digest) {
                    shared.progress.table();
                }
                // An index that was begun beside the rows may take hours in which no byte moves.
                if shared.board.has_all_rows() {
                    shared.progress.stage(Stage::Indexes);
                }
            }
            Job::GiveUp(refusal) => return Err(refusal),
            Job::Execute(node, entry) => {
                if shared.board.has_all_rows() {
                    shared.progress.stage(Stage::Indexes);
                }
                executor.execute(&entry, &shared.owners).await?;
                shared.board.executed(node);
            }
        }
    }
    executor.session.close().await;
    Ok(())
}
