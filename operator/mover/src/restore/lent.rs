//! Rights that owners are lent. An object can only be given to a role that may create objects in its schema; in the source
//! it may have lost that right since, and here the privileges of schemas come back last of all. Superusers are not asked.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::RestoreError;
use crate::{format::PgText, postgres::Session, schema::Sql};

/// Schemas and the roles that were lent the right to create in them. Clones share it.
#[derive(Clone, Default)]
pub struct Lent(Arc<Mutex<BTreeSet<(PgText, PgText)>>>);

impl Lent {
    /// Lends a role the right to create in a schema; `false`: it is not ours to lend.
    pub async fn lend(&self, session: &mut Session, schema: &PgText, role: &PgText) -> bool {
        self.set().insert((schema.clone(), role.clone()));
        let grant = Sql::default().text("GRANT CREATE ON SCHEMA ").name(schema).text(" TO ").name(role);
        session.execute(grant.into_bytes()).await.is_ok()
    }

    /// Takes all of it back.
    ///
    /// # Errors
    /// When the server refuses one.
    pub async fn take_back(&self, session: &mut Session) -> Result<(), RestoreError> {
        let lent = std::mem::take(&mut *self.set());
        for (schema, role) in lent {
            let revoke = Sql::default().text("REVOKE CREATE ON SCHEMA ").name(&schema);
            let revoke = revoke.text(" FROM ").name(&role).into_bytes();
            let what = format!("take the right to create in schema \"{schema}\" back from \"{role}\"");
            session.execute(revoke).await.map_err(RestoreError::statement(what))?;
        }
        Ok(())
    }

    fn set(&self) -> std::sync::MutexGuard<'_, BTreeSet<(PgText, PgText)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
