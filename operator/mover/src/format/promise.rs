//! The ledger's entries: every promise that a vault has made.

use contract::{DataStore, Decision, Life, Owner, Pledges, Probes, RestoreOutcome, RunId, SourceServer};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Hash, Id};

/// One object of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub format: u16,
    pub sequence: u64,
    /// SHA-256 of the stored bytes of the entry before; [`Hash::NONE`] for the first.
    pub previous: Hash,
    pub time: Timestamp,
    pub promises: Vec<Promise>,
}

/// One promise or fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Promise {
    Genesis {
        vault: Id,
        fingerprint: String,
        /// Whom keys are wrapped for, where nobody says otherwise.
        recipients: Vec<String>,
        tool: String,
    },
    Accepted {
        point: Box<AcceptedPoint>,
    },
    Verified {
        point: Id,
        /// 1 to 4.
        level: u8,
        damage: Option<Damage>,
    },
    Tombstone {
        point: Id,
        reason: String,
    },
    ReadOpened {
        run: RunId,
        point: Id,
        reader: Id,
        deadline: Timestamp,
    },
    ReadClosed {
        run: RunId,
    },
    RestoreStarted {
        run: RunId,
        point: Id,
        namespace: String,
        name: String,
        spec_hash: String,
        target: String,
    },
    RestoreEnded {
        run: RunId,
        outcome: RestoreOutcome,
    },
    JobEnded {
        run: RunId,
        job: String,
        namespace: String,
        name: String,
        state: String,
        message: String,
    },
    Probed {
        probes: Probes,
    },
    /// An instance protects its datasource in this vault.
    Claimed {
        owner: Owner,
        /// Its spec, JSON.
        spec: String,
    },
    /// What became of an instance.
    Owner {
        owner: Owner,
        life: Life,
    },
    /// The points of one owner are another's from now on.
    Adopted {
        from: Owner,
        to: Owner,
    },
    /// An owner's datasource is free.
    Released {
        owner: Owner,
    },
    /// A point ends at another time than the stamped one, and is not being removed.
    Override {
        point: Id,
        until: Timestamp,
        reason: String,
    },
    /// A point goes before its time.
    Removed {
        point: Id,
        /// From when on its data may go.
        purge: Timestamp,
        reason: String,
    },
    /// One-way settings of the vault, which are only ever strengthened.
    #[serde(rename = "promise")]
    Pledged {
        pledges: Pledges,
    },
    /// Of a kind that this program does not know: the vault may be read and must not be changed.
    #[serde(other)]
    Unknown,
}

/// A point as it was accepted: what the record says, and the expiry that was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedPoint {
    pub id: Id,
    pub run: RunId,
    pub writer: Id,
    /// SHA-256 of the stored record.
    pub record_hash: Hash,
    pub owner: Owner,
    pub decision: Decision,
    pub point_time: Timestamp,
    pub commit_time: Timestamp,
    /// `None`: it does not expire.
    pub expiration_time: Option<Timestamp>,
    pub deadline: Timestamp,
    pub source: SourceServer,
    pub data_stores: Vec<DataStore>,
    pub stored_bytes: u64,
    pub objects: u64,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The stored object's name.
    pub object: String,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_kind_is_read_as_unknown() {
        let promise: Promise = serde_json::from_str(r#"{"kind":"hold","point":"x","until":null}"#).unwrap();
        assert_eq!(promise, Promise::Unknown);
    }

    #[test]
    fn a_known_kind_with_a_missing_member_is_refused() {
        assert!(serde_json::from_str::<Promise>(r#"{"kind":"tombstone","reason":"x"}"#).is_err());
    }
}
