//! The sizes that a decoder refuses to go beyond (`FORMAT.md`, sections 2, 4, 6, 8, 10 and 12).

/// The version of the stored format that is written and read.
pub const FORMAT: u16 = 1;
/// Most plain bytes of one sealed record.
pub const FRAME_LIMIT: usize = 4 * 1024 * 1024;
/// Plain bytes of one rows record where the writer has the choice.
pub const FRAME_DEFAULT: usize = 1024 * 1024;
/// Most bytes of sealed records, framing included, in a pack or schema stream object; envelope and final record not
/// counted.
pub const PACK_SEALED_LIMIT: usize = 16 * 1024 * 1024;
/// Most objects on one inventory page.
pub const INVENTORY_OBJECTS: usize = 4_096;
/// Most bytes of a key file.
pub const KEY_FILE_LIMIT: u64 = 4 * 1024;
/// Most bytes of `vault.json`.
pub const VAULT_FILE_LIMIT: u64 = 4 * 1024;
/// Most promises in one ledger entry.
pub const PROMISES_LIMIT: usize = 256;
/// Most stored bytes of a ledger state.
pub const LEDGER_STATE_LIMIT: u64 = 256 * 1024 * 1024;
