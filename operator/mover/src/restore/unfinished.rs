//! The end of a database that never got its name.

use std::time::Duration;

use contract::RunId;

use super::{database, names, target::Target};
use crate::{format::PgText, postgres::PgError, schema::Sql};

/// How often, and at what distance, dropping an unfinished database is tried: half a minute in all.
const DROP_ATTEMPTS: u32 = 16;
const DROP_PAUSE: Duration = Duration::from_secs(2);

/// Drops a database that this run never finished, whoever is connected to it. A server that is coming back is waited for.
pub async fn drop(target: &Target, name: &PgText, run: &RunId) -> Result<(), PgError> {
    let mut attempt = 1;
    loop {
        match try_once(target, name, run).await {
            Err(error) if error.code().is_retryable() && attempt < DROP_ATTEMPTS => {
                tokio::time::sleep(DROP_PAUSE).await;
                attempt += 1;
            }
            ended => return ended,
        }
    }
}

async fn try_once(target: &Target, name: &PgText, run: &RunId) -> Result<(), PgError> {
    let mut session = target.maintenance().await?;
    let comment = Sql::default()
        .text("SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = ")
        .literal(name.as_bytes());
    for row in session.query(comment.into_bytes()).await? {
        // Without a comment it was made a moment ago, by us: a name like this is nobody else's.
        let comment = row.optional_text(0)?;
        if comment.is_some_and(|comment| !names::is_unfinished_by(&comment.to_lossy(), run)) {
            return Err(PgError::Answer("its comment says that another run made it".to_owned()));
        }
    }
    // A database with subscriptions, disabled ones too, cannot be dropped. Whether there are any only superusers may see.
    let _harmless = drop_subscriptions(target, name).await;
    session.execute(database::drop(name)).await?;
    session.close().await;
    Ok(())
}

async fn drop_subscriptions(target: &Target, name: &PgText) -> Result<(), PgError> {
    let mut session = target.look_into(&name.to_lossy()).await?;
    let subscriptions = session
        .query(
            "SELECT subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid \
             WHERE d.datname = pg_catalog.current_database()",
        )
        .await?;
    for row in subscriptions {
        let subscription = row.text(0)?;
        let alter = Sql::default().text("ALTER SUBSCRIPTION ").name(&subscription);
        session.execute(alter.text(" SET (slot_name = NONE)").into_bytes()).await?;
        session.execute(Sql::default().text("DROP SUBSCRIPTION ").name(&subscription).into_bytes()).await?;
    }
    session.close().await;
    Ok(())
}
