//! The header of a sealed object.

use super::{OpenError, Problem};
use crate::{
    format::{FORMAT, Id},
    store::Name,
};

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 152;

const MAGIC: [u8; 8] = *b"COFFER\x1a\x0a";

/// Which AEAD the records are sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    Aes256Gcm,
    ChaCha20Poly1305,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Pack,
    Schema,
    List,
    Manifest,
    Inventory,
    Contents,
    Record,
    Void,
    Intent,
    Heartbeat,
    LedgerEntry,
    LedgerState,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    Document,
    Rows,
    Schema,
}

/// What stands at the front of every sealed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub suite: Suite,
    pub kind: ObjectKind,
    pub number: u64,
    pub vault: Id,
    pub chain: Id,
    pub point: Id,
    pub writer: Id,
    pub salt: [u8; 32],
    pub commitment: [u8; 32],
}

/// What a reader knows of an object before it opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub kind: ObjectKind,
    pub number: u64,
    pub vault: Id,
    pub chain: Id,
    pub point: Id,
    /// `None`: whoever wrote it.
    pub writer: Option<Id>,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[10] = self.suite.code();
        bytes[11] = self.kind.code();
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.vault.0);
        bytes[40..56].copy_from_slice(&self.chain.0);
        bytes[56..72].copy_from_slice(&self.point.0);
        bytes[72..88].copy_from_slice(&self.writer.0);
        bytes[88..120].copy_from_slice(&self.salt);
        bytes[120..].copy_from_slice(&self.commitment);
        bytes
    }

    /// Reads the header of an object. What it says is not proven until a record has been opened.
    ///
    /// # Errors
    /// When it is too short, or not of a format that is known here.
    pub fn decode(object: &Name, stored: &[u8]) -> Result<Self, OpenError> {
        Self::parse(stored).map_err(|problem| OpenError::new(object, problem))
    }

    fn parse(stored: &[u8]) -> Result<Self, Problem> {
        let bytes: &[u8; HEADER_LENGTH] = stored.first_chunk().ok_or(Problem::Truncated)?;
        if bytes[..8] != MAGIC {
            return Err(Problem::Magic);
        }
        let format = u16::from_le_bytes([bytes[8], bytes[9]]);
        if format != FORMAT {
            return Err(Problem::Format(format));
        }
        let suite = Suite::from_code(bytes[10]).ok_or(Problem::Suite(bytes[10]))?;
        let kind = ObjectKind::from_code(bytes[11]).ok_or(Problem::Kind(bytes[11]))?;
        if bytes[12..16] != [0; 4] {
            return Err(Problem::Header);
        }
        Ok(Self {
            suite,
            kind,
            number: u64::from_le_bytes(part(bytes, 16)),
            vault: Id(part(bytes, 24)),
            chain: Id(part(bytes, 40)),
            point: Id(part(bytes, 56)),
            writer: Id(part(bytes, 72)),
            salt: part(bytes, 88),
            commitment: part(bytes, 120),
        })
    }

    /// Whether the object is the one that was asked for.
    pub(super) fn check(&self, expected: &Expected) -> Result<(), Problem> {
        let differs = [
            (self.kind != expected.kind, "kind"),
            (self.vault != expected.vault, "vault"),
            (self.point != expected.point, "point"),
            (self.chain != expected.chain, "chain"),
            (expected.writer.is_some_and(|writer| writer != self.writer), "writer"),
            (self.number != expected.number, "number"),
        ];
        match differs.iter().find(|(differs, _)| *differs) {
            Some((_, what)) => Err(Problem::Stranger(what)),
            None => Ok(()),
        }
    }
}

impl Suite {
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    pub fn code(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code() == code)
    }
}

impl ObjectKind {
    pub const ALL: [Self; 12] = [
        Self::Pack,
        Self::Schema,
        Self::List,
        Self::Manifest,
        Self::Inventory,
        Self::Contents,
        Self::Record,
        Self::Void,
        Self::Intent,
        Self::Heartbeat,
        Self::LedgerEntry,
        Self::LedgerState,
    ];

    pub fn code(self) -> u8 {
        match self {
            Self::Pack => 1,
            Self::Schema => 2,
            Self::List => 3,
            Self::Manifest => 4,
            Self::Inventory => 5,
            Self::Contents => 6,
            Self::Record => 7,
            Self::Void => 8,
            Self::Intent => 9,
            Self::Heartbeat => 10,
            Self::LedgerEntry => 11,
            Self::LedgerState => 12,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The records that such an object may hold.
    pub(super) fn holds(self) -> RecordKind {
        match self {
            Self::Pack => RecordKind::Rows,
            Self::Schema => RecordKind::Schema,
            Self::List
            | Self::Manifest
            | Self::Inventory
            | Self::Contents
            | Self::Record
            | Self::Void
            | Self::Intent
            | Self::Heartbeat
            | Self::LedgerEntry
            | Self::LedgerState => RecordKind::Document,
        }
    }

    /// Most plain bytes of one record of such an object.
    pub fn plain_limit(self) -> usize {
        match self {
            Self::Pack | Self::Schema => crate::format::FRAME_LIMIT,
            Self::List
            | Self::Manifest
            | Self::Inventory
            | Self::Contents
            | Self::LedgerEntry
            | Self::LedgerState => 1024 * 1024,
            Self::Record | Self::Void | Self::Intent | Self::Heartbeat => 64 * 1024,
        }
    }

    /// Most stored bytes of such an object.
    pub fn stored_limit(self) -> u64 {
        match self {
            Self::Pack | Self::Schema => 17 * 1024 * 1024,
            Self::List | Self::Manifest | Self::Inventory | Self::Contents | Self::LedgerEntry => {
                1024 * 1024 + 4096
            }
            Self::Record | Self::Void | Self::Intent | Self::Heartbeat => 68 * 1024,
            Self::LedgerState => crate::format::LEDGER_STATE_LIMIT,
        }
    }
}

impl RecordKind {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Document => 1,
            Self::Rows => 2,
            Self::Schema => 3,
        }
    }
}

fn part<const N: usize>(bytes: &[u8; HEADER_LENGTH], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}
