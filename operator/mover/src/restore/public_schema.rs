//! Schema `public`, as the definitions take it for granted.
//!
//! From PostgreSQL 15 on nobody but its owner may create anything in it, unless somebody granted that. pg_dump 15 and newer
//! tell of it only what differs from this, also of an older server, whose databases begin with a `public` that is open to all:
//! one that was closed would come back open.

use super::{RestoreError, preflight::Place, ready::Ready};
use crate::{format::Manifest, postgres::Session, schema::Entry};

/// The first major version whose `public` is closed, and whose pg_dump takes it for closed.
const CLOSED_SINCE: u32 = 15;

/// For a database that has it, and for one that does not.
pub const CLOSE: &str = "DO $$ BEGIN IF pg_catalog.to_regnamespace('public') IS NOT NULL THEN \
     REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF; END $$";

const IS_OPEN: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a \
     WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')";

/// Closes it where the target's is open and the definitions take it for closed. `grants` come later, and may open it again. What
/// the role may not do is told.
pub async fn close(
    session: &mut Session,
    ready: &Ready,
    grants: &[Entry],
) -> Result<Option<String>, RestoreError> {
    let is_ours = !ready.is_selection() && !matches!(ready.judged.place, Place::InUse { .. });
    let may_be_open = ready.facts.major < CLOSED_SINCE && is_taken_for_closed(&ready.manifest);
    if !is_ours || !may_be_open || !is_open(session).await? {
        return Ok(None);
    }
    let closed = session.execute(CLOSE).await;
    closed.map_err(RestoreError::statement("close schema public"))?;
    // Who does not own it hears of no error.
    if !is_open(session).await? || grants.iter().any(opens) {
        return Ok(None);
    }
    Ok(Some(
        "anybody may create objects in schema \"public\", which in the source nobody might: have a superuser REVOKE CREATE ON \
         SCHEMA public FROM PUBLIC"
            .to_owned(),
    ))
}

/// Whether the definitions say only how it differs from one that is closed, though in the source it began open.
pub fn is_taken_for_closed(manifest: &Manifest) -> bool {
    let by = manifest.schema.dump_major();
    manifest.server_version / 10_000 < CLOSED_SINCE && by.is_some_and(|major| major >= CLOSED_SINCE)
}

async fn is_open(session: &mut Session) -> Result<bool, RestoreError> {
    let open = session.query_one(IS_OPEN).await.and_then(|row| row.boolean(0));
    open.map_err(RestoreError::statement("look at the privileges of schema public"))
}

fn opens(grant: &Entry) -> bool {
    let definition = grant.definition.to_lossy();
    let grants =
        |privilege: &str| definition.contains(&format!("GRANT {privilege} ON SCHEMA public TO PUBLIC"));
    grants("ALL") || grants("CREATE")
}
