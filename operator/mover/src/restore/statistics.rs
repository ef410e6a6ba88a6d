//! Gathers the planner's statistics of what was restored.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::{RestoreError, target::Sessions};
use crate::{
    format::PgText,
    postgres::Session,
    schema::{Sql, qualified},
};

/// Tables, materialised views and whole partitioned tables: `ANALYZE` of one of these looks at its partitions too, also at
/// those on other servers, which need not answer. Of such a tree only the tables that are here are named.
const RELATIONS: &str = "\
    WITH RECURSIVE above_foreign (oid) AS ( \
        SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class f ON f.oid = i.inhrelid \
         WHERE f.relkind = 'f' \
        UNION \
        SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above_foreign a ON a.oid = i.inhrelid) \
    SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE CASE c.relkind \
           WHEN 'm' THEN c.relispopulated \
           WHEN 'p' THEN NOT c.relispartition AND c.oid NOT IN (SELECT oid FROM above_foreign) \
           WHEN 'r' THEN NOT c.relispartition \
             OR pg_catalog.pg_partition_root(c.oid) IN (SELECT oid FROM above_foreign) \
           ELSE false END \
       AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
     ORDER BY c.relpages DESC, c.oid";

/// Analyses everything, by so many sessions. What cannot be analysed is told and harms nobody: the server's own
/// autovacuum will try again.
///
/// # Errors
/// When what is to be analysed cannot be listed.
pub async fn gather(
    session: &mut Session,
    sessions: &Sessions,
    lanes: u16,
) -> Result<Vec<String>, RestoreError> {
    let rows =
        session.query(RELATIONS).await.map_err(RestoreError::statement("list what is to be analysed"))?;
    let mut relations = Vec::with_capacity(rows.len());
    for row in &rows {
        let name = row.text(0).and_then(|schema| Ok((schema, row.text(1)?)));
        relations.push(name.map_err(RestoreError::statement("list what is to be analysed"))?);
    }
    let lanes = usize::from(lanes).clamp(1, relations.len().max(1));
    relations.reverse();
    let left = Arc::new(Mutex::new(relations));
    let mut running = JoinSet::new();
    let mut warnings = Vec::new();
    for _ in 0..lanes {
        match sessions.for_statements().await {
            Ok(session) => {
                running.spawn(lane(session, Arc::clone(&left)));
            }
            // Those that were had do it all.
            Err(error) if running.is_empty() => {
                warnings.push(format!("no statistics were gathered: {}", crate::causes(&error)));
            }
            Err(_) => {}
        }
    }
    while let Some(ended) = running.join_next().await {
        warnings.extend(ended.map_err(|error| RestoreError::Lane(error.to_string()))?);
    }
    Ok(warnings)
}

async fn lane(mut session: Session, left: Arc<Mutex<Vec<(PgText, PgText)>>>) -> Vec<String> {
    let mut warnings = Vec::new();
    loop {
        let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some((schema, name)) = next else {
            session.close().await;
            return warnings;
        };
        let sql = Sql::default().text("ANALYZE ").raw(&qualified(&schema, &name)).into_bytes();
        match session.execute(sql).await {
            Ok(()) => {}
            Err(source) => {
                warnings.push(format!("no statistics were gathered of {schema}.{name}: {source}"));
                // The other lanes go on.
                if source.ends_session() {
                    return warnings;
                }
            }
        }
    }
}
