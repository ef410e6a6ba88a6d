//! A vault, mostly in a directory, and backups into it and restores out of it by the product's own means.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use contract::{
    Connection, Databases, Decision, Failure, Limits, Owner, PointId, RemoveRequest, RestoreTarget, RunId,
    Settled, Storage, TombstoneRequest, Trigger,
};
use jiff::{SignedDuration, Timestamp};
use mover::{
    backup::{self, BackupDone, BackupJobInput},
    clock::{Clock, later},
    custody::{Custody, Direct},
    format::Manifest,
    point::PointReader,
    progress::ProgressSink,
    restore::{self, Check, Purpose, RestoreDone, RestoreInput, Roles, Selection, ServerRestoreInput},
    seal::Identity,
    store,
    vault::{self, Access, InitRequest, OpenRequest, VaultError},
    verify::{self, Level, VerifyReport},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::Server;

/// How long a run may take.
const RUN: SignedDuration = SignedDuration::from_hours(1);

/// A vault, and its custodian in this process.
pub struct Vault {
    storage: Storage,
    identity: Identity,
    /// Removes the directory with the vault that made it.
    _made: Option<TempDir>,
    pub custody: Direct,
    /// What its backups may use.
    pub limits: Limits,
    /// Whose its points are; `None`: the command line's.
    pub owner: Option<Owner>,
    clock: Clock,
}

impl Vault {
    /// In a directory of its own.
    pub async fn new() -> Self {
        let made = tempfile::tempdir().unwrap();
        let vault = Self::over(storage(made.path())).await;
        Self { _made: Some(made), ..vault }
    }

    /// In storage of any kind that is empty.
    pub async fn over(storage: Storage) -> Self {
        let identity = Identity::generate();
        Self::init(&storage, &identity).await.unwrap();
        Self::open(opening(storage, identity)).await.unwrap()
    }

    pub async fn init(storage: &Storage, identity: &Identity) -> Result<(), VaultError> {
        let clock = Clock::system(SignedDuration::ZERO);
        let store = store::connect(storage, &clock).unwrap();
        let init = InitRequest {
            catalogue: None,
            identities: vec![identity.clone()],
            recipients: vec![identity.recipient()],
        };
        vault::init(&store, &init, &clock).await.map(|_| ())
    }

    /// One that another process has made, by what its [`Vault::key`] is.
    pub async fn opened(key: &str) -> Self {
        let (identity, storage) = key.split_once(' ').unwrap();
        let storage = serde_json::from_str(storage).unwrap();
        Self::open(opening(storage, Identity::parse(identity).unwrap())).await.unwrap()
    }

    /// What another process opens it with.
    pub fn key(&self) -> String {
        let storage = serde_json::to_string(&self.storage).unwrap();
        format!("{} {storage}", self.identity.to_text().reveal())
    }

    /// As somebody who has these keys.
    pub async fn open(request: OpenRequest) -> Result<Self, VaultError> {
        let clock = Clock::system(SignedDuration::ZERO);
        let (storage, identity) = (request.storage.clone(), request.identities[0].clone());
        let store = store::connect(&storage, &clock).unwrap();
        let vault = vault::open(store, request, &clock).await?;
        let deadline = later(clock.now(), RUN);
        let custody = Direct::new(vault, deadline, Arc::new(|_| Ok(None)), Arc::new(|_, _| {}));
        Ok(Self { storage, identity, _made: None, custody, limits: limits(), owner: None, clock })
    }

    /// Lives so much later from now on.
    pub fn later(&self, offset: SignedDuration) {
        self.clock.raise_offset(offset);
    }

    /// Lets a point go, whatever its age.
    pub async fn tombstone(&self, point: &PointId) {
        let remove = RemoveRequest { reason: "a test".into(), keep_at_least: 0, purge: None };
        self.custody.vault().remove(point, &remove).await.unwrap();
        let request = TombstoneRequest { reason: "a test".into(), keep_at_least: 0, owner: None };
        self.custody.vault().tombstone(point, &request).await.unwrap();
    }

    /// Reads every byte of a point.
    pub async fn verify(&self, point: &PointId) -> Result<VerifyReport, Failure> {
        let reader = mover::seal::random_id().unwrap().into();
        let grant = self.custody.read_grant(&RunId(format!("verify {}", point.0)), point, &reader).await?;
        let store = store::connect(&grant.storage, &self.clock).unwrap();
        Ok(verify::run(store, &grant, Level::Rows, &|_| ()).await.unwrap())
    }

    /// Backs a database up, whole, and has its point accepted.
    pub async fn back_up(&self, server: &Server, database: &str) -> PointId {
        let done = self.back_up_as_far_as_possible(server.connection(database), database).await.unwrap();
        assert!(done.coverage.is_empty(), "{:?}", done.coverage);
        done.point
    }

    /// As [`Vault::back_up`], of a database that was backed up before.
    pub async fn back_up_again(&self, server: &Server, database: &str) -> PointId {
        let run = format!("{database} again");
        self.back_up_as_far_as_possible(server.connection(database), &run).await.unwrap().point
    }

    /// Backs a database up and has its point accepted, which may tell of something that is missing.
    pub async fn back_up_as_far_as_possible(
        &self,
        source: Connection,
        database: &str,
    ) -> Result<BackupDone, Failure> {
        self.back_up_databases(source, Databases::Connected, database).await
    }

    /// Backs databases of a server up and has their point accepted, which may tell of something that is missing.
    pub async fn back_up_databases(
        &self,
        source: Connection,
        databases: Databases,
        database: &str,
    ) -> Result<BackupDone, Failure> {
        let run = RunId(format!("backup of {database}"));
        let input = BackupJobInput {
            source,
            databases,
            owner: self.owner.clone().unwrap_or(Owner::Cli { datasource_id: database.into() }),
            decision: Decision {
                tag: "test".into(),
                keep: None,
                time_zone: "UTC".into(),
                reason: "a test".into(),
                keep_at_least: 1,
                policy: None,
                trigger: Trigger::Cli,
            },
            limits: self.limits.clone(),
            deadline: later(self.clock.now(), RUN),
        };
        let progress = ProgressSink::new(1);
        let done =
            backup::run(&input, &self.custody, &run, &progress, CancellationToken::new(), &self.clock).await;
        let done = done?;
        let settled = self.custody.settle(&run, false).await.unwrap();
        assert!(matches!(settled, Settled::Accepted(_)), "{settled:?}");
        Ok(done)
    }

    /// The largest of what is stored below `data/`.
    pub fn largest_object(&self) -> PathBuf {
        let Storage::Filesystem { path } = &self.storage else { panic!("a vault in a directory") };
        let writers = fs::read_dir(Path::new(path).join("data")).unwrap();
        let objects = writers.flat_map(|writer| fs::read_dir(writer.unwrap().path()).unwrap());
        let objects = objects.map(|object| object.unwrap());
        objects.max_by_key(|object| object.metadata().unwrap().len()).unwrap().path()
    }

    /// The one point that is in it.
    pub fn only_point(&self) -> PointId {
        let points = self.custody.vault().points(0);
        assert_eq!(points.len(), 1);
        points[0].id.clone()
    }

    /// What a point says of its one database.
    pub async fn manifest(&self, point: &PointId) -> Manifest {
        self.reader(point).await.manifest(0).await.unwrap()
    }

    /// What reads a point.
    pub async fn reader(&self, point: &PointId) -> PointReader {
        let reader = mover::seal::random_id().unwrap().into();
        let grant = self.custody.read_grant(&RunId("a reader".into()), point, &reader).await.unwrap();
        let store = store::connect(&grant.storage, &self.clock).unwrap();
        PointReader::open(store, &grant).await.unwrap()
    }

    pub async fn restore(
        &self,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
        limits: Limits,
    ) -> Result<RestoreDone, Failure> {
        self.restore_by(run, server.connection("postgres"), point, database, limits).await
    }

    /// Restores one of a point's databases.
    pub async fn restore_database(
        &self,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
        name: &str,
    ) -> Result<RestoreDone, Failure> {
        let mut input = self.server_restore(server, point);
        input.databases = vec![database.into()];
        input.rename.insert(database.into(), name.into());
        self.restore_server(run, &input).await
    }

    /// Restores for an owner, who also gets what belonged to roles that are missing.
    pub async fn restore_for(
        &self,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
        owner: &str,
    ) -> Result<RestoreDone, Failure> {
        let connection = server.connection("postgres");
        let target = RestoreTarget { connection, database: database.into(), owner: Some(owner.into()) };
        self.restore_into(run, target, point, limits(), CancellationToken::new()).await
    }

    /// As [`Vault::restore`], until it is cancelled.
    pub async fn restore_until(
        &self,
        cancel: CancellationToken,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
    ) -> Result<RestoreDone, Failure> {
        let connection = server.connection("postgres");
        let target = RestoreTarget { connection, database: database.into(), owner: None };
        self.restore_into(run, target, point, limits(), cancel).await
    }

    /// Restores only some objects, into a new database or one that is in use.
    pub async fn restore_selection(
        &self,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
        selection: Selection,
    ) -> Result<RestoreDone, Failure> {
        self.restore_selection_by(run, server.connection("postgres"), point, database, selection).await
    }

    /// As [`Vault::restore_selection`], through a connection of its own.
    pub async fn restore_selection_by(
        &self,
        run: &str,
        connection: Connection,
        point: &PointId,
        database: &str,
        selection: Selection,
    ) -> Result<RestoreDone, Failure> {
        let target = RestoreTarget { connection, database: database.into(), owner: None };
        let cancel = CancellationToken::new();
        self.restore_selection_into(run, target, point, limits(), selection, cancel).await
    }

    /// Restores through a connection of its own, such as another role's.
    pub async fn restore_by(
        &self,
        run: &str,
        connection: Connection,
        point: &PointId,
        database: &str,
        limits: Limits,
    ) -> Result<RestoreDone, Failure> {
        let target = RestoreTarget { connection, database: database.into(), owner: None };
        self.restore_into(run, target, point, limits, CancellationToken::new()).await
    }

    /// What a test asks of a restore of several databases.
    pub fn server_restore(&self, server: &Server, point: &PointId) -> ServerRestoreInput {
        ServerRestoreInput {
            point: point.clone(),
            connection: server.connection("postgres"),
            databases: Vec::new(),
            rename: BTreeMap::new(),
            tablespaces: BTreeMap::new(),
            roles: Roles::CreateMissing,
            requested_by: ("ns".into(), "server".into(), "hash".into()),
            limits: limits(),
            deadline: Timestamp::MAX,
            check: Check::Reread,
        }
    }

    pub async fn restore_server(
        &self,
        run: &str,
        input: &ServerRestoreInput,
    ) -> Result<RestoreDone, Failure> {
        let (progress, run) = (ProgressSink::new(1), RunId(run.into()));
        let cancel = CancellationToken::new();
        let done = restore::run_server(input, &self.custody, &run, &progress, cancel, &self.clock).await;
        ended(done, &progress)
    }

    async fn restore_into(
        &self,
        run: &str,
        target: RestoreTarget,
        point: &PointId,
        limits: Limits,
        cancel: CancellationToken,
    ) -> Result<RestoreDone, Failure> {
        self.restore_selection_into(run, target, point, limits, Selection::default(), cancel).await
    }

    async fn restore_selection_into(
        &self,
        run: &str,
        target: RestoreTarget,
        point: &PointId,
        limits: Limits,
        selection: Selection,
        cancel: CancellationToken,
    ) -> Result<RestoreDone, Failure> {
        let input = RestoreInput {
            point: point.clone(),
            database: None,
            tablespaces: BTreeMap::new(),
            requested_by: ("ns".into(), target.database.clone(), "hash".into()),
            target,
            limits,
            deadline: Timestamp::MAX,
            check: Check::Reread,
            purpose: Purpose::Keep,
            selection,
        };
        let progress = ProgressSink::new(1);
        let run = RunId(run.into());
        ended(restore::run(&input, &self.custody, &run, &progress, cancel, &self.clock).await, &progress)
    }
}

/// Whoever has followed a restore has been told of every table once it succeeds.
fn ended(done: Result<RestoreDone, Failure>, progress: &ProgressSink) -> Result<RestoreDone, Failure> {
    if done.is_ok() {
        let told = progress.now();
        assert_eq!(told.tables_done, told.tables_total, "tables that are told of as done");
    }
    done
}

pub fn limits() -> Limits {
    Limits { lanes: 3, lock_timeout_seconds: 20, bytes_per_second: None }
}

/// With one key, for reading and writing.
pub fn opening(storage: Storage, identity: Identity) -> OpenRequest {
    OpenRequest {
        storage,
        identities: vec![identity],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: None,
        known_head: None,
        access: Access::ReadWrite,
    }
}

pub fn storage(directory: &Path) -> Storage {
    Storage::Filesystem { path: directory.to_str().unwrap().to_owned() }
}
