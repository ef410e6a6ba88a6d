//! The schema, from pg_dump's archive to SQL: our rendering of an archive against pg_restore's own.

use std::{error::Error, process::Command};

use crate::support::{Installation, Server};
use mover::{
    archive::ArchiveReader,
    schema::{Entry, Kind, Owners, Pass, Preamble, SchemaReader, SessionState, encode},
};

async fn try_read(archive: &[u8]) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut reader = ArchiveReader::open(archive).await?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().await? {
        entries.push(Entry::try_from(entry)?);
    }
    assert_eq!(u32::try_from(entries.len())?, reader.header().entries);
    reader.finish().await?;
    Ok(entries)
}

async fn read(archive: &[u8]) -> Vec<Entry> {
    try_read(archive).await.unwrap()
}

/// The whole schema as one script: the settings, then pass after pass.
fn render(entries: &[Entry], major: u32) -> Vec<u8> {
    let mut preamble = Preamble::default();
    for entry in entries {
        preamble.accept(entry);
    }
    let mut script = preamble.statements(major).join(&b'\n');
    let (owners, mut session) = (Owners::default(), SessionState::default());
    for pass in [Pass::Main, Pass::Grants, Pass::Last] {
        for entry in entries.iter().filter(|entry| Pass::of(entry) == Some(pass)) {
            for statement in session.statements(entry, &owners).unwrap() {
                script.push(b'\n');
                script.extend(statement.sql);
            }
        }
    }
    script
}

/// What is left of a script without empty lines, comments and the lines that only psql reads. Two spellings of the same
/// are made one: names that pg_restore leaves unquoted where no keyword forbids it, and the words that older versions
/// use for giving away a view or a sequence.
fn comparable(script: &[u8]) -> Vec<String> {
    let script = String::from_utf8_lossy(script);
    let lines = script.lines().map(str::trim_end).filter(|line| {
        !line.is_empty()
            && !line.starts_with("--")
            && !line.starts_with("\\restrict")
            && !line.starts_with("\\unrestrict")
    });
    lines
        .map(|line| {
            let is_ours = line.starts_with("SET default_")
                || line.contains(" OWNER TO ")
                || (line.starts_with("ALTER TABLE ") && line.contains(" SET ACCESS METHOD "));
            if !is_ours {
                return line
                    .replace("standard_conforming_strings = 'on'", "standard_conforming_strings = on");
            }
            let mut line = line.replace('"', "");
            for kind in ["VIEW", "SEQUENCE", "MATERIALIZED VIEW"] {
                if let Some(rest) = line.strip_prefix(&format!("ALTER {kind} ")) {
                    line = format!("ALTER TABLE {rest}");
                }
            }
            line
        })
        .collect()
}

fn restored_by_pg_restore(installation: &Installation, archive: &std::path::Path) -> Vec<u8> {
    let output =
        Command::new(installation.client("pg_restore")).args(["-f", "-"]).arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn rich_database(server: &Server) {
    server.sql("postgres", include_str!("../data/roles.sql"));
    let tablespace = server.data_directory().parent().unwrap().join("fast");
    server.sql("postgres", "SET allow_in_place_tablespaces = on; CREATE TABLESPACE \"Fast\" LOCATION '';");
    let _ = tablespace;
    server.create_database("rich");
    server.sql("rich", include_str!("../data/rich.sql"));
    server.sql(
        "rich",
        "CREATE TABLE app.fast (id integer PRIMARY KEY USING INDEX TABLESPACE \"Fast\") TABLESPACE \"Fast\";
         CREATE MATERIALIZED VIEW app.fast_view TABLESPACE \"Fast\" AS SELECT 1 AS one;",
    );
}

#[tokio::test]
async fn our_rendering_of_an_archive_is_pg_restores_own_whatever_the_versions_of_server_and_client() {
    let clients = Installation::with_clients();
    for installation in Installation::newer().into_iter().chain([Installation::usual()]) {
        let server = Server::start(&installation, &[]);
        rich_database(&server);
        for client in clients.iter().filter(|client| client.major >= installation.major) {
            let what = format!("server {}, client {}", installation.major, client.major);
            let archive = server.archive_by(client, "rich");
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("archive");
            std::fs::write(&file, &archive).unwrap();

            let ours = comparable(&render(&read(&archive).await, client.major));
            let theirs = comparable(&restored_by_pg_restore(client, &file));
            for (at, (our, their)) in ours.iter().zip(&theirs).enumerate() {
                assert_eq!(our, their, "line {at}, {what}");
            }
            assert_eq!(ours.len(), theirs.len(), "{what}");
            assert!(ours.len() > 600, "only {} lines: the schema is not rich, {what}", ours.len());
        }
    }
}

#[tokio::test]
async fn names_and_definitions_of_a_latin1_database_come_through_byte_by_byte() {
    let server = Server::shared();
    server.sql("postgres", "CREATE DATABASE latin_schema TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql("latin_schema", "SET client_encoding = 'UTF8'; CREATE TABLE \"hä\" (\"ü\" text DEFAULT 'ß')");
    let entries = read(&server.archive_by(&server.installation, "latin_schema")).await;
    let table = entries.iter().find(|entry| entry.kind == Kind::Table).unwrap();
    assert_eq!(table.tag.as_bytes(), b"h\xe4");
    let has = |part: &[u8]| table.definition.as_bytes().windows(part.len()).any(|window| window == part);
    assert!(has(b"\xfc") && has(b"'\xdf'"));
    let mut stored = Vec::new();
    for entry in &entries {
        encode(entry, &mut stored).unwrap();
    }
    let mut reader = SchemaReader::new(&stored[..]);
    for entry in &entries {
        assert_eq!(reader.next_entry().await.unwrap().as_ref(), Some(entry));
    }
    assert_eq!(reader.next_entry().await.unwrap(), None);
}

#[tokio::test]
async fn an_archive_of_pg_dump_that_was_cut_or_changed_is_never_taken_for_a_whole_one() {
    let server = Server::shared();
    server.create_database("small");
    server.sql("small", "CREATE TABLE t (id integer PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t");
    let archive = server.archive_by(&server.installation, "small");
    for end in 0..archive.len() {
        assert!(try_read(&archive[..end]).await.is_err(), "cut at {end}");
    }
    let mut changed = archive.clone();
    for at in 0..archive.len() {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            // A changed letter of a name cannot be told here; sealing does that. It must not panic or run away.
            let _either = try_read(&changed).await;
            changed[at] = archive[at];
        }
    }
}
