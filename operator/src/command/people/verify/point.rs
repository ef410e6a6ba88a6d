//! The check of one point, and what the vault's ledger is told of it.

use contract::{Failure, FailureCode, PointView, RunId, Stage};
use mover::format::Damage;
use mover::progress::ProgressSink;
use mover::store;
use mover::verify::{self, Level, VerifyReport};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::scratch::Restored;
use crate::command::people::session::Session;

/// What was seen of a point.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    pub point: String,
    pub level: u8,
    pub objects: u64,
    pub stored_bytes: u64,
    pub rows: u64,
    /// What is damaged: each stored object, and how.
    pub damage: Vec<Damage>,
    /// What became of it on the scratch server, at level 4.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Restored>,
    /// Why it could not be checked, where that lies in the point and not in the way to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_checked: Option<Failure>,
}

/// Checks a point; `None`: it was removed meanwhile, by right.
///
/// # Errors
/// What would keep any other point from being checked, too.
pub async fn verify(
    session: &Session,
    point: &PointView,
    level: Level,
    sink: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Option<Verified>, Failure> {
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let checked = tokio::select! {
        checked = check(session, &run, point, level, sink) => checked,
        () = cancel.cancelled() => Err(cancelled()),
    };
    session.end_reading(&run).await;
    match checked {
        Ok(report) => Ok(report.map(|report| Verified::of(point, level, report))),
        Err(failure) if is_of_the_point(failure.code) => {
            let report = VerifyReport::default();
            Ok(Some(Verified { not_checked: Some(failure), ..Verified::of(point, level, report) }))
        }
        Err(failure) => Err(failure),
    }
}

/// What was seen; `None`: the point was removed meanwhile, by right.
async fn check(
    session: &Session,
    run: &RunId,
    point: &PointView,
    level: Level,
    sink: &ProgressSink,
) -> Result<Option<VerifyReport>, Failure> {
    let failure = |code: FailureCode, error: &dyn std::error::Error| Failure {
        code,
        stage: Stage::Data,
        message: mover::causes(error),
        cause: None,
    };
    let reader = mover::seal::random_id().map_err(|error| failure(FailureCode::Internal, &error))?.into();
    let granted =
        session.vault.read_grant_announced_if_allowed(run, &point.id, &reader, session.deadline()).await;
    let grant = match granted {
        Ok(grant) => grant,
        Err(error) if error.refused().is_some_and(|refused| refused.is_gone()) => return Ok(None),
        Err(error) => {
            // What a grant is made of belongs to the point: its record, and the key that the record names.
            let damage = error.damage().ok_or_else(|| error.failure(Stage::Starting))?;
            return Ok(Some(VerifyReport { damage: vec![damage], ..VerifyReport::default() }));
        }
    };
    let store =
        store::connect(&grant.storage, &session.clock).map_err(|error| failure(error.code(), &error))?;
    verify::run(store, &grant, level, &|bytes| sink.bytes(bytes))
        .await
        .map(Some)
        .map_err(|error| failure(error.code(), &error))
}

/// Writes what was found into the ledger, where that may be written; `false`: the point was removed meanwhile, by right.
///
/// # Errors
/// When the ledger does not take it.
pub async fn record(session: &Session, point: &PointView, found: &Verified) -> Result<bool, Failure> {
    if !session.vault.is_writable() || found.not_checked.is_some() {
        return Ok(true);
    }
    let level = found.level.min(Level::Rows.number());
    match session.vault.verified(&point.id, level, found.damage.first().cloned()).await {
        Ok(_) => Ok(true),
        Err(error) if error.refused().is_some_and(|refused| refused.is_gone()) => Ok(false),
        Err(error) => Err(error.failure(Stage::Finishing)),
    }
}

impl Verified {
    fn of(point: &PointView, level: Level, report: VerifyReport) -> Self {
        Self {
            point: point.id.to_string(),
            level: level.number(),
            objects: report.objects,
            stored_bytes: report.stored_bytes,
            rows: report.rows,
            damage: report.damage,
            restored: Vec::new(),
            not_checked: None,
        }
    }

    /// Whether every byte was read and is what was written.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.not_checked.is_none()
    }

    /// Whether the restored database was not what is stored.
    pub fn has_differences(&self) -> bool {
        self.restored.iter().any(Restored::has_differences)
    }
}

/// Keys and formats differ from point to point; storage and network are the same for all.
fn is_of_the_point(code: FailureCode) -> bool {
    matches!(code, FailureCode::KeyMissing | FailureCode::WrongKey | FailureCode::FormatUnsupported)
}

fn cancelled() -> Failure {
    Failure {
        code: FailureCode::Cancelled,
        stage: Stage::Data,
        message: "check the point: stopped by a signal".to_owned(),
        cause: None,
    }
}
