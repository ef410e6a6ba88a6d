//! Why the ledger could not be read, or a promise not be made.

use contract::{FailureCode, Holder, Life, Owner};
use jiff::Timestamp;

use crate::{
    format::Id,
    seal::{OpenError, SealError},
    store::StoreError,
};

/// A ledger that cannot be read or does not take a promise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    #[error("read or write the ledger")]
    Store(#[from] StoreError),
    #[error("read the ledger")]
    Open(#[from] OpenError),
    #[error("write the ledger")]
    Seal(#[from] SealError),
    #[error("read the ledger: {object} {what}")]
    Broken { object: String, what: &'static str },
    #[error("read the ledger: it has no beginning")]
    Empty,
    #[error("write the ledger: the vault is open for reading only")]
    ReadOnly,
    #[error("write the ledger: it is being closed")]
    Stopped,
    #[error("write the ledger: others were faster {tries} times in a row")]
    Contended { tries: usize },
    #[error(
        "write the ledger: storage has lost its newest entry; somebody emptied it or restored an older state"
    )]
    Lost,
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// Why a promise was not made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no point {point}")]
    NotFound { point: Id },
    #[error("point {point} has a tombstone")]
    Expired { point: Id },
    #[error("point {point} is one of the {keep} newest good ones of its owner, which are kept")]
    KeptAsLastGood { point: Id, keep: u32 },
    #[error("point {point} was made on the command line and has no expiry of its own")]
    OwnedByCommandLine { point: Id },
    #[error("storage holds an older or another ledger than was seen before; nothing is deleted")]
    RolledBack,
    #[error("the clocks of this machine and of storage differ by {seconds} s; nothing is deleted")]
    ClockSkewed { seconds: i64 },
    #[error("the ledger holds promises that a newer coffer made; this one only reads")]
    UnknownPromises,
    #[error("point {point} {}", match .end {
        Some(end) => format!("is kept until {end}"),
        None => "does not expire".to_owned(),
    })]
    NotExpired { point: Id, end: Option<Timestamp> },
    #[error("the instance of point {point} was deleted, and its points are kept: none of them expires")]
    KeptAfterDeletion { point: Id },
    #[error(
        "soft delete is always on in this vault, with {days} days: nothing that is deleted now may go before {earliest}"
    )]
    SoftDeleteAlwaysOn { days: u16, earliest: Timestamp },
    #[error("the datasource {} is protected in this vault by {}, which {}", datasource_of(&.holder.owner),
        name_of(&.holder.owner), standing_of(.holder))]
    DatasourceProtected { holder: Box<Holder> },
    #[error("the ledger knows nothing of {}", .owner)]
    OwnerNotFound { owner: String },
    #[error(
        "{} was deleted: undelete it (`undelete: true` of its DeletedBackupInstance) to restore from its points or to \
         protect it again", .owner
    )]
    OwnerDeleted { owner: String },
    #[error(
        "{} was brought back and stands still, and none of its points expires, until annotation coffer.dev/resume names {record}",
        .owner
    )]
    ResumeRequired { owner: String, record: String },
    #[error("{} is not deleted: there is nothing to undelete", .owner)]
    NotDeleted { owner: String },
    #[error("{} still has {points} points in this vault, such as {point}", .owner)]
    OwnerHasPoints { owner: String, points: usize, point: Id },
    #[error("{} protects another datasource than {}", .to, .from)]
    AnotherDatasource { from: String, to: String },
    #[error(
        "{} and {} are of the same cluster: what was deleted there is brought back by `undelete: true` of its \
         DeletedBackupInstance", .from, .to
    )]
    SameCluster { from: String, to: String },
    #[error("the points of {} were taken over by {} already: name that one in `from`", .owner, .heir)]
    AdoptedAlready { owner: String, heir: String },
    #[error(
        "{} had its points taken over by {}: delete it and make it anew, and the new one can take over what is that one's",
        .owner, .heir
    )]
    GivenAway { owner: String, heir: String },
    #[error("point {point} is {}'s by now", .owner)]
    AnothersPoint { point: Id, owner: String },
    #[error(
        "the command line's points have no instance: only what an instance protects can be claimed or deleted as such"
    )]
    NotAnInstance,
    #[error("{} was deleted with a stronger promise for its points, which is not taken back", .owner)]
    WeakerThanPromised { owner: String },
    #[error("a spec of {bytes} bytes is too long for the ledger")]
    SpecTooLong { bytes: usize },
}

/// An owner as people know it.
pub(crate) fn name_of(owner: &Owner) -> String {
    match owner {
        Owner::Instance { namespace, instance, .. } => format!("instance {namespace}/{instance}"),
        Owner::Cli { datasource_id } => format!("the command line (of {datasource_id})"),
    }
}

/// An owner as people of another cluster know it.
pub(crate) fn name_abroad(owner: &Owner) -> String {
    match owner {
        Owner::Instance { cluster_id, .. } => format!("{} of cluster {cluster_id}", name_of(owner)),
        Owner::Cli { .. } => name_of(owner),
    }
}

fn datasource_of(owner: &Owner) -> &str {
    match owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => datasource_id,
    }
}

fn standing_of(holder: &Holder) -> &'static str {
    match holder.life {
        Life::Active => "is there: delete that one first, or use another vault",
        Life::Deleted { .. } => {
            "was deleted and has points left: undelete it, or use another vault until they are gone"
        }
        Life::ResumeRequired { .. } => "was brought back by undelete: resume that one, or use another vault",
        Life::Released => "is gone",
    }
}

impl LedgerError {
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::Broken { .. } | Self::Empty => FailureCode::Damaged,
            Self::Refused(refused) => refused.code(),
            Self::ReadOnly => FailureCode::KeeperRefused,
            Self::Contended { .. } | Self::Lost => FailureCode::KeeperUnreachable,
            Self::Seal(_) | Self::Stopped => FailureCode::Internal,
        }
    }
}

impl Refused {
    /// The short word that goes over the wire.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::Expired { .. } => "Expired",
            Self::KeptAsLastGood { .. } => "KeptAsLastGood",
            Self::OwnedByCommandLine { .. } => "OwnedByCommandLine",
            Self::RolledBack => "RolledBack",
            Self::ClockSkewed { .. } => "ClockSkewed",
            Self::UnknownPromises => "UnknownPromises",
            Self::NotExpired { .. } => "NotExpired",
            Self::KeptAfterDeletion { .. } => "KeptAfterDeletion",
            Self::SoftDeleteAlwaysOn { .. } => "SoftDeleteAlwaysOn",
            Self::DatasourceProtected { .. } => "DatasourceProtected",
            Self::OwnerNotFound { .. } => "OwnerNotFound",
            Self::OwnerDeleted { .. } => "OwnerDeleted",
            Self::ResumeRequired { .. } => "ResumeRequired",
            Self::NotDeleted { .. } => "NotDeleted",
            Self::OwnerHasPoints { .. } => "OwnerHasPoints",
            Self::AnotherDatasource { .. } => "AnotherDatasource",
            Self::SameCluster { .. } => "SameCluster",
            Self::AdoptedAlready { .. } => "AdoptedAlready",
            Self::GivenAway { .. } => "GivenAway",
            Self::AnothersPoint { .. } => "AnothersPoint",
            Self::NotAnInstance => "NotAnInstance",
            Self::WeakerThanPromised { .. } => "WeakerThanPromised",
            Self::SpecTooLong { .. } => "SpecTooLong",
        }
    }

    /// Whether there is no such point any more, or never was.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Expired { .. })
    }

    fn code(&self) -> FailureCode {
        match self {
            Self::NotFound { .. } | Self::Expired { .. } => FailureCode::PointNotFound,
            Self::UnknownPromises => FailureCode::FormatUnsupported,
            _ => FailureCode::KeeperRefused,
        }
    }
}
