//! The least that a role needs to back databases up, as an SQL script for whoever may grant it.
//!
//! ```text
//! facts     what one database has: its schemas, owners, policies, closed catalogues
//! script    the statements, from facts alone, each with the reason for it
//! ```

mod facts;
mod script;

use std::time::Duration;

use crate::backup::Pins;
use crate::postgres::{Endpoint, PgError};
pub use facts::{ClosedCatalogue, DatabaseFacts};

/// How long a question may wait for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest name that a server keeps, in bytes; it cuts longer ones.
const NAME_LIMIT: usize = 63;
/// Names that mean something else to GRANT.
const RESERVED: [&str; 6] = ["public", "none", "current_role", "current_user", "session_user", ""];

/// Whom to grant to, and how narrowly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    role: String,
    object_by_object: bool,
}

/// A name that no role for backups can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    #[error("a role's name has at most {NAME_LIMIT} bytes: this one has {bytes}")]
    TooLong { bytes: usize },
    #[error("`{name}` is a word of SQL and no role's name")]
    Reserved { name: String },
    #[error("names that begin with pg_ are the server's own")]
    OfTheServer,
    #[error("a role's name has no control characters")]
    Control,
}

impl GrantRequest {
    /// `object_by_object`: on schemas, tables and sequences one by one also where `pg_read_all_data` is there, which opens
    /// every database of the server.
    ///
    /// # Errors
    /// [`RoleNameError`] where a server would not take the name, or would cut it.
    pub fn new(role: &str, object_by_object: bool) -> Result<Self, RoleNameError> {
        if RESERVED.contains(&role) {
            return Err(RoleNameError::Reserved { name: role.to_owned() });
        }
        if role.starts_with("pg_") {
            return Err(RoleNameError::OfTheServer);
        }
        if role.len() > NAME_LIMIT {
            return Err(RoleNameError::TooLong { bytes: role.len() });
        }
        if role.chars().any(char::is_control) {
            return Err(RoleNameError::Control);
        }
        Ok(Self { role: role.to_owned(), object_by_object })
    }

    /// The script for these databases of one server, in UTF-8, as far as the server itself keeps names in it. Nothing is
    /// said twice; it may be run again.
    pub fn script(&self, databases: &[DatabaseFacts]) -> Vec<u8> {
        script::write(self, databases)
    }
}

/// Looks at a database. It changes nothing, and any role may ask.
///
/// # Errors
/// When the server cannot be reached, or does not answer.
pub async fn look(endpoint: &Endpoint) -> Result<DatabaseFacts, PgError> {
    let mut session = endpoint.connect("coffer grants").await?;
    let pins = Pins::first(&session);
    session.execute(pins.begin(None, LOCK_TIMEOUT)).await?;
    let facts = DatabaseFacts::read(&mut session).await?;
    session.close().await;
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_server_keeps_as_they_are_make_a_request() {
        let request = |name: &str| GrantRequest::new(name, false).map(|_| ());
        assert_eq!(request("backup"), Ok(()));
        assert_eq!(request("Bäck \"up\""), Ok(()));
        assert_eq!(request(&"x".repeat(63)), Ok(()));
        assert_eq!(request(&"ü".repeat(32)), Err(RoleNameError::TooLong { bytes: 64 }));
        assert_eq!(request("pg_backup"), Err(RoleNameError::OfTheServer));
        assert_eq!(request("a\nb"), Err(RoleNameError::Control));
        for name in ["", "public", "session_user"] {
            assert_eq!(request(name), Err(RoleNameError::Reserved { name: name.to_owned() }));
        }
    }
}
