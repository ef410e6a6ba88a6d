//! Vaults that releases have written, kept as they were (`tests/data/released`), each copied to where it may be harmed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contract::{ReadGrant, RunId, Storage};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::Clock,
    format::{Hash, SegmentEntry, TableEntry},
    point::{PointReader, ReadError},
    schema::SchemaReader,
    seal::{Identity, random_id},
    store::{Name, SharedStore, connect},
    vault::{Access, OpenRequest, Vault, VaultError, open},
    verify::{self, Level, VerifyReport},
};
use serde::Deserialize;
use tempfile::TempDir;

/// A copy of a released vault.
pub struct Kept {
    directory: TempDir,
    pub identity: Identity,
    fingerprint: String,
    pub expected: Expected,
}

/// What a decoder that is not ours found in it, compared with the server when it was made.
#[derive(Deserialize)]
pub struct Expected {
    pub points: Vec<ExpectedPoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedPoint {
    pub point: String,
    pub objects: u64,
    pub rows: u64,
    schema_sha256: Hash,
    tables: Vec<ExpectedTable>,
}

#[derive(Deserialize)]
struct ExpectedTable {
    schema: String,
    name: String,
    sha256: Hash,
}

/// Why a point could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Kept {
    /// Every release there is, by its name.
    pub fn releases() -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(released())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn copy(release: &str) -> Self {
        let from = released().join(release);
        let directory = tempfile::tempdir().unwrap();
        copy(&from.join("vault"), directory.path());
        let text = |name: &str| fs::read_to_string(from.join(name)).unwrap();
        Self {
            directory,
            identity: Identity::parse(&text("identity")).unwrap(),
            fingerprint: text("fingerprint").trim().to_owned(),
            expected: serde_json::from_str(&text("expected.json")).unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        files(self.directory.path(), &mut names);
        let cut =
            |path: PathBuf| path.strip_prefix(self.directory.path()).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = names.into_iter().map(cut).collect();
        names.sort();
        names
    }

    pub fn opening(&self) -> OpenRequest {
        OpenRequest {
            storage: self.storage(),
            identities: vec![self.identity.clone()],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: Some(self.fingerprint.clone()),
            known_head: None,
            access: Access::ReadOnly,
        }
    }

    fn storage(&self) -> Storage {
        Storage::Filesystem { path: self.directory.path().display().to_string() }
    }

    pub async fn open(&self, request: OpenRequest) -> Result<(SharedStore, Vault), VaultError> {
        let clock = Clock::system(SignedDuration::ZERO);
        let store = connect(&self.storage(), &clock).unwrap();
        let vault = open(SharedStore::clone(&store), request, &clock).await?;
        Ok((store, vault))
    }

    pub async fn grant(&self, vault: &Vault, point: &str) -> Result<ReadGrant, VaultError> {
        let point = contract::PointId(point.to_owned());
        vault.read_grant(&RunId("look".into()), &point, &random_id().unwrap().into(), Timestamp::MAX).await
    }

    /// From the outside in: the vault, the point, every row of it.
    pub async fn verify(&self, point: &str) -> Result<VerifyReport, Refusal> {
        let (store, vault) = self.open(self.opening()).await?;
        let grant = self.grant(&vault, point).await?;
        Ok(verify::run(store, &grant, Level::Rows, &|_| ()).await?)
    }

    pub async fn reader(&self, point: &str) -> Result<PointReader, Refusal> {
        let (store, vault) = self.open(self.opening()).await?;
        let grant = self.grant(&vault, point).await?;
        Ok(PointReader::open(store, &grant).await?)
    }

    /// Schema and rows are, byte for byte, those that were found when the vault was made.
    pub async fn expect_contents(&self, expected: &ExpectedPoint) {
        let reader = self.reader(&expected.point).await.unwrap();
        let manifest = reader.manifest(0).await.unwrap();
        let mut schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
        let mut sql = Vec::new();
        while let Some(entry) = schema.next_entry().await.unwrap() {
            sql.extend_from_slice(entry.definition.as_bytes());
            sql.push(b'\n');
        }
        assert_eq!(Hash::of(&sql), expected.schema_sha256);
        let segments: Vec<SegmentEntry> = reader.list(&manifest).await.unwrap();
        let tables: Vec<TableEntry> = reader.list(&manifest).await.unwrap();
        assert_eq!(tables.len(), expected.tables.len());
        for table in &expected.tables {
            let found = tables.iter().find(|found| {
                found.schema.as_str() == Some(&table.schema) && found.name.as_str() == Some(&table.name)
            });
            let id = found.unwrap().id;
            let mut own: Vec<&SegmentEntry> = segments.iter().filter(|segment| segment.table == id).collect();
            own.sort_by_key(|segment| segment.number);
            let mut rows = Vec::new();
            for segment in own {
                read_rows(&reader, segment, &mut rows).await.unwrap();
            }
            assert_eq!(Hash::of(&rows), table.sha256, "{}.{}", table.schema, table.name);
        }
    }
}

/// Appends what a segment gives until it fails.
pub async fn read_rows(
    reader: &PointReader,
    segment: &SegmentEntry,
    rows: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let mut stream = reader.rows(segment);
    while let Some(piece) = stream.next().await? {
        rows.extend_from_slice(&piece);
    }
    Ok(())
}

/// The writer of a point, as the names of its objects tell.
pub fn is_of_writer(name: &str, writer: &str) -> bool {
    Name::listed(name).and_then(|name| name.writer()).is_some_and(|found| found.to_string() == writer)
}

fn released() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
    Path::new(&own).join("tests/data/released")
}

fn files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

fn copy(from: &Path, to: &Path) {
    let mut all = Vec::new();
    files(from, &mut all);
    for path in all {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, target).unwrap();
    }
}
