//! What is told of each instance. What is not known is absent: a database that was never backed up is not green.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use super::Seconds;

/// Labels of what concerns one instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InstanceLabels {
    pub namespace: String,
    pub instance: String,
}

/// The figures of one instance; `None` where nothing is known. Times are in seconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct InstanceFigures {
    pub latest_point: Option<i64>,
    pub oldest_point: Option<i64>,
    pub expected_interval: Option<i64>,
    pub last_success: Option<i64>,
    pub last_attempt: Option<i64>,
    /// 1: the last job that ended was good.
    pub last_result: Option<i64>,
    pub next_run: Option<i64>,
    pub last_duration: Option<i64>,
    pub last_source_bytes: Option<i64>,
    pub last_stored_bytes: Option<i64>,
    /// 1: backups run as configured; 0: something keeps them from it. `None` while they rest.
    pub protected: Option<i64>,
    /// Slots without a job so far.
    pub missed_runs: u64,
}

const FIGURES: [(&str, Option<Unit>, &str); 11] = [
    ("recovery_point_latest_timestamp", Some(Unit::Seconds), "The instant whose data the newest point holds"),
    ("recovery_point_oldest_timestamp", Some(Unit::Seconds), "The instant whose data the oldest point holds"),
    ("backup_expected_interval", Some(Unit::Seconds), "The longest time between two slots of the schedule"),
    ("backup_last_success_timestamp", Some(Unit::Seconds), "When the last backup that ended well did so"),
    ("backup_last_attempt_timestamp", Some(Unit::Seconds), "When the last backup ended, well or not"),
    ("backup_last_result", None, "1 when the last backup ended well, 0 when not; absent before the first"),
    ("backup_next_run_timestamp", Some(Unit::Seconds), "When the next backup is due"),
    ("backup_last_duration", Some(Unit::Seconds), "How long the last good backup took"),
    ("backup_last_source", Some(Unit::Bytes), "What the last good backup read from the database"),
    ("backup_last_stored", Some(Unit::Bytes), "What the last good backup takes in storage"),
    (
        "instance_protected",
        None,
        "1 while the instance is backed up as configured, 0 while something keeps it from that; absent while backups rest",
    ),
];

#[derive(Clone)]
pub struct Instances {
    figures: [Family<InstanceLabels, Seconds>; 11],
    missed_runs: Family<InstanceLabels, Counter>,
}

impl Instances {
    pub fn registered(registry: &mut Registry) -> Self {
        let figures = FIGURES.map(|(name, unit, help)| {
            let family = Family::default();
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, family.clone()),
                None => registry.register(name, help, family.clone()),
            }
            family
        });
        let missed_runs = Family::default();
        registry.register("backup_missed_runs", "Slots for which no job was made", missed_runs.clone());
        Self { figures, missed_runs }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double for ages")]
    pub fn tell(&self, labels: &InstanceLabels, figures: &InstanceFigures) {
        let values = [
            figures.latest_point,
            figures.oldest_point,
            figures.expected_interval,
            figures.last_success,
            figures.last_attempt,
            figures.last_result,
            figures.next_run,
            figures.last_duration,
            figures.last_source_bytes,
            figures.last_stored_bytes,
            figures.protected,
        ];
        for (family, value) in self.figures.iter().zip(values) {
            match value {
                Some(value) => {
                    family.get_or_create(labels).set(value as f64);
                }
                None => {
                    family.remove(labels);
                }
            }
        }
        if figures.missed_runs > 0 {
            // The status has the sum: it survives a restart, so the counter follows it.
            self.missed_runs.get_or_create(labels).inner().store(figures.missed_runs, Ordering::Relaxed);
        } else {
            self.missed_runs.remove(labels);
        }
    }
}
