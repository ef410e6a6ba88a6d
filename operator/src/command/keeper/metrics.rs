//! What a keeper tells Prometheus: the state of its storage and what deletion has done. No label holds anything but the
//! vault's own name, and nothing is counted per point or run.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// OpenMetrics text, as [`Metrics::text`] writes it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The keeper's metrics; each is set where the fact is learnt.
pub struct Metrics {
    registry: Registry,
    pub vault_available: Gauge<i64, AtomicI64>,
    pub vault_last_check: Gauge<i64, AtomicI64>,
    pub vault_conditional_writes: Gauge<i64, AtomicI64>,
    pub vault_stored_bytes: Gauge<i64, AtomicI64>,
    pub vault_points: Gauge<i64, AtomicI64>,
    pub vault_expired_undeleted: Gauge<i64, AtomicI64>,
    pub retention_deleted: Counter<u64, AtomicU64>,
    pub retention_blocked: Counter<u64, AtomicU64>,
    pub storage_clock_skew: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub fn new(namespace: &str, vault: &str) -> Self {
        let labels = [("namespace", namespace), ("vault", vault)];
        let labels = labels.map(|(name, value)| (name.into(), value.to_owned().into()));
        let mut registry = Registry::with_prefix_and_labels("coffer", labels.into_iter());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("command", "keeper")]);
        registry.register("build", "The running build", build);
        let register = &mut registry;
        Self {
            vault_available: gauge(
                register,
                "vault_available",
                "1 when storage answered and the vault is open",
            ),
            vault_last_check: gauge(
                register,
                "vault_last_check_timestamp_seconds",
                "When storage was last asked, whatever it answered",
            ),
            vault_conditional_writes: gauge(
                register,
                "vault_conditional_writes",
                "1 when the last probe saw storage refuse to overwrite an object that was to be new",
            ),
            vault_stored_bytes: gauge(register, "vault_stored_bytes", "Bytes of all good points in storage"),
            vault_points: gauge(register, "vault_points", "Good points in the vault"),
            vault_expired_undeleted: gauge(
                register,
                "vault_expired_undeleted",
                "Expired points whose objects storage did not let go when they were last to be deleted",
            ),
            storage_clock_skew: gauge(
                register,
                "storage_clock_skew_seconds",
                "How far the clock of storage is ahead of the keeper's",
            ),
            retention_deleted: counter(
                register,
                "retention_deleted",
                "Points whose deletion was promised by a tombstone",
            ),
            retention_blocked: counter(register, "retention_blocked", "Deletions that the keeper refused"),
            registry,
        }
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When a value cannot be written as text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge<i64, AtomicI64> {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter<u64, AtomicU64> {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn alerts_ask_for_metrics_that_there_are() {
        let rules = include_str!("../../../../config/alerts/coffer.rules.yaml");
        let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let asked = rules.split(|letter| !is_of_name(letter)).filter(|word| word.starts_with("coffer_"));
        let asked: BTreeSet<&str> = asked.collect();
        let told = crate::metrics::tests::told().text() + &Metrics::new("team", "main").text().unwrap();
        let lines = told.lines().filter(|line| !line.starts_with('#'));
        let told: BTreeSet<&str> = lines.filter_map(|line| line.split(['{', ' ']).next()).collect();
        assert!(asked.len() > 10, "{asked:?}");
        assert_eq!(asked.difference(&told).collect::<Vec<_>>(), [&""; 0]);
    }

    #[test]
    fn the_text_names_the_vault_and_each_value() {
        let metrics = Metrics::new("team", "main");
        metrics.vault_available.set(1);
        metrics.retention_deleted.inc();
        let text = metrics.text().unwrap();
        for line in [
            "coffer_vault_available{namespace=\"team\",vault=\"main\"} 1",
            "coffer_retention_deleted_total{namespace=\"team\",vault=\"main\"} 1",
            "coffer_build_info{namespace=\"team\",vault=\"main\",version=",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
