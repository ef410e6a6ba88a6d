//! `vault.json`: tells what a place is. No program trusts it.

use serde::{Deserialize, Serialize};

use super::Id;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultFile {
    /// [`VaultFile::MAGIC`].
    pub magic: String,
    pub format: u16,
    pub vault: Id,
    /// The suite that writers seal with.
    pub suite: u8,
}

impl VaultFile {
    pub const MAGIC: &str = "coffer-vault";
}
