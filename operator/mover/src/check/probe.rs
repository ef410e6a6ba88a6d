//! The questions of a check.

use std::time::Duration;

use crate::{
    backup::{LargeObjects, Pins, PrivilegeFacts, ServerFacts},
    postgres::{PgError, Session},
};

/// How long a question may wait for a lock.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What a check knows.
pub struct Probed {
    pub server: ServerFacts,
    pub privileges: PrivilegeFacts,
    /// A sentence, where there are some.
    pub unreadable_large_objects: Option<String>,
}

/// Asks, in a transaction that changes nothing.
pub async fn probe(session: &mut Session) -> Result<Probed, PgError> {
    let pins = Pins::first(session);
    session.execute(pins.begin(None, LOCK_TIMEOUT)).await?;
    let server = ServerFacts::read(session).await?;
    let privileges = PrivilegeFacts::read(session, server.version).await?;
    let large_objects = LargeObjects::read(session, server.block_size).await?;
    Ok(Probed { server, privileges, unreadable_large_objects: large_objects.missing() })
}
