//! Databases that are loaded and checked get what belongs to them, and their names.

use super::{
    RestoreError,
    begun::Begun,
    finish::{self, Finished},
    preflight::Place,
    ready::Ready,
    target::Sessions,
};
use crate::format::PgText;

/// A database that is complete but for its name.
pub struct Loaded<'a> {
    pub ready: &'a Ready,
    pub own_name: PgText,
    /// What it is known by whatever its name.
    pub oid: u32,
}

impl Loaded<'_> {
    /// Owner, privileges and settings, where the restore has made the database.
    pub async fn give(&self, sessions: &Sessions) -> Result<Vec<String>, RestoreError> {
        match self.finished() {
            Some(finished) => finished.give(sessions).await,
            None => Ok(Vec::new()),
        }
    }

    /// `None`: it had its name before.
    fn finished(&self) -> Option<Finished<'_>> {
        let Place::New { name, .. } = &self.ready.judged.place else { return None };
        Some(Finished {
            name,
            own_name: &self.own_name,
            oid: self.oid,
            source: &self.ready.manifest.database,
            owner: &self.ready.judged.owner,
            owners: &self.ready.judged.owners,
            may_become: self.ready.facts.is_superuser,
        })
    }
}

/// Names all of them at once: either all have their names, or none. Those that were there before are left to their makers.
pub async fn name(begun: &Begun, loaded: &[Loaded<'_>]) -> Result<Vec<String>, RestoreError> {
    let Some(target) = loaded.first().map(|loaded| &loaded.ready.target) else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    let finished: Vec<Finished<'_>> = loaded.iter().filter_map(Loaded::finished).collect();
    begun.being_named();
    if !finished.is_empty() {
        finish::name(&finished, target).await?;
        finished.iter().for_each(|finished| begun.forget(finished.name));
    }
    for Loaded { ready, own_name, .. } in loaded {
        let source = &ready.manifest.database;
        if let Place::Existing { name, comment } = &ready.judged.place {
            let mut session = target.maintenance().await.map_err(RestoreError::Connect)?;
            warnings.extend(finish::leave(&mut session, name, comment.as_ref(), source).await?);
            begun.forget(name);
            session.close().await;
        } else if let Some(finished) = finished.iter().find(|finished| finished.own_name == own_name) {
            let sessions = target.sessions(&own_name.to_lossy(), &ready.outline.preamble, ready.facts.major);
            warnings.extend(finished.describe(&sessions).await);
        }
    }
    Ok(warnings)
}
