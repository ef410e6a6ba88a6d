//! What holds the files together: the order in which they are loaded, the database that they are loaded into, and what
//! people should know.

use super::folder::Folder;
use crate::{
    format::{Manifest, PgText, TableKind},
    restore::{RestoreError, database, large_objects, public_schema},
    schema::{Owners, Sql},
};

/// Writes `load.sql`, `large-objects.sql`, `database.sql` and `README.txt`. `loads` are the lines for each table.
pub fn write(
    folder: &mut Folder,
    manifest: &Manifest,
    loads: &[(TableKind, Vec<u8>)],
    has_event_triggers: bool,
    is_selection: bool,
) -> Result<(), RestoreError> {
    let lines_of = |wanted: &dyn Fn(TableKind) -> bool| -> Vec<u8> {
        loads.iter().filter(|(kind, _)| wanted(*kind)).flat_map(|(_, lines)| lines.iter().copied()).collect()
    };
    let list = lines_of(&|kind| kind == TableKind::LargeObjects);
    let pages = lines_of(&|kind| matches!(kind, TableKind::LargeObjectPages | TableKind::LargeObjectSlices));
    let has_large_objects = !list.is_empty();
    if has_large_objects {
        folder.file("large-objects.sql", &large_objects::script(&list, &pages))?;
    }
    // Rows of extensions first: keys between their tables are there already.
    let configured = lines_of(&|kind| kind == TableKind::Configuration);
    let rows = lines_of(&|kind| kind == TableKind::Ordinary);
    let mut load = Sql::default().text(HEAD).raw(&configured).raw(&rows);
    if has_large_objects {
        load = load.text("\\ir large-objects.sql\n");
    }
    load = load.text("\\ir keys.sql\n\\ir sequences.sql\n");
    if !is_selection && public_schema::is_taken_for_closed(manifest) {
        load = load.text(public_schema::CLOSE).text(";\n");
    }
    load = load.text("\\ir grants.sql\nSET row_security = on;\n\\ir views.sql\n");
    load = load.text("ANALYZE;\n");
    if has_event_triggers {
        load = load.text("\\ir event-triggers.sql\n");
    }
    folder.file("load.sql", load.as_bytes())?;
    if !is_selection {
        folder.file("database.sql", &database_script(manifest)?)?;
    }
    folder.file("README.txt", readme(manifest, is_selection).as_bytes())
}

const HEAD: &str = "\
\\set ON_ERROR_STOP on
\\o load.log
\\ir settings.sql
\\ir schema.sql
";

/// What makes the database, and gives it what belongs to it.
fn database_script(manifest: &Manifest) -> Result<Vec<u8>, RestoreError> {
    let source = &manifest.database;
    let (name, owners) = (&source.name, Owners::default());
    let odd = |source| RestoreError::Privileges { object: name.to_string(), source };
    let mut statements = vec![
        b"\\set ON_ERROR_STOP on".to_vec(),
        database::create(name, source, manifest.server_version / 10_000),
        database::change_owner(name, &source.owner),
    ];
    statements
        .extend(source.comment.as_ref().map(|comment| database::comment(name, Some(comment.as_bytes()))));
    statements.extend(database::privileges(name, source, &source.owner, &owners, true).map_err(odd)?);
    statements.extend(source.settings.iter().filter_map(|setting| database::setting(name, setting)));
    statements.push(database::limit(name, source.connection_limit));
    statements.extend(database::options(name, source));
    let mut script = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        script.extend_from_slice(statement);
        script.extend_from_slice(if at == 0 { b"\n" } else { b";\n" });
    }
    Ok(script)
}

fn readme(manifest: &Manifest, is_selection: bool) -> String {
    let name = &manifest.database.name;
    let what = if is_selection { "Selected objects of database" } else { "Database" };
    let made = if is_selection {
        "1. Choose a database that does not have these objects, with the encoding ".to_owned()
            + &manifest.database.encoding
            + "."
    } else {
        "1. psql -X -d postgres -f database.sql\n   makes the database with its encoding, locale, owner and privileges; edit it first \
         for another name. Any empty database of the same encoding does, too."
            .to_owned()
    };
    let roles: Vec<String> = manifest.roles.iter().map(PgText::to_string).collect();
    let extensions: Vec<String> =
        manifest.extensions.iter().map(|extension| extension.name.to_string()).collect();
    format!(
        "{what} {name}, as it was at {time} on PostgreSQL {version}. NOTHING HERE IS ENCRYPTED.\n\n\
         It is loaded with psql {oldest} or newer, into a server of version {major} or newer, and needs nothing else:\n\n\
         0. sha256sum --check SHA256SUMS\n{made}\n\
         2. psql -X -q -d DATABASE -f load.sql\n   in this directory, by a superuser. It stops at the first error; add --single-transaction to \
         have all or nothing.\n\n\
         The server must have these roles: {roles}\nand these extensions: {extensions}\n\n\
         As in any dump, the definitions are what the source said that they are, and psql does what they say: load them only \
         if you trust whoever was a superuser there.\n",
        time = manifest.snapshot_time,
        version = manifest.server_version_text,
        oldest = 14,
        major = manifest.server_version / 10_000,
        roles = roles.join(", "),
        extensions = if extensions.is_empty() { "none".to_owned() } else { extensions.join(", ") },
    )
}
