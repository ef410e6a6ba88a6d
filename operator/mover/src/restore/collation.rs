//! The order of texts: whether the target sorts by the same version of the database's collation as the source did.

use super::RestoreError;
use crate::{format::DatabaseEntry, postgres::Session};

/// Servers before 15 know no version of a database's collation.
const VERSION: &str = "\
    SELECT pg_catalog.to_jsonb(d)->>'datcollversion' FROM pg_catalog.pg_database d \
     WHERE d.datname = pg_catalog.current_database()";

/// What is to be told where the versions differ. Indexes are built here, in the order of this server; what a query or a
/// program expects of that order may be another.
///
/// # Errors
/// When the database cannot be asked.
pub async fn difference(
    session: &mut Session,
    source: &DatabaseEntry,
) -> Result<Option<String>, RestoreError> {
    let Some(before) = &source.collation_version else { return Ok(None) };
    let failed = || RestoreError::statement("look at the version of the database's collation");
    let row = session.query_one(VERSION).await.map_err(failed())?;
    let now = row.optional_text(0).map_err(failed())?.filter(|now| now != before);
    Ok(now.map(|now| {
        format!(
            "the point's database has version {before} of its collation and the target {now}: texts may sort in another \
             order"
        )
    }))
}
