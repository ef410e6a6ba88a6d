//! An error or notice as a server reports it.

use std::fmt;

use contract::{Cause, FailureCode};

/// The fields of an ErrorResponse or NoticeResponse that anybody asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Not translated (`ERROR`, `FATAL`), where the server is 9.6 or newer.
    pub severity: String,
    /// Five characters; what programs branch on.
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// What the server was doing: for COPY, table and line.
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub constraint: Option<String>,
    /// The server's source file: tells apart errors that share an SQLSTATE, in any language.
    pub file: Option<String>,
    pub routine: Option<String>,
}

/// SQLSTATEs that something here branches on.
pub mod sqlstate {
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub const UNDEFINED_TABLE: &str = "42P01";
    pub const INVALID_SCHEMA_NAME: &str = "3F000";
    pub const WRONG_OBJECT_TYPE: &str = "42809";
    pub const DEADLOCK_DETECTED: &str = "40P01";
    pub const LOCK_NOT_AVAILABLE: &str = "55P03";
    pub const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    pub const OUT_OF_MEMORY: &str = "53200";
    pub const DISK_FULL: &str = "53100";
    pub const QUERY_CANCELED: &str = "57014";
    pub const SERIALIZATION_FAILURE: &str = "40001";
    pub const INVALID_PARAMETER_VALUE: &str = "22023";
    pub const INTERNAL_ERROR: &str = "XX000";
}

/// Where procedural languages report what a function raises.
const LANGUAGES: [&str; 4] = ["pl_exec.c", "plpy_elog.c", "plperl.c", "pltcl.c"];

impl ServerError {
    /// Reads the body of the message: fields of a type byte and a text that a NUL ends, then a NUL. A body that was cut
    /// short gives what it has.
    pub(super) fn from_body(mut body: &[u8]) -> Self {
        let mut error = Self::default();
        while let Some((kind, rest)) = body.split_first().filter(|(kind, _)| **kind != 0) {
            let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            error.set(*kind, String::from_utf8_lossy(&rest[..end]).into_owned());
            body = rest.get(end + 1..).unwrap_or_default();
        }
        error
    }

    fn set(&mut self, kind: u8, text: String) {
        match kind {
            b'V' => self.severity = text,
            b'S' if self.severity.is_empty() => self.severity = text,
            b'C' => self.sqlstate = text,
            b'M' => self.message = text,
            b'D' => self.detail = Some(text),
            b'H' => self.hint = Some(text),
            b'W' => self.context = Some(text),
            b's' => self.schema = Some(text),
            b't' => self.table = Some(text),
            b'n' => self.constraint = Some(text),
            b'F' => self.file = Some(text),
            b'R' => self.routine = Some(text),
            _ => {}
        }
    }

    /// Whether it is the named SQLSTATE.
    pub fn is(&self, sqlstate: &str) -> bool {
        self.sqlstate == sqlstate
    }

    /// Whether a value grew past what the server can hold in one piece, 1 GB.
    pub fn is_value_too_large(&self) -> bool {
        self.is(sqlstate::PROGRAM_LIMIT_EXCEEDED)
            || (self.is(sqlstate::INTERNAL_ERROR) && self.file.as_deref() == Some("mcxt.c"))
    }

    /// Whether a standby gave up the statement, because what it reads was to be removed on the primary.
    pub fn is_standby_conflict(&self) -> bool {
        self.is(sqlstate::SERIALIZATION_FAILURE) && self.file.as_deref() == Some("postgres.c")
    }

    /// The cause, as far as the server's own code tells it.
    pub fn code(&self) -> FailureCode {
        match self.sqlstate.as_str() {
            "28P01" | "28000" => FailureCode::AuthenticationFailed,
            "3D000" => FailureCode::DatabaseNotFound,
            "53300" => FailureCode::TooManyConnections,
            "57P03" => FailureCode::ServerStarting,
            "57P01" | "57P02" | "57P05" | "25P03" => FailureCode::ConnectionLost,
            sqlstate::LOCK_NOT_AVAILABLE => FailureCode::LockTimeout,
            sqlstate::INSUFFICIENT_PRIVILEGE if self.file.as_deref() == Some("rls.c") => {
                FailureCode::RowSecurity
            }
            sqlstate::INSUFFICIENT_PRIVILEGE => FailureCode::PrivilegesMissing,
            sqlstate::OUT_OF_MEMORY if self.file.as_deref() == Some("lock.c") => {
                FailureCode::TooManyRelations
            }
            _ if self.is_standby_conflict() => FailureCode::StandbyConflict,
            other if other.starts_with("08") => FailureCode::ConnectionLost,
            _ => FailureCode::SourceFailed,
        }
    }

    /// Whether its words may quote what is in a row: invalid data, violated constraints, and what a function raises. Such
    /// words stay out of logs, events and status.
    fn may_quote_data(&self) -> bool {
        self.is_raised()
            || (["22", "23"].iter().any(|class| self.sqlstate.starts_with(class))
                && !self.is(sqlstate::INVALID_PARAMETER_VALUE))
    }

    /// Whether the words are those of whoever wrote a function, under whatever SQLSTATE it chose.
    fn is_raised(&self) -> bool {
        self.sqlstate.starts_with("P0")
            || self.file.as_deref().is_some_and(|file| LANGUAGES.iter().any(|own| file.ends_with(own)))
    }

    /// The message, or what may be said instead of it. A constraint's message has names only.
    fn shown(&self) -> &str {
        match self.sqlstate.get(..2) {
            _ if self.is_raised() => "a function raised an exception",
            Some("22") if self.may_quote_data() => "a value was refused",
            _ => &self.message,
        }
    }

    /// As others are told what lay behind a failure. `None`: the server gave no SQLSTATE.
    pub fn cause(&self) -> Option<Cause> {
        Cause::new(&self.sqlstate, self.shown())
    }

    /// What to do about it, where the server's message alone does not tell.
    fn advice(&self) -> Option<&'static str> {
        match self.sqlstate.as_str() {
            "28P01" => Some("check the user name and the password"),
            "28000" => Some("check the user name, and that pg_hba.conf lets this user in from here"),
            "3D000" => Some("check the name of the database"),
            "53300" => Some("raise max_connections or the role's connection limit, or use fewer lanes"),
            sqlstate::DISK_FULL => Some("free space on the server's disk"),
            "57P03" => Some("the server is starting, stopping or recovering: it is tried again"),
            _ if self.code() == FailureCode::TooManyRelations => {
                Some("raise max_locks_per_transaction and restart the server")
            }
            _ => None,
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (SQLSTATE {})", self.shown(), self.sqlstate)?;
        if let Some(table) = self.table.as_ref().filter(|_| self.may_quote_data() && !self.is_raised()) {
            write!(formatter, "; table {}.{table}", self.schema.as_deref().unwrap_or_default())?;
        }
        if let Some(detail) = self.detail.as_ref().filter(|_| !self.may_quote_data()) {
            write!(formatter, "; {detail}")?;
        }
        if let Some(hint) = self.hint.as_ref().filter(|_| !self.is_raised()) {
            write!(formatter, "; hint: {hint}")?;
        }
        if let Some(advice) = self.advice() {
            write!(formatter, "; {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;
    use crate::{
        backup::BackupError,
        postgres::{PgError, server_cause},
    };

    #[test]
    fn a_report_is_read_and_says_what_to_do() {
        let body = b"SFEHLER\0VFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0Fauth.c\0Rauth_failed\0\0";
        let error = ServerError::from_body(body);
        assert_eq!(error.severity, "FATAL");
        assert_eq!(error.code(), FailureCode::AuthenticationFailed);
        assert_eq!(
            error.to_string(),
            "password authentication failed for user \"app\" (SQLSTATE 28P01); check the user name and the password"
        );
    }

    #[test]
    fn what_lay_behind_a_failure_is_told_through_every_layer_and_without_rows() {
        let server = |body: &[u8]| PgError::Server(Box::new(ServerError::from_body(body)));
        let refused = b"SFATAL\0C3D000\0Mdatabase \"shop\" does not exist\0\0";
        let error = BackupError::Source { doing: "look", source: server(refused) };
        let error = BackupError::In { database: "shop".into(), error: Box::new(error) };
        let cause = error.into_failure(Stage::Connecting).cause.unwrap();
        assert_eq!(
            (cause.code.as_str(), cause.message.as_str()),
            ("3D000", "database \"shop\" does not exist")
        );
        let raised = b"SERROR\0CP0001\0Mno credit for Ada\0\0";
        assert_eq!(server_cause(&server(raised)).unwrap().message, "a function raised an exception");
        assert_eq!(server_cause(&PgError::Answer("nothing".into())), None);
        assert_eq!(server_cause(&server(b"SERROR\0Mno code\0\0")), None);
    }

    #[test]
    fn what_is_in_rows_is_not_repeated() {
        let body = b"SERROR\0C23505\0Mcould not create unique index \"mail\"\0DKey (email)=(a@b.example) is duplicated.\0sshop\0tpeople\0\0";
        let error = ServerError::from_body(body);
        assert_eq!(
            error.to_string(),
            "could not create unique index \"mail\" (SQLSTATE 23505); table shop.people"
        );
        let body = b"SERROR\0C22P02\0Minvalid input syntax for type integer: \"secret\"\0\0";
        assert_eq!(ServerError::from_body(body).to_string(), "a value was refused (SQLSTATE 22P02)");
        let body = b"SERROR\0CP0001\0Mno credit for Ada\0\0";
        assert_eq!(
            ServerError::from_body(body).to_string(),
            "a function raised an exception (SQLSTATE P0001)"
        );
        let body = b"SERROR\0C45000\0Mno credit for Ada\0DAda owes 7\0Hask Ada\0Fpl_exec.c\0\0";
        assert_eq!(
            ServerError::from_body(body).to_string(),
            "a function raised an exception (SQLSTATE 45000)"
        );
        let body = b"SERROR\0C22023\0Mencoding LATIN1 does not match locale\0Dit is UTF8\0\0";
        assert!(ServerError::from_body(body).to_string().contains("LATIN1"), "settings are no data");
        let body = b"SERROR\0C42P07\0Mrelation exists\0Dshop.people\0\0";
        assert!(ServerError::from_body(body).to_string().ends_with("; shop.people"));
    }

    #[test]
    fn a_report_cut_short_gives_what_it_has() {
        for length in 0..20 {
            let body = &b"SERROR\0C42501\0Mdenie"[..length];
            assert_eq!(ServerError::from_body(body).sqlstate.len(), length.saturating_sub(8).min(5));
        }
    }

    #[test]
    fn errors_that_share_a_code_are_told_apart_by_the_servers_source_file() {
        let error = |sqlstate: &str, file: &str| ServerError {
            sqlstate: sqlstate.into(),
            file: Some(file.into()),
            ..ServerError::default()
        };
        assert_eq!(error("42501", "rls.c").code(), FailureCode::RowSecurity);
        assert_eq!(error("42501", "aclchk.c").code(), FailureCode::PrivilegesMissing);
        assert_eq!(error("53200", "lock.c").code(), FailureCode::TooManyRelations);
        assert_eq!(error("53200", "mcxt.c").code(), FailureCode::SourceFailed);
        assert!(error("XX000", "mcxt.c").is_value_too_large());
        assert!(!error("XX000", "bufmgr.c").is_value_too_large());
    }
}
