//! A custodian without a vault: it hands out keys of its own making over a directory.

use std::sync::Mutex;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Failure, PointId, Progress, ReadGrant, RestoreOutcome, RunId, Secret, Settled, Storage, WriteGrant,
    WriterId,
};
use mover::{
    clock::Clock,
    custody::{Custody, RestoreStart},
    format::{Hash, Id},
    point::PointReader,
    seal::random_id,
    store::{self, SharedStore},
};
use tempfile::TempDir;

/// Gives grants for points in a temporary directory.
pub struct TestCustody {
    pub directory: TempDir,
    vault: Id,
    chain_key: Secret,
    record_key: Secret,
    pub progress: Mutex<Vec<Progress>>,
    pub restores: Mutex<Vec<RestoreOutcome>>,
}

impl TestCustody {
    pub fn new() -> Self {
        let key = || Secret::new(STANDARD.encode([random_id().unwrap().0, random_id().unwrap().0].concat()));
        Self {
            directory: tempfile::tempdir().unwrap(),
            vault: random_id().unwrap(),
            chain_key: key(),
            record_key: key(),
            progress: Mutex::default(),
            restores: Mutex::default(),
        }
    }

    pub fn store(&self, clock: &Clock) -> SharedStore {
        store::connect(&self.storage(), clock).unwrap()
    }

    /// What a restore of a point that was just written gets.
    pub fn read_grant_of(&self, point: &PointId, writer: &WriterId, record_hash: Hash) -> ReadGrant {
        ReadGrant {
            vault_id: self.vault.to_string(),
            point: point.clone(),
            writer: writer.clone(),
            storage: self.storage(),
            chain_key: self.chain_key.clone(),
            record_key: self.record_key.clone(),
            record_hash: record_hash.to_string(),
        }
    }

    /// Opens a point that was just written.
    pub async fn open(&self, point: &PointId, writer: &WriterId, clock: &Clock) -> PointReader {
        let record = std::fs::read(self.directory.path().join("points").join(&point.0)).unwrap();
        let grant = self.read_grant_of(point, writer, Hash::of(&record));
        PointReader::open(self.store(clock), &grant).await.unwrap()
    }

    /// Every stored byte, file by file.
    pub fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut directories = vec![self.directory.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
            }
        }
        files
    }

    fn storage(&self) -> Storage {
        Storage::Filesystem { path: self.directory.path().display().to_string() }
    }
}

impl Custody for TestCustody {
    async fn write_grant(&self, run: &RunId, _writer: &WriterId) -> Result<WriteGrant, Failure> {
        Ok(WriteGrant {
            vault_id: self.vault.to_string(),
            point: Id::of_point(self.vault, run).into(),
            storage: self.storage(),
            chain_key: self.chain_key.clone(),
            record_key: self.record_key.clone(),
        })
    }

    async fn read_grant(&self, _: &RunId, point: &PointId, reader: &WriterId) -> Result<ReadGrant, Failure> {
        let record = std::fs::read(self.directory.path().join("points").join(&point.0)).unwrap();
        Ok(self.read_grant_of(point, reader, Hash::of(&record)))
    }

    async fn progress(&self, _run: &RunId, progress: Progress) -> Result<(), Failure> {
        self.progress.lock().unwrap().push(progress);
        Ok(())
    }

    async fn restore_started(&self, _run: &RunId, _start: RestoreStart) -> Result<(), Failure> {
        Ok(())
    }

    async fn restore_ended(&self, _run: &RunId, outcome: RestoreOutcome) -> Result<(), Failure> {
        self.restores.lock().unwrap().push(outcome);
        Ok(())
    }

    async fn read_ended(&self, _run: &RunId) -> Result<(), Failure> {
        Ok(())
    }

    async fn settle(&self, _run: &RunId, _void: bool) -> Result<Settled, Failure> {
        Ok(Settled::Undecided)
    }
}
