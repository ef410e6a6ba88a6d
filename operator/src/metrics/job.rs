//! Jobs that have ended, and how far the running ones are.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::instance::InstanceLabels;

/// Half a minute to a day.
const BUCKETS: [f64; 10] = [30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    Backup,
    Restore,
}

/// A job that has just ended. State and reason are of closed lists.
#[derive(Debug, Clone)]
pub struct JobEnd {
    pub kind: JobKind,
    pub namespace: String,
    pub result: &'static str,
    pub reason: String,
    /// From its start to its end, seconds; `None` for one that never started.
    pub seconds: Option<f64>,
}

/// How far a run is, in bytes of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub done: i64,
    /// In all, as far as can be estimated.
    pub estimated: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    namespace: String,
    result: &'static str,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    r#type: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone)]
pub struct Jobs {
    backups: Family<EndLabels, Counter>,
    restores: Family<EndLabels, Counter>,
    backup_duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    restore_duration: Family<ResultLabels, Histogram, fn() -> Histogram>,
    progress: Family<InstanceLabels, Gauge>,
    estimated: Family<InstanceLabels, Gauge>,
}

impl Jobs {
    pub fn registered(registry: &mut Registry) -> Self {
        let jobs = Self {
            backups: Family::default(),
            restores: Family::default(),
            backup_duration: Family::new_with_constructor(durations as fn() -> Histogram),
            restore_duration: Family::new_with_constructor(durations as fn() -> Histogram),
            progress: Family::default(),
            estimated: Family::default(),
        };
        registry.register("backup_jobs", "Backups that have ended, by how and why", jobs.backups.clone());
        registry.register("restore_jobs", "Restores that have ended, by how and why", jobs.restores.clone());
        let mut with_unit = Registered(registry);
        with_unit.seconds("backup_job_duration", "From snapshot to acceptance", jobs.backup_duration.clone());
        with_unit.seconds(
            "restore_job_duration",
            "From the first write to the end",
            jobs.restore_duration.clone(),
        );
        with_unit.bytes(
            "backup_job_progress",
            "What the running backup has read from the database",
            jobs.progress.clone(),
        );
        with_unit.bytes(
            "backup_job_estimated",
            "What the running backup will have read at its end",
            jobs.estimated.clone(),
        );
        jobs
    }

    pub fn ended(&self, end: &JobEnd) {
        let labels =
            EndLabels { namespace: end.namespace.clone(), result: end.result, reason: end.reason.clone() };
        match end.kind {
            JobKind::Backup => {
                self.backups.get_or_create(&labels).inc();
                let labels = DurationLabels { r#type: "Full", result: end.result };
                end.seconds
                    .iter()
                    .for_each(|time| self.backup_duration.get_or_create(&labels).observe(*time));
            }
            JobKind::Restore => {
                self.restores.get_or_create(&labels).inc();
                let labels = ResultLabels { result: end.result };
                end.seconds
                    .iter()
                    .for_each(|time| self.restore_duration.get_or_create(&labels).observe(*time));
            }
        }
    }

    pub fn progress(&self, labels: &InstanceLabels, moved: Option<Moved>) {
        match moved {
            Some(moved) => {
                self.progress.get_or_create(labels).set(moved.done);
                self.estimated.get_or_create(labels).set(moved.estimated);
            }
            None => {
                self.progress.remove(labels);
                self.estimated.remove(labels);
            }
        }
    }
}

struct Registered<'a>(&'a mut Registry);

impl Registered<'_> {
    fn seconds(&mut self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        self.0.register_with_unit(name, help, Unit::Seconds, metric);
    }

    fn bytes(&mut self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        self.0.register_with_unit(name, help, Unit::Bytes, metric);
    }
}

fn durations() -> Histogram {
    Histogram::new(BUCKETS)
}
