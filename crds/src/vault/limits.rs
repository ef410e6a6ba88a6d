//! How much of a vault may run at once, and how fast.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much may run at once, and how fast.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Backups of this vault that run at the same time. More wait, their slots unharmed, until their start window ends.
    #[serde(default = "default_backups")]
    #[schemars(range(min = 1, max = 100))]
    pub concurrent_backups: i32,
    /// Backups of this vault that run against one server, told by host and port, at the same time. More wait as well.
    #[serde(default = "default_backups_per_server")]
    #[schemars(range(min = 1, max = 100))]
    pub concurrent_backups_per_server: i32,
    /// Restores from this vault that run at the same time. More wait.
    #[serde(default = "default_restores")]
    #[schemars(range(min = 1, max = 100))]
    pub concurrent_restores: i32,
    /// Bytes per second that one mover may send to or read from the storage. Unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_i64))]
    pub bytes_per_second: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_backups: default_backups(),
            concurrent_backups_per_server: default_backups_per_server(),
            concurrent_restores: default_restores(),
            bytes_per_second: None,
        }
    }
}

fn default_backups() -> i32 {
    4
}

fn default_backups_per_server() -> i32 {
    2
}

fn default_restores() -> i32 {
    2
}
