//! Tablespaces of the source, and those of the target that are taken instead.

use std::collections::BTreeMap;

use crate::format::{Manifest, PgText};

/// The tablespace that is taken for one of the source.
pub fn instead_of(name: &PgText, given: &BTreeMap<String, String>) -> PgText {
    let mapped = name.as_str().and_then(|name| given.get(name));
    mapped.map_or_else(|| name.clone(), |mapped| mapped.as_str().into())
}

/// Names in a manifest the tablespaces that are taken.
pub fn replace(manifest: &mut Manifest, given: &BTreeMap<String, String>) {
    let database = &mut manifest.database;
    database.tablespace = instead_of(&database.tablespace, given);
    for name in &mut manifest.tablespaces {
        *name = instead_of(name, given);
    }
    manifest.tablespaces.retain(|name| name.as_bytes() != b"pg_default");
    manifest.tablespaces.sort();
    manifest.tablespaces.dedup();
}
