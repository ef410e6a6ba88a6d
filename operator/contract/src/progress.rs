//! How far a run is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{RunId, Stage};

/// A mover's own account, sent to the keeper while it runs. Numbers never go backwards within one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub attempt: u32,
    pub stage: Stage,
    /// When the snapshot was fixed: from then on the run has started. A restore: when it first wrote to its target.
    pub started: Option<Timestamp>,
    /// Bytes of rows and large objects, before compression.
    pub bytes_done: u64,
    /// An estimate from the server's relation sizes until all is read.
    pub bytes_total: u64,
    pub bytes_stored: u64,
    pub tables_done: u64,
    pub tables_total: u64,
}

/// A run as the keeper last heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    pub run: RunId,
    pub progress: Progress,
    /// The keeper's clock when it heard.
    pub heard: Timestamp,
}
