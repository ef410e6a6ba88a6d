//! Whether a status says what the API server holds already.

use serde::Serialize;

/// Compares two values as they travel. Times lose their fractions on the way, so that a status that was just made is never
/// equal in memory to the one that came back. What is absent is as it is by default.
pub fn same<T: Default + Serialize>(held: Option<&T>, wanted: &T) -> bool {
    let travelled = |value: &T| serde_json::to_value(value).ok();
    let held = held.map_or_else(|| travelled(&T::default()), travelled);
    held.is_some() && held == travelled(wanted)
}

#[cfg(test)]
mod tests {
    use crds::BackupJobStatus;
    use crds::common::Time;

    use super::*;

    fn accepted(text: &str) -> BackupJobStatus {
        BackupJobStatus { accepted_time: Some(Time(text.parse().unwrap())), ..BackupJobStatus::default() }
    }

    #[test]
    fn fractions_of_a_second_are_no_difference() {
        let held = accepted("2026-11-20T10:00:00Z");
        assert!(same(Some(&held), &accepted("2026-11-20T10:00:00.123456Z")));
        assert!(!same(Some(&held), &accepted("2026-11-20T10:00:01Z")));
    }

    #[test]
    fn what_is_absent_is_as_it_is_by_default() {
        assert!(same(None, &BackupJobStatus::default()));
        assert!(!same(None, &accepted("2026-11-20T10:00:00Z")));
    }
}
