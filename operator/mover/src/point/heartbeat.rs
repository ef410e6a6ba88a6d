//! A writer's sign of life, so that a point whose writers are all dead can be closed.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{WriteError, session::Session};
use crate::{
    clock::Clock,
    format::{FORMAT, Heartbeat},
    seal::{ObjectKind, Suite, seal_document},
    store::{Name, SharedStore},
};

/// How often the heartbeat is rewritten.
pub(crate) const BEAT: Duration = Duration::from_secs(60);

/// Writes the first heartbeat and goes on until the set is dropped.
pub(super) async fn start(
    store: SharedStore,
    session: Arc<Session>,
    clock: Clock,
) -> Result<JoinSet<()>, WriteError> {
    write(&store, &session, &clock, 0).await?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        for beat in 1.. {
            ticks.tick().await;
            // A missed beat is no harm: only ten minutes of silence are.
            if let Err(error) = write(&store, &session, &clock, beat).await {
                tracing::warn!(%error, "a heartbeat could not be written");
            }
        }
    });
    Ok(task)
}

async fn write(store: &SharedStore, session: &Session, clock: &Clock, beat: u64) -> Result<(), WriteError> {
    let heartbeat =
        Heartbeat { format: FORMAT, point: session.point, writer: session.writer, beat, time: clock.wall() };
    let object = session.expected(ObjectKind::Heartbeat, 0);
    let sealed =
        seal_document(&heartbeat, &object, session.writer, Suite::Aes256Gcm, session.record_key.key())?;
    store.replace(&Name::heartbeat(session.point, session.writer), sealed).await?;
    Ok(())
}
