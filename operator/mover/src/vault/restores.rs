//! What the ledger remembers of jobs and restores.

use contract::{LedgerRequest, RestoreSeen};

use super::{Vault, VaultError, tombstone::TEXT};
use crate::{
    format::Promise,
    ledger::{LedgerHead, Verdict},
};

impl Vault {
    /// What the ledger knows of the newest restore of a name.
    pub fn restore_seen(&self, namespace: &str, name: &str) -> Option<RestoreSeen> {
        let state = self.inner.ledger.state();
        state.restore(namespace, name).map(|restore| RestoreSeen {
            run: restore.run.clone(),
            point: Some(restore.point.into()),
            spec_hash: restore.spec_hash.clone(),
            started: restore.started,
            outcome: restore.outcome,
        })
    }

    /// Appends an entry of the operator's own.
    ///
    /// # Errors
    /// [`crate::ledger::Refused`], with nothing changed; when the ledger does not take it.
    pub async fn append(&self, request: LedgerRequest) -> Result<LedgerHead, VaultError> {
        let promise = match request {
            LedgerRequest::JobEnded { run, kind, namespace, name, state, message } => Promise::JobEnded {
                run,
                job: cut(&kind),
                namespace: cut(&namespace),
                name: cut(&name),
                state: cut(&state),
                message: cut(&message),
            },
            LedgerRequest::Verified { point, level, damage } => {
                let damage = damage
                    .map(|found| crate::format::Damage { object: found.object, message: found.message });
                return self.verified(&point, level.number(), damage).await;
            }
            LedgerRequest::Owner(change) => return self.change_owner(change).await,
            LedgerRequest::Pledged(pledges) => return self.pledge(pledges).await,
        };
        Ok(self.inner.ledger.append(move |_| Verdict::Append(vec![promise.clone()])).await?)
    }
}

/// As much of a text from outside as the ledger takes.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
