//! What a mover's failure means to people: a reason for the condition and a code for the job's errors. Pure.

use contract::{Cause, Exit, Failure, FailureCode, Outcome};
use crds::common::{AttemptOutcome, JobError};
use crds::{ErrorCode, Reason};

use super::attempt::Ending;

/// What an attempt that made nothing amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: AttemptOutcome,
    pub reason: Reason,
    pub error: JobError,
}

impl Verdict {
    fn new(outcome: AttemptOutcome, reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { outcome, reason, error: JobError::new(code, message) }
    }

    /// An attempt that the operator ended itself.
    pub fn stopped(reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(AttemptOutcome::Stopped, reason, code, message)
    }

    /// Whether the same thing may succeed when tried again without any change.
    pub fn may_pass(&self) -> bool {
        match self.outcome {
            AttemptOutcome::RetryableFailure | AttemptOutcome::Lost => true,
            AttemptOutcome::Stopped => self.error.retryable,
            AttemptOutcome::Succeeded | AttemptOutcome::PermanentFailure | AttemptOutcome::LostRace => false,
        }
    }
}

/// The meaning of an ending that left nothing behind in storage, or of one that says it failed.
pub fn verdict(ending: &Ending) -> Verdict {
    if ending.out_of_memory {
        let text = "The mover reached its memory limit and was killed.";
        return Verdict::new(
            AttemptOutcome::RetryableFailure,
            Reason::OutOfMemory,
            ErrorCode::OutOfMemory,
            text,
        );
    }
    match ending.report.as_ref().map(|report| &report.outcome) {
        Some(Outcome::Failed(failure)) => of_failure(failure),
        // It says that it wrote something that the vault does not have: trying again is the only answer.
        Some(
            Outcome::Stored { .. } | Outcome::Restored { .. } | Outcome::Checked(_) | Outcome::Verified(_),
        ) => lost("The mover reported success, and nothing of it was found."),
        None => of_exit(ending.exit_code),
    }
}

/// The meaning of a failure that was told in full.
pub fn of_failure(failure: &Failure) -> Verdict {
    if failure.code == FailureCode::Cancelled {
        // Who ends a run on purpose does not ask its report why: this pod was stopped by somebody else.
        return lost(
            "The mover was told to stop: its pod was evicted or deleted, or its node is being drained.",
        );
    }
    let (reason, code) = meaning(failure.code);
    let outcome = if failure.code == FailureCode::LostRace {
        AttemptOutcome::LostRace
    } else if failure.code == FailureCode::DeadlineExceeded {
        AttemptOutcome::Stopped
    } else if failure.code.is_retryable() {
        AttemptOutcome::RetryableFailure
    } else {
        AttemptOutcome::PermanentFailure
    };
    let mut verdict = Verdict::new(outcome, reason, code, shortened(&failure.message));
    // The mover has judged this very case; the code's own meaning is the general one.
    verdict.error.retryable = failure.code.is_retryable();
    // Again, as a mover of another version may not have.
    if let Some(cause) = failure.cause.as_ref().and_then(|cause| Cause::new(&cause.code, &cause.message)) {
        verdict.error = verdict.error.with_inner(cause.code, cause.message);
    }
    verdict
}

fn of_exit(code: Option<i32>) -> Verdict {
    let Some(code) = code else {
        return lost(
            "The mover's pod vanished without a word: it was evicted or deleted, or its node was lost.",
        );
    };
    match Exit::from_code(code) {
        Some(Exit::Retryable) => Verdict::new(
            AttemptOutcome::RetryableFailure,
            Reason::AttemptFailed,
            ErrorCode::InternalError,
            "The mover failed with an error that may pass, and could not say which.",
        ),
        Some(Exit::Permanent) => Verdict::new(
            AttemptOutcome::PermanentFailure,
            Reason::PermanentFailure,
            ErrorCode::InternalError,
            "The mover failed for good, and could not say why: read its log.",
        ),
        Some(Exit::BadAssignment) => Verdict::new(
            AttemptOutcome::PermanentFailure,
            Reason::PermanentFailure,
            ErrorCode::BadAssignment,
            "The mover could not read its assignment.",
        ),
        Some(Exit::LostRace) => Verdict::new(
            AttemptOutcome::LostRace,
            Reason::LostRace,
            ErrorCode::LostRace,
            "Another mover of the same run committed first.",
        ),
        Some(Exit::Done) | None => {
            lost(format!("The mover's pod ended with exit code {code} and left no report."))
        }
    }
}

fn lost(message: impl Into<String>) -> Verdict {
    Verdict::new(AttemptOutcome::Lost, Reason::MoverLost, ErrorCode::MoverLost, message)
}

/// A message that fits the status.
pub fn shortened(text: &str) -> String {
    text.chars().take(1024).collect()
}

use {ErrorCode as E, FailureCode as F, Reason as R};

/// The reason and the code of each failure. Exhaustive: a new failure is decided here before it compiles.
pub fn meaning(code: FailureCode) -> (Reason, ErrorCode) {
    match code {
        F::HostNotFound => (R::HostNotFound, E::UserErrorHostNotFound),
        F::ConnectionRefused => (R::ConnectionRefused, E::UserErrorMissingNetworkSecurityPermissions),
        F::ConnectionTimedOut => (R::ServerUnreachable, E::UserErrorMissingNetworkSecurityPermissions),
        F::ConnectionLost => (R::ServerUnreachable, E::UserErrorServerConnectionClosed),
        F::NotPostgres => (R::NotPostgres, E::UserErrorNotPostgres),
        F::TlsFailed => (R::TlsFailed, E::UserErrorTlsFailed),
        F::TlsNotOffered => (R::TlsNotOffered, E::UserErrorTlsFailed),
        F::AuthenticationFailed => (R::AuthenticationFailed, E::UserErrorDBUserAuthFailed),
        F::DatabaseNotFound => (R::DatabaseNotFound, E::UserErrorDBNotFound),
        F::TooManyConnections => (R::TooManyConnections, E::UserErrorTooManyConnections),
        F::ServerStarting => (R::ServerNotReady, E::ServerNotReady),
        F::InvalidConnection => (R::SecretInvalid, E::UserErrorSecretValueInUnsupportedFormat),
        F::VersionUnsupported => (R::ServerVersionUnsupported, E::UserErrorServerVersionNotSupported),
        F::PoolerUnsupported => (R::PoolerUnsupported, E::UserErrorPoolerNotSupported),
        F::PrivilegesMissing => (R::PrivilegesMissing, E::UserErrorMissingDBPermissions),
        F::RowSecurity => (R::RowSecurityActive, E::UserErrorRowSecurity),
        F::TooManyRelations => (R::LockTableTooSmall, E::UserErrorLockTableTooSmall),
        F::LockTimeout => (R::LockTimeout, E::UserErrorLockTimeout),
        F::SchemaBusy => (R::SchemaBusy, E::UserErrorSchemaBusy),
        F::RowTooLarge => (R::RowTooLarge, E::UserErrorRowTooLarge),
        F::StandbyConflict => (R::StandbyConflict, E::UserErrorStandbyConflict),
        F::SourceFailed => (R::AttemptFailed, E::SourceFailed),
        F::DumpFailed => (R::PermanentFailure, E::DumpFailed),
        F::StorageUnreachable => (R::StorageUnreachable, E::StorageUnreachable),
        F::StorageMisconfigured => (R::StorageMisconfigured, E::UserErrorContainerNotAccessible),
        F::StorageRefused => (R::StoragePermissionsMissing, E::UserErrorContainerNotAccessible),
        F::StorageCredentialsRefused => (R::CredentialsRefused, E::UserErrorBackupUserAuthFailed),
        F::StorageCredentialsMissing => (R::CredentialsMissing, E::UserErrorBackupUserAuthFailed),
        F::StorageTlsFailed => (R::StorageTlsFailed, E::UserErrorContainerNotAccessible),
        F::StorageFull => (R::StorageFull, E::UserErrorStorageFull),
        F::BucketNotFound => (R::BucketNotFound, E::UserErrorContainerNotAccessible),
        F::ConditionalWritesNotHonoured => {
            (R::ConditionalWritesNotHonoured, E::UserErrorConditionalWritesNotHonoured)
        }
        F::KeeperUnreachable => (R::KeeperUnavailable, E::KeeperUnavailable),
        F::KeeperRefused => (R::PermanentFailure, E::KeeperRefused),
        F::KeyMissing | F::WrongKey => (R::KeyMissing, E::UserErrorKeyMissing),
        F::KeySubstituted => (R::KeySubstituted, E::KeySubstituted),
        F::PointNotFound => (R::PointNotFound, E::UserErrorRecoveryPointNotFound),
        F::Damaged => (R::IntegrityFailed, E::IntegrityFailed),
        F::FormatUnsupported => (R::FormatUnsupported, E::UserErrorFormatNotSupported),
        F::LostRace => (R::LostRace, E::LostRace),
        F::Voided => (R::PermanentFailure, E::RunVoided),
        F::TargetExists | F::TargetNotEmpty => (R::TargetNotEmpty, E::UserErrorDatabaseNameAlreadyInUse),
        F::TargetPrivilegesMissing => (R::TargetPrivilegesMissing, E::UserErrorMissingTargetPermissions),
        F::TargetVersionUnsupported
        | F::TargetEncodingMismatch
        | F::RoleMissing
        | F::ExtensionMissing
        | F::TablespaceMissing
        | F::TargetFull => (R::TargetUnsuitable, E::UserErrorTargetNotSuitable),
        F::StatementFailed => (R::TargetStatementFailed, E::UserErrorTargetStatementFailed),
        F::ChecksFailed => (R::RestoredDataDiffers, E::RestoredDataDiffers),
        F::Cancelled => (R::Cancelled, E::Cancelled),
        F::DeadlineExceeded => (R::CompletionWindowExceeded, E::CompletionWindowExceeded),
        F::BadAssignment => (R::PermanentFailure, E::BadAssignment),
        F::Internal => (R::AttemptFailed, E::InternalError),
    }
}

#[cfg(test)]
mod tests {
    use contract::{Report, RunId, Stage, VERSION};

    use super::*;

    fn failed(code: FailureCode) -> Ending {
        let failure = Failure { code, stage: Stage::Data, message: "why".into(), cause: None };
        let report = Report {
            version: VERSION,
            run: RunId("run".into()),
            attempt: 1,
            started: None,
            outcome: Outcome::Failed(failure),
            warnings: Vec::new(),
        };
        Ending { report: Some(report), exit_code: Some(20), out_of_memory: false }
    }

    #[test]
    fn a_told_failure_is_retried_exactly_when_the_mover_says_so() {
        for (code, may_pass) in [
            (FailureCode::ConnectionRefused, true),
            (FailureCode::LockTimeout, true),
            (FailureCode::Cancelled, true),
            (FailureCode::AuthenticationFailed, false),
            (FailureCode::RowTooLarge, false),
            (FailureCode::DeadlineExceeded, false),
        ] {
            assert_eq!(verdict(&failed(code)).may_pass(), may_pass, "{code:?}");
        }
    }

    #[test]
    fn row_b17_what_is_wrong_has_the_code_that_people_know_and_only_lost_connections_pass_by_themselves() {
        for (code, known, may_pass) in [
            (FailureCode::AuthenticationFailed, "UserErrorDBUserAuthFailed", false),
            (FailureCode::DatabaseNotFound, "UserErrorDBNotFound", false),
            (FailureCode::PrivilegesMissing, "UserErrorMissingDBPermissions", false),
            (FailureCode::InvalidConnection, "UserErrorSecretValueInUnsupportedFormat", false),
            (FailureCode::StorageCredentialsRefused, "UserErrorBackupUserAuthFailed", false),
            (FailureCode::BucketNotFound, "UserErrorContainerNotAccessible", false),
            (FailureCode::TargetExists, "UserErrorDatabaseNameAlreadyInUse", false),
            (FailureCode::ConnectionTimedOut, "UserErrorMissingNetworkSecurityPermissions", true),
            (FailureCode::ConnectionLost, "UserErrorServerConnectionClosed", true),
        ] {
            let verdict = verdict(&failed(code));
            assert_eq!((verdict.error.code.as_str(), verdict.may_pass()), (known, may_pass), "{code:?}");
            assert!(!verdict.error.recommended_action.is_empty(), "{code:?}");
        }
    }

    #[test]
    fn an_end_without_a_word_is_judged_by_its_exit_code() {
        for (code, outcome) in [
            (None, AttemptOutcome::Lost),
            (Some(137), AttemptOutcome::Lost),
            (Some(0), AttemptOutcome::Lost),
            (Some(20), AttemptOutcome::RetryableFailure),
            (Some(21), AttemptOutcome::PermanentFailure),
            (Some(22), AttemptOutcome::PermanentFailure),
            (Some(30), AttemptOutcome::LostRace),
        ] {
            let ending = Ending { exit_code: code, ..Ending::default() };
            assert_eq!(verdict(&ending).outcome, outcome, "{code:?}");
        }
    }

    #[test]
    fn a_pod_out_of_memory_says_so_whatever_it_left() {
        let mut ending = failed(FailureCode::Internal);
        ending.out_of_memory = true;
        assert_eq!(verdict(&ending).reason, Reason::OutOfMemory);
    }

    #[test]
    fn the_error_has_the_codes_own_advice_and_the_movers_words() {
        let error = verdict(&failed(FailureCode::AuthenticationFailed)).error;
        assert_eq!((error.code.as_str(), error.message.as_str()), ("UserErrorDBUserAuthFailed", "why"));
        assert!(error.user_error && !error.recommended_action.is_empty());
        assert_eq!(error.inner, None);
    }

    #[test]
    fn row_a45_a49_what_the_server_said_is_told_behind_our_own_words() {
        let said = "password authentication failed for user \"app\"";
        let failure = Failure {
            code: FailureCode::AuthenticationFailed,
            stage: Stage::Connecting,
            message: "why".into(),
            cause: Cause::new("28P01", said).map(Box::new),
        };
        let error = of_failure(&failure).error;
        assert_eq!(error.message, "why");
        assert_eq!(error.inner.map(|inner| (inner.code, inner.message)), Some(("28P01".into(), said.into())));
    }
}
