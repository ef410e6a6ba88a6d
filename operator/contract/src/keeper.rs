//! Messages to and from the keeper of a vault.
//!
//! | call | by | body | answer |
//! |---|---|---|---|
//! | `GET /v1/vault` | operator | | [`VaultView`] |
//! | `GET /v1/points?after=SEQ` | operator | | [`Points`] |
//! | `GET /v1/runs` | operator | | [`Runs`] |
//! | `POST /v1/runs/{run}/settle` | operator | [`SettleRequest`] | [`Settled`] |
//! | `POST /v1/points/{id}/tombstone` | operator | [`TombstoneRequest`] | [`Appended`] |
//! | `POST /v1/points/{id}/remove` | operator | [`crate::RemoveRequest`] | [`Appended`] |
//! | `POST /v1/points/{id}/override` | operator | [`crate::OverrideRequest`] | [`Appended`] |
//! | `POST /v1/ledger` | operator | [`LedgerRequest`] | [`Appended`] |
//! | `GET /v1/restores/{namespace}/{name}` | operator | | `Option<`[`RestoreSeen`]`>` |
//! | `POST /v1/runs/{run}/grant` | mover | [`GrantRequest`] | [`WriteGrant`] or [`ReadGrant`] |
//! | `POST /v1/runs/{run}/progress` | mover | [`crate::Progress`] | nothing |
//! | `POST /v1/runs/{run}/restore` | mover | [`ChangeRequest`] | [`Appended`] |
//!
//! Anything but 200 carries a [`Refusal`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    DamagedObject, Failure, Holder, Owner, OwnerChange, OwnerView, Pledges, PointId, PointView, RunId,
    RunView, Secret, Storage, VerifyLevel, WriterId,
};

/// What a keeper is started with, besides the Secrets that are mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeeperConfig {
    pub version: u32,
    pub namespace: String,
    pub vault: String,
    pub vault_uid: String,
    /// Without credentials: they are mounted, so that a change reaches the keeper without a restart.
    pub storage: Storage,
    /// Whether the Secret at [`crate::files::STORAGE_CREDENTIALS`] is expected.
    pub credentials_expected: bool,
    /// age recipients that can open every chain, besides the system's own key.
    pub recovery_recipients: Vec<String>,
    /// The head that the vault's status last showed; storage behind it has been rolled back.
    pub known_head: Option<Head>,
}

/// The newest ledger entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    pub sequence: u64,
    /// SHA-256 of the entry as stored, hex.
    pub hash: String,
}

/// A vault as its keeper sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultView {
    pub version: u32,
    /// `None` until the vault is initialised or opened.
    pub vault_id: Option<String>,
    pub fingerprint: Option<String>,
    pub head: Option<Head>,
    pub storage: StorageState,
    pub key: KeyState,
    pub probes: Option<Probes>,
    pub clock: ClockReading,
    /// Good points, and the bytes of all of them.
    pub points: u64,
    pub stored_bytes: u64,
    /// Storage holds an older ledger than was seen before: nothing is deleted.
    pub rolled_back: bool,
    /// The one-way settings that the ledger holds.
    #[serde(default)]
    pub pledges: Pledges,
    /// Expired points that storage does not delete; `None`: none, as far as the keeper knows since it started.
    #[serde(default)]
    pub undeleted: Option<Undeleted>,
}

/// Points whose time is over and that storage does not let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undeleted {
    pub points: u64,
    /// What storage said of one of them.
    pub message: String,
    /// What it said of each, of the first [`Undeleted::MOST_NAMED`] by id.
    #[serde(default)]
    pub named: BTreeMap<PointId, String>,
}

impl Undeleted {
    /// Points that are named at most, so that an answer stays small.
    pub const MOST_NAMED: usize = 50;
}

/// Whether storage answered the last time it was asked (at most a minute ago).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StorageState {
    Unknown,
    Reachable,
    Failing(Failure),
}

/// Whether the vault's keys open it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum KeyState {
    /// Not yet known: storage has not answered.
    Unknown,
    /// There is no vault in storage, and no key is mounted: the operator may make one.
    Empty,
    Open,
    /// A vault is there, and what is mounted does not open it.
    Foreign {
        vault_id: String,
    },
    /// The mounted key cannot be read as one.
    Invalid {
        message: String,
    },
}

/// What storage was seen to do, never what it is said to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    pub probed: Timestamp,
    /// A create-only write of an existing name was refused, and the old content was kept.
    pub create_only: bool,
    /// An overwrite with a stale ETag was refused; `None` where the storage has none.
    pub stale_overwrite_refused: Option<bool>,
    pub versioning: Option<bool>,
    pub object_lock: Option<bool>,
}

/// The clocks of keeper and storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockReading {
    pub keeper: Timestamp,
    /// Storage ahead of keeper, seconds; `None` where it tells no time.
    pub skew_seconds: Option<i64>,
}

/// The points whose newest ledger entry comes after the one asked for, tombstoned ones included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Points {
    pub head: Option<Head>,
    pub points: Vec<PointView>,
    /// Owners of whom the same holds.
    #[serde(default)]
    pub owners: Vec<OwnerView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runs {
    pub runs: Vec<RunView>,
}

/// Asked when a pod has ended, with or without a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleRequest {
    /// Close the point for good if it is undecided: cancelled, out of time, or out of attempts.
    pub void: bool,
}

/// What became of a run's point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Settled {
    Accepted(Box<PointView>),
    /// It can never come to be.
    Voided,
    /// Neither record nor void: another attempt may write it.
    Undecided,
    /// A record is there and does not hold what it promises; it will not be accepted.
    Rejected(Failure),
}

/// Asks that a point be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TombstoneRequest {
    /// Why, for the ledger.
    pub reason: String,
    /// At least this many of the newest good points of the owner stay; the points' own promise may ask for more.
    pub keep_at_least: u32,
    /// Whose policy lets it go. It is refused with `AnothersPoint` if the point is somebody else's by now: that one's policy
    /// may keep it. `None`: it goes by what the ledger says of the point itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Entries of the operator's own. The keeper writes all others itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum LedgerRequest {
    /// A job came to its end: the log that outlives the objects.
    JobEnded { run: RunId, kind: String, namespace: String, name: String, state: String, message: String },
    /// A point was looked at, at least reading every object; without `damage` it was found whole.
    Verified { point: PointId, level: VerifyLevel, damage: Option<DamagedObject> },
    /// Something became of an instance. Refused, among others, with `DatasourceProtected`, `OwnerDeleted`, `ResumeRequired`,
    /// `SoftDeleteAlwaysOn`, `WeakerThanPromised`, `OwnerHasPoints`, `OwnerNotFound`, `SameCluster`, `AdoptedAlready`,
    /// `GivenAway`.
    Owner(OwnerChange),
    /// One-way settings of the vault. What is weaker than the ledger's own changes nothing.
    Pledged(Pledges),
}

/// What a mover announces of a restore, or of a point that it looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChangeRequest {
    /// Before the first write.
    RestoreStarted {
        namespace: String,
        name: String,
        spec_hash: String,
        target: String,
        point: PointId,
    },
    RestoreEnded {
        outcome: RestoreOutcome,
    },
    /// A point is no longer read, and nothing was written.
    ReadEnded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreOutcome {
    Completed,
    CompletedWithWarnings,
    Failed,
}

/// What the ledger knows of a RestoreJob's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSeen {
    pub run: RunId,
    /// The point that was read; `None` from keepers that do not tell it.
    #[serde(default)]
    pub point: Option<PointId>,
    pub spec_hash: String,
    pub started: Timestamp,
    /// `None`: it never said how it ended.
    pub outcome: Option<RestoreOutcome>,
}

/// The head after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Appended {
    pub head: Head,
}

/// What a run's token allows. Part of what the token signs, so that a backup's mover cannot read another point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Purpose {
    Write,
    Read { point: PointId },
}

/// Asks for what one mover process needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantRequest {
    pub version: u32,
    /// The writer id that the process has drawn; readers draw one too, for the log.
    pub writer: WriterId,
}

/// What a mover needs to write one point, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteGrant {
    pub vault_id: String,
    pub point: PointId,
    pub storage: Storage,
    /// 32 bytes, base64. Wrapped in storage under this writer's name before it is handed out.
    pub chain_key: Secret,
    /// 32 bytes, base64. Seals only this writer's record and inventory of this point.
    pub record_key: Secret,
}

/// What a mover needs to read one point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadGrant {
    pub vault_id: String,
    pub point: PointId,
    /// Who wrote it.
    pub writer: WriterId,
    pub storage: Storage,
    /// 32 bytes, base64.
    pub chain_key: Secret,
    /// 32 bytes, base64.
    pub record_key: Secret,
    /// SHA-256 of the record as the ledger has it, hex.
    pub record_hash: String,
}

/// Why the keeper would not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// A short CamelCase word: NotReady, Unauthorised, NotFound, KeptAsLastGood, NotExpired, KeptAfterDeletion,
    /// SoftDeleteAlwaysOn, OwnerDeleted, RolledBack, ClockSkewed, …
    pub reason: String,
    pub message: String,
    pub failure: Option<Failure>,
    /// With `DatasourceProtected`: who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Box<Holder>>,
}
