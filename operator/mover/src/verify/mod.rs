//! Checks of a stored point, each level deeper than the one before.
//!
//! 1. record, inventory and sizes; lists and manifests read in full
//! 2. every object read: its hash and every seal
//! 3. every row decompressed; rows and digests equal the manifest; every entry of the schema read
//! 4. besides, restored into a scratch database and compared there: [`rehearse`]
//!
//! Damage is an answer, not an error: the report names each object and what is wrong with it. What keeps a check from being
//! made (storage that does not answer, a key that is away) is an error.

mod objects;
mod rows;
mod scratch;
pub(crate) mod structure;
mod task;

use std::collections::HashSet;

use contract::{FailureCode, ReadGrant, VerifyLevel};

pub use scratch::{Rehearsal, Scratch, rehearse};
pub use task::{VerifyInput, verify};

use crate::{
    format::Damage,
    point::{PointReader, ReadError},
    store::SharedStore,
};

/// How deep a check goes. Each includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Structure,
    Objects,
    Rows,
    /// What [`run`] does of it is level 3.
    Scratch,
}

/// What a check saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Objects that were looked at or read.
    pub objects: u64,
    /// Stored bytes of those that were read.
    pub stored_bytes: u64,
    pub tables: u64,
    pub rows: u64,
    /// At most [`DAMAGES`].
    pub damage: Vec<Damage>,
}

/// Told how many more bytes were read.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// Damages that a report names; a point with more is no better known by more.
pub const DAMAGES: usize = 100;

impl Level {
    pub fn number(self) -> u8 {
        match self {
            Self::Structure => 1,
            Self::Objects => 2,
            Self::Rows => 3,
            Self::Scratch => 4,
        }
    }
}

impl From<VerifyLevel> for Level {
    fn from(level: VerifyLevel) -> Self {
        match level {
            VerifyLevel::Structure => Self::Structure,
            VerifyLevel::Objects => Self::Objects,
            VerifyLevel::Rows => Self::Rows,
            VerifyLevel::Scratch => Self::Scratch,
        }
    }
}

impl VerifyReport {
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }

    /// Takes damage into the report; gives back what is no damage.
    fn note(&mut self, error: ReadError) -> Result<(), ReadError> {
        let Some(object) = error.damaged_object() else {
            return Err(error);
        };
        let damage = Damage { object: object.to_owned(), message: crate::causes(&error) };
        if self.damage.len() < DAMAGES && !self.damage.contains(&damage) {
            self.damage.push(damage);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.damage.len() >= DAMAGES
    }
}

/// Checks a point. `progress` is told how many more bytes were read, each time: stored bytes at level 2, and at level 3 the
/// bytes of the rows besides.
///
/// # Errors
/// What keeps the check from being made. A record that does not open is damage, unless it is the key that is wrong.
pub async fn run(
    store: SharedStore,
    grant: &ReadGrant,
    level: Level,
    progress: Progress<'_>,
) -> Result<VerifyReport, ReadError> {
    let mut report = VerifyReport::default();
    let reader = match PointReader::open(store, grant).await {
        Ok(reader) => reader,
        Err(error) => {
            report.note(error)?;
            return Ok(report);
        }
    };
    let inventory = objects::inventory(&reader, &mut report).await?;
    objects::sizes(&reader, &inventory, &mut report).await?;
    let names: HashSet<u32> = inventory.iter().filter_map(|object| object.object.name.parse().ok()).collect();
    if let Err(error) = structure::check(&reader, &names).await {
        report.note(error)?;
    }
    if level >= Level::Objects {
        objects::contents(&reader, &inventory, &mut report, progress).await?;
    }
    // Rows of a point that is not whole would only tell the same again.
    if level >= Level::Rows && report.is_sound() {
        rows::check(&reader, &mut report, progress).await?;
    }
    Ok(report)
}

/// Whether a failure says something about the point rather than about the way to it.
pub fn is_damage(error: &ReadError) -> bool {
    error.code() == FailureCode::Damaged
}
