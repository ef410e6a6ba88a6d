//! What is stored, as types. `FORMAT.md` describes every byte; these follow it and nothing else.
//!
//! Everything here is data: nothing reads, writes, seals or decides.

mod bounds;
mod globals;
mod hex;
mod identity;
mod intent;
mod inventory;
mod key_file;
mod list;
mod manifest;
mod newer;
mod promise;
mod record;
mod span;
mod state;
mod text;
mod vault_file;

pub use bounds::{
    FORMAT, FRAME_DEFAULT, FRAME_LIMIT, INVENTORY_OBJECTS, KEY_FILE_LIMIT, LEDGER_STATE_LIMIT,
    PACK_SEALED_LIMIT, PROMISES_LIMIT, VAULT_FILE_LIMIT,
};
pub use globals::{
    Globals, LeftOut, LeftOutReason, MembershipEntry, ParameterEntry, Passwords, RoleEntry, TablespaceEntry,
};
pub use hex::{Digest128, Hash};
pub use identity::Id;
pub use intent::{Heartbeat, Intent, Void};
pub use inventory::{ContentsPage, ContentsTable, InventoryObject, InventoryPage, Reference};
pub use key_file::{KeyPurpose, WrappedKey, WrappedKeyError};
pub use list::{
    ListEntry, ListKind, ListPage, RowDigest, RowFormat, SegmentEntry, SequenceEntry, TableEntry, TableKind,
};
pub use manifest::{
    DatabaseEntry, DatabaseSetting, ExtensionEntry, ListRef, LocaleProvider, Manifest, SchemaStreamRef,
    SecurityLabel,
};
pub(crate) use newer::{is_of_a_newer_writer, newer_format};
pub use promise::{AcceptedPoint, Damage, LedgerEntry, Promise};
pub use record::Record;
pub use span::{FrameSpan, push_span};
pub use state::{StateHead, StateOwner, StatePart, StatePoint, StateRead, StateRestore, StateVault};
pub use text::PgText;
pub use vault_file::VaultFile;

#[cfg(test)]
mod vector_tests;
