//! Whether a status says what the API server holds already.

use serde::Serialize;

/// Compares two values as they travel. Times lose their fractions on the way, so that a status that was just made is never
/// equal in memory to the one that came back.
pub fn same<T: Serialize>(held: Option<&T>, wanted: &T) -> bool {
    let travelled = |value: &T| serde_json::to_value(value).ok();
    held.is_some_and(|held| travelled(held).is_some_and(|held| Some(held) == travelled(wanted)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn time(text: &str) -> Time {
        Time(text.parse().unwrap())
    }

    #[test]
    fn fractions_of_a_second_are_no_difference() {
        let held = time("2026-11-20T10:00:00Z");
        assert!(same(Some(&held), &time("2026-11-20T10:00:00.123456Z")));
        assert!(!same(Some(&held), &time("2026-11-20T10:00:01Z")));
        assert!(!same(None, &held));
    }
}
