//! Has pg_dump write the schema of the restored database and compares it, entry by entry, with the stored one. Numbers that
//! every server gives out anew do not count.

use std::{collections::HashMap, time::Duration};

use tokio::{io::AsyncRead, process::ChildStdout};
use xxhash_rust::xxh3::Xxh3Default;

use super::{ComparedSchema, NAMED};
use crate::{
    archive::ArchiveReader,
    backup::{BackupError, DumpClient, DumpEnd, DumpProcess, DumpRequest},
    format::Manifest,
    point::PointReader,
    postgres::{Endpoint, PgError, Session},
    restore::{RestoreError, target::Sessions},
    schema::{Entry, Owners, Pass, SchemaReader},
};

/// Nobody else is in the database.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// What is compared with what.
pub struct Asked<'a> {
    pub reader: &'a PointReader,
    pub manifest: &'a Manifest,
    pub owners: &'a Owners,
    pub sessions: &'a Sessions,
    /// The server's.
    pub major: u32,
    pub is_superuser: bool,
}

/// Compares the schema. Another major version words many definitions otherwise: there nothing could be told.
///
/// # Errors
/// When the stored schema cannot be read.
pub async fn compare(asked: &Asked<'_>) -> Result<ComparedSchema, RestoreError> {
    let stored_major = asked.manifest.server_version / 10_000;
    if asked.major != stored_major {
        let why = format!("the point is of PostgreSQL {stored_major} and this server of {}", asked.major);
        return Ok(ComparedSchema::NotCompared { why });
    }
    let Ok(client) = DumpClient::for_server(asked.major).await else {
        let why = format!("no pg_dump for PostgreSQL {} is here", asked.major);
        return Ok(ComparedSchema::NotCompared { why });
    };
    if asked.manifest.schema.dump_major() != Some(client.major) {
        let dumped_by = &asked.manifest.schema.dump_version;
        let why = format!("it was stored by pg_dump {dumped_by} and the one here is of {}", client.major);
        return Ok(ComparedSchema::NotCompared { why });
    }
    let found = match dump(asked, &client).await {
        Ok(found) => found,
        Err(why) => return Ok(ComparedSchema::NotCompared { why }),
    };
    let schema = SchemaReader::new(asked.reader.schema(&asked.manifest.schema).into_async_read());
    differ(schema, found, asked.owners).await
}

/// What pg_dump writes, or why it does not.
async fn dump(asked: &Asked<'_>, client: &DumpClient) -> Result<Found, String> {
    let told = |error: PgError| crate::causes(&error);
    let mut session = asked.sessions.for_statements().await.map_err(told)?;
    let snapshot = snapshot(&mut session).await.map_err(told)?;
    let endpoint: &Endpoint = asked.sessions.endpoint();
    let request = DumpRequest {
        client,
        endpoint,
        application: asked.sessions.application(),
        snapshot: &snapshot,
        encoding: &asked.manifest.database.encoding,
        lock_timeout: LOCK_TIMEOUT,
        with_subscriptions: asked.is_superuser,
    };
    let (mut process, output) = DumpProcess::start(&request).map_err(|error| crate::causes(&error))?;
    let (found, end): (Result<Found, BackupError>, Result<DumpEnd, BackupError>) =
        tokio::join!(read(output), process.end());
    session.close().await;
    let end = end.map_err(|error| crate::causes(&error))?;
    if !end.is_success {
        return Err(format!("pg_dump failed: {}", end.said.trim().replace('\n', "; ")));
    }
    found.map_err(|error| crate::causes(&error))
}

async fn snapshot(session: &mut Session) -> Result<String, PgError> {
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let row = session.query_one("SELECT pg_catalog.pg_export_snapshot()").await?;
    Ok(row.text(0)?.to_string())
}

/// By what an entry is called: what it is for people, and the digest of each definition that goes by it.
type Found = HashMap<u128, (String, Vec<u128>)>;

async fn read(output: ChildStdout) -> Result<Found, BackupError> {
    let mut reader = ArchiveReader::open(output).await?;
    let mut found = Found::new();
    while let Some(entry) = reader.next_entry().await? {
        let entry = Entry::try_from(entry)?;
        if Pass::of(&entry).is_some() {
            let key = key(&entry, &Owners::default());
            let object = found.entry(key).or_insert_with(|| (entry.to_string(), Vec::new()));
            object.1.push(definition(&entry));
        }
    }
    reader.finish().await?;
    Ok(found)
}

async fn differ<R: AsyncRead + Unpin>(
    mut stored: SchemaReader<R>,
    mut found: Found,
    owners: &Owners,
) -> Result<ComparedSchema, RestoreError> {
    let (mut entries, mut missing, mut reworded) = (0, Vec::new(), Vec::new());
    while let Some(entry) = stored.next_entry().await? {
        if Pass::of(&entry).is_none() {
            continue;
        }
        entries += 1;
        let key = key(&entry, owners);
        let Some((_, definitions)) = found.get_mut(&key) else {
            note(&mut missing, entry.to_string());
            continue;
        };
        let stored = definition(&entry);
        match definitions.iter().position(|definition| *definition == stored) {
            Some(at) => drop(definitions.swap_remove(at)),
            None => {
                definitions.pop();
                note(&mut reworded, entry.to_string());
            }
        }
        if definitions.is_empty() {
            found.remove(&key);
        }
    }
    let mut additional: Vec<String> = found.into_values().map(|(name, _)| name).collect();
    additional.sort();
    additional.truncate(NAMED);
    Ok(ComparedSchema::Compared { entries, missing, additional, reworded })
}

fn note(names: &mut Vec<String>, name: String) {
    if names.len() < NAMED {
        names.push(name);
    }
}

/// Kind, schema, name and owner: that of the database it was restored into.
fn key(entry: &Entry, owners: &Owners) -> u128 {
    let mut hasher = Xxh3Default::new();
    let namespace = entry.namespace.as_ref().map_or(&b""[..], |name| name.as_bytes());
    let owner = entry.owner.as_ref().filter(|_| entry.is_given_away());
    let owner = owner.map_or(&b""[..], |owner| owners.of(owner).as_bytes());
    for part in [entry.kind.word().as_bytes(), namespace, entry.tag.as_bytes(), owner] {
        hasher.update(part);
        hasher.update(&[0]);
    }
    hasher.digest128()
}

fn definition(entry: &Entry) -> u128 {
    xxhash_rust::xxh3::xxh3_128(entry.definition.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::CatalogueId,
        schema::{Kind, Section, encode},
    };

    fn entry(name: &str, definition: &str, owner: &str) -> Entry {
        Entry {
            id: 1,
            catalogue: CatalogueId { catalogue: 1259, object: 16_385 },
            tag: name.into(),
            kind: Kind::Table,
            section: Section::Pre,
            namespace: Some("app".into()),
            tablespace: None,
            access_method: None,
            relation_kind: None,
            owner: Some(owner.into()),
            drop_statement: Some("DROP TABLE x;".into()),
            dependencies: Vec::new(),
            definition: definition.into(),
        }
    }

    async fn compared(stored: &[Entry], found: &[Entry], owners: &Owners) -> ComparedSchema {
        let mut bytes = Vec::new();
        for entry in stored {
            encode(entry, &mut bytes).unwrap();
        }
        let mut there = Found::new();
        for entry in found {
            let object = there.entry(key(entry, &Owners::default()));
            object.or_insert_with(|| (entry.to_string(), Vec::new())).1.push(definition(entry));
        }
        differ(SchemaReader::new(&bytes[..]), there, owners).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_missing_added_or_worded_otherwise_is_told_and_a_replaced_owner_is_none_of_it() {
        let stored =
            [entry("a", "CREATE a", "alice"), entry("b", "CREATE b", "bob"), entry("c", "CREATE c", "bob")];
        let found =
            [entry("a", "CREATE a", "alice"), entry("b", "MAKE b", "alice"), entry("d", "CREATE d", "bob")];
        let mut owners = Owners::default();
        owners.replace("bob".into(), "alice".into());
        assert_eq!(
            compared(&stored, &found, &owners).await,
            ComparedSchema::Compared {
                entries: 3,
                missing: vec!["TABLE app.c".to_owned()],
                additional: vec!["TABLE app.d".to_owned()],
                reworded: vec!["TABLE app.b".to_owned()],
            }
        );
    }
}
