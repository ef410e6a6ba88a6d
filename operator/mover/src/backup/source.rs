//! Sessions with the source: opened alike, and known, so that none outlives a run that is stopped.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::RunId;
use futures::future::join_all;

use super::{
    lock::{SERVER_STARTED, Snapshot},
    pins::Pins,
    statement,
};
use crate::{
    postgres::{CancelHandle, Endpoint, PgError, Session},
    schema::Sql,
};

/// Longest application name that a server keeps.
const APPLICATION_LIMIT: usize = 63;

/// Opens sessions and remembers those that are open. Clones share the memory.
#[derive(Clone)]
pub struct Source {
    endpoint: Endpoint,
    application: String,
    open: Arc<Open>,
}

#[derive(Default)]
struct Open {
    sessions: Mutex<HashMap<u64, CancelHandle>>,
    next: AtomicU64,
}

/// A session that is remembered until it was closed in an orderly way: one that is dropped may still run at the server.
pub struct SourceSession {
    session: Session,
    number: u64,
    open: Arc<Open>,
}

impl Source {
    pub fn new(endpoint: Endpoint, run: &RunId) -> Self {
        let mut application = format!("coffer {run}");
        application.retain(|character| character.is_ascii_graphic() || character == ' ');
        application.truncate(APPLICATION_LIMIT);
        Self { endpoint, application, open: Arc::default() }
    }

    /// The same for another database of the server.
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            endpoint: self.endpoint.with_database(database),
            application: self.application.clone(),
            open: Arc::clone(&self.open),
        }
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the server's views call our sessions.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// A session without a transaction.
    pub async fn connect(&self) -> Result<SourceSession, PgError> {
        let session = self.endpoint.connect(&self.application).await?;
        let number = self.open.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(number, session.cancel_handle());
        Ok(SourceSession { session, number, open: Arc::clone(&self.open) })
    }

    /// A session that looks at what the server does, outside of any transaction: it holds no snapshot back.
    pub async fn connect_to_watch(&self) -> Result<SourceSession, PgError> {
        let mut session = self.connect().await?;
        // In the database's own encoding every name can be told.
        let encoding = session.parameter("server_encoding").unwrap_or("SQL_ASCII").to_owned();
        let sql = Sql::default()
            .text("SET search_path = ''; SET statement_timeout = 0; SET lock_timeout = 0; SET client_encoding = ")
            .literal(encoding.as_bytes());
        session.execute(sql.into_bytes()).await?;
        Ok(session)
    }

    /// A session in a transaction that sees what the snapshot's sees, with the savepoint that segments return to.
    pub async fn connect_with_snapshot(
        &self,
        pins: &Pins,
        snapshot: &Snapshot,
        lock_timeout: Duration,
    ) -> Result<SourceSession, PgError> {
        let mut session = self.connect().await?;
        let mut begin = pins.begin(Some(&snapshot.id), lock_timeout);
        begin.extend_from_slice(statement::BEGIN.as_bytes());
        session.execute(begin).await?;
        let started = session.query_one(SERVER_STARTED).await?.text(0)?;
        if started != snapshot.server_started.as_str().into() {
            return Err(PgError::Answer(
                "the host's name leads to more than one server; give the address of one".to_owned(),
            ));
        }
        Ok(session)
    }

    /// What can end the statements of all sessions that were not closed.
    pub fn cancel_handles(&self) -> Vec<CancelHandle> {
        self.open.lock().values().cloned().collect()
    }
}

/// Ends running statements: a server that waits for a lock does not notice that its client is gone.
pub async fn cancel_all(handles: Vec<CancelHandle>) {
    let cancelled = join_all(handles.iter().map(CancelHandle::cancel)).await;
    for error in cancelled.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a statement was not cancelled; it ends when the server next writes to its client");
    }
}

impl SourceSession {
    /// Ends it in an orderly way.
    pub async fn close(mut self) {
        self.session.terminate().await;
        self.open.lock().remove(&self.number);
    }
}

impl std::ops::Deref for SourceSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl std::ops::DerefMut for SourceSession {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Open {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, CancelHandle>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
