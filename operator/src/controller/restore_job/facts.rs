//! What a decision about a restore is made from, and what it consists of. Data only.

use std::sync::Arc;

use contract::{Connection, RestoreSeen};
use crds::{BackupVault, RecoveryPoint, RestoreJobStatus};
use jiff::Timestamp;

use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::run::place::Place;
use crate::controller::run::{Fault, SeenAttempt};
use crate::keeper_client::{Catalogue, KeeperAddress, Movement, Trouble};

/// Facts about one restore. What was not looked up, since nothing depends on it, is `None`.
#[derive(Clone)]
pub struct Facts {
    pub vault: Option<Arc<BackupVault>>,
    /// The object that the job names, where it names one.
    pub point: Option<Arc<RecoveryPoint>>,
    /// The vault's points, as its keeper told.
    pub catalogue: Option<Arc<Catalogue>>,
    /// UID of the job's namespace.
    pub namespace_uid: Option<String>,
    pub attempts: Vec<SeenAttempt>,
    /// In a sentence, that the operator may not look for them: nothing of the run can be told, and nothing be done.
    pub forbidden: Option<String>,
    pub movement: Option<Movement>,
    /// Since when of the wall clock the keeper is listened to; `None` before its first answer about runs.
    pub listening: Option<Timestamp>,
    pub place: Place,
    pub connection: Option<Result<Connection, Fault>>,
    pub keeper: Option<KeeperAddress>,
    pub beside_keeper: bool,
    /// What the ledger knows of a restore of this name. Asked while no pod runs.
    pub ledger: Option<Result<Option<RestoreSeen>, Trouble>>,
    /// Hash of the job's spec: the same name with another spec is another restore.
    pub spec_hash: String,
}

/// What is to be done about a restore.
#[derive(Debug, Clone)]
pub struct Decision {
    pub steps: Vec<Step>,
    pub status: RestoreJobStatus,
    pub note: Option<Note>,
    pub wake: Wake,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    AddFinalizer,
    RemoveFinalizer,
    /// Make the Job of an attempt, its Secret, and release it.
    Start {
        number: u32,
        deadline: Timestamp,
    },
    /// Remove an attempt's Job.
    Remove(Box<SeenAttempt>),
    /// Write the job's end into the ledger, which outlives the objects.
    TellLedger {
        state: &'static str,
        message: String,
    },
}
