//! The first and the last object of a writer, its sign of life, and the end of a point that never came to be.

use contract::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Id;

/// Says that a writer has begun; written before it gets its keys, deleted last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub format: u16,
    pub point: Id,
    pub writer: Id,
    pub run: RunId,
    pub created: Timestamp,
    /// The writer makes no more writes after it.
    pub deadline: Timestamp,
}

/// Rewritten every minute by a writer at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub format: u16,
    pub point: Id,
    pub writer: Id,
    pub beat: u64,
    /// By the writer's wall clock.
    pub time: Timestamp,
}

/// Closes a point for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    pub format: u16,
    pub point: Id,
    /// The custodian that wrote it.
    pub writer: Id,
    pub run: Option<RunId>,
    pub voided: Timestamp,
    pub reason: String,
}
