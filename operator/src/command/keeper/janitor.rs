//! Deletes, a bounded piece at a time, what nobody can need any more: the objects of points with a tombstone, what lost
//! or voided writers left, and undecided points whose writers are dead. What may go is decided by [`mover::vault`]; this is
//! only when, and that it is one at a time.

use std::sync::Arc;
use std::time::Duration;

use mover::vault::{SweepOptions, SweepReport, Vault};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Keeper;

/// Between two passes over a vault.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// How often it is looked whether a pass is due: the first after opening, and one after the test clock has moved.
const LOOK: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub async fn sweep(keeper: Arc<Keeper>, stop: CancellationToken) {
    let mut last: Option<(Instant, i64)> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(LOOK) => {}
        }
        let ahead = keeper.clock.now().duration_since(keeper.clock.wall()).as_secs() / 60;
        let due = last.is_none_or(|(at, offset)| at.elapsed() >= INTERVAL || offset < ahead);
        if !due {
            continue;
        }
        // A pass can be broken off anywhere.
        let done = tokio::select! {
            () = stop.cancelled() => return,
            done = pass(&keeper) => done,
        };
        if done {
            last = Some((Instant::now(), ahead));
        }
    }
}

/// A run whose mover has died is tried again for as long as its window is open, and the operator closes it then.
const OPTIONS: SweepOptions = SweepOptions { void_silent: false, objects: 100_000 };

/// One pass; `false` when another one is due at once, or there is no open vault to go over.
pub(super) async fn pass(keeper: &Keeper) -> bool {
    let Ok(vault) = keeper.holding.vault() else {
        return false;
    };
    match vault.sweep(OPTIONS).await {
        Ok(report) => {
            if report != SweepReport::default() {
                tracing::info!(?report, "swept");
            }
            if report.unfinished {
                return false;
            }
            let left = vault.refused().map_or(0, |left| left.points);
            keeper.metrics.vault_expired_undeleted.set(i64::try_from(left).unwrap_or(i64::MAX));
        }
        Err(error) => {
            tracing::warn!(error = mover::causes(&error), "failed to sweep; tried again later");
            tell_undeleted(keeper, &vault).await;
        }
    }
    true
}

/// Counts what should be gone and is not. While storage does not answer, what was counted last stands.
async fn tell_undeleted(keeper: &Keeper, vault: &Vault) {
    match vault.undeleted().await {
        Ok(count) => {
            keeper.metrics.vault_expired_undeleted.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        Err(error) => {
            tracing::warn!(
                error = mover::causes(&error),
                "failed to count expired points that are still there"
            );
        }
    }
}
