//! When an entry is executed. pg_restore's rule: an entry's place in the archive decides, except for what must wait until
//! everything else is there.

use super::{Entry, Kind};

/// The passes over a schema, in their order. Within one, entries keep the archive's order or that of their dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// Everything that is not named below.
    Main,
    /// Grants: until here the restoring role needs none of the rights that an owner may have taken from itself.
    Grants,
    /// What acts on its own or with its owner's rights: materialised views are filled, then event triggers made.
    Last,
}

impl Pass {
    /// `None`: the entry is not executed at all.
    pub fn of(entry: &Entry) -> Option<Self> {
        if entry.kind.is_preamble() || is_about_the_database(entry) || entry.definition.as_bytes().is_empty()
        {
            return None;
        }
        let is_grant = matches!(entry.kind, Kind::Acl | Kind::DefaultAcl);
        let is_last = entry.kind == Kind::MaterializedViewData || is_about_an_event_trigger(entry);
        Some(match (is_grant, is_last) {
            (true, _) => Self::Grants,
            (false, true) => Self::Last,
            (false, false) => Self::Main,
        })
    }
}

/// Whether the entry makes an event trigger or describes one. They come after all else: one that fires on commands would
/// fire on ours.
fn is_about_an_event_trigger(entry: &Entry) -> bool {
    entry.kind == Kind::EventTrigger || describes(entry, b"EVENT TRIGGER ")
}

/// A database's comment, grants and labels come from the manifest, with its name.
fn is_about_the_database(entry: &Entry) -> bool {
    entry.kind.is_database()
        || describes(entry, b"DATABASE ")
        || (entry.kind == Kind::Acl && entry.tag.as_bytes().starts_with(b"DATABASE "))
}

/// Whether the entry is a comment or label on an object of a kind, by the word before the object's name.
fn describes(entry: &Entry, kind: &[u8]) -> bool {
    matches!(entry.kind, Kind::Comment | Kind::SecurityLabel) && entry.tag.as_bytes().starts_with(kind)
}
