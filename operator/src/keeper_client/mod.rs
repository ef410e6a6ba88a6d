//! The operator's side of the calls to keepers (see `contract`), and what it remembers of their answers.

mod call;
mod memory;

pub use call::{KeeperAddress, KeeperClient, KeeperError};
#[cfg(test)]
pub use memory::Mark;
pub use memory::{Catalogue, HeldBack, Keepers, Movement, Trouble, moves_bytes};
