//! What is told of each vault as the operator sees it. What its keeper sees, the keeper tells itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Labels of what concerns one vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct VaultLabels {
    pub namespace: String,
    pub vault: String,
}

/// The figures of one vault; `None` where nothing is known.
#[derive(Debug, Clone, Default)]
pub struct VaultFigures {
    /// Its condition Ready is True.
    pub available: bool,
    pub stored_bytes: Option<i64>,
    pub conditional_writes: Option<bool>,
    /// Points that are due and stay.
    pub held_back: usize,
}

#[derive(Clone, Default)]
pub struct Vaults {
    available: Family<VaultLabels, Gauge>,
    stored: Family<VaultLabels, Gauge>,
    conditional_writes: Family<VaultLabels, Gauge>,
    held_back: Family<VaultLabels, Gauge>,
}

impl Vaults {
    pub fn registered(registry: &mut Registry) -> Self {
        let vaults = Self::default();
        registry.register("vault_available", "1 when the vault is Ready", vaults.available.clone());
        registry.register_with_unit(
            "vault_stored",
            "Bytes of all points of the vault",
            Unit::Bytes,
            vaults.stored.clone(),
        );
        registry.register(
            "vault_conditional_writes",
            "1 when the storage refused to overwrite what was to be created",
            vaults.conditional_writes.clone(),
        );
        registry.register(
            "vault_points_held_back",
            "Points that are due and stay: the last good ones, in use, or while deletion pauses",
            vaults.held_back.clone(),
        );
        vaults
    }

    pub fn tell(&self, labels: &VaultLabels, figures: Option<&VaultFigures>) {
        let tell = |family: &Family<VaultLabels, Gauge>, value: Option<i64>| match value {
            Some(value) => {
                family.get_or_create(labels).set(value);
            }
            None => {
                family.remove(labels);
            }
        };
        tell(&self.available, figures.map(|held| i64::from(held.available)));
        tell(&self.stored, figures.and_then(|held| held.stored_bytes));
        tell(&self.conditional_writes, figures.and_then(|held| held.conditional_writes.map(i64::from)));
        let held_back = |held: &VaultFigures| i64::try_from(held.held_back).unwrap_or(i64::MAX);
        tell(&self.held_back, figures.map(held_back));
    }
}
