//! How much memory a mover gets, by the relations of its database, and how that is joined with a vault's wishes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

pub const MEBIBYTE: u64 = 1024 * 1024;
/// What every mover needs: buffers of up to [`LANES`] lanes and the storage client.
const BASE: u64 = 192 * MEBIBYTE;
const LANES: u64 = 4;
/// For each further lane: a pack of 16 MiB that is filled while others are sent, and its session's buffers.
const LANE: u64 = 20 * MEBIBYTE;
/// pg_dump, before and for each relation: measured, with a quarter more on top.
const DUMP_BASE: u64 = 15_000_000;
const DUMP_RELATION: u64 = 13_000;
/// What a mover is expected to use of one processor.
const PROCESSOR: &str = "100m";

/// The limit that a database with so many relations needs, bytes: 192 MiB + 20 MiB for each lane above the fourth
/// + 1.25 x (15 MB + 13 kB x relations).
pub fn needed(relations: u64, lanes: u16) -> u64 {
    let lanes = u64::from(lanes).saturating_sub(LANES) * LANE;
    let dump = DUMP_BASE.saturating_add(DUMP_RELATION.saturating_mul(relations));
    (BASE + lanes).saturating_add(dump.saturating_mul(5) / 4)
}

/// Requests and limits of a mover: the vault's own, with memory never below what is needed.
pub fn resources(wished: Option<&ResourceRequirements>, relations: u64, lanes: u16) -> ResourceRequirements {
    let needed = needed(relations, lanes);
    at_least(wished, needed, needed / 2, PROCESSOR)
}

/// Requests and limits as wished: the memory limit never below `needed`, and the requests of whom nothing is wished.
pub fn at_least(
    wished: Option<&ResourceRequirements>,
    needed: u64,
    requested: u64,
    processor: &str,
) -> ResourceRequirements {
    let mut resources = wished.cloned().unwrap_or_default();
    let requests = resources.requests.get_or_insert_with(BTreeMap::new);
    let limits = resources.limits.get_or_insert_with(BTreeMap::new);
    // Nobody is refused for a figure that they did not write: requests stay within limits.
    let memory = |held: &BTreeMap<String, Quantity>| held.get("memory").and_then(|held| bytes(&held.0));
    let least = memory(requests).unwrap_or(0).max(needed);
    if memory(limits).unwrap_or(0) < least && (!limits.contains_key("memory") || least == needed) {
        limits.insert("memory".into(), mebibytes(least));
    }
    let processors = limits.get("cpu").cloned().unwrap_or_else(|| Quantity(processor.into()));
    requests.entry("cpu".into()).or_insert(processors);
    requests.entry("memory".into()).or_insert_with(|| mebibytes(requested));
    resources
}

/// Whole mebibytes, rounded up.
fn mebibytes(bytes: u64) -> Quantity {
    Quantity(format!("{}Mi", bytes.div_ceil(MEBIBYTE)))
}

/// A memory quantity in bytes; `None` for a form that nobody writes for memory.
fn bytes(quantity: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("", 1),
    ];
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| quantity.ends_with(unit))?;
    let number = quantity.strip_suffix(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let tenths: u64 = if fraction.is_empty() { 0 } else { fraction.get(..1)?.parse().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(tenths * factor / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(wished: Option<&str>, relations: u64) -> String {
        let wished = wished.map(|memory| ResourceRequirements {
            limits: Some(BTreeMap::from([("memory".into(), Quantity(memory.into()))])),
            ..ResourceRequirements::default()
        });
        resources(wished.as_ref(), relations, 4).limits.unwrap()["memory"].0.clone()
    }

    #[test]
    fn the_limit_grows_with_the_relations() {
        assert_eq!(limit(None, 0), "210Mi");
        assert_eq!(limit(None, 1_000), "226Mi");
        assert_eq!(limit(None, 100_000), "1760Mi");
        assert!(needed(u64::MAX, u16::MAX) > 0, "no number of relations overflows");
        assert_eq!(needed(0, 1), needed(0, 4));
        assert_eq!(needed(0, 32) - needed(0, 4), 560 * MEBIBYTE, "and with the lanes above four");
    }

    #[test]
    fn requests_stay_within_limits_that_nobody_wrote() {
        let wished = |text: &str| -> ResourceRequirements { serde_json::from_str(text).unwrap() };
        let more = at_least(
            Some(&wished(r#"{"requests": {"memory": "512Mi"}}"#)),
            256 * MEBIBYTE,
            64 * MEBIBYTE,
            "20m",
        );
        assert_eq!(more.limits.unwrap()["memory"].0, "512Mi");
        let less =
            at_least(Some(&wished(r#"{"limits": {"cpu": "10m"}}"#)), 256 * MEBIBYTE, 64 * MEBIBYTE, "20m");
        assert_eq!(less.requests.unwrap()["cpu"].0, "10m");
        let both = at_least(
            Some(&wished(r#"{"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}"#)),
            256 * MEBIBYTE,
            64 * MEBIBYTE,
            "20m",
        );
        assert_eq!(both.limits.unwrap()["memory"].0, "1Gi", "a contradiction of theirs is told, not mended");
    }

    #[test]
    fn a_wish_above_the_need_is_kept_and_one_below_is_raised() {
        assert_eq!(limit(Some("1.5Gi"), 0), "1.5Gi");
        assert_eq!(limit(Some("64Mi"), 0), "210Mi");
        assert_eq!(limit(Some("2G"), 0), "2G");
        assert_eq!(limit(Some("not a number"), 0), "210Mi");
    }
}
