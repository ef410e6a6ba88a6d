//! The jobs that have ended, as the ledger has them: it keeps what the objects of a cluster do not.

use std::collections::HashSet;

use contract::RunId;
use jiff::Timestamp;

use super::{Vault, VaultError};
use crate::{format::Promise, ledger};

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedJob {
    /// When the ledger heard of it.
    pub time: Timestamp,
    /// UID of its object.
    pub run: RunId,
    /// `BackupJob` or `RestoreJob`.
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// As in the object's `status.state`.
    pub state: String,
    /// The last sentence that the object told.
    pub message: String,
}

impl Vault {
    /// The jobs that have ended from `since` on, newest first; from the vault's beginning without it. Reads every entry of the
    /// ledger of that time.
    ///
    /// # Errors
    /// When an entry is missing or damaged; when storage does not answer.
    pub async fn ended_jobs(&self, since: Option<Timestamp>) -> Result<Vec<EndedJob>, VaultError> {
        let inner = &self.inner;
        let key = inner.catalogue.ledger_key(inner.id);
        let entries = ledger::entries(&inner.store, inner.id, &key, self.head(), since).await?;
        let ends = entries.into_iter().flat_map(|entry| {
            let time = entry.time;
            entry.promises.into_iter().rev().filter_map(move |promise| ended(time, promise))
        });
        // Told again, a job ended as it was told last.
        let mut known = HashSet::new();
        Ok(ends.filter(|end| known.insert(end.run.clone())).collect())
    }
}

fn ended(time: Timestamp, promise: Promise) -> Option<EndedJob> {
    match promise {
        Promise::JobEnded { run, job: kind, namespace, name, state, message } => {
            Some(EndedJob { time, run, kind, namespace, name, state, message })
        }
        _ => None,
    }
}
