//! What the operator tells Prometheus: how it works itself, and per vault and instance what alerts are made from. Jobs,
//! pods and points are never labels: there are too many of them.

mod controller;
mod instance;
mod job;
mod vault;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use controller::Controllers;
use instance::Instances;
use job::Jobs;
use vault::Vaults;

pub use controller::ReconcileTimer;
pub use instance::{InstanceFigures, InstanceLabels};
pub use job::{JobEnd, JobKind, Moved};
pub use vault::{VaultFigures, VaultLabels};

/// Times and durations: seconds, with their fractions.
type Seconds = Gauge<f64, AtomicU64>;

/// Every metric of the operator. Clones count into the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    controllers: Controllers,
    instances: Instances,
    jobs: Jobs,
    vaults: Vaults,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("coffer");
        let controllers = Controllers::registered(&mut registry);
        let instances = Instances::registered(&mut registry);
        let jobs = Jobs::registered(&mut registry);
        let vaults = Vaults::registered(&mut registry);
        let build = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "The version that runs", build);
        Self { registry: Arc::new(registry), controllers, instances, jobs, vaults }
    }
}

impl Metrics {
    /// Begins to time a reconcile.
    pub fn reconcile_started(&self, kind: &'static str) -> ReconcileTimer {
        self.controllers.started(kind)
    }

    /// How many objects of a kind wait for their reconcile.
    pub fn queue_depth(&self, kind: &'static str) -> Gauge {
        self.controllers.queue_depth(kind)
    }

    /// Counts a reconcile that failed.
    pub fn reconcile_failed(&self, kind: &'static str, error: &'static str) {
        self.controllers.failed(kind, error);
    }

    /// Whether this replica leads.
    pub fn lead(&self, leads: bool) {
        self.controllers.lead(leads);
    }

    /// Tells of an instance; with `None` that it is gone.
    pub fn instance(&self, labels: &InstanceLabels, figures: Option<&InstanceFigures>) {
        self.instances.tell(labels, figures.unwrap_or(&InstanceFigures::default()));
    }

    /// Counts a job that has just ended.
    pub fn job_ended(&self, end: &JobEnd) {
        self.jobs.ended(end);
    }

    /// Tells how far the backup of an instance is; with `None` that none runs.
    pub fn progress(&self, labels: &InstanceLabels, moved: Option<Moved>) {
        self.jobs.progress(labels, moved);
    }

    /// Tells of a vault; with `None` that it is gone.
    pub fn vault(&self, labels: &VaultLabels, figures: Option<&VaultFigures>) {
        self.vaults.tell(labels, figures);
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
