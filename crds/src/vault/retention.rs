//! How long a vault lets points be kept.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::words;

/// The range that every point's keeping must lie in. A point outside it is refused at the run, and the instance is
/// not Ready with reason RetentionOutsideVault before that.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!self.minimum.matches('^P[1-9][0-9]{0,4}[DWMY]$') || !self.maximum.matches('^P[1-9][0-9]{0,4}[DWMY]$') || \
     [self.minimum, self.maximum].map(k, int(k.substring(1, size(k) - 1)) * \
     (k.endsWith('D') ? 1 : k.endsWith('W') ? 7 : k.endsWith('M') ? 30 : 365)).isSorted()")
    .message("`minimum` must not be longer than `maximum`"))]
pub struct RetentionRange {
    /// The shortest keeping, as one number and one unit: P7D, P4W, P6M, P1Y.
    #[serde(default = "default_minimum")]
    #[schemars(schema_with = "words::keep")]
    pub minimum: String,
    /// The longest keeping, as one number and one unit.
    #[serde(default = "default_maximum")]
    #[schemars(schema_with = "words::keep")]
    pub maximum: String,
}

impl Default for RetentionRange {
    fn default() -> Self {
        Self { minimum: default_minimum(), maximum: default_maximum() }
    }
}

fn default_minimum() -> String {
    "P7D".to_owned()
}

fn default_maximum() -> String {
    "P10Y".to_owned()
}
