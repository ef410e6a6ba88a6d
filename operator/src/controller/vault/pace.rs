//! When the status tells how far the ledger is. Pure.
//!
//! A backup moves head, counts and bytes more than once within seconds. While runs are on their way these figures wait a
//! while, so that one write tells of all; whatever else changes is told at once, and they with it.

use crds::BackupVaultStatus;
use jiff::{SignedDuration, Timestamp};

use super::observe::Seen;
use crate::cluster::same;

/// For so long, at most, the status is behind what the keeper tells.
const REST: SignedDuration = SignedDuration::from_secs(60);

/// Leaves the figures as they are told, if it is too early to tell of them alone. Returns whether it did.
pub fn wait(
    told: Option<&BackupVaultStatus>,
    wanted: &mut BackupVaultStatus,
    seen: &Seen,
    wall: Timestamp,
) -> bool {
    let Some(told) = told.filter(|told| told.ledger.is_some()) else { return false };
    let is_young = seen.untold_since.is_none_or(|since| wall.duration_since(since) < REST);
    let quiet = BackupVaultStatus {
        ledger: told.ledger.clone(),
        recovery_points: told.recovery_points,
        next_expiry: told.next_expiry.clone(),
        stored_bytes: told.stored_bytes,
        stored: told.stored.clone(),
        ..wanted.clone()
    };
    let waits = seen.active_runs && is_young && same(Some(told), &quiet) && !same(Some(told), wanted);
    if waits {
        *wanted = quiet;
    }
    waits
}

#[cfg(test)]
mod tests {
    use crds::vault::LedgerHead;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(sequence: i64, points: i64) -> BackupVaultStatus {
        BackupVaultStatus {
            ledger: Some(LedgerHead { sequence, hash: format!("h{sequence}") }),
            recovery_points: Some(points),
            ..BackupVaultStatus::default()
        }
    }

    fn seen(active_runs: bool, untold_since: Option<i64>) -> Seen {
        Seen { active_runs, untold_since: untold_since.map(at), ..Seen::default() }
    }

    /// What is told at second 100 of these figures, where entry 7 and three points were told before.
    fn told(sequence: i64, points: i64, seen: &Seen) -> (BackupVaultStatus, bool) {
        let mut wanted = status(sequence, points);
        let waits = wait(Some(&status(7, 3)), &mut wanted, seen, at(100));
        (wanted, waits)
    }

    #[test]
    fn figures_wait_for_the_end_of_the_runs_and_no_longer_than_a_minute() {
        assert_eq!(told(8, 4, &seen(true, None)), (status(7, 3), true));
        assert_eq!(told(8, 4, &seen(true, Some(41))), (status(7, 3), true));
        assert_eq!(told(9, 4, &seen(true, Some(40))), (status(9, 4), false));
        assert_eq!(told(9, 4, &seen(false, Some(99))), (status(9, 4), false), "nothing runs");
        assert_eq!(told(7, 3, &seen(true, None)), (status(7, 3), false), "nothing has moved");
    }

    #[test]
    fn other_news_take_the_figures_along() {
        let mut wanted = BackupVaultStatus { instances: Some(2), ..status(8, 4) };
        assert!(!wait(Some(&status(7, 3)), &mut wanted, &seen(true, None), at(100)));
        assert_eq!(wanted.recovery_points, Some(4));
        assert!(!wait(Some(&BackupVaultStatus::default()), &mut status(1, 0), &seen(true, None), at(100)));
    }
}
