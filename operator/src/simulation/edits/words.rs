//! What can happen in a history, in the words of neither the drivers nor the model.

use jiff::civil::Weekday;

use crate::simulation::pods::Play;

/// As the field of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    Enabled,
    Suspended,
    Stopped,
}

/// As `deletionPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    Retain,
    RetainPerPolicy,
    Delete,
}

/// As the vault's `softDelete`, with its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoftDelete {
    Disabled,
    Enabled(i16),
    AlwaysOn(i16),
}

/// How long a tag keeps a point: a number and `D`, `W` or `M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub i16, pub char);

/// A policy: one rule at 20:00 UTC, and up to three tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub days: &'static [Weekday],
    pub window_minutes: i64,
    /// Of the first point of a month.
    pub monthly: Option<Keep>,
    /// Of the first point of a week.
    pub weekly: Option<Keep>,
    pub default: Keep,
    pub floor: usize,
    /// Another makes no sense: admission lets it in, and nobody can act on it.
    pub is_sound: bool,
}

pub const WEDNESDAYS: &[Weekday] = &[Weekday::Wednesday];
pub const TWICE_A_WEEK: &[Weekday] = &[Weekday::Wednesday, Weekday::Saturday];

/// Something that somebody does. What there is not cannot be edited: nothing comes of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// A policy is made or edited.
    Policy {
        name: &'static str,
        shape: Shape,
    },
    /// As people delete: admission has its say.
    DeletePolicy {
        name: &'static str,
    },
    /// Past admission, as whoever may do everything can.
    LosePolicy {
        name: &'static str,
    },
    Create {
        name: &'static str,
        database: &'static str,
        policy: &'static str,
        deletion: Deletion,
    },
    Follow {
        name: &'static str,
        policy: &'static str,
    },
    Protect {
        name: &'static str,
        protection: Protection,
    },
    DeletionPolicy {
        name: &'static str,
        deletion: Deletion,
    },
    Delete {
        name: &'static str,
    },
    /// The deleted instance of this name that protected this database.
    Undelete {
        name: &'static str,
        database: &'static str,
    },
    /// Names the record that the instance waits for.
    Resume {
        name: &'static str,
    },
    /// Names a record that never was.
    ResumeWrongly {
        name: &'static str,
    },
    /// Whether the vault takes the instances' namespace.
    Consent(bool),
    SoftDelete(SoftDelete),
    /// As people delete. Nobody does it to a vault that nobody uses: the history would end.
    DeleteVault,
    /// A job on demand, with what its mover does.
    Demand {
        name: &'static str,
        tag: &'static str,
        play: Play,
    },
}

/// One step of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Edit(Edit),
    /// A night each, with what movers do in it; without, the operator is away.
    Nights(Vec<Option<Play>>),
}
