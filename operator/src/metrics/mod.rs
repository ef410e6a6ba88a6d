//! What the operator tells Prometheus: how it works itself, and per vault and instance what alerts are made from.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    kind: &'static str,
    error: &'static str,
}

/// Labels of what concerns one instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InstanceLabels {
    pub namespace: String,
    pub instance: String,
}

/// Labels of what concerns one vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct VaultLabels {
    pub namespace: String,
    pub vault: String,
}

/// What is told of an instance. What is `None` is absent: a database that was never backed up is not green.
#[derive(Debug, Clone, Default)]
pub struct InstanceFigures {
    pub latest_point: Option<i64>,
    pub expected_interval: Option<i64>,
    pub last_success: Option<i64>,
    pub last_attempt: Option<i64>,
    /// 1: the last job that ended was good.
    pub last_result: Option<i64>,
    pub next_run: Option<i64>,
}

/// Every metric of the operator.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    duration: Family<Kind, Histogram, fn() -> Histogram>,
    errors: Family<Failure, Counter>,
    leader: Gauge,
    instances: [Family<InstanceLabels, Seconds>; 6],
    vault_available: Family<VaultLabels, Gauge>,
    vault_stored: Family<VaultLabels, Gauge>,
    vault_conditional_writes: Family<VaultLabels, Gauge>,
}

const INSTANCE_FIGURES: [(&str, &str); 6] = [
    ("recovery_point_latest_timestamp", "The instant whose data the newest point holds"),
    ("backup_expected_interval", "The longest time between two slots of the schedule"),
    ("backup_last_success_timestamp", "When the last backup that ended well did so"),
    ("backup_last_attempt_timestamp", "When the last backup ended, well or not"),
    ("backup_last_result", "1 when the last backup ended well, 0 when not; absent before the first"),
    ("backup_next_run_timestamp", "When the next backup is due"),
];

fn reconcile_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 9))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("coffer");
        let duration = Family::new_with_constructor(reconcile_buckets as fn() -> Histogram);
        registry.register_with_unit(
            "controller_reconcile_duration",
            "Time that a reconcile took",
            Unit::Seconds,
            duration.clone(),
        );
        let errors = Family::default();
        registry.register(
            "controller_reconcile_errors",
            "Reconciles that did not come to their end",
            errors.clone(),
        );
        let leader = Gauge::default();
        registry.register("leader", "1 in the replica that leads", leader.clone());
        let instances = INSTANCE_FIGURES.map(|(name, help)| {
            let family = Family::default();
            if name == "backup_last_result" {
                registry.register(name, help, family.clone());
            } else {
                registry.register_with_unit(name, help, Unit::Seconds, family.clone());
            }
            family
        });
        let vault_available = Family::default();
        registry.register("vault_available", "1 when the vault is Ready", vault_available.clone());
        let vault_stored = Family::default();
        registry.register_with_unit(
            "vault_stored",
            "Bytes of all points of the vault",
            Unit::Bytes,
            vault_stored.clone(),
        );
        let vault_conditional_writes = Family::default();
        registry.register(
            "vault_conditional_writes",
            "1 when the storage refused to overwrite what was to be created",
            vault_conditional_writes.clone(),
        );
        let build = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "The version that runs", build);
        Self {
            registry: Arc::new(registry),
            duration,
            errors,
            leader,
            instances,
            vault_available,
            vault_stored,
            vault_conditional_writes,
        }
    }
}

/// Observes the time until it is dropped.
pub struct ReconcileTimer {
    begun: Instant,
    histogram: Histogram,
}

impl Drop for ReconcileTimer {
    fn drop(&mut self) {
        self.histogram.observe(self.begun.elapsed().as_secs_f64());
    }
}

impl Metrics {
    /// Begins to time a reconcile.
    pub fn reconcile_started(&self, kind: &'static str) -> ReconcileTimer {
        let histogram = self.duration.get_or_create(&Kind { kind }).clone();
        ReconcileTimer { begun: Instant::now(), histogram }
    }

    /// Counts a reconcile that failed.
    pub fn reconcile_failed(&self, kind: &'static str, error: &'static str) {
        self.errors.get_or_create(&Failure { kind, error }).inc();
    }

    /// Whether this replica leads.
    pub fn lead(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Tells of an instance; with `None` that it is gone.
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double for ages")]
    pub fn instance(&self, labels: &InstanceLabels, figures: Option<&InstanceFigures>) {
        let figures = figures.cloned().unwrap_or_default();
        let values = [
            figures.latest_point,
            figures.expected_interval,
            figures.last_success,
            figures.last_attempt,
            figures.last_result,
            figures.next_run,
        ];
        for (family, value) in self.instances.iter().zip(values) {
            match value {
                Some(value) => {
                    family.get_or_create(labels).set(value as f64);
                }
                None => {
                    family.remove(labels);
                }
            }
        }
    }

    /// Tells of a vault.
    pub fn vault(
        &self,
        labels: &VaultLabels,
        available: bool,
        stored_bytes: Option<i64>,
        conditional: Option<bool>,
    ) {
        self.vault_available.get_or_create(labels).set(i64::from(available));
        if let Some(bytes) = stored_bytes {
            self.vault_stored.get_or_create(labels).set(bytes);
        }
        if let Some(conditional) = conditional {
            self.vault_conditional_writes.get_or_create(labels).set(i64::from(conditional));
        }
    }

    /// Forgets a vault that is gone.
    pub fn forget_vault(&self, labels: &VaultLabels) {
        self.vault_available.remove(labels);
        self.vault_stored.remove(labels);
        self.vault_conditional_writes.remove(labels);
    }

    /// All of them in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
            let _ = writeln!(text, "# EOF");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_was_never_backed_up_has_no_last_result() {
        let metrics = Metrics::default();
        let labels = InstanceLabels { namespace: "shop".into(), instance: "orders".into() };
        metrics.instance(
            &labels,
            Some(&InstanceFigures { next_run: Some(1_800_000_000), ..InstanceFigures::default() }),
        );
        let text = metrics.text();
        assert!(
            text.contains("coffer_backup_next_run_timestamp_seconds{namespace=\"shop\",instance=\"orders\"}"),
            "{text}"
        );
        assert!(!text.contains("coffer_backup_last_result{"), "{text}");
        metrics.instance(&labels, None);
        assert!(!metrics.text().contains("orders"));
    }
}
