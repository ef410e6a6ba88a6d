//! Which databases of a server a backup is of.

use serde::{Deserialize, Serialize};

/// The databases that are moved into one point. Each has a snapshot of its own: they are not of one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Databases {
    /// The connection's own, and nothing that belongs to the server as a whole.
    #[default]
    Connected,
    /// These, each of which must be there, with roles and all else that belongs to the server as a whole.
    Named(Vec<String>),
    /// All whose name fits one of `include` and none of `exclude`, with what belongs to the server as a whole. In a pattern `*`
    /// stands for any characters, also none, and `?` for one. Templates, databases that take no connections and those of the provider of a
    /// managed service are left out.
    Matching { include: Vec<String>, exclude: Vec<String> },
}

impl Databases {
    /// Every database of the server that can be backed up.
    pub fn all() -> Self {
        Self::Matching { include: vec!["*".to_owned()], exclude: Vec::new() }
    }
}
