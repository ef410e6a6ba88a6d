//! The ledger over a directory: one custodian, two, and storage that lies.

use std::{path::Path, sync::Arc};

use contract::RunId;
use tempfile::TempDir;

use super::*;
use crate::{
    format::{LedgerEntry, StateVault},
    seal::{CatalogueKey, Expected, ObjectKind, Suite, seal_document},
    store::{FilesystemStore, Name},
};

const VAULT: Id = Id([0xaa; 16]);

struct Fixture {
    directory: TempDir,
    clock: Clock,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-21T03:00:00Z".parse().unwrap());
        let fixture = Self { directory, clock };
        let genesis = Promise::Genesis {
            vault: VAULT,
            fingerprint: "abcd".into(),
            recipients: vec!["age1x".into()],
            tool: "test".into(),
        };
        create_genesis(&fixture.place(1), genesis).await.unwrap();
        fixture
    }

    fn place(&self, writer: u8) -> Place {
        Place {
            store: Arc::new(FilesystemStore::open(self.directory.path(), &self.clock).unwrap()),
            vault: VAULT,
            key: CatalogueKey::from_bytes(&[1; 32]).ledger_key(VAULT),
            writer: Id([writer; 16]),
            clock: self.clock.clone(),
        }
    }

    async fn open(&self, writer: u8) -> Ledger {
        Ledger::open(self.place(writer), None, true).await.unwrap()
    }

    fn file(&self, name: &Name) -> std::path::PathBuf {
        self.directory.path().join(name.as_str())
    }

    fn entries(&self) -> usize {
        count(&self.directory.path().join("ledger"))
    }
}

fn count(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

fn started(run: &str) -> Promise {
    Promise::RestoreStarted {
        run: RunId(run.into()),
        point: Id([5; 16]),
        namespace: "team".into(),
        name: run.into(),
        spec_hash: "h".into(),
        target: "1/app".into(),
    }
}

async fn append(ledger: &Ledger, run: &str) -> LedgerHead {
    let promise = started(run);
    ledger.append(move |_| Verdict::Append(vec![promise.clone()])).await.unwrap()
}

#[tokio::test]
async fn what_was_promised_is_there_after_a_restart() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    append(&ledger, "a").await;
    let head = append(&ledger, "b").await;
    ledger.close().await;
    let again = fixture.open(2).await;
    assert_eq!(again.state().head(), head);
    assert!(again.state().restore("team", "a").is_some());
    assert_eq!(again.state().vault().unwrap().recipients, ["age1x"]);
}

#[tokio::test]
async fn the_stored_state_comes_to_the_same_as_the_entries() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    for run in ["a", "b", "c"] {
        append(&ledger, run).await;
    }
    ledger.close().await;
    assert_eq!(count(&fixture.directory.path().join("ledger-state")), 1);
    let from_state = fixture.open(1).await.state();
    std::fs::remove_dir_all(fixture.directory.path().join("ledger-state")).unwrap();
    let from_entries = fixture.open(1).await.state();
    assert_eq!(format!("{from_state:?}"), format!("{from_entries:?}"));
}

#[tokio::test]
async fn a_damaged_state_is_passed_over() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    let head = append(&ledger, "a").await;
    ledger.close().await;
    std::fs::write(fixture.file(&Name::ledger_state(head.sequence)), b"garbage").unwrap();
    assert_eq!(fixture.open(1).await.state().head(), head);
}

#[tokio::test]
async fn a_state_whose_last_entry_is_lost_is_passed_over() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    let kept = append(&ledger, "a").await;
    let lost = append(&ledger, "b").await;
    ledger.close().await;
    assert!(fixture.file(&Name::ledger_state(lost.sequence)).exists());
    std::fs::remove_file(fixture.file(&Name::ledger(lost.sequence))).unwrap();
    let ledger = fixture.open(1).await;
    assert_eq!(ledger.state().head(), kept);
    let other = append(&ledger, "c").await;
    drop(ledger);
    assert_eq!(other.sequence, lost.sequence);
    assert_eq!(
        fixture.open(1).await.state().head(),
        other,
        "the state is of another entry than the one that is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_custodians_on_one_vault_lose_nothing_and_agree() {
    let fixture = Fixture::new().await;
    let (one, two) = (Arc::new(fixture.open(1).await), Arc::new(fixture.open(2).await));
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        for (ledger, name) in [(&one, "one"), (&two, "two")] {
            let ledger = Arc::clone(ledger);
            tasks.spawn(async move { append(&ledger, &format!("{name}-{number}")).await });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let fresh = fixture.open(3).await.state();
    for number in 0..60 {
        for name in ["one", "two"] {
            assert!(fresh.restore("team", &format!("{name}-{number}")).is_some(), "{name}-{number}");
        }
    }
    assert_eq!(fresh.head().sequence, fixture.entries() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn g18_two_custodians_cannot_both_decide_on_the_same_state() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.open(1).await, fixture.open(2).await);
    // Each would be the first to restore "x"; only one may be.
    let only_first = |run: &'static str| {
        move |state: &State| match state.restore("team", "x") {
            Some(_) => Verdict::Refuse(Refused::RolledBack),
            None => {
                let Promise::RestoreStarted { point, namespace, spec_hash, target, .. } = started(run) else {
                    return Verdict::Nothing;
                };
                let name = "x".into();
                let run = RunId(run.into());
                Verdict::Append(vec![Promise::RestoreStarted {
                    run,
                    point,
                    namespace,
                    name,
                    spec_hash,
                    target,
                }])
            }
        }
    };
    let (a, b) = tokio::join!(one.append(only_first("a")), two.append(only_first("b")));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let refused = if a.is_ok() { b } else { a };
    assert!(matches!(refused, Err(LedgerError::Refused(Refused::RolledBack))));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_moment_share_an_entry() {
    let fixture = Fixture::new().await;
    let ledger = Arc::new(fixture.open(1).await);
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let ledger = Arc::clone(&ledger);
        tasks.spawn(async move { append(&ledger, &format!("{number}")).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    // 200 requests take some 50 ms windows, not 200 writes.
    assert!(fixture.entries() <= 40, "{}", fixture.entries());
}

#[tokio::test]
async fn a_ledger_that_was_rolled_back_is_recognised() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    let old = append(&ledger, "a").await;
    let new = append(&ledger, "b").await;
    drop(ledger);
    let seen = |head: LedgerHead| contract::Head::from(head);
    let honest = Ledger::open(fixture.place(1), Some(&seen(old)), true).await.unwrap();
    assert!(!honest.rolled_back());
    std::fs::remove_file(fixture.file(&Name::ledger(new.sequence))).unwrap();
    let behind = Ledger::open(fixture.place(1), Some(&seen(new)), true).await.unwrap();
    assert!(behind.rolled_back());
    // Growing past the old head on another way does not hide it.
    append(&behind, "c").await;
    append(&behind, "d").await;
    let beside = Ledger::open(fixture.place(1), Some(&seen(new)), true).await.unwrap();
    assert!(beside.rolled_back());
}

#[tokio::test]
async fn an_entry_that_does_not_follow_is_named() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    append(&ledger, "a").await;
    append(&ledger, "b").await;
    drop(ledger);
    let (second, third) = (fixture.file(&Name::ledger(2)), fixture.file(&Name::ledger(3)));
    let other = std::fs::read(&second).unwrap();
    // An entry of the same place from another history: only the hash tells.
    std::fs::remove_file(&second).unwrap();
    let place = fixture.place(1);
    let entry = LedgerEntry {
        format: 1,
        sequence: 2,
        previous: Hash::of(&std::fs::read(fixture.file(&Name::ledger(1))).unwrap()),
        time: fixture.clock.now(),
        promises: vec![started("z")],
    };
    let object = Expected {
        kind: ObjectKind::LedgerEntry,
        number: 2,
        vault: VAULT,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    };
    let sealed = seal_document(&entry, &object, Id([9; 16]), Suite::Aes256Gcm, place.key.key()).unwrap();
    std::fs::write(&second, sealed).unwrap();
    let error = Ledger::open(fixture.place(1), None, true).await.err().unwrap();
    assert!(error.to_string().contains("ledger/0000000000000003"), "{error}");
    // Swapped entries.
    std::fs::write(&second, std::fs::read(&third).unwrap()).unwrap();
    std::fs::write(&third, other).unwrap();
    let error = Ledger::open(fixture.place(1), None, true).await.err().unwrap();
    assert_eq!(error.code(), contract::FailureCode::Damaged);
}

#[tokio::test]
async fn a_promise_of_a_newer_version_stops_changes_but_not_reading() {
    let fixture = Fixture::new().await;
    let place = fixture.place(1);
    let previous = Hash::of(&std::fs::read(fixture.file(&Name::ledger(1))).unwrap());
    let entry = serde_json::json!({
        "format": 1, "sequence": 2, "previous": previous, "time": fixture.clock.now(),
        "promises": [{"kind": "hold", "point": Id([1; 16]), "until": null}],
    });
    let object = Expected {
        kind: ObjectKind::LedgerEntry,
        number: 2,
        vault: VAULT,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    };
    let sealed = seal_document(&entry, &object, Id([9; 16]), Suite::Aes256Gcm, place.key.key()).unwrap();
    std::fs::write(fixture.file(&Name::ledger(2)), sealed).unwrap();
    let ledger = fixture.open(1).await;
    assert_eq!(ledger.state().head().sequence, 2);
    let promise = started("a");
    let refused = ledger.append(move |_| Verdict::Append(vec![promise.clone()])).await;
    assert!(matches!(refused, Err(LedgerError::Refused(Refused::UnknownPromises))), "{refused:?}");
}

#[tokio::test]
async fn a_state_of_somebody_who_did_not_know_every_promise_is_passed_over() {
    let fixture = Fixture::new().await;
    let place = fixture.place(1);
    let ledger = fixture.open(1).await;
    let head = append(&ledger, "a").await;
    let known = ledger.state();
    drop(ledger);
    let state = State {
        vault: known.vault.clone().map(|vault| StateVault { unknown: true, ..vault }),
        ..(*known).clone()
    };
    let sealed = stored_state::seal(&place, &state).unwrap();
    let file = fixture.file(&Name::ledger_state(head.sequence));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, sealed).unwrap();
    assert!(!fixture.open(2).await.state().has_unknown_promises());
}

#[tokio::test]
async fn another_key_does_not_open_the_ledger() {
    let fixture = Fixture::new().await;
    let mut place = fixture.place(1);
    place.key = CatalogueKey::from_bytes(&[2; 32]).ledger_key(VAULT);
    let error = Ledger::open(place, None, true).await.err().unwrap();
    assert_eq!(error.code(), contract::FailureCode::WrongKey);
}

#[tokio::test]
async fn a_state_is_stored_every_256_entries() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    while append(&ledger, "a").await.sequence < 257 {}
    // The state is stored after the entry was answered, and before the next request is.
    append(&ledger, "b").await;
    assert!(fixture.file(&Name::ledger_state(256)).exists());
}

#[tokio::test]
async fn a_ledger_that_storage_has_lost_is_not_written_on_and_opens_as_rolled_back() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    append(&ledger, "a").await;
    let lost = append(&ledger, "b").await;
    let store = fixture.place(1).store;
    assert!(ledger.is_whole(&store).await.unwrap());
    std::fs::remove_file(fixture.file(&Name::ledger(lost.sequence))).unwrap();
    assert!(!ledger.is_whole(&store).await.unwrap());
    assert!(ledger.rolled_back() && !ledger.opened_rolled_back());
    assert_eq!(ledger.state().head(), lost, "what it is opened with again");

    let refused = ledger.append(|_| Verdict::Append(vec![started("c")])).await;
    assert!(matches!(refused, Err(LedgerError::Lost)), "{refused:?}");
    ledger.close().await;
    assert!(!fixture.file(&Name::ledger_state(lost.sequence)).exists(), "the lost state is not stored");
    let after = Ledger::open(fixture.place(1), Some(&lost.into()), true).await.unwrap();
    assert_eq!((after.rolled_back(), after.state().head().sequence), (true, lost.sequence - 1));
}

mod fold_tests;

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_read_back_to_a_time_and_a_foreign_one_among_them_is_noticed() {
    let fixture = Fixture::new().await;
    let ledger = fixture.open(1).await;
    for number in 0..40 {
        fixture.clock.advance(std::time::Duration::from_secs(3_600));
        ledger.append(move |_| Verdict::Append(vec![ended(&format!("job-{number}"))])).await.unwrap();
    }
    let head = ledger.state().head();
    ledger.close().await;
    let place = fixture.place(2);
    let read = async |since| entries(&place.store, VAULT, &place.key, head, since).await;
    assert_eq!(read(None).await.unwrap().len(), fixture.entries());
    let since = fixture.clock.now() - jiff::SignedDuration::from_hours(3);
    let told = read(Some(since)).await.unwrap();
    let newest: Vec<_> = told.iter().map(|entry| entry.promises[0].clone()).collect();
    assert_eq!(newest, ["job-39", "job-38", "job-37", "job-36"].map(ended));

    let name = Name::ledger(head.sequence - 1);
    let entry = LedgerEntry {
        format: crate::format::FORMAT,
        sequence: head.sequence - 1,
        previous: Hash::NONE,
        time: fixture.clock.now(),
        promises: vec![ended("planted")],
    };
    let object = Expected {
        kind: ObjectKind::LedgerEntry,
        number: entry.sequence,
        vault: VAULT,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    };
    let sealed = seal_document(&entry, &object, Id([9; 16]), Suite::Aes256Gcm, place.key.key()).unwrap();
    std::fs::write(fixture.file(&name), sealed).unwrap();
    assert!(matches!(read(None).await, Err(LedgerError::Broken { .. })));
    std::fs::remove_file(fixture.file(&name)).unwrap();
    assert!(matches!(read(None).await, Err(LedgerError::Store(_))));
}

fn ended(name: &str) -> Promise {
    Promise::JobEnded {
        run: RunId("run".into()),
        job: "BackupJob".into(),
        namespace: "team".into(),
        name: name.into(),
        state: "Completed".into(),
        message: String::new(),
    }
}
