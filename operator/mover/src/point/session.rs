//! What a grant says, read once.

use contract::{ReadGrant, WriteGrant};

use crate::{
    format::{Hash, Id},
    seal::{ChainKey, Expected, ObjectKind, RecordKey},
};

/// Whose objects of which point, and the keys to them.
pub(super) struct Session {
    pub vault: Id,
    pub point: Id,
    pub writer: Id,
    pub chain_key: ChainKey,
    pub record_key: RecordKey,
}

impl Session {
    /// # Errors
    /// The part of the grant that is not usable.
    pub fn of_writer(grant: &WriteGrant, writer: Id) -> Result<Self, &'static str> {
        Ok(Self {
            vault: grant.vault_id.parse().map_err(|_| "the vault's id")?,
            point: Id::try_from(&grant.point).map_err(|_| "the point's id")?,
            writer,
            chain_key: ChainKey::from_base64(grant.chain_key.reveal()).map_err(|_| "the chain key")?,
            record_key: RecordKey::from_base64(grant.record_key.reveal()).map_err(|_| "the record key")?,
        })
    }

    /// # Errors
    /// The part of the grant that is not usable.
    pub fn of_reader(grant: &ReadGrant) -> Result<(Self, Hash), &'static str> {
        let session = Self {
            vault: grant.vault_id.parse().map_err(|_| "the vault's id")?,
            point: Id::try_from(&grant.point).map_err(|_| "the point's id")?,
            writer: Id::try_from(&grant.writer).map_err(|_| "the writer's id")?,
            chain_key: ChainKey::from_base64(grant.chain_key.reveal()).map_err(|_| "the chain key")?,
            record_key: RecordKey::from_base64(grant.record_key.reveal()).map_err(|_| "the record key")?,
        };
        let hash = grant.record_hash.parse().map_err(|_| "the record's hash")?;
        Ok((session, hash))
    }

    /// What is known of one of the writer's objects. In format 1 its chain is its own.
    pub fn expected(&self, kind: ObjectKind, number: u64) -> Expected {
        let chain = match kind {
            ObjectKind::Pack
            | ObjectKind::Schema
            | ObjectKind::List
            | ObjectKind::Manifest
            | ObjectKind::Inventory
            | ObjectKind::Contents
            | ObjectKind::Record => self.writer,
            ObjectKind::Void
            | ObjectKind::Intent
            | ObjectKind::Heartbeat
            | ObjectKind::LedgerEntry
            | ObjectKind::LedgerState => Id::NONE,
        };
        Expected { kind, number, vault: self.vault, chain, point: self.point, writer: Some(self.writer) }
    }
}
