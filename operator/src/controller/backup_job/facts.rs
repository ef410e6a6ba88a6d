//! What a decision about a backup is made from, and what it consists of. Data only.

use std::sync::Arc;

use contract::{Connection, Decision as Promise, PointView, Settled};
use crds::{BackupInstance, BackupJobStatus, BackupPolicySpec, BackupVault};
use jiff::Timestamp;

use crate::cluster::Note;
use crate::controller::run::place::Place;
use crate::controller::run::{Fault, SeenAttempt};
use crate::controller::{History, Wake};
use crate::keeper_client::{KeeperAddress, Movement, Trouble};

/// Facts about one backup. What was not looked up, since nothing depends on it, is `None`.
#[derive(Clone)]
pub struct Facts {
    pub instance: Option<Arc<BackupInstance>>,
    /// The record of its deletion, which must be named before the instance is protected again.
    pub record: Option<String>,
    /// The ledger says that the instance's datasource is somebody else's.
    pub is_anothers: bool,
    pub vault: Option<Arc<BackupVault>>,
    pub policy: Option<PolicySeen>,
    /// UID of the job's namespace.
    pub namespace_uid: Option<String>,
    /// The run's Jobs that the cluster still has, oldest first.
    pub attempts: Vec<SeenAttempt>,
    /// In a sentence, that the operator may not look for them: nothing of the run can be told, and nothing be done.
    pub forbidden: Option<String>,
    /// How the run is, as its keeper last told.
    pub movement: Option<Movement>,
    /// Since when of the wall clock the keeper is listened to; `None` before its first answer about runs.
    pub listening: Option<Timestamp>,
    /// Whose turn it is. Looked up while nothing runs.
    pub place: Place,
    /// The way to the source. Looked up while nothing runs.
    pub connection: Option<Result<Connection, Fault>>,
    pub keeper: Option<KeeperAddress>,
    /// Whether the mover must be on the keeper's node.
    pub beside_keeper: bool,
    /// The points that the instance has made before; `None` until the keeper has told its catalogue.
    pub history: Option<History>,
    /// What became of the run's point; asked when a decision depends on it.
    pub settled: Option<Result<Settled, Trouble>>,
}

/// The policy that the instance follows: the object, or its last known version.
#[derive(Debug, Clone)]
pub struct PolicySeen {
    pub namespace: String,
    pub name: String,
    pub version: i64,
    pub spec: BackupPolicySpec,
}

/// What is to be done about a backup.
#[derive(Debug, Clone)]
pub struct Decision {
    /// In this order.
    pub steps: Vec<Step>,
    /// The whole status.
    pub status: BackupJobStatus,
    pub note: Option<Note>,
    /// What must be known first. The decision is made again with the answer.
    pub ask: Option<Question>,
    pub wake: Wake,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    AddFinalizer,
    RemoveFinalizer,
    /// Make the Job of an attempt, its Secret, and release it.
    Start(Start),
    /// Remove an attempt's Job.
    Remove(Box<SeenAttempt>),
    /// Let the point be shown before the next poll of the keeper.
    KeepPoint(Box<PointView>),
    /// Write the job's end into the ledger, which outlives the objects.
    TellLedger {
        state: &'static str,
        message: String,
    },
}

/// One attempt to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub number: u32,
    pub promise: Promise,
    /// The mover stops itself at this instant.
    pub deadline: Timestamp,
}

/// Asked of the keeper: what became of the run's point?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Close an undecided point for good.
    pub void: bool,
}
