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
    /// Of a standby.
    pub standby: Option<Standby>,
}

/// What a standby does with queries that keep it from following its primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    /// Whether the primary keeps what they may still look at.
    pub feedback: bool,
    pub waits_for_ever: bool,
    /// How long it waits for them, as the server says it.
    pub delay: String,
}

/// Asks, in a transaction that changes nothing.
pub async fn probe(session: &mut Session) -> Result<Probed, PgError> {
    let pins = Pins::first(session);
    session.execute(pins.begin(None, LOCK_TIMEOUT)).await?;
    let server = ServerFacts::read(session).await?;
    let privileges = PrivilegeFacts::read(session, server.version).await?;
    let large_objects = LargeObjects::read(session, server.block_size).await?;
    let standby = if server.is_standby { Some(standby(session).await?) } else { None };
    Ok(Probed { server, privileges, unreadable_large_objects: large_objects.missing(), standby })
}

async fn standby(session: &mut Session) -> Result<Standby, PgError> {
    let row = session
        .query_one(
            "SELECT current_setting('hot_standby_feedback'), current_setting('max_standby_streaming_delay')",
        )
        .await?;
    let delay = row.text(1)?.to_string();
    Ok(Standby { feedback: row.bytes(0)? == b"on", waits_for_ever: delay == "-1", delay })
}
