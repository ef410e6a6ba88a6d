//! The life of an owner of points beyond its object: what the ledger keeps of an instance, so that a deletion that nobody
//! watched loses nothing and can be taken back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Owner, PointId};

/// What the ledger says of an instance that has, or had, points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerView {
    /// The newest ledger entry that concerns it.
    pub sequence: u64,
    pub owner: Owner,
    /// The instance's spec as it was last claimed, JSON.
    pub spec: String,
    pub life: Life,
    /// Who has taken its points and its datasource over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted_by: Option<Owner>,
}

/// Where an owner stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all_fields = "camelCase")]
pub enum Life {
    /// Its object is there, as far as the ledger knows.
    Active,
    /// Its object is gone.
    Deleted {
        /// When that was noticed.
        time: Timestamp,
        points: Remains,
        /// Why, for people.
        reason: String,
    },
    /// It was brought back and stays stopped until somebody names the record of its deletion.
    ResumeRequired {
        /// Name of the DeletedBackupInstance.
        record: String,
    },
    /// All its points are gone, and its datasource is free.
    Released,
}

/// What becomes of the points of an owner whose object is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum Remains {
    /// None of them expires.
    Kept,
    /// They expire as stamped, and the newest is kept.
    AsStamped,
    /// All of them go at that time; until then none expires.
    Purged { at: Timestamp },
}

/// Another end of one point than the stamped one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    pub until: Timestamp,
    pub reason: String,
}

/// An early removal of one point that can still be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// From when on its data may go.
    pub purge: Timestamp,
    pub reason: String,
}

/// `POST /v1/points/{id}/remove`: lets a point go before its time. It is refused for the newest good points of the floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveRequest {
    /// Why, for the ledger.
    pub reason: String,
    /// At least this many of the newest good points of the owner stay; the points' own promise may ask for more.
    pub keep_at_least: u32,
    /// Until then it can be taken back; `None`: it goes now. A vault whose soft delete is always on takes none earlier than
    /// it has promised. Of a point that is being removed already, a later one changes nothing.
    pub purge: Option<Timestamp>,
}

/// `POST /v1/points/{id}/override`: gives a point another end, and takes a removal back that has not been carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OverrideRequest {
    pub until: Timestamp,
    /// Why, for the ledger.
    pub reason: String,
}

/// A change in the life of an owner, through `POST /v1/ledger`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all_fields = "camelCase")]
pub enum OwnerChange {
    /// An instance protects its datasource in this vault; asked again with another spec, the spec is the newer one, and
    /// whoever waits to be resumed goes on waiting. Refused with `DatasourceProtected` while another owner holds the
    /// datasource, a deleted one that was claimed and has points included.
    Claimed { owner: Owner, spec: String },
    /// Its object is gone. Asked again, what becomes of its points may be made later or stricter, or be a purge.
    Deleted { owner: Owner, points: Remains, reason: String },
    /// The points of a deleted owner are those of another instance from now on, which must be resumed by the record's name.
    Undeleted { owner: Owner, to: Owner, record: String },
    /// The points of an instance of a cluster that was lost, and its datasource, are those of an instance of another cluster
    /// from now on: the vault's administrators have named both. Points that were about to go stay for a day. What was
    /// deleted there must be resumed by the record's name, and nothing of it goes before. Within a cluster only what a deleted
    /// instance of another namespace left is given away. Refused with `SameCluster`,
    /// `AnotherDatasource`, `AdoptedAlready`, `GivenAway`, `OwnerNotFound`, `OwnerDeleted` or `DatasourceProtected`.
    Adopted { from: Owner, to: Owner, record: String },
    /// Somebody has named the record: it is protected again.
    Resumed { owner: Owner },
    /// The owner is deleted and has no point left: its datasource is free.
    Released { owner: Owner },
}

/// One-way settings of a vault. They are only ever strengthened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pledges {
    /// Soft delete is always on, with at least so many days.
    pub soft_delete_days: Option<u16>,
}

impl Pledges {
    /// What holds once both were pledged.
    #[must_use]
    pub fn strengthened_by(self, other: Self) -> Self {
        Self { soft_delete_days: self.soft_delete_days.max(other.soft_delete_days) }
    }
}

/// Who keeps others from a datasource: the refusal's `holder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    pub owner: Owner,
    pub life: Life,
    /// One of its points, if it has any.
    pub point: Option<PointId>,
}
