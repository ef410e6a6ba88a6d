//! Executes entries of a schema, one after the other, in one session.

use super::{RestoreError, lent::Lent};
use crate::{
    postgres::{PgError, Session, sqlstate},
    schema::{Entry, Owners, SessionState},
};

/// How often a statement that was chosen to end a deadlock is tried.
const DEADLOCK_ATTEMPTS: u32 = 5;

/// A session and what its defaults are.
pub struct Executor {
    pub session: Session,
    state: SessionState,
    lent: Lent,
}

impl Executor {
    /// Over a session whose settings are made and whose defaults nobody has touched.
    pub fn new(session: Session, lent: &Lent) -> Self {
        Self { session, state: SessionState::default(), lent: lent.clone() }
    }

    /// Goes on in another session, after this one was lost.
    pub fn replace(&mut self, session: Session) {
        self.session = session;
        self.state = SessionState::default();
    }

    /// Executes an entry: its definition, word for word, and the statements around it.
    pub async fn execute(&mut self, entry: &Entry, owners: &Owners) -> Result<(), RestoreError> {
        for statement in self.state.statements(entry, owners)? {
            let mut done = self.statement(&statement.sql).await;
            // A superuser is refused nothing, so this is one who is not: the new owner may lack the right to create there.
            if !statement.is_definition
                && done.as_ref().is_err_and(|error| error.is(sqlstate::INSUFFICIENT_PRIVILEGE))
                && let (Some(schema), Some(owner)) = (&entry.namespace, &entry.owner)
                && self.lent.lend(&mut self.session, schema, owners.of(owner)).await
            {
                done = self.statement(&statement.sql).await;
            }
            done.map_err(|source| {
                let what = if statement.is_definition { "restore" } else { "prepare or give away" };
                RestoreError::Statement { what: format!("{what} {entry}"), source }
            })?;
        }
        Ok(())
    }

    /// Lanes alter tables beside each other. The server ends one of two that wait for each other; it waits no longer
    /// for the other when it is tried again.
    async fn statement(&mut self, sql: &[u8]) -> Result<(), PgError> {
        let mut attempt = 1;
        loop {
            match self.session.execute(sql).await {
                Err(error) if error.is(sqlstate::DEADLOCK_DETECTED) && attempt < DEADLOCK_ATTEMPTS => {
                    attempt += 1
                }
                other => return other,
            }
        }
    }
}
