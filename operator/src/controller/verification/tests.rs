//! What is read back when, and what each end of a run leads to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use contract::{
    DamagedObject, Decision as Promise, Failure, FailureCode, Outcome, Owner, PointId, PointState, PointView,
    Report, RunId, SourceServer, Stage, Trigger, VERSION, Verification, Verified, VerifyLevel, WriterId,
};
use crds::{BackupInstance, BackupVault, Reason};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::decide::{Decision, Step, decide};
use super::observe::Seen;
use crate::clock::Now;
use crate::controller::Wake;
use crate::controller::run::{AttemptState, Ending, SeenAttempt};
use crate::names;

const UID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now(text: &str) -> Now {
    Now { time: at(text), wall: at(text) }
}

fn instance(protection: &str) -> BackupInstance {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "orders", "namespace": "shop", "uid": UID},
        "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "weekly"},
                 "protection": protection,
                 "postgresql": {"host": "db", "database": "orders", "credentialsSecretRef": {"name": "login"}}},
        "status": {"policySnapshot": {
            "name": "weekly", "namespace": "shop", "version": 1, "time": "2026-11-01T00:00:00Z",
            "spec": {"rules": [], "retention": [{"name": "Default", "default": true, "keep": "P3M"}],
                     "verifyEveryDays": 7}}},
    }))
    .unwrap()
}

fn vault(ready: &str) -> Arc<BackupVault> {
    let ready = json!({"type": "Ready", "status": ready, "reason": "StorageProbed", "message": "text",
                       "lastTransitionTime": "2026-11-01T00:00:00Z"});
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
            "metadata": {"name": "main", "namespace": "vaults", "uid": "v1"},
            "spec": {"storage": {"s3": {"bucket": "backups"}}, "encryption": {"mode": "SystemManaged"}},
            "status": {"conditions": [ready]},
        }))
        .unwrap(),
    )
}

fn point(id: &str, committed: &str, verified: Option<&str>) -> PointView {
    PointView {
        id: PointId(id.repeat(16)),
        run: RunId("run".into()),
        writer: WriterId("cd".repeat(16)),
        sequence: 2,
        owner: Owner::Cli { datasource_id: "7/orders".into() },
        decision: Promise {
            tag: "Default".into(),
            keep: Some("P3M".into()),
            time_zone: "UTC".into(),
            reason: "text".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        point_time: at(committed),
        commit_time: at(committed),
        expiration_time: None,
        overridden: None,
        removal: None,
        state: PointState::Available,
        verified: Verified { full: verified.map(at), restored: None },
        source: SourceServer {
            server_version: "15.18".into(),
            system_identifier: None,
            size_bytes: 1,
            standby: false,
            role: None,
            program: None,
        },
        data_stores: Vec::new(),
        stored_bytes: 1,
        objects: 1,
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

fn seen(points: Vec<PointView>) -> Seen {
    Seen {
        vault: vault("True"),
        every: SignedDuration::from_hours(7 * 24),
        points,
        attempts: Vec::new(),
        damaged: Vec::new(),
        paused: HashMap::new(),
        jobs: HashSet::new(),
        busy: false,
    }
}

fn ended(point: &PointView, outcome: Option<Outcome>) -> SeenAttempt {
    let report = outcome.map(|outcome| Report {
        version: VERSION,
        run: RunId("verify".into()),
        attempt: 1,
        started: None,
        outcome,
        warnings: Vec::new(),
    });
    let ending = Ending { report, exit_code: Some(0), out_of_memory: false };
    SeenAttempt {
        number: 1,
        namespace: "vaults".into(),
        job_name: names::verification(UID, &point.id),
        job_uid: Some("j1".into()),
        going: false,
        created: Some(at("2026-11-20T00:00:00Z")),
        decision: None,
        state: AttemptState::Ended(Box::new(ending)),
    }
}

fn verification(damage: Vec<DamagedObject>) -> Outcome {
    Outcome::Verified(Verification {
        level: VerifyLevel::Objects,
        objects: 4,
        stored_bytes: 1,
        rows: 0,
        damaged: damage.len() as u64,
        damage,
        restored: Vec::new(),
        not_restored: None,
    })
}

fn started(decision: &Decision) -> Option<String> {
    decision.steps.iter().find_map(|step| match step {
        Step::Start(point) => Some(point.0.get(..2).unwrap().to_owned()),
        _ => None,
    })
}

#[test]
fn the_point_that_was_read_longest_ago_is_read_when_its_days_are_over() {
    let points = vec![
        point("aa", "2026-11-01T00:00:00Z", Some("2026-11-12T00:00:00Z")),
        point("bb", "2026-11-04T00:00:00Z", None),
        point("cc", "2026-11-10T00:00:00Z", None),
    ];
    let table = [
        ("2026-11-10T23:59:59Z", None, Wake::At(at("2026-11-11T00:00:00Z"))),
        ("2026-11-11T00:00:00Z", Some("bb".to_owned()), Wake::OnChange),
    ];
    for (time, expected, wake) in table {
        let decision = decide(&instance("Enabled"), &seen(points.clone()), now(time));
        assert_eq!((started(&decision), decision.wake), (expected, wake), "{time}");
    }
    let mut read = points;
    read[1].verified.full = Some(at("2026-11-11T01:00:00Z"));
    let decision = decide(&instance("Enabled"), &seen(read), now("2026-11-11T01:00:00Z"));
    assert_eq!(decision.wake, Wake::At(at("2026-11-17T00:00:00Z")), "then the one that was never read");
}

#[test]
fn nothing_is_read_beside_a_backup_nor_while_the_vault_is_not_ready_nor_in_a_pause() {
    let points = || vec![point("aa", "2026-11-01T00:00:00Z", None)];
    let time = now("2026-11-20T00:00:00Z");
    assert_eq!(started(&decide(&instance("Enabled"), &seen(points()), time)), Some("aa".into()));
    let busy = Seen { busy: true, ..seen(points()) };
    let failing = Seen { vault: vault("False"), ..seen(points()) };
    for seen in [busy, failing] {
        assert_eq!(
            decide(&instance("Enabled"), &seen, time),
            Decision { steps: vec![], wake: Wake::OnChange }
        );
    }
    let paused = Seen { paused: pause("aa", "2026-11-20T01:00:00Z"), ..seen(points()) };
    assert_eq!(
        decide(&instance("Enabled"), &paused, time),
        Decision { steps: vec![], wake: Wake::seconds(3600) }
    );
}

/// This point, not to be read until then.
fn pause(id: &str, until: &str) -> HashMap<PointId, Timestamp> {
    HashMap::from([(PointId(id.repeat(16)), at(until))])
}

#[test]
fn a_point_that_cannot_be_read_back_keeps_no_other_from_it() {
    let mut points =
        vec![point("aa", "2026-11-01T00:00:00Z", None), point("bb", "2026-11-04T00:00:00Z", None)];
    let paused =
        |points: &[PointView]| Seen { paused: pause("aa", "2026-11-20T01:00:00Z"), ..seen(points.to_vec()) };
    let time = now("2026-11-20T00:00:00Z");
    assert_eq!(started(&decide(&instance("Enabled"), &paused(&points), time)), Some("bb".into()));
    points[1].verified.full = Some(at("2026-11-19T00:00:00Z"));
    let decision = decide(&instance("Enabled"), &paused(&points), time);
    assert_eq!(decision, Decision { steps: vec![], wake: Wake::seconds(3600) }, "then the one that rests");
    points[1].verified.full = Some(at("2026-11-13T00:30:00Z"));
    let decision = decide(&instance("Enabled"), &paused(&points), time);
    assert_eq!(decision.wake, Wake::At(at("2026-11-20T00:30:00Z")), "or the other, if that is sooner");
}

#[test]
fn a_sound_point_is_recorded_before_its_job_goes() {
    let point = point("aa", "2026-11-01T00:00:00Z", None);
    let attempt = ended(&point, Some(verification(Vec::new())));
    let seen = Seen { attempts: vec![attempt.clone()], ..seen(vec![point.clone()]) };
    let decision = decide(&instance("Enabled"), &seen, now("2026-11-20T00:00:00Z"));
    assert_eq!(
        decision.steps,
        [Step::Record { point: point.id, damage: None }, Step::Remove(Box::new(attempt))]
    );
}

#[test]
fn a_damaged_point_is_recorded_and_gets_a_substitute_but_none_where_protection_rests() {
    let point = point("aa", "2026-11-01T00:00:00Z", None);
    let damage = DamagedObject { object: "00000000".into(), message: "hash".into() };
    let attempt = ended(&point, Some(verification(vec![damage.clone()])));
    let seen = Seen { attempts: vec![attempt.clone()], ..seen(vec![point.clone()]) };
    let steps = decide(&instance("Enabled"), &seen, now("2026-11-20T00:00:00Z")).steps;
    let [Step::Record { damage: Some(found), .. }, Step::Tell(note), Step::Substitute(job), Step::Remove(_)] =
        steps.as_slice()
    else {
        panic!("{steps:?}")
    };
    assert_eq!(job.metadata.name.as_deref(), Some("orders-instead-aaaaaaaa"));
    assert_eq!(job.spec.retention_tag.as_deref(), Some("Default"));
    assert_eq!((found, note.reason), (&damage, Reason::VerificationFailed));
    let steps = decide(&instance("Suspended"), &seen, now("2026-11-20T00:00:00Z")).steps;
    assert!(matches!(steps.as_slice(), [Step::Record { .. }, Step::Tell(_), Step::Remove(_)]), "{steps:?}");
}

#[test]
fn a_substitute_that_could_not_be_made_is_made_by_the_next_look_which_finds_the_damage_in_the_ledger() {
    let found = DamagedObject { object: "00000000".into(), message: "hash".into() };
    let mut point = point("aa", "2026-11-01T00:00:00Z", None);
    let attempt = ended(&point, Some(verification(vec![found])));
    point.state = PointState::Damaged;
    let recorded = |attempt: SeenAttempt| Seen {
        attempts: vec![attempt],
        damaged: vec![point.clone()],
        ..seen(Vec::new())
    };
    let steps = decide(&instance("Enabled"), &recorded(attempt.clone()), now("2026-11-20T00:00:00Z")).steps;
    let [Step::Substitute(job), Step::Remove(_)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(job.metadata.name.as_deref(), Some("orders-instead-aaaaaaaa"));
    // Somebody else has found it damaged while it was read.
    let running = SeenAttempt { state: AttemptState::Running, ..attempt };
    let steps = decide(&instance("Enabled"), &recorded(running), now("2026-11-20T00:00:00Z")).steps;
    assert!(matches!(steps.as_slice(), [Step::Remove(_)]), "{steps:?}");
}

#[test]
fn a_substitute_is_made_until_it_is_there_or_another_backup_is() {
    let mut damaged = point("aa", "2026-11-08T00:00:00Z", None);
    damaged.state = PointState::Damaged;
    let older = point("bb", "2026-11-01T00:00:00Z", Some("2026-11-19T00:00:00Z"));
    let newer = point("cc", "2026-11-15T00:00:00Z", Some("2026-11-19T00:00:00Z"));
    let refused = Seen { damaged: vec![damaged], ..seen(vec![older]) };
    let steps = |seen: &Seen| decide(&instance("Enabled"), seen, now("2026-11-20T00:00:00Z")).steps;
    let made = steps(&refused);
    let [Step::Substitute(job)] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!(job.metadata.name.as_deref(), Some("orders-instead-aaaaaaaa"));
    let asked = |jobs: &[&str], busy, points: Vec<PointView>| Seen {
        jobs: jobs.iter().map(|name| (*name).to_owned()).collect(),
        busy,
        damaged: refused.damaged.clone(),
        ..seen(points)
    };
    let older = || refused.points.clone();
    assert_eq!(
        steps(&asked(&["orders-instead-aaaaaaaa"], false, older())),
        [],
        "it is there, however it ended"
    );
    assert_eq!(steps(&asked(&[], true, older())), [], "another backup is on its way");
    assert_eq!(steps(&asked(&[], false, [older(), vec![newer]].concat())), [], "another backup was made");
    let rests = decide(&instance("Suspended"), &refused, now("2026-11-20T00:00:00Z"));
    assert_eq!(rests.steps, [], "none is made where protection rests");
}

#[test]
fn a_run_without_a_result_says_nothing_about_the_point_and_is_tried_again_after_a_pause() {
    let point = point("aa", "2026-11-01T00:00:00Z", None);
    let failure = Failure {
        code: FailureCode::StorageUnreachable,
        stage: Stage::Data,
        message: "no answer.".into(),
        cause: None,
    };
    for outcome in [Some(Outcome::Failed(failure)), None] {
        let seen = Seen { attempts: vec![ended(&point, outcome)], ..seen(vec![point.clone()]) };
        let steps = decide(&instance("Enabled"), &seen, now("2026-11-20T00:00:00Z")).steps;
        let [Step::Pause(paused), Step::Tell(_), Step::Remove(_)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert_eq!(*paused, point.id);
    }
}

#[test]
fn a_record_that_is_cut_or_gone_is_damage() {
    let point = point("aa", "2026-11-01T00:00:00Z", None);
    for code in [FailureCode::Damaged, FailureCode::PointNotFound] {
        let failure = Failure { code, stage: Stage::Data, message: "the record".into(), cause: None };
        let attempts = vec![ended(&point, Some(Outcome::Failed(failure)))];
        let seen = Seen { attempts, ..seen(vec![point.clone()]) };
        let steps = decide(&instance("Enabled"), &seen, now("2026-11-20T00:00:00Z")).steps;
        assert!(matches!(steps[0], Step::Record { damage: Some(_), .. }), "{code:?} {steps:?}");
    }
}

#[test]
fn the_job_of_a_point_that_is_gone_is_removed_and_one_that_never_ends_is_given_up() {
    let point = point("aa", "2026-11-01T00:00:00Z", None);
    let attempt = ended(&point, None);
    let gone = Seen { attempts: vec![attempt.clone()], ..seen(Vec::new()) };
    let decision = decide(&instance("Enabled"), &gone, now("2026-11-20T00:00:00Z"));
    assert_eq!(decision.steps, [Step::Remove(Box::new(attempt.clone()))]);
    let running = SeenAttempt { state: AttemptState::Running, ..attempt };
    let waits = Seen { attempts: vec![running], ..seen(vec![point]) };
    assert!(decide(&instance("Enabled"), &waits, now("2026-11-20T20:00:00Z")).steps.is_empty());
    let steps = decide(&instance("Enabled"), &waits, now("2026-11-21T02:00:00Z")).steps;
    assert!(matches!(steps.as_slice(), [Step::Pause(_), Step::Tell(_), Step::Remove(_)]), "{steps:?}");
}
