//! A vault in a directory, and backups into it and restores out of it by the product's own means.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use contract::{
    Connection, Databases, Decision, Failure, Limits, Owner, PointId, RestoreTarget, RunId, Settled, Storage,
    Trigger,
};
use jiff::{SignedDuration, Timestamp};
use mover::{
    backup::{self, BackupDone, BackupJobInput},
    clock::Clock,
    custody::{Custody, Direct},
    format::Manifest,
    point::PointReader,
    progress::ProgressSink,
    restore::{self, Check, Purpose, RestoreDone, RestoreInput, Roles, Selection, ServerRestoreInput},
    seal::Identity,
    store,
    vault::{self, Access, InitRequest, OpenRequest},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::Server;

/// A vault in a directory, and its custodian in this process.
pub struct Vault {
    directory: PathBuf,
    identity: Identity,
    /// Removes the directory with the vault that made it.
    _made: Option<TempDir>,
    pub custody: Direct,
    /// What its backups may use.
    pub limits: Limits,
    clock: Clock,
}

impl Vault {
    pub async fn new() -> Self {
        let made = tempfile::tempdir().unwrap();
        let clock = Clock::system(SignedDuration::ZERO);
        let store = store::connect(&storage(made.path()), &clock).unwrap();
        let identity = Identity::generate();
        let init = InitRequest {
            catalogue: None,
            identities: vec![identity.clone()],
            recipients: vec![identity.recipient()],
        };
        vault::init(&store, &init, &clock).await.unwrap();
        let directory = made.path().to_owned();
        Self { _made: Some(made), ..Self::open(directory, identity).await }
    }

    /// One that another process has made, by what its [`Vault::key`] is.
    pub async fn opened(key: &str) -> Self {
        let (identity, directory) = key.split_once(' ').unwrap();
        Self::open(directory.into(), Identity::parse(identity).unwrap()).await
    }

    /// What another process opens it with.
    pub fn key(&self) -> String {
        format!("{} {}", self.identity.to_text().reveal(), self.directory.display())
    }

    async fn open(directory: PathBuf, identity: Identity) -> Self {
        let clock = Clock::system(SignedDuration::ZERO);
        let storage = storage(&directory);
        let store = store::connect(&storage, &clock).unwrap();
        let open = OpenRequest {
            storage,
            identities: vec![identity.clone()],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: None,
            known_head: None,
            access: Access::ReadWrite,
        };
        let vault = vault::open(store, open, &clock).await.unwrap();
        let deadline = clock.now() + Duration::from_secs(3_600);
        let custody = Direct::new(vault, deadline, Arc::new(|_| Ok(None)), Arc::new(|_, _| {}));
        Self { directory, identity, _made: None, custody, limits: limits(), clock }
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
            owner: Owner::Cli { datasource_id: database.into() },
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
            deadline: Timestamp::MAX,
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
        let writers = fs::read_dir(self.directory.join("data")).unwrap();
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
        restore::run_server(input, &self.custody, &run, &progress, CancellationToken::new(), &self.clock)
            .await
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
        restore::run(&input, &self.custody, &run, &progress, cancel, &self.clock).await
    }
}

pub fn limits() -> Limits {
    Limits { lanes: 3, lock_timeout_seconds: 20, bytes_per_second: None }
}

fn storage(directory: &Path) -> Storage {
    Storage::Filesystem { path: directory.to_str().unwrap().to_owned() }
}
