//! Looking at a stored point: what is asked, and what was seen.

use serde::{Deserialize, Serialize};

use crate::{Connection, Failure, KeeperEndpoint, Limits, PointId};

/// Look at a stored point. Nothing of the vault is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyTask {
    pub keeper: KeeperEndpoint,
    pub point: PointId,
    pub level: VerifyLevel,
    /// Where the point is restored at level [`VerifyLevel::Scratch`], which cannot be reached without it.
    #[serde(default)]
    pub scratch: Option<ScratchServer>,
}

/// How deep to look. Each level includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VerifyLevel {
    /// Record, inventory, and the sizes of all objects.
    Structure,
    /// Every object is read, hash and seals.
    Objects,
    /// Every row is counted and its digest compared with the manifest.
    Rows,
    /// Every database is restored on another server, compared there and dropped.
    Scratch,
}

impl VerifyLevel {
    /// 1 to 4, as the ledger has it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Structure => 1,
            Self::Objects => 2,
            Self::Rows => 3,
            Self::Scratch => 4,
        }
    }
}

/// A server on which databases are made for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScratchServer {
    /// Its `database` is the one to log in to (`postgres`).
    pub connection: Connection,
    /// Who gets what belonged to roles that the server does not have.
    pub owner: Option<String>,
    pub limits: Limits,
}

/// What was seen of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub level: VerifyLevel,
    /// Objects that were looked at or read.
    pub objects: u64,
    /// Stored bytes of those that were read.
    pub stored_bytes: u64,
    pub rows: u64,
    /// How many objects are damaged.
    pub damaged: u64,
    /// The first of them; fewer where the message would grow past its limit.
    pub damage: Vec<DamagedObject>,
    /// What became of each database on the scratch server, as far as it came.
    #[serde(default)]
    pub restored: Vec<RestoredDatabase>,
    /// What kept the scratch server from taking the point. That is no damage.
    #[serde(default)]
    pub not_restored: Option<Failure>,
}

/// A stored object that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DamagedObject {
    pub object: String,
    pub message: String,
}

/// A database that was restored, compared with the point, and dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredDatabase {
    pub database: String,
    /// Tables whose rows are those that were stored.
    pub same_tables: u64,
    /// How many tables, and other objects, are not what was stored.
    pub different: u64,
    /// The first of them, each in a sentence.
    pub differences: Vec<String>,
}

impl Verification {
    /// Whether all that was looked at is what was stored.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.restored.iter().all(|restored| restored.different == 0)
    }

    /// Gives up the least important text; `false` when nothing is left to give up.
    pub(crate) fn shorten(&mut self) -> bool {
        let longest = self.restored.iter_mut().max_by_key(|restored| restored.differences.len());
        if longest.is_some_and(|restored| restored.differences.pop().is_some()) {
            return true;
        }
        // The first says most; the count says of the others that they are.
        if self.damage.len() > 1 {
            return self.damage.pop().is_some();
        }
        self.restored.pop().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_sound_when_its_objects_and_its_copies_are() {
        let restored = RestoredDatabase {
            database: "app".into(),
            same_tables: 3,
            different: 0,
            differences: Vec::new(),
        };
        let sound = Verification {
            level: VerifyLevel::Scratch,
            objects: 1,
            stored_bytes: 1,
            rows: 1,
            damaged: 0,
            damage: Vec::new(),
            restored: vec![restored.clone()],
            not_restored: None,
        };
        assert!(sound.is_sound());
        assert!(!Verification { damaged: 1, ..sound.clone() }.is_sound());
        let other = RestoredDatabase { different: 1, ..restored };
        assert!(!Verification { restored: vec![other], ..sound }.is_sound());
    }
}
