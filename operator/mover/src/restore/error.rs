//! What can go wrong while a database is put back.

use std::collections::BTreeSet;

use contract::{Cause, Failure, FailureCode, Stage};

use super::{acl::AclError, preflight::Objection};
use crate::{
    digest::StreamDigestError,
    format::PgText,
    point::ReadError,
    postgres::{PgError, server_cause, sqlstate},
    schema::SchemaError,
    seal::RandomError,
    store::StoreError,
};

/// Why a restore ended without a database.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Custodian and network; told as they tell it.
    #[error("{}", .0.message)]
    Custody(Failure),
    #[error("draw a random id: {0}")]
    Random(#[from] RandomError),
    #[error("open the vault's storage: {0}")]
    Storage(#[from] StoreError),
    #[error("read {what} of the point: {source}")]
    Read { what: String, source: ReadError },
    #[error("read the schema of the point: {0}")]
    Schema(#[from] SchemaError),
    #[error("the point has no database")]
    EmptyPoint,
    /// Nothing was touched.
    #[error("{}", list(.0))]
    Refused(Vec<Objection>),
    #[error("connect to the target: {0}")]
    Connect(#[source] PgError),
    #[error("look at the target: {0}")]
    Look(#[source] PgError),
    #[error("create the database \"{name}\": {source}")]
    Create { name: String, source: PgError },
    #[error("{what}: {source}")]
    Statement { what: String, source: PgError },
    /// Nothing was written.
    #[error(
        "restore {object}: it is there already: drop it, rename it, or restore into another database: {source}"
    )]
    ObjectExists { object: String, source: PgError },
    #[error("load the rows of {table}: {source}")]
    Load { table: String, source: PgError },
    #[error("load the rows of {table}: {source}")]
    Rows { table: String, source: StreamDigestError },
    #[error("load the rows of {table}: the point names a table that its schema does not make")]
    UnknownTable { table: String },
    #[error("give large object {object} its privileges: {source}")]
    Privileges { object: String, source: AclError },
    #[error("the restored rows are not those of the point: {}", .0.join("; "))]
    Differences(Vec<String>),
    #[error("write {path}: {source}")]
    File { path: String, source: std::io::Error },
    /// Before the rows.
    #[error("the role may not do what comes after the rows, restore as a superuser or without it: {}", .0.join("; "))]
    NotAllowed(Vec<String>),
    #[error("a lane of the restore ended by itself: {0}")]
    Lane(String),
    /// Of one of several databases.
    #[error("database \"{database}\": {error}{stay}")]
    In { database: String, error: Box<Self>, stay: String },
    #[error("the restore was cancelled")]
    Cancelled,
    #[error("the restore was not finished at its deadline")]
    DeadlineExceeded,
}

impl RestoreError {
    pub(super) fn statement(what: impl Into<String>) -> impl FnOnce(PgError) -> Self {
        |source| Self::Statement { what: what.into(), source }
    }

    /// Told with the database that it was met in, and with the roles that were made for it and stay.
    pub(super) fn met_in(self, database: &str, created: &BTreeSet<PgText>) -> Self {
        if let Self::Custody(_) | Self::Cancelled | Self::DeadlineExceeded = self {
            return self;
        }
        let names: Vec<String> = created.iter().map(|name| format!("\"{name}\"")).collect();
        let stay = match names.as_slice() {
            [] => String::new(),
            names => format!("; roles that were made stay: {}", names.join(", ")),
        };
        Self::In { database: database.to_owned(), error: Box::new(self), stay }
    }

    pub(super) fn read(what: impl Into<String>) -> impl FnOnce(ReadError) -> Self {
        |source| Self::Read { what: what.into(), source }
    }

    /// Whether the server refused rows by what a constraint or a function says, which may depend on other tables.
    pub(super) fn may_be_for_want_of_other_rows(&self) -> bool {
        const REFUSED_BY: [&str; 3] = [CHECK_VIOLATION, FOREIGN_KEY_VIOLATION, RAISED];
        match self {
            Self::Load { source, .. } => {
                !source.ends_session() && REFUSED_BY.iter().any(|sqlstate| source.is(sqlstate))
            }
            _ => false,
        }
    }

    /// As others are told.
    pub fn into_failure(self, stage: Stage) -> Failure {
        if let Self::Custody(failure) = self {
            return failure;
        }
        Failure { code: self.code(), stage, message: crate::causes(&self), cause: self.server_cause() }
    }

    /// What the target's server said, of whichever database it was.
    fn server_cause(&self) -> Option<Box<Cause>> {
        match self {
            Self::In { error, .. } => error.server_cause(),
            error => server_cause(error),
        }
    }

    /// The cause for programs.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Custody(failure) => failure.code,
            Self::Storage(error) => error.code(),
            Self::Read { source, .. } => source.code(),
            // What is sealed is what was written: a header that cannot be read is one of a newer writer.
            Self::Schema(SchemaError::DecodeHeader { .. }) => FailureCode::FormatUnsupported,
            // What kept the bytes from being read may pass.
            Self::Schema(SchemaError::Read { source, .. }) => source
                .get_ref()
                .and_then(|error| error.downcast_ref::<ReadError>())
                .map_or(FailureCode::Damaged, ReadError::code),
            Self::Schema(_) | Self::EmptyPoint | Self::UnknownTable { .. } | Self::Rows { .. } => {
                FailureCode::Damaged
            }
            Self::Privileges { .. } => FailureCode::Damaged,
            Self::Refused(objections) => objections.first().map_or(FailureCode::Internal, |first| first.code),
            Self::Connect(error) | Self::Look(error) => target_code(error),
            Self::Create { source, .. } if source.is(INVALID_LOCALE) => FailureCode::TargetEncodingMismatch,
            Self::Create { source, .. } | Self::Statement { source, .. } | Self::Load { source, .. } => {
                target_code(source)
            }
            Self::ObjectExists { .. } => FailureCode::TargetExists,
            Self::Differences(_) => FailureCode::ChecksFailed,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                FailureCode::TargetExists
            }
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                FailureCode::TargetFull
            }
            Self::File { .. } => FailureCode::StatementFailed,
            Self::NotAllowed(_) => FailureCode::TargetPrivilegesMissing,
            Self::Lane(_) | Self::Random(_) => FailureCode::Internal,
            Self::In { error, .. } => error.code(),
            Self::Cancelled => FailureCode::Cancelled,
            Self::DeadlineExceeded => FailureCode::DeadlineExceeded,
        }
    }
}

/// What `CREATE DATABASE` says of a locale that the machine does not have, or that does not go with the encoding.
const INVALID_LOCALE: &str = "42809";
const DUPLICATE_DATABASE: &str = "42P04";
const FOREIGN_KEY_VIOLATION: &str = "23503";
const CHECK_VIOLATION: &str = "23514";
const RAISED: &str = "P0001";

/// A failure of the target, in the words for targets.
fn target_code(error: &PgError) -> FailureCode {
    if error.is(sqlstate::DISK_FULL) {
        return FailureCode::TargetFull;
    }
    if error.is(DUPLICATE_DATABASE) {
        return FailureCode::TargetExists;
    }
    let code = error.code();
    if matches!(code, FailureCode::SourceFailed | FailureCode::RowSecurity) {
        FailureCode::StatementFailed
    } else if code == FailureCode::PrivilegesMissing {
        FailureCode::TargetPrivilegesMissing
    } else {
        code
    }
}

fn list(objections: &[Objection]) -> String {
    let sentences: Vec<&str> = objections.iter().map(|objection| objection.sentence.as_str()).collect();
    match sentences.as_slice() {
        [only] => (*only).to_owned(),
        all => format!("the target cannot take this restore: {}", all.join("; ")),
    }
}
