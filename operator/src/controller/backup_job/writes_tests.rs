//! How often the API server is written to for one scheduled backup, by all controllers together, from its slot until
//! nothing more is done about it. Every write is paid for by each watch of the cluster, and kept by etcd.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use contract::{
    Appended, CheckItem, CheckReport, CheckResult, ClockReading, Head, KeyState, Life, Outcome, Owner,
    OwnerView, PointId, PointView, Points, Probes, Progress, Report, RunId, RunView, Runs, Settled, Stage,
    StorageState, Summary, Trigger, VERSION, VaultView, WriterId,
};
use crds::common::{ConditionType, JobState, is_true};
use crds::{BackupInstance, BackupJob, BackupPolicy, BackupVault, RecoveryPoint};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::tests::{UID, point};
use crate::controller::scenario::World;
use crate::controller::{Error, Wake, backup_job, instance, policy, recovery_point, vault};

/// Agreed with those who run the API server: besides events, and besides what is written only to show progress.
const MOST: usize = 14;
const JOB: &str = "orders-20300110t2000z";
/// More rounds than any step takes: one that never comes to rest fails.
const ROUNDS: usize = 20;

/// A day before its slot, and the slot.
const BEFORE: &str = "2030-01-10T10:00:00Z";
const SLOT: &str = "2030-01-10T20:00:00Z";

struct Play {
    world: World,
    /// Points that the vault has before.
    before: Vec<PointView>,
}

impl Play {
    /// A vault with these points, a policy and an instance that are in order, and a day without a backup.
    async fn begin(before: Vec<PointView>) -> Self {
        let world = World::new();
        let mut play = Self { world, before };
        play.move_clock(BEFORE.parse().unwrap());
        play.set();
        play.round().await;
        play.round().await;
        play.world.start_keeper("7d0c", "vaults", "main").await;
        play.answer_vault(KeyState::Empty, 0, 0);
        play.round().await;
        let points = Points { head: None, points: play.before.clone(), owners: Vec::new() };
        play.world.answer("GET /v1/points", &points);
        play.answer_vault(KeyState::Open, 7, 0);
        play.rest().await;
        play.end_check();
        play.claim().await;
        let instance: BackupInstance = play.world.object("backupinstances shop/orders");
        let conditions = instance.status.unwrap().conditions;
        assert!(is_true(&conditions, ConditionType::BackupReady), "{conditions:?}");
        play
    }

    /// The ledger takes the instance's claim of its datasource, and tells it.
    async fn claim(&mut self) {
        self.world.answer("POST /v1/ledger", &Appended { head: head(7) });
        self.rest().await;
        let claims = self.world.told();
        let claim = claims.iter().map(|told| &told["owner"]).find(|told| told["change"] == "Claimed");
        let claim = claim.unwrap_or_else(|| panic!("nothing is claimed: {claims:?}"));
        let owners = vec![OwnerView {
            sequence: 7,
            owner: serde_json::from_value(claim["owner"].clone()).unwrap(),
            spec: claim["spec"].as_str().unwrap().to_owned(),
            life: Life::Active,
            adopted_by: None,
        }];
        self.world.answer("GET /v1/points", &Points { head: None, points: self.before.clone(), owners });
        self.rest().await;
    }

    fn set(&self) {
        let world = &self.world;
        let namespace = |name: &str, uid: &str| json!({"metadata": {"name": name, "uid": uid, "labels": {"coffer.dev/holds-backups": "true"}}});
        world.hold("namespaces", &namespace("shop", "n1"));
        world.hold("namespaces", &namespace("vaults", "n0"));
        world.hold(
            "secrets",
            &json!({"metadata": {"name": "login", "namespace": "shop", "uid": "s1"},
                    "data": {"username": "YXBw", "password": "cHc="}}),
        );
        world.hold(
            "backupvaults",
            &json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
                    "metadata": {"name": "main", "namespace": "vaults", "uid": "7d0c", "generation": 1},
                    "spec": {"storage": {"s3": {"bucket": "backups", "credentialsSecretRef": {"name": "s3"}}},
                             "encryption": {"mode": "SystemManaged", "acceptKeyLoss": true},
                             "access": {"allowedNamespaces": {"names": ["shop"]}}}}),
        );
        world.hold(
            "backuppolicies",
            &json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
                    "metadata": {"name": "nightly", "namespace": "shop", "uid": "p1", "generation": 1},
                    "spec": {"rules": [{"name": "Nightly", "schedule": {"cron": "0 20 * * *"}}],
                             "retention": [{"name": "Default", "default": true, "keep": "P30D"}]}}),
        );
        world.hold(
            "backupinstances",
            &json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
                    "metadata": {"name": "orders", "namespace": "shop", "uid": "i1", "generation": 1},
                    "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "nightly"},
                             "postgresql": {"host": "db", "database": "orders",
                                            "credentialsSecretRef": {"name": "login"}}}}),
        );
    }

    fn move_clock(&self, to: Timestamp) {
        let clock = &self.world.context.clock;
        clock.raise(to.duration_since(clock.now().wall).as_secs() + 30);
    }

    /// Every controller looks at each of its objects once.
    async fn round(&self) {
        async fn all<K, F>(
            world: &World,
            resource: &str,
            reconcile: impl Fn(Arc<K>, Arc<crate::context::Context>) -> F,
        ) where
            K: serde::de::DeserializeOwned,
            F: Future<Output = Result<Wake, Error>>,
        {
            for object in world.objects::<K>(resource) {
                world.watch();
                reconcile(Arc::new(object), Arc::clone(&world.context)).await.unwrap();
            }
        }
        let world = &self.world;
        all::<BackupVault, _>(world, "backupvaults", vault::reconcile).await;
        all::<BackupPolicy, _>(world, "backuppolicies", policy::reconcile).await;
        all::<BackupInstance, _>(world, "backupinstances", instance::reconcile).await;
        self.name_job();
        all::<BackupJob, _>(world, "backupjobs", backup_job::reconcile).await;
        all::<BackupVault, _>(world, "backupvaults", recovery_point::reconcile).await;
    }

    /// The UID of the slot's job is one that names can be made of.
    fn name_job(&self) {
        for mut job in self.world.objects::<BackupJob>("backupjobs") {
            if job.metadata.uid.as_deref() != Some(UID) {
                job.metadata.uid = Some(UID.into());
                self.world.hold("backupjobs", &job);
            }
        }
    }

    /// Rounds until nothing more is written. Returns what was.
    async fn rest(&self) -> Vec<String> {
        let mut written = Vec::new();
        for _ in 0..ROUNDS {
            self.round().await;
            let writes: Vec<String> =
                self.world.writes().into_iter().filter(|call| !call.starts_with("keeper ")).collect();
            if writes.is_empty() {
                return written;
            }
            written.extend(writes);
        }
        panic!("no end to it: {written:#?}");
    }

    fn answer_vault(&self, key: KeyState, sequence: u64, points: u64) {
        let open = key == KeyState::Open;
        let wall = Timestamp::UNIX_EPOCH;
        let view = VaultView {
            version: VERSION,
            vault_id: open.then(|| "v1".into()),
            fingerprint: open.then(|| "aa-bb".into()),
            head: open.then(|| head(sequence)),
            storage: StorageState::Reachable,
            key,
            probes: Some(Probes {
                probed: wall,
                create_only: true,
                stale_overwrite_refused: Some(true),
                versioning: None,
                object_lock: None,
            }),
            clock: ClockReading { keeper: wall, skew_seconds: Some(0) },
            points,
            stored_bytes: points * 2048,
            pledges: contract::Pledges::default(),
            undeleted: None,
            rolled_back: false,
        };
        self.world.answer("GET /v1/vault", &view);
    }

    fn job_of(&self, run: &str) -> Job {
        let jobs = self.world.objects::<Job>("jobs");
        jobs.into_iter().find(|job| job.labels()["coffer.dev/run"] == run).expect("a Job was made")
    }

    /// The pod of a run's Job, as it is now.
    fn pod(&self, run: &str, status: &Value) {
        let job = self.job_of(run).name_any();
        let labels = json!({"coffer.dev/run": run, "batch.kubernetes.io/job-name": job});
        let metadata = json!({"name": format!("{job}-x"), "namespace": "vaults", "labels": labels});
        self.world.hold("pods", &json!({"metadata": metadata, "status": status}));
    }

    fn end_pod(&self, run: &str, outcome: Outcome) {
        let report = Report {
            version: VERSION,
            run: RunId(run.into()),
            attempt: 1,
            started: None,
            outcome,
            warnings: Vec::new(),
        };
        let terminated = json!({"exitCode": 0, "message": report.to_termination_message()});
        let container = json!({"name": "mover", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                               "state": {"terminated": terminated}});
        self.pod(run, &json!({"phase": "Succeeded", "containerStatuses": [container]}));
    }

    fn end_check(&self) {
        let report = CheckReport {
            items: vec![CheckItem { name: "LogIn".into(), result: CheckResult::Passed, failure: None }],
            server_version: Some("17.2".into()),
            datasource_id: Some("7/orders".into()),
            relations: Some(40),
            size_bytes: None,
            missing_grants: Vec::new(),
        };
        self.end_pod("i1", Outcome::Checked(report));
    }

    /// What the keeper hears of the run.
    fn tell(&self, stage: Stage, started: Option<Timestamp>, bytes_done: u64) {
        let progress = Progress {
            attempt: 1,
            stage,
            started,
            bytes_done,
            bytes_total: 1000,
            bytes_stored: bytes_done / 2,
            tables_done: 0,
            tables_total: 2,
        };
        let heard = self.world.context.clock.now().wall;
        let runs = vec![RunView { run: RunId(UID.into()), progress, heard }];
        self.world.answer("GET /v1/runs", &Runs { runs });
    }

    fn state(&self) -> JobState {
        self.world.object::<BackupJob>(&format!("backupjobs shop/{JOB}")).state()
    }
}

fn head(sequence: u64) -> Head {
    Head { sequence, hash: format!("h{sequence}") }
}

/// The point that the run makes.
fn made(at: Timestamp) -> PointView {
    let owner = Owner::Instance {
        cluster_id: "c".into(),
        namespace: "shop".into(),
        namespace_uid: "n1".into(),
        instance: "orders".into(),
        instance_uid: "i1".into(),
        datasource_id: "7/orders".into(),
    };
    let mut point = PointView { owner, sequence: 8, point_time: at, commit_time: at, ..point() };
    point.expiration_time = at.checked_add(SignedDuration::from_hours(30 * 24)).ok();
    point.decision.trigger = Trigger::Slot { rule: "Nightly".into(), slot: SLOT.parse().unwrap() };
    point
}

/// So many writes of each kind, with those of one kind in a row.
fn table(writes: &[String]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for call in writes {
        let mut words = call.split(' ');
        let key = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        *counts.entry(key).or_default() += 1;
    }
    let mut text = format!("{} writes\n", writes.len());
    for ((verb, resource), count) in counts {
        writeln!(text, "{count:>4}  {verb:<7} {resource}").unwrap();
    }
    text
}

/// What is written for the backup of a slot, after an hour without one.
async fn writes_of_one_backup(play: &Play) -> Vec<String> {
    play.move_clock("2030-01-10T11:00:00Z".parse().unwrap());
    assert_eq!(play.rest().await, [""; 0], "nothing is due");

    let slot: Timestamp = SLOT.parse().unwrap();
    play.move_clock(slot);
    let mut writes = play.rest().await;
    assert_eq!(play.state(), JobState::Pending, "{}", table(&writes));
    play.pod(UID, &json!({"phase": "Running"}));
    writes.extend(play.rest().await);
    play.tell(Stage::Connecting, None, 0);
    writes.extend(play.rest().await);
    let started = slot.checked_add(SignedDuration::from_secs(30)).unwrap();
    for (stage, done) in
        [(Stage::Schema, 0), (Stage::Data, 300), (Stage::Data, 900), (Stage::Committing, 1000)]
    {
        play.tell(stage, Some(started), done);
        writes.extend(play.rest().await);
    }
    assert_eq!(play.state(), JobState::Running, "{}", table(&writes));

    // The vault has taken the point, and the job's end is in the ledger some moments later.
    let point = made(started);
    play.answer_vault(KeyState::Open, 8, 1);
    let points = Points { head: Some(head(8)), points: vec![point.clone()], owners: Vec::new() };
    play.world.answer("GET /v1/points", &points);
    play.world.answer("GET /v1/runs", &Runs { runs: Vec::new() });
    writes.extend(play.rest().await);
    let outcome = Outcome::Stored {
        point: PointId("ab".repeat(16)),
        writer: WriterId("cd".repeat(16)),
        summary: Summary::default(),
    };
    play.end_pod(UID, outcome);
    play.world.answer(&format!("POST /v1/runs/{UID}/settle"), &Settled::Accepted(Box::new(point)));
    play.world.answer("POST /v1/ledger", &Appended { head: head(9) });
    play.round().await;
    writes.extend(play.world.writes().into_iter().filter(|call| !call.starts_with("keeper ")));
    play.answer_vault(KeyState::Open, 9, 1);
    writes.extend(play.rest().await);

    assert_eq!(play.state(), JobState::Completed);
    let told: BackupVault = play.world.object("backupvaults vaults/main");
    assert_eq!(told.status.unwrap().ledger.map(|head| head.sequence), Some(9), "the newest entry is kept");
    let shown = play.world.objects::<RecoveryPoint>("recoverypoints");
    assert_eq!(shown.len(), 1 + play.before.len());
    assert!(shown.iter().all(|point| point.status.is_some()));
    assert!(play.world.objects::<Job>("jobs").is_empty(), "nothing of the run is left");
    writes
}

#[tokio::test]
async fn one_scheduled_backup_is_at_most_fourteen_writes_and_an_hour_without_one_is_none() {
    let play = Play::begin(Vec::new()).await;
    let writes = writes_of_one_backup(&play).await;
    assert_eq!(writes.len(), MOST, "{}\n{writes:#?}", table(&writes));
}

#[tokio::test]
async fn what_goes_next_is_told_with_what_is_told_anyway() {
    let mut older = made("2030-01-09T20:00:30Z".parse().unwrap());
    (older.id, older.run, older.sequence) = (PointId("ee".repeat(16)), RunId("another".into()), 6);
    let slot = "2030-01-09T20:00:00Z".parse().unwrap();
    older.decision.trigger = Trigger::Slot { rule: "Nightly".into(), slot };
    let end = older.expiration_time;
    let play = Play::begin(vec![older]).await;
    let next = |play: &Play| {
        let instance: BackupInstance = play.world.object("backupinstances shop/orders");
        let vault: BackupVault = play.world.object("backupvaults vaults/main");
        [instance.status.unwrap().next_expiry, vault.status.unwrap().next_expiry]
    };
    assert_eq!(next(&play), [None, None], "the only one stays");
    let writes = writes_of_one_backup(&play).await;
    for next in next(&play) {
        let next = next.expect("the older one goes");
        assert_eq!((Some(next.time.0), next.points), (end, 1));
    }
    assert_eq!(writes.len(), MOST, "{}\n{writes:#?}", table(&writes));
}
