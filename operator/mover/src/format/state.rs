//! The fold of the ledger as it is stored: a head record, then parts.

use contract::{Life, Override, Owner, Pledges, Probes, Removal, RestoreOutcome, RunId, Verified};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AcceptedPoint, Damage, Hash, Id};

/// The first record of a stored state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHead {
    pub format: u16,
    /// Everything up to this entry is folded in.
    pub sequence: u64,
    /// SHA-256 of that entry as stored.
    pub hash: Hash,
    /// How many records follow.
    pub records: u32,
}

/// One further record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatePart {
    Vault(StateVault),
    Points(Vec<StatePoint>),
    Reads(Vec<StateRead>),
    Restores(Vec<StateRestore>),
    Owners(Vec<StateOwner>),
    Pledges(Pledges),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateVault {
    pub vault: Id,
    pub fingerprint: String,
    pub recipients: Vec<String>,
    pub genesis: Timestamp,
    pub probes: Option<Probes>,
    /// A kind of promise was met that the writer did not know.
    pub unknown: bool,
}

/// A point and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatePoint {
    #[serde(flatten)]
    pub point: AcceptedPoint,
    pub accepted: Timestamp,
    /// The newest entry that concerns it.
    pub sequence: u64,
    pub damage: Option<Damage>,
    /// The level of the check that found the damage.
    pub damage_level: Option<u8>,
    /// When it was last found whole.
    #[serde(default, skip_serializing_if = "Verified::is_never")]
    pub verified: Verified,
    pub tombstoned: Option<Timestamp>,
    /// Another end than the stamped one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// It goes before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
}

/// An instance that has claimed its datasource here, or of whose end the ledger tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateOwner {
    pub owner: Owner,
    /// As it was last claimed, JSON; empty where it never was.
    pub spec: String,
    pub life: Life,
    /// Who has taken its points over.
    pub adopted_by: Option<Owner>,
    /// The newest entry that concerns it.
    pub sequence: u64,
}

/// A reading grant that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRead {
    pub run: RunId,
    pub point: Id,
    pub reader: Id,
    pub deadline: Timestamp,
}

/// The newest restore of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateRestore {
    pub run: RunId,
    pub point: Id,
    pub namespace: String,
    pub name: String,
    pub spec_hash: String,
    pub target: String,
    pub started: Timestamp,
    pub outcome: Option<RestoreOutcome>,
    pub sequence: u64,
}
