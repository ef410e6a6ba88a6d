//! Backups that are killed at one of their writes. What is listed afterwards restores, and the next run takes away what
//! was left, once it has been silent for ten minutes.

use std::{env, fs, process::Command, sync::Arc};

use contract::{Connection, RunId, Settled, Storage};
use jiff::SignedDuration;
use mover::{
    clock::{Clock, later},
    custody::{Custody as _, Direct},
    format::Id,
    progress::ProgressSink,
    restore::{self, Check, RestoreInput},
    seal::Identity,
    store::{self, Place},
    vault::{self, Access, InitRequest, OpenRequest, SweepOptions, Vault},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    stores::S3Server,
    support::{Asked, At, Killer, Moment, Server, fresh},
    vaulted::limits,
};

/// What a process that may be killed is told, by a file that this variable names.
const TOLD: &str = "COFFER_TEST_CRASH";
/// How long ago such a process lives: it has been silent for so long when the next one looks.
const AGO: SignedDuration = SignedDuration::from_secs(601);

#[derive(Serialize, Deserialize)]
struct Told {
    storage: Storage,
    identity: String,
    source: Connection,
    run: String,
}

impl Told {
    async fn open(&self, storage: &Storage, clock: &Clock) -> Vault {
        let request = OpenRequest {
            storage: storage.clone(),
            identities: vec![Identity::parse(&self.identity).unwrap()],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: None,
            known_head: None,
            access: Access::ReadWrite,
        };
        vault::open(store::connect(storage, clock).unwrap(), request, clock).await.unwrap()
    }
}

fn machine() -> Clock {
    Clock::system(SignedDuration::ZERO)
}

/// Ten minutes ago, and a second.
fn back_then() -> Clock {
    Clock::manual(later(machine().now(), -AGO))
}

fn custody(vault: Vault, clock: &Clock) -> Direct {
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    Direct::new(vault, deadline, Arc::new(|_| Ok(None)), Arc::new(|_, _| {}))
}

/// The process that may be killed: a backup as the command line makes it.
async fn back_up(told: &Told) {
    let clock = back_then();
    let custody = custody(told.open(&told.storage, &clock).await, &clock);
    let run = RunId(told.run.clone());
    Asked::at(told.source.clone()).run_as(&custody, &run, &clock).await.unwrap();
    assert!(matches!(custody.settle(&run, false).await.unwrap(), Settled::Accepted(_)));
    custody.vault().close().await;
}

/// One run that is killed at a write, and what the next one finds. `false` when there was no such write.
async fn kill_at(s3: &S3Server, source: &Source, write: At, moment: Moment) -> bool {
    let name = match write {
        At::Nth(number) => format!("{number}-{moment:?}").to_lowercase(),
        At::Below(place) => format!("{place}-{moment:?}").to_lowercase(),
    };
    let mut storage = s3.storage();
    if let Storage::S3 { prefix, .. } = &mut storage {
        *prefix = name.clone();
    }
    let identity = Identity::generate();
    let init = InitRequest {
        catalogue: None,
        identities: vec![identity.clone()],
        recipients: vec![identity.recipient()],
    };
    vault::init(&store::connect(&storage, &back_then()).unwrap(), &init, &back_then()).await.unwrap();

    let killer = Killer::before(s3.port(), write, moment);
    let mut through = storage.clone();
    if let Storage::S3 { endpoint, .. } = &mut through {
        *endpoint = Some(format!("http://127.0.0.1:{}", killer.port));
    }
    let told = Told {
        storage: through,
        identity: identity.to_text().reveal().to_owned(),
        source: source.server.connection(source.database),
        run: name.clone(),
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    fs::write(&file, serde_json::to_vec(&told).unwrap()).unwrap();
    let test = "cases::g_crash::g11_a_backup_that_is_killed_at_a_write_lists_no_point_that_does_not_restore";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--quiet"]).env(TOLD, &file).stdout(std::process::Stdio::null());
    let ended = killer.run(&mut command);

    expect_sound(&told, &storage, source).await;
    if ended.success() {
        return false;
    }
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9), "write {name}");
    true
}

/// Whatever is listed restores, and nothing else is left but what proves that it was given up.
async fn expect_sound(told: &Told, storage: &Storage, source: &Source) {
    let clock = machine();
    let vault = told.open(storage, &clock).await;
    let custody = custody(vault.clone(), &clock);
    let run = RunId(told.run.clone());
    let settled = custody.settle(&run, false).await.unwrap();
    for _ in 0..2 {
        vault.sweep(SweepOptions::default()).await.unwrap();
    }
    let listed = vault.points(0);
    match settled {
        Settled::Accepted(point) => {
            assert_eq!(listed.iter().map(|point| &point.id).collect::<Vec<_>>(), [&point.id]);
            restore_and_compare(&custody, told, source, &point.id).await;
        }
        Settled::Undecided => {
            assert!(listed.is_empty(), "write {}: {listed:?}", told.run);
            expect_swept(&vault, &run).await;
        }
        other => panic!("write {}: {other:?}", told.run),
    }
    vault.close().await;
}

async fn expect_swept(vault: &Vault, run: &RunId) {
    let listed = vault.store().list(&Place::attempts()).await.unwrap();
    for intent in &listed {
        // A heartbeat stands beside its intent.
        let Some(writer) = intent.name.as_str().split('/').nth(2).and_then(|id| id.parse::<Id>().ok()) else {
            continue;
        };
        for place in [Place::data(writer), Place::chain_keys(writer)] {
            let left = vault.store().list(&place).await.unwrap();
            assert!(left.is_empty(), "write {}: {left:?}", run.0);
        }
    }
    // Whoever comes late finds the point closed.
    if !listed.is_empty() {
        let clock = machine();
        let settled = custody(vault.clone(), &clock).settle(run, false).await.unwrap();
        assert!(matches!(settled, Settled::Voided), "write {}: {settled:?}", run.0);
    }
}

async fn restore_and_compare(custody: &Direct, told: &Told, source: &Source, point: &contract::PointId) {
    let Source { server, database: original } = source;
    let database = format!("{original}_{}", told.run.replace('-', "_"));
    let mut connection = told.source.clone();
    connection.database = "postgres".into();
    let input = RestoreInput {
        point: point.clone(),
        database: None,
        tablespaces: std::collections::BTreeMap::new(),
        requested_by: ("ns".into(), database.clone(), "hash".into()),
        target: contract::RestoreTarget { connection, database: database.clone(), owner: None },
        limits: limits(),
        deadline: jiff::Timestamp::MAX,
        check: Check::Reread,
        purpose: restore::Purpose::Keep,
        selection: restore::Selection::default(),
    };
    let run = RunId(format!("restore {}", told.run));
    let progress = ProgressSink::new(1);
    restore::run(&input, custody, &run, &progress, CancellationToken::new(), &machine()).await.unwrap();
    let rows = "SELECT count(*), sum(i) FROM t";
    assert_eq!(server.sql(&database, rows), server.sql(original, rows));
    server.sql("postgres", &format!("DROP DATABASE {database}"));
}

/// What is backed up: a database for each test, since both may run at the same time.
struct Source {
    server: &'static Server,
    database: &'static str,
}

impl Source {
    fn new(database: &'static str) -> Self {
        let server = Server::shared();
        fresh(server, database, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
        Self { server, database }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_backup_that_is_killed_at_a_write_lists_no_point_that_does_not_restore() {
    if let Some(file) = env::var_os(TOLD) {
        back_up(&serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).await;
        return;
    }
    let (source, s3) = (Source::new("g11"), S3Server::start());
    for (write, moment) in [
        (At::Nth(1), Moment::After),
        (At::Below("data"), Moment::After),
        (At::Below("points"), Moment::Before),
        (At::Below("points"), Moment::After),
    ] {
        assert!(kill_at(&s3, &source, write, moment).await, "there is no write {write:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: a run for each write"]
async fn g11_a_backup_that_is_killed_at_any_of_its_writes_lists_no_point_that_does_not_restore() {
    let (source, s3) = (Source::new("g11_all"), S3Server::start());
    for moment in [Moment::Before, Moment::After] {
        let mut write = 1;
        while kill_at(&s3, &source, At::Nth(write), moment).await {
            write += 1;
        }
        assert!(write > 8, "only {} writes", write - 1);
    }
}
