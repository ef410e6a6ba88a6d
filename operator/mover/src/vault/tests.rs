//! Vaults over a directory: making, granting, accepting, keeping, letting go.

use std::{path::PathBuf, sync::Arc, time::Duration};

use contract::{
    DataStore, Decision, FailureCode, Owner, PointId, PointState, RunId, Settled, SourceServer, Storage,
    TombstoneRequest, Trigger, WriteGrant, WriterId,
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::{
    clock::later,
    format::{Damage, Record},
    ledger::Refused,
    point::{PackKind, PointReader, PointWriter, RecordDraft, WriterOptions},
    seal::random_id,
    store::{FilesystemStore, Name},
};

struct Fixture {
    directory: TempDir,
    clock: Clock,
    identity: Identity,
}

impl Fixture {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Clock::manual("2026-11-21T03:00:00Z".parse().unwrap()),
            identity: Identity::generate(),
        }
    }

    fn store(&self) -> SharedStore {
        // Files have the machine's time, whatever the vault takes the time to be.
        let machine = Clock::system(SignedDuration::ZERO);
        Arc::new(FilesystemStore::open(self.directory.path(), &machine).unwrap())
    }

    fn storage(&self) -> Storage {
        Storage::Filesystem { path: self.directory.path().display().to_string() }
    }

    async fn init(&self) -> Vault {
        let request = InitRequest {
            catalogue: None,
            identities: vec![self.identity.clone()],
            recipients: vec![self.identity.recipient()],
        };
        init(&self.store(), &request, &self.clock).await.unwrap();
        self.open().await
    }

    fn request(&self) -> OpenRequest {
        OpenRequest {
            storage: self.storage(),
            identities: vec![self.identity.clone()],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: None,
            known_head: None,
            access: Access::ReadWrite,
        }
    }

    async fn open(&self) -> Vault {
        open(self.store(), self.request(), &self.clock).await.unwrap()
    }

    fn deadline(&self) -> Timestamp {
        later(self.clock.now(), SignedDuration::from_hours(1))
    }

    /// Writes and commits the point of a run; gives its writer.
    async fn store_point(&self, vault: &Vault, run: &str) -> Id {
        let writer = self.begin(vault, run, random_id().unwrap()).await;
        self.commit(writer).await
    }

    async fn begin(&self, vault: &Vault, run: &str, writer: Id) -> PointWriter {
        let run = RunId(run.into());
        let grant = vault.write_grant(&run, &writer.into(), self.deadline()).await.unwrap();
        let options = WriterOptions { lanes: 1, uploads: 1 };
        PointWriter::begin(self.store(), &grant, &run, writer, self.deadline(), self.clock.clone(), options)
            .await
            .unwrap()
    }

    async fn commit(&self, writer: PointWriter) -> Id {
        self.commit_of(writer, owner("a"), decision(1)).await
    }

    async fn commit_of(&self, writer: PointWriter, owner: Owner, decision: Decision) -> Id {
        let mut pack = writer.open_pack(PackKind::Rows).await.unwrap();
        pack.push(b"1\n").unwrap();
        writer.put(pack).await.unwrap();
        let draft = RecordDraft {
            owner,
            decision,
            source: SourceServer {
                server_version: "15.18".into(),
                system_identifier: None,
                size_bytes: 1,
                standby: false,
                role: None,
                program: None,
            },
            point_time: self.clock.now(),
            data_stores: Vec::<DataStore>::new(),
            coverage: Vec::new(),
            warnings: Vec::new(),
        };
        let point = writer.point();
        writer.commit(draft).await.unwrap();
        point
    }

    async fn accepted(&self, vault: &Vault, run: &str) -> PointId {
        self.store_point(vault, run).await;
        self.clock.advance(Duration::from_secs(60));
        let Settled::Accepted(view) = settle(vault, run, false).await else { panic!("not accepted") };
        view.id
    }

    fn exists(&self, name: &Name) -> bool {
        self.directory.path().join(name.as_str()).exists()
    }

    fn files(&self, below: &str) -> Vec<PathBuf> {
        std::fs::read_dir(self.directory.path().join(below))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

fn owner(instance: &str) -> Owner {
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "n".into(),
        namespace_uid: "nu".into(),
        instance: instance.into(),
        instance_uid: "iu".into(),
        datasource_id: "1/app".into(),
    }
}

fn decision(keep_at_least: u32) -> Decision {
    Decision {
        tag: "daily".into(),
        keep: Some("P7D".into()),
        time_zone: "UTC".into(),
        reason: "test".into(),
        keep_at_least,
        policy: None,
        trigger: Trigger::Cli,
    }
}

/// A point may go as soon as it is there.
fn at_once(record: &Record) -> Result<Option<Timestamp>, String> {
    Ok(Some(record.point_time))
}

fn in_a_week(record: &Record) -> Result<Option<Timestamp>, String> {
    Ok(Some(later(record.point_time, SignedDuration::from_hours(7 * 24))))
}

async fn settle(vault: &Vault, run: &str, void: bool) -> Settled {
    vault.settle(&RunId(run.into()), void, "test", &at_once).await.unwrap()
}

fn please(keep_at_least: u32) -> TombstoneRequest {
    TombstoneRequest { reason: "expired".into(), keep_at_least, owner: None }
}

mod owner_tests;
mod refusal_tests;

#[tokio::test]
async fn init_may_be_repeated_and_other_keys_do_not_open_what_it_made() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let again = fixture.init().await;
    assert_eq!((vault.id(), vault.fingerprint()), (again.id(), again.fingerprint()));
    let stranger = OpenRequest { identities: vec![Identity::generate()], ..fixture.request() };
    let error = open(fixture.store(), stranger, &fixture.clock).await.err().unwrap();
    assert!(matches!(error, VaultError::Foreign { vault: id } if id == vault.id()), "{error}");
    let request = InitRequest {
        catalogue: None,
        identities: Vec::new(),
        recipients: vec![Identity::generate().recipient()],
    };
    let error = init(&fixture.store(), &request, &fixture.clock).await.unwrap_err();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_place_is_empty_and_a_wrong_fingerprint_is_refused() {
    let fixture = Fixture::new();
    assert_eq!(look(&fixture.store()).await.unwrap(), None);
    let error = open(fixture.store(), fixture.request(), &fixture.clock).await.err().unwrap();
    assert!(matches!(error, VaultError::Empty { .. }), "{error}");
    let vault = fixture.init().await;
    let shouted = OpenRequest { fingerprint: Some(vault.fingerprint().to_uppercase()), ..fixture.request() };
    assert!(open(fixture.store(), shouted, &fixture.clock).await.is_ok());
    let wrong = OpenRequest { fingerprint: Some("aaaa-bbbb".into()), ..fixture.request() };
    let error = open(fixture.store(), wrong, &fixture.clock).await.err().unwrap();
    assert!(matches!(error, VaultError::Fingerprint { .. }), "{error}");
}

#[tokio::test]
async fn a_vault_whose_description_was_removed_is_still_found() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    std::fs::remove_file(fixture.directory.path().join("vault.json")).unwrap();
    assert_eq!(look(&fixture.store()).await.unwrap(), Some(vault.id()));
    assert_eq!(fixture.init().await.id(), vault.id());
    assert!(fixture.directory.path().join("vault.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_point_is_accepted_once_and_read_back() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let point = fixture.store_point(&vault, "run").await;
    let settled = vault.settle(&RunId("run".into()), false, "test", &in_a_week).await.unwrap();
    let Settled::Accepted(first) = settled else { panic!("not accepted") };
    let Settled::Accepted(second) = settle(&vault, "run", true).await else { panic!("not accepted") };
    assert_eq!(first, second);
    assert_eq!(first.id, PointId::from(point));
    assert_eq!(first.expiration_time, Some(later(first.point_time, SignedDuration::from_hours(168))));
    vault.close().await;
    let vault = fixture.open().await;
    assert_eq!(vault.point(&first.id), Some(*first.clone()));
    let reader = WriterId::from(random_id().unwrap());
    let grant = vault.read_grant(&RunId("r".into()), &first.id, &reader, fixture.deadline()).await.unwrap();
    assert!(PointReader::open(fixture.store(), &grant).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_asked_for_twice_is_the_same_but_for_its_key_and_a_decided_point_gets_none() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let (run, writer) = (RunId("run".into()), WriterId::from(random_id().unwrap()));
    let first = vault.write_grant(&run, &writer, fixture.deadline()).await.unwrap();
    let second = vault.write_grant(&run, &writer, fixture.deadline()).await.unwrap();
    assert_ne!(first.chain_key, second.chain_key);
    assert_eq!(WriteGrant { chain_key: first.chain_key.clone(), ..second }, first);
    assert!(matches!(settle(&vault, "run", false).await, Settled::Undecided));
    assert!(matches!(settle(&vault, "run", true).await, Settled::Voided));
    assert!(matches!(settle(&vault, "run", false).await, Settled::Voided));
    let error = vault.write_grant(&run, &writer, fixture.deadline()).await.unwrap_err();
    assert!(matches!(error, VaultError::AlreadyDecided { voided: true }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_whose_key_everybody_knows_is_somebody_elses() {
    let fixture = Fixture::new();
    let trap = InitRequest {
        catalogue: Some(CatalogueKey::from_bytes(&[0; 32])),
        identities: Vec::new(),
        recipients: vec![Identity::generate().recipient()],
    };
    init(&fixture.store(), &trap, &fixture.clock).await.unwrap();
    let recipients = vec![fixture.identity.recipient()];
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    let refused = init(&fixture.store(), &request, &fixture.clock).await;
    assert!(matches!(refused, Err(VaultError::Foreign { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sealed_with_a_key_that_somebody_planted_or_that_only_some_recipients_can_open() {
    let fixture = Fixture::new();
    let identities = [fixture.identity.clone(), Identity::generate()];
    let recipients = identities.iter().map(Identity::recipient).collect();
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    init(&fixture.store(), &request, &fixture.clock).await.unwrap();
    let vault = fixture.open().await;
    let (run, writer) = (RunId("run".into()), random_id().unwrap());
    // Wrapping needs no secret, and the writer's id is in the name of its intent.
    let planted = crate::seal::ChainKey::from_bytes(&[7; 32]);
    let ours = fixture.identity.recipient();
    keys::store_chain_key(&fixture.store(), vault.id(), writer, &planted, &ours).await.unwrap();
    for asked in 0..2 {
        let grant = vault.write_grant(&run, &writer.into(), fixture.deadline()).await.unwrap();
        let granted = crate::seal::ChainKey::from_base64(grant.chain_key.reveal()).unwrap();
        assert_ne!(grant.chain_key, planted.to_base64(), "asked {asked}");
        for identity in &identities {
            let request = OpenRequest { identities: vec![identity.clone()], ..fixture.request() };
            let custodian = open(fixture.store(), request, &fixture.clock).await.unwrap();
            let commitment = granted.commitment(vault.id(), writer);
            assert!(custodian.chain_key(writer, commitment).await.is_ok(), "asked {asked}");
        }
        // As if the process had died before the key was wrapped for everybody.
        let lost = Name::chain_key(writer, &identities[1].recipient().tag(), 0);
        fixture.store().delete(&lost).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_void_and_a_commit_exactly_one_wins() {
    for round in 0..20 {
        let fixture = Fixture::new();
        let vault = fixture.init().await;
        let run = format!("run-{round}");
        let writer = fixture.begin(&vault, &run, random_id().unwrap()).await;
        let draft = RecordDraft {
            owner: owner("a"),
            decision: decision(1),
            source: SourceServer {
                server_version: "15".into(),
                system_identifier: None,
                size_bytes: 1,
                standby: false,
                role: None,
                program: None,
            },
            point_time: fixture.clock.now(),
            data_stores: Vec::new(),
            coverage: Vec::new(),
            warnings: Vec::new(),
        };
        let (committed, settled) = tokio::join!(writer.commit(draft), settle(&vault, &run, true));
        match (committed, settled) {
            (Ok(_), Settled::Accepted(_)) => {}
            (Err(error), Settled::Voided) => assert_eq!(error.code(), FailureCode::Voided),
            (committed, settled) => panic!("{} {settled:?}", committed.is_ok()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_that_lacks_an_object_is_rejected_by_name() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let writer = random_id().unwrap();
    let writing = fixture.begin(&vault, "run", writer).await;
    fixture.commit(writing).await;
    std::fs::remove_file(fixture.directory.path().join(Name::data(writer, 0).as_str())).unwrap();
    let Settled::Rejected(failure) = settle(&vault, "run", false).await else { panic!("not rejected") };
    assert_eq!(failure.code, FailureCode::Damaged);
    assert!(failure.message.contains(Name::data(writer, 0).as_str()), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_good_points_of_an_owner_are_kept() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    let new = fixture.accepted(&vault, "new").await;
    let refused = vault.tombstone(&new, &please(0)).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::KeptAsLastGood { keep: 1, .. })), "{refused}");
    let refused = vault.tombstone(&old, &please(2)).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::KeptAsLastGood { keep: 2, .. })), "{refused}");
    // A damaged point is under no floor, and leaves it to the next one.
    let damage = Damage { object: "data/x".into(), message: "gone".into() };
    vault.verified(&new, 2, Some(damage)).await.unwrap();
    assert_eq!(vault.point(&new).unwrap().state, PointState::Damaged);
    let refused = vault.tombstone(&old, &please(0)).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::KeptAsLastGood { .. })), "{refused}");
    vault.verified(&new, 1, None).await.unwrap();
    assert_eq!(vault.point(&new).unwrap().state, PointState::Damaged);
    vault.verified(&new, 2, None).await.unwrap();
    vault.tombstone(&old, &please(0)).await.unwrap();
    assert_eq!(vault.point(&old).unwrap().state, PointState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_point_whose_record_is_gone_or_another_is_no_reason_to_let_an_older_one_go() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    let new = fixture.accepted(&vault, "new").await;
    let place = |point: &PointId| {
        let name = Name::point(Id::try_from(point).unwrap());
        fixture.directory.path().join(name.as_str())
    };
    let record = std::fs::read(place(&new)).unwrap();
    let kept = async || {
        let refused = vault.tombstone(&old, &please(0)).await.unwrap_err();
        matches!(refused.refused(), Some(Refused::KeptAsLastGood { keep: 1, .. }))
    };
    std::fs::remove_file(place(&new)).unwrap();
    assert!(kept().await, "the newer one is gone");
    std::fs::copy(place(&old), place(&new)).unwrap();
    assert!(kept().await, "the newer one's record is another");
    std::fs::write(place(&new), record).unwrap();
    vault.tombstone(&old, &please(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_measures_clocks_before_it_deletes() {
    let fixture = Fixture::new();
    fixture.init().await.close().await;
    // Files have the time of the machine, this vault that of another day; it has written nothing yet.
    let skewed = Arc::new(FilesystemStore::open(fixture.directory.path(), &fixture.clock).unwrap());
    let vault = open(skewed, fixture.request(), &fixture.clock).await.unwrap();
    assert_eq!(vault.store().skew_seconds(), None);
    let refused = vault.sweep(SweepOptions::default()).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::ClockSkewed { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_e19_a_tombstoned_point_goes_after_an_hour_and_its_intent_last() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    let new = fixture.accepted(&vault, "new").await;
    let writer = Id::try_from(&vault.point(&old).unwrap().writer).unwrap();
    let point = Id::try_from(&old).unwrap();
    vault.tombstone(&old, &please(0)).await.unwrap();
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap().points, 0);
    fixture.clock.advance(Duration::from_secs(3_601));
    let report = vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!(report.points, 1);
    assert!(!fixture.exists(&Name::point(point)) && fixture.files(&format!("data/{writer}")).is_empty());
    assert!(fixture.files(&format!("keys/{writer}")).is_empty());
    assert!(fixture.exists(&Name::intent(point, writer)), "the intent outlives late writers");
    fixture.clock.advance(Duration::from_secs(3 * 3_600));
    vault.sweep(SweepOptions::default()).await.unwrap();
    assert!(!fixture.exists(&Name::intent(point, writer)));
    let kept = Id::try_from(&new).unwrap();
    assert!(fixture.exists(&Name::point(kept)), "the other point was touched");
    // Neither a restart nor time brings it back.
    vault.close().await;
    assert!(matches!(settle(&fixture.open().await, "old", false).await, Settled::Accepted(view)
        if view.state == PointState::Expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_e18_expired_points_whose_data_stay_are_counted_until_they_are_gone() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    fixture.accepted(&vault, "new").await;
    vault.tombstone(&old, &please(0)).await.unwrap();
    assert_eq!(vault.undeleted().await.unwrap(), 0, "its hour is not over");
    fixture.clock.advance(Duration::from_secs(3_601));
    assert_eq!(vault.undeleted().await.unwrap(), 1);
    vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!(vault.undeleted().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn g17_a_point_that_is_being_read_keeps_its_data() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    fixture.accepted(&vault, "new").await;
    let (run, reader) = (RunId("restore".into()), WriterId::from(random_id().unwrap()));
    let until = later(fixture.clock.now(), SignedDuration::from_hours(48));
    vault.read_grant(&run, &old, &reader, until).await.unwrap();
    vault.tombstone(&old, &please(0)).await.unwrap();
    fixture.clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap().points, 0);
    vault.close_read(&run).await.unwrap();
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap().points, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_loser_wrote_is_swept_and_what_the_winner_wrote_stays() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let (winner, loser) = (random_id().unwrap(), random_id().unwrap());
    let losing = fixture.begin(&vault, "run", loser).await;
    let mut pack = losing.open_pack(PackKind::Rows).await.unwrap();
    pack.push(b"2\n").unwrap();
    losing.put(pack).await.unwrap();
    losing.flush().await.unwrap();
    let winning = fixture.begin(&vault, "run", winner).await;
    let point = fixture.commit(winning).await;
    let report = vault.sweep(SweepOptions::default()).await.unwrap();
    assert_eq!(report.writers, 1);
    assert!(fixture.files(&format!("data/{loser}")).is_empty());
    assert!(!fixture.files(&format!("data/{winner}")).is_empty());
    assert!(fixture.exists(&Name::intent(point, loser)));
    assert!(matches!(settle(&vault, "run", false).await, Settled::Accepted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_point_is_voided_and_a_living_one_is_not() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let writer = fixture.begin(&vault, "run", random_id().unwrap()).await;
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap().voided, 0);
    fixture.clock.advance(Duration::from_secs(601));
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap().voided, 1);
    assert!(matches!(settle(&vault, "run", false).await, Settled::Voided));
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_was_rolled_back_deletes_nothing() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let old = fixture.accepted(&vault, "old").await;
    fixture.accepted(&vault, "new").await;
    let head = vault.head();
    drop(vault);
    std::fs::remove_file(fixture.directory.path().join(Name::ledger(head.sequence).as_str())).unwrap();
    let request = OpenRequest { known_head: Some(head.into()), ..fixture.request() };
    let vault = open(fixture.store(), request, &fixture.clock).await.unwrap();
    assert!(vault.rolled_back());
    let refused = vault.tombstone(&old, &please(0)).await.unwrap_err();
    assert_eq!(refused.refused(), Some(&Refused::RolledBack));
    assert_eq!(vault.sweep(SweepOptions::default()).await.unwrap_err().refused(), Some(&Refused::RolledBack));
}

#[tokio::test(flavor = "multi_thread")]
async fn g19_nothing_is_deleted_while_the_clocks_of_machine_and_store_differ() {
    let fixture = Fixture::new();
    fixture.init().await;
    // This vault compares file times with a clock of another day.
    let skewed = Arc::new(FilesystemStore::open(fixture.directory.path(), &fixture.clock).unwrap());
    let vault = open(skewed, fixture.request(), &fixture.clock).await.unwrap();
    let old = fixture.accepted(&vault, "old").await;
    fixture.accepted(&vault, "new").await;
    let refused = vault.tombstone(&old, &please(0)).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(Refused::ClockSkewed { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_key_is_substituted_and_a_missing_one_is_missing() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    let point = fixture.accepted(&vault, "run").await;
    let writer = Id::try_from(&vault.point(&point).unwrap().writer).unwrap();
    let file = fixture.files(&format!("keys/{writer}")).pop().unwrap();
    std::fs::remove_file(&file).unwrap();
    let reader = WriterId::from(random_id().unwrap());
    let run = RunId("r".into());
    let error = vault.read_grant(&run, &point, &reader, fixture.deadline()).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::KeyMissing);
    let planted = crate::format::WrappedKey {
        purpose: crate::format::KeyPurpose::Chain(writer),
        vault: vault.id(),
        key: zeroize::Zeroizing::new([7; 32]),
    };
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, crate::seal::wrap(&planted, &fixture.identity.recipient()).unwrap()).unwrap();
    let error = vault.read_grant(&run, &point, &reader, fixture.deadline()).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::KeySubstituted);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_is_probed_once_a_month_unless_something_changes() {
    let fixture = Fixture::new();
    let vault = fixture.init().await;
    assert!(vault.probe().await.unwrap().create_only);
    let head = vault.head();
    vault.probe().await.unwrap();
    assert_eq!(vault.head(), head);
    fixture.clock.advance(Duration::from_secs(31 * 24 * 3_600));
    vault.probe().await.unwrap();
    assert_ne!(vault.head(), head);
}
