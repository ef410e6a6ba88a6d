//! Sessions in the target, each with the settings for its work.

use std::sync::{Arc, Mutex, PoisonError};

use contract::{Connection, RunId};

use crate::{
    postgres::{CancelHandle, Endpoint, PgError, Session},
    schema::Preamble,
};

/// The first major version that ends idle sessions outside transactions.
const WITH_IDLE_SESSION_TIMEOUT: u32 = 14;

/// What every session that writes needs besides the schema's own settings. Commits are not waited for one by one: the
/// last one, which gives the database its name, is, and with it all before. Money is read as it was written, in definitions
/// as in rows.
const WRITING: &str = "\
    SET synchronous_commit = off; \
    SET default_transaction_read_only = off; \
    SET default_transaction_isolation = 'read committed'; \
    SET lc_monetary = 'C';";

/// What the stored text of rows takes for granted: intervals and arrays are read as they were written.
const LOADING: &str = "SET IntervalStyle = 'postgres'; SET array_nulls = on;";

/// A server that a point is restored into.
#[derive(Clone)]
pub struct Target {
    endpoint: Endpoint,
    application: String,
}

impl Target {
    /// Checks the connection without opening it.
    pub fn new(connection: &Connection, run: &RunId) -> Result<Self, PgError> {
        Ok(Self { endpoint: Endpoint::new(connection)?, application: format!("coffer restore {run}") })
    }

    /// Host and port, for people.
    pub fn address(&self) -> String {
        format!("{}:{}", self.endpoint.host(), self.endpoint.port())
    }

    /// A session in the database to log in to, which is not the one that is restored.
    pub async fn maintenance(&self) -> Result<Session, PgError> {
        self.look_into(self.endpoint.database()).await
    }

    /// A session that looks at a database's catalogue, or says what is to happen to databases.
    pub async fn look_into(&self, database: &str) -> Result<Session, PgError> {
        let mut session = self.endpoint.with_database(database).connect(&self.application).await?;
        session
            .execute(
                "SET client_encoding = 'UTF8'; SET search_path = ''; SET statement_timeout = 0; SET lock_timeout = 0; \
                 SET idle_in_transaction_session_timeout = 0; SET default_transaction_read_only = off; \
                 SET standard_conforming_strings = on; SET client_min_messages = warning; SET synchronous_commit = on",
            )
            .await?;
        Ok(session)
    }

    /// What opens sessions in the database that is restored.
    pub fn sessions(&self, database: &str, preamble: &Preamble, major: u32) -> Sessions {
        let mut settings = preamble.statements(major).join(&b' ');
        settings.extend_from_slice(WRITING.as_bytes());
        if major >= WITH_IDLE_SESSION_TIMEOUT {
            settings.extend_from_slice(b"SET idle_session_timeout = 0;");
        }
        Sessions {
            endpoint: self.endpoint.with_database(database),
            application: self.application.clone(),
            settings,
            cancels: Arc::default(),
        }
    }
}

/// Opens sessions in the database that is restored.
#[derive(Clone)]
pub struct Sessions {
    endpoint: Endpoint,
    application: String,
    settings: Vec<u8>,
    /// For every session that was opened, what can end its statement.
    cancels: Arc<Mutex<Vec<CancelHandle>>>,
}

impl Sessions {
    /// The way into the database.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the sessions call themselves.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Ends what any of the sessions still runs: a server notices only after a statement that nobody waits for it.
    pub async fn cancel_all(&self) {
        let handles = std::mem::take(&mut *self.cancels.lock().unwrap_or_else(PoisonError::into_inner));
        let requests = handles.iter().map(CancelHandle::cancel);
        for failed in futures::future::join_all(requests).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%failed, "a session was not cancelled");
        }
    }

    /// For the schema's statements.
    pub async fn for_statements(&self) -> Result<Session, PgError> {
        let mut session = self.endpoint.connect(&self.application).await?;
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner).push(session.cancel_handle());
        session.execute(&self.settings).await?;
        Ok(session)
    }

    /// For rows, and for statements beside them.
    pub async fn for_rows(&self) -> Result<Session, PgError> {
        let mut session = self.for_statements().await?;
        session.execute(LOADING).await?;
        Ok(session)
    }
}
