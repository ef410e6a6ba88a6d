//! Why a backup failed.

use contract::{Failure, FailureCode, Stage};

use crate::{
    archive::ArchiveError,
    point::{PackError, WriteError},
    postgres::{PgError, server_cause},
    schema::SchemaError,
    seal::RandomError,
    store::StoreError,
};

/// One failure of a backup, before it is told to others as a [`Failure`].
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("connect to the source: {0}")]
    Connect(#[source] PgError),
    #[error("{doing}: {source}")]
    Source { doing: &'static str, source: PgError },
    #[error("read {table}: {source}")]
    ReadTable { table: String, source: PgError },
    #[error("{message}")]
    Refused { code: FailureCode, message: String },
    #[error("lock the tables: {0}; tried {tries} times", tries = super::lock::TRIES)]
    LockTimeout(String),
    #[error("lock the tables: the schema changed each time between locking and looking, {tries} times; the last change: {0}", tries = super::lock::TRIES)]
    SchemaBusy(String),
    #[error(
        "session {pid} ({application}) waits since {seconds} s for a lock on {relation} that the backup holds; it is given up so that the application can go on"
    )]
    Blocking { pid: i32, application: String, relation: String, seconds: u64 },
    #[error("pg_dump waits since {seconds} s for a lock on {relation}, which another session holds")]
    DumpBlocked { relation: String, seconds: u64 },
    #[error("read {table}: the name stands for another table now (OID {found} instead of {planned})")]
    Exchanged { table: String, planned: u32, found: u32 },
    #[error(
        "read the rows: {name} was altered meanwhile, so that some rows have its old names and some its new ones; the \
         next backup has all of them alike"
    )]
    TypeChanged { name: String },
    #[error(
        "read {table}, {place}: a row is larger than 1 GB as text, and a column of it cannot be read in binary"
    )]
    RowTooLarge { table: String, place: String },
    #[error("start {program}: {source}")]
    StartDump { program: String, source: std::io::Error },
    #[error("run pg_dump: {0}")]
    Dump(String),
    #[error("run pg_dump: its connection was lost: {0}")]
    DumpDisconnected(String),
    #[error("read pg_dump's archive: {0}")]
    Archive(#[from] ArchiveError),
    #[error("store the schema: {0}")]
    Schema(#[from] SchemaError),
    #[error("hand pg_dump its password and certificates: {0}")]
    HandOver(#[source] std::io::Error),
    #[error("fill a pack: {0}")]
    Pack(#[from] PackError),
    #[error("{0}")]
    Write(#[from] WriteError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("draw a random id: {0}")]
    Random(#[from] RandomError),
    /// Of one of several databases.
    #[error("database \"{database}\": {error}")]
    In {
        database: String,
        #[source]
        error: Box<Self>,
    },
    #[error("{0:?}")]
    Custody(Failure),
    #[error("a task of the backup ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("the backup was cancelled")]
    Cancelled,
    #[error("the backup was not done by its deadline")]
    DeadlineExceeded,
}

impl BackupError {
    /// The cause for programs.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Connect(error)
            | Self::Source { source: error, .. }
            | Self::ReadTable { source: error, .. } => error.code(),
            Self::Refused { code, .. } => *code,
            Self::LockTimeout(_) | Self::Blocking { .. } | Self::DumpBlocked { .. } => {
                FailureCode::LockTimeout
            }
            Self::SchemaBusy(_) | Self::Exchanged { .. } | Self::TypeChanged { .. } => {
                FailureCode::SchemaBusy
            }
            Self::RowTooLarge { .. } => FailureCode::RowTooLarge,
            Self::StartDump { .. } | Self::HandOver(_) | Self::Random(_) | Self::Task(_) | Self::Pack(_) => {
                FailureCode::Internal
            }
            Self::DumpDisconnected(_) => FailureCode::ConnectionLost,
            Self::Dump(said) if said.contains("permission denied") => FailureCode::PrivilegesMissing,
            Self::Dump(_) | Self::Archive(_) | Self::Schema(_) => FailureCode::DumpFailed,
            Self::Write(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::In { error, .. } => error.code(),
            Self::Custody(failure) => failure.code,
            Self::Cancelled => FailureCode::Cancelled,
            Self::DeadlineExceeded => FailureCode::DeadlineExceeded,
        }
    }

    /// As others are told.
    pub fn into_failure(self, stage: Stage) -> Failure {
        if let Self::Custody(failure) = self {
            return failure;
        }
        Failure { code: self.code(), stage, message: crate::causes(&self), cause: server_cause(&self) }
    }

    /// Told with the database that it was met in. What ends a run as a whole has none.
    pub(super) fn met_in(self, database: &str) -> Self {
        match self {
            Self::Cancelled
            | Self::DeadlineExceeded
            | Self::Custody(_)
            | Self::Write(_)
            | Self::In { .. } => self,
            error => Self::In { database: database.to_owned(), error: Box::new(error) },
        }
    }

    /// Whether a session with the source is what failed.
    pub(super) fn is_of_the_source(&self) -> bool {
        match self {
            Self::In { error, .. } => error.is_of_the_source(),
            error => matches!(error, Self::Connect(_) | Self::Source { .. } | Self::ReadTable { .. }),
        }
    }

    /// Turns a server's failure into one that says what was being done.
    pub(super) fn doing(doing: &'static str) -> impl Fn(PgError) -> Self {
        move |source| Self::Source { doing, source }
    }
}
