//! From storage and mounted keys to an open vault, or to the reason why there is none.

use contract::{Failure, KeeperConfig, Probes, Stage, Storage};
use mover::clock::Clock;
use mover::vault::Vault;

use super::mounted::KeyFiles;

/// What was found.
pub enum Opened {
    Open { vault: Vault, probes: Probes },
    /// No vault, and no key to make one with.
    Empty,
    /// No vault, although the status knows one: storage was emptied, or is another one.
    Vanished,
    /// A vault that the keys do not open.
    Foreign { vault_id: String },
    /// Keys that are none.
    Invalid { message: String },
}
