//! A verification as one run of a mover: a point is read to a level, and at the deepest each of its databases restored.

use contract::{
    DamagedObject, Failure, FailureCode, PointId, RestoredDatabase, RunId, ScratchServer, Stage,
    Verification, VerifyLevel,
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Level, Rehearsal, Scratch, VerifyReport, rehearse};
use crate::{
    causes,
    clock::Clock,
    custody::Custody,
    point::PointReader,
    progress::{self, ProgressSink},
    restore::Verdict,
    seal,
    store::{self, SharedStore},
};

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct VerifyInput {
    pub point: PointId,
    pub level: VerifyLevel,
    /// Where databases are made at [`VerifyLevel::Scratch`].
    pub scratch: Option<ScratchServer>,
    /// The run stops itself at this instant.
    pub deadline: Timestamp,
}

/// Looks at a point. Damage is an answer, and so is what keeps the scratch server from taking the point.
///
/// # Errors
/// What keeps the check from being made.
pub async fn verify(
    input: &VerifyInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<Verification, Failure> {
    let seen = look(input, custody, run, progress, cancel, clock).await;
    if let Err(failure) = custody.read_ended(run).await {
        tracing::warn!(
            message = failure.message,
            "the custodian was not told that the point is no longer read"
        );
    }
    seen
}

async fn look(
    input: &VerifyInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<Verification, Failure> {
    let scratch = match (input.level, &input.scratch) {
        (VerifyLevel::Scratch, None) => {
            return Err(failed(FailureCode::BadAssignment, "restore the point: no scratch server is named"));
        }
        (VerifyLevel::Scratch, Some(server)) => Some(server),
        (_, _) => None,
    };
    let left = input.deadline.duration_since(clock.now());
    let (report, databases) = tokio::select! {
        read = read(input, custody, run, progress, clock) => read?,
        () = progress::report(custody, run, progress.watch()) => return Err(stopped()),
        () = cancel.cancelled() => return Err(stopped()),
        () = tokio::time::sleep(left.try_into().unwrap_or_default()) => {
            return Err(failed(FailureCode::DeadlineExceeded, "check the point: its time is over"));
        }
    };
    let mut seen = of_report(input.level, report);
    let (Some(server), true) = (scratch, seen.is_sound()) else { return Ok(seen) };
    for database in databases {
        let scratch = Scratch {
            connection: server.connection.clone(),
            database: Some(database.clone()),
            owner: server.owner.clone(),
            limits: server.limits.clone(),
            deadline: input.deadline,
        };
        match rehearse(&scratch, &input.point, custody, run, progress, cancel.clone(), clock).await {
            Ok(rehearsal) => seen.restored.push(of_rehearsal(database, &rehearsal)),
            Err(failure) if cancel.is_cancelled() => return Err(failure),
            Err(failure) => {
                seen.not_restored = Some(failure);
                break;
            }
        }
    }
    Ok(seen)
}

/// What is stored, and the databases in it.
async fn read(
    input: &VerifyInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    clock: &Clock,
) -> Result<(VerifyReport, Vec<String>), Failure> {
    progress.stage(Stage::Data);
    let reader = seal::random_id().map_err(|error| failed(FailureCode::Internal, &causes(&error)))?.into();
    let grant = custody.read_grant(run, &input.point, &reader).await?;
    let store: SharedStore =
        store::connect(&grant.storage, clock).map_err(|error| failed(error.code(), &causes(&error)))?;
    let level = Level::from(input.level);
    let report = super::run(store.clone(), &grant, level, &|bytes| progress.bytes(bytes))
        .await
        .map_err(|error| failed(error.code(), &causes(&error)))?;
    if level < Level::Scratch || !report.is_sound() {
        return Ok((report, Vec::new()));
    }
    let reader =
        PointReader::open(store, &grant).await.map_err(|error| failed(error.code(), &causes(&error)))?;
    let stores = &reader.record().data_stores;
    Ok((report, stores.iter().map(|store| store.database.clone()).collect()))
}

fn of_report(level: VerifyLevel, report: VerifyReport) -> Verification {
    let damage =
        |damage: crate::format::Damage| DamagedObject { object: damage.object, message: damage.message };
    Verification {
        level,
        objects: report.objects,
        stored_bytes: report.stored_bytes,
        rows: report.rows,
        damaged: u64::try_from(report.damage.len()).unwrap_or(u64::MAX),
        damage: report.damage.into_iter().map(damage).collect(),
        restored: Vec::new(),
        not_restored: None,
    }
}

fn of_rehearsal(database: String, rehearsal: &Rehearsal) -> RestoredDatabase {
    let differences = rehearsal.comparison.differences();
    let same = rehearsal.comparison.tables.iter().filter(|table| table.verdict == Verdict::Same).count();
    RestoredDatabase {
        database,
        same_tables: u64::try_from(same).unwrap_or(u64::MAX),
        different: u64::try_from(differences.len()).unwrap_or(u64::MAX),
        differences,
    }
}

fn failed(code: FailureCode, message: &str) -> Failure {
    Failure { code, stage: Stage::Data, message: message.to_owned(), cause: None }
}

fn stopped() -> Failure {
    failed(FailureCode::Cancelled, "check the point: it was told to stop")
}
