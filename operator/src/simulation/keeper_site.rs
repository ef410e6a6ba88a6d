//! The files of a keeper, the directory that is its storage, and the keeper itself.

use std::fs;
use std::sync::Arc;

use contract::{KeeperConfig, Secret, Storage, VERSION, files};
use mover::vault::NewKeys;
use tempfile::TempDir;

use crate::command::in_process::InProcess;

/// One keeper with everything that it is mounted.
pub struct KeeperSite {
    pub keeper: InProcess,
    pub storage: Arc<TempDir>,
    keys: Arc<NewKeys>,
    _root: TempDir,
}

impl KeeperSite {
    /// Makes the vault, whose operator knows itself by `token`.
    pub async fn open(vault_uid: &str, token: &Secret) -> Self {
        let keys = Arc::new(mover::vault::new_keys().unwrap());
        Self::over(Arc::new(in_memory()), keys, vault_uid, token).await
    }

    /// A keeper of another cluster with the same storage and keys.
    pub async fn open_elsewhere(&self, vault_uid: &str, token: &Secret) -> Self {
        Self::over(Arc::clone(&self.storage), Arc::clone(&self.keys), vault_uid, token).await
    }

    async fn over(storage: Arc<TempDir>, keys: Arc<NewKeys>, vault_uid: &str, token: &Secret) -> Self {
        let root = tempfile::tempdir().unwrap();
        let config = KeeperConfig {
            version: VERSION,
            namespace: "vaults".into(),
            vault: "main".into(),
            vault_uid: vault_uid.into(),
            storage: Storage::Filesystem { path: storage.path().display().to_string() },
            credentials_expected: false,
            recovery_recipients: Vec::new(),
            known_head: None,
        };
        for (file, content) in [
            (files::KEEPER_CONFIG.to_owned(), serde_json::to_string(&config).unwrap()),
            (files::KEEPER_TOKEN.to_owned(), token.reveal().to_owned()),
            (format!("{}/identity", files::VAULT_KEYS), keys.identity.reveal().to_owned()),
            (format!("{}/catalogue", files::VAULT_KEYS), keys.catalogue.reveal().to_owned()),
        ] {
            let path = root.path().join(file.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self { keeper: InProcess::open(root.path()).await, storage, keys, _root: root }
    }

    /// How many writers have data in storage: each point has one.
    pub fn writers(&self) -> usize {
        let folders = fs::read_dir(self.storage.path().join("data")).into_iter().flatten();
        let has_files =
            |folder: &fs::DirEntry| fs::read_dir(folder.path()).is_ok_and(|files| files.count() > 0);
        folders.flatten().filter(has_files).count()
    }
}

/// Where Linux keeps files in memory, if it does: every write is synced, and years of them would wait for a disk.
fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
