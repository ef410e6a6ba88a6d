//! What the ledger is to be told of instances that are gone or come back, and which are to be made for that. Pure.

use contract::OwnerChange;
use crds::BackupInstance;
use jiff::Timestamp;

use super::facts::{Facts, Gone};
use super::gone;
use super::undelete::{self, Return};

/// What is to be done.
#[derive(Debug, Default)]
pub struct Decision<'a> {
    /// Ends, and claims that hold nothing any more.
    pub changes: Vec<OwnerChange>,
    /// Those that come back.
    pub returns: Vec<Comeback<'a>>,
}

/// One that comes back.
#[derive(Debug)]
pub struct Comeback<'a> {
    /// Name of its record.
    pub record: String,
    pub gone: Gone<'a>,
    pub way: Way,
}

/// Who takes the points over.
#[derive(Debug, PartialEq)]
pub enum Way {
    /// The instance of this UID.
    There(String),
    /// One that is to be made.
    Make(Box<BackupInstance>),
}

/// Decides.
pub fn decide<'a>(facts: &Facts<'a>, now: Timestamp) -> Decision<'a> {
    let comeback = |gone: Gone<'a>| {
        let way = match undelete::undelete(facts, &gone) {
            Return::To(uid) => Way::There(uid),
            Return::Make(instance) => Way::Make(instance),
            Return::NotAsked | Return::Waits(_) | Return::Blocked(..) => return None,
        };
        Some(Comeback { record: gone.record()?, gone, way })
    };
    let returns = facts.deleted().into_values().filter_map(comeback).collect();
    Decision { changes: gone::changes(facts, now), returns }
}
