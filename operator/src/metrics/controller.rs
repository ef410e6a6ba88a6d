//! How the controllers work.

use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    kind: &'static str,
    error: &'static str,
}

#[derive(Clone)]
pub struct Controllers {
    duration: Family<Kind, Histogram, fn() -> Histogram>,
    active: Family<Kind, Gauge>,
    waiting: Family<Kind, Gauge>,
    errors: Family<Failure, Counter>,
    leader: Gauge,
}

/// Observes the time until it is dropped.
pub struct ReconcileTimer {
    begun: Instant,
    histogram: Histogram,
    active: Gauge,
}

impl Drop for ReconcileTimer {
    fn drop(&mut self) {
        self.histogram.observe(self.begun.elapsed().as_secs_f64());
        self.active.dec();
    }
}

impl Controllers {
    pub fn registered(registry: &mut Registry) -> Self {
        let duration = Family::new_with_constructor(buckets as fn() -> Histogram);
        registry.register_with_unit(
            "controller_reconcile_duration",
            "Time that a reconcile took",
            Unit::Seconds,
            duration.clone(),
        );
        let active = Family::default();
        registry.register("controller_active_reconciles", "Reconciles that are under way", active.clone());
        let waiting = Family::default();
        registry.register(
            "controller_queue_depth",
            "Objects that were woken and wait for their reconcile",
            waiting.clone(),
        );
        let errors = Family::default();
        registry.register(
            "controller_reconcile_errors",
            "Reconciles that did not come to their end",
            errors.clone(),
        );
        let leader = Gauge::default();
        registry.register("leader", "1 in the replica that leads", leader.clone());
        Self { duration, active, waiting, errors, leader }
    }

    pub fn started(&self, kind: &'static str) -> ReconcileTimer {
        let histogram = self.duration.get_or_create(&Kind { kind }).clone();
        let active = self.active.get_or_create(&Kind { kind }).clone();
        active.inc();
        ReconcileTimer { begun: Instant::now(), histogram, active }
    }

    pub fn queue_depth(&self, kind: &'static str) -> Gauge {
        self.waiting.get_or_create(&Kind { kind }).clone()
    }

    pub fn failed(&self, kind: &'static str, error: &'static str) {
        self.errors.get_or_create(&Failure { kind, error }).inc();
    }

    pub fn lead(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}

fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 9))
}
