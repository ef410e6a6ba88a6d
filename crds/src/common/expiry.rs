//! What retention will do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// What the next pass of retention that deletes anything will delete, as far as the points and policies of now say. A point that
/// is being read, or clocks that differ, can put it off.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextExpiry {
    /// When it is due. In the past: nothing could be deleted since.
    pub time: Time,
    /// How many points go then.
    #[schemars(range(min = 1))]
    pub points: i64,
}
