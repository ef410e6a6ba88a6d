//! Decisions about vaults, as a table of what the keeper may say.

use contract::{
    ClockReading, Failure, FailureCode, Head, KeyState, Probes, Stage, StorageState, VERSION, VaultView,
};
use crds::common::{ConditionType, is_true};
use crds::{BackupVault, BackupVaultStatus};
use jiff::Timestamp;

use super::certificate::Renewal;
use super::config::{Certificate, Certificates, config_map, keeper_config};
use super::decide::{Decision, Step, decide};
use super::observe::{Claim, Seen};
use crate::clock::Now;
use crate::controller::Wake;
use crate::keeper_client::Trouble;
use crate::settings::Settings;

pub(super) fn vault() -> BackupVault {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
        "metadata": {"name": "main", "namespace": "vaults", "uid": "7d0c", "generation": 2},
        "spec": {"storage": {"s3": {"bucket": "backups", "credentialsSecretRef": {"name": "s3"}}},
                 "encryption": {"mode": "SystemManaged", "acceptKeyLoss": true}},
    }))
    .unwrap()
}

fn settings() -> Settings {
    Settings {
        namespace: "coffer-system".into(),
        pod: "coffer-0".into(),
        service_account: "coffer".into(),
        image: "coffer.local/coffer:1".into(),
        image_pull_policy: "IfNotPresent".into(),
        cluster_id: "c1".into(),
    }
}

fn now() -> Now {
    let time: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    Now { time, wall: time }
}

pub(super) fn view(key: KeyState) -> VaultView {
    let open = key == KeyState::Open;
    VaultView {
        version: VERSION,
        vault_id: open.then(|| "v1".into()),
        fingerprint: open.then(|| "aa-bb".into()),
        head: open.then(|| Head { sequence: 7, hash: "h7".into() }),
        storage: StorageState::Reachable,
        key,
        probes: Some(Probes {
            probed: now().wall,
            create_only: true,
            stale_overwrite_refused: Some(true),
            versioning: None,
            object_lock: None,
        }),
        clock: ClockReading { keeper: now().wall, skew_seconds: Some(0) },
        points: 3,
        stored_bytes: 2048,
        pledges: contract::Pledges::default(),
        undeleted: None,
        rolled_back: false,
    }
}

fn certificates() -> Certificates {
    Certificates { current: Certificate { number: 1, pem: "pem".into(), born: now().wall }, next: None }
}

fn seen(keeper: Option<Result<VaultView, Trouble>>) -> Seen {
    let config = keeper_config(&vault(), None).unwrap();
    Seen {
        namespace_protected: true,
        config_map: Some(config_map(&vault(), &config, &certificates())),
        keeper,
        root_version: "12345678".into(),
        ..Seen::default()
    }
}

fn decided(vault: &BackupVault, seen: &Seen) -> Decision {
    decide(vault, seen, &settings(), now())
}

fn reason(status: &BackupVaultStatus) -> (&str, &str) {
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").expect("Ready is always there");
    (&ready.status, &ready.reason)
}

fn status(decision: &Decision) -> &BackupVaultStatus {
    decision.status.as_ref().expect("a status")
}

#[test]
fn a_new_vault_first_gets_a_certificate_and_nothing_that_mounts_it() {
    let decision = decided(&vault(), &Seen { root_version: "1".into(), ..Seen::default() });
    assert_eq!(decision.steps, [Step::MakeCertificate { renewal: Renewal::First, head: None }]);
    assert_eq!(reason(status(&decision)), ("False", "KeeperStarting"));
}

#[test]
fn then_the_token_comes_before_the_pod_that_mounts_it() {
    let decision = decided(&vault(), &seen(None));
    assert!(matches!(decision.steps[0], Step::CreateToken(_)), "{:?}", decision.steps[0]);
    assert!(matches!(decision.steps[1], Step::ApplyWorkload(..)));
}

#[test]
fn keys_are_made_only_on_an_empty_storage_that_never_was_this_vaults() {
    let made = |vault: &BackupVault, key| {
        decided(vault, &seen(Some(Ok(view(key))))).steps.contains(&Step::CreateKeys)
    };
    assert!(made(&vault(), KeyState::Empty));
    for key in [KeyState::Unknown, KeyState::Open, KeyState::Foreign { vault_id: "v2".into() }] {
        assert!(!made(&vault(), key.clone()), "{key:?}");
    }
    let mut known = vault();
    known.status = Some(BackupVaultStatus { vault_id: Some("v1".into()), ..BackupVaultStatus::default() });
    assert!(!made(&known, KeyState::Empty), "the bucket was emptied: another key would hide the loss");
    let mut careless = vault();
    careless.spec.encryption.accept_key_loss = false;
    assert!(!made(&careless, KeyState::Empty));
}

#[test]
fn what_the_keeper_says_becomes_the_reason() {
    let failing = |code| {
        let mut view = view(KeyState::Unknown);
        view.storage = StorageState::Failing(Failure {
            code,
            stage: Stage::Starting,
            message: "no".into(),
            cause: None,
        });
        view
    };
    let mut lies = view(KeyState::Open);
    lies.probes.as_mut().unwrap().create_only = false;
    let mut old = view(KeyState::Open);
    old.rolled_back = true;
    let cases = [
        (view(KeyState::Open), ("True", "AsConfigured")),
        (view(KeyState::Foreign { vault_id: "v2".into() }), ("False", "KeyMissing")),
        (view(KeyState::Invalid { message: "no".into() }), ("False", "KeyMissing")),
        (failing(FailureCode::BucketNotFound), ("False", "BucketNotFound")),
        (failing(FailureCode::StorageCredentialsRefused), ("False", "CredentialsRefused")),
        (failing(FailureCode::StorageUnreachable), ("False", "StorageUnreachable")),
        (lies, ("False", "ConditionalWritesNotHonoured")),
        (old, ("False", "RolledBack")),
    ];
    for (view, expected) in cases {
        let decision = decided(&vault(), &seen(Some(Ok(view.clone()))));
        assert_eq!(reason(status(&decision)), expected, "{view:?}");
        let conditions = &status(&decision).conditions;
        let both =
            is_true(conditions, ConditionType::Reconciling) && is_true(conditions, ConditionType::Stalled);
        assert!(!both, "kstatus takes the two together for a contradiction");
    }
}

#[test]
fn deletion_pauses_while_any_two_clocks_differ() {
    let blocked = |minutes: i64, skew_seconds: Option<i64>| {
        let mut said = view(KeyState::Open);
        let keeper = now().wall + jiff::SignedDuration::from_mins(minutes);
        said.clock = ClockReading { keeper, skew_seconds };
        let skewed = super::findings::is_clock_skewed(&said, now().wall);
        let decision = decided(&vault(), &seen(Some(Ok(said))));
        let conditions = &status(&decision).conditions;
        let told =
            conditions.iter().find(|held| held.type_ == "RetentionBlocked").map(|held| held.message.clone());
        assert_eq!(skewed, told.is_some(), "what is told is what holds");
        told.unwrap_or_default()
    };
    assert_eq!(blocked(5, Some(300)), "");
    assert_eq!(blocked(-5, None), "");
    for minutes in [6, -6] {
        assert!(blocked(minutes, Some(0)).contains("operator and keeper"));
        assert!(blocked(0, Some(60 * minutes)).contains("keeper and storage"));
    }
}

#[test]
fn what_storage_does_not_let_go_blocks_retention_in_its_own_words() {
    let mut said = view(KeyState::Open);
    said.undeleted = Some(contract::Undeleted {
        points: 2,
        message: "delete packs/x: locked until May".into(),
        named: std::collections::BTreeMap::new(),
    });
    let decision = decided(&vault(), &seen(Some(Ok(said))));
    let conditions = &status(&decision).conditions;
    let blocked = conditions.iter().find(|held| held.type_ == "RetentionBlocked").expect("it is told");
    assert_eq!((blocked.status.as_str(), blocked.reason.as_str()), ("True", "StorageKeepsPoints"));
    assert!(blocked.message.contains("2 expired") && blocked.message.contains("locked until May"));
    assert_eq!(reason(status(&decision)), ("True", "AsConfigured"), "backups go on");
    let after = decided(&vault(), &seen(Some(Ok(view(KeyState::Open)))));
    assert!(!is_true(&status(&after).conditions, ConditionType::RetentionBlocked));
}

#[test]
fn missing_rights_are_told_with_the_command_that_grants_them() {
    let decision = decided(&vault(), &Seen { forbidden: true, ..Seen::default() });
    assert_eq!(reason(status(&decision)), ("False", "NotBound"));
    assert!(decision.steps.is_empty());
    let message = &status(&decision).conditions[0].message;
    assert!(message.contains("kubectl create rolebinding coffer-vault -n vaults"), "{message}");
}

#[test]
fn a_claim_that_only_one_pod_may_mount_is_refused() {
    for (claim, expected) in [(Claim::Missing, "ClaimNotFound"), (Claim::OncePod, "ClaimUnsupported")] {
        let mut seen = seen(None);
        seen.claim = Some(claim);
        let decision = decided(&vault(), &seen);
        assert_eq!(reason(status(&decision)), ("False", expected));
        assert!(decision.steps.is_empty());
    }
}

#[test]
fn a_keeper_that_restarts_does_not_turn_its_vault_unready_at_once() {
    let mut vault = vault();
    vault.status = decided(&vault, &seen(Some(Ok(view(KeyState::Open))))).status;
    let silent = |seconds| {
        let mut seen = seen(Some(Err(Trouble::Unreachable("no answer".into()))));
        seen.last_answer = Some(now().wall.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap());
        decided(&vault, &seen)
    };
    assert_eq!(reason(status(&silent(60))), ("True", "AsConfigured"));
    let gone = silent(120);
    assert_eq!(reason(status(&gone)), ("False", "KeeperUnavailable"));
    assert!(is_true(&status(&gone).conditions, ConditionType::KeeperUnavailable));
}

#[test]
fn a_second_look_changes_nothing_and_is_a_minute_away() {
    let mut vault = vault();
    let mut seen = seen(Some(Ok(view(KeyState::Open))));
    vault.status = decided(&vault, &seen).status;
    // What was applied is what is there.
    for step in decided(&vault, &seen).steps {
        match step {
            Step::ApplyConfig(map) => seen.config_map = Some(*map),
            Step::ApplyWorkload(workload, _) => {
                let value = |object| serde_json::to_value(object).unwrap();
                seen.service = Some(serde_json::to_value(&workload.service).unwrap());
                seen.accounts =
                    workload.accounts.each_ref().map(|held| Some(value(serde_json::to_value(held).unwrap())));
                seen.policies =
                    workload.policies.each_ref().map(|held| Some(value(serde_json::to_value(held).unwrap())));
                seen.deployment = Some(workload.deployment);
            }
            Step::CreateKeys
            | Step::MakeCertificate { .. }
            | Step::CreateToken(_)
            | Step::RemoveOldCertificates(_)
            | Step::Pledge(_) => {}
        }
    }
    let again = decided(&vault, &seen);
    assert_eq!(again.steps, []);
    assert_eq!(again.status, vault.status);
    assert_eq!(again.wake, Wake::seconds(60));

    seen.keeper = Some(Err(Trouble::Unreachable("no answer".into())));
    seen.last_answer = Some(now().wall);
    let silent = decided(&vault, &seen);
    assert_eq!(reason(status(&silent)), ("True", "AsConfigured"));
    assert_eq!(silent.wake, Wake::seconds(5), "a keeper that is being restarted is asked again soon");
}

fn with_soft_delete(spec: serde_json::Value) -> BackupVault {
    let mut vault = vault();
    vault.spec.soft_delete = serde_json::from_value(spec).unwrap();
    vault
}

#[test]
fn a_soft_delete_that_is_always_on_is_pledged_once() {
    let always = with_soft_delete(serde_json::json!({"state": "AlwaysOn", "retentionDays": 30}));
    let pledged = |days: Option<u16>| {
        let mut view = view(KeyState::Open);
        view.pledges.soft_delete_days = days;
        let decision = decided(&always, &seen(Some(Ok(view))));
        decision
            .steps
            .into_iter()
            .any(|step| step == Step::Pledge(contract::Pledges { soft_delete_days: Some(30) }))
    };
    assert!(pledged(None), "the ledger has no word of it");
    assert!(pledged(Some(14)), "the days only grow");
    assert!(!pledged(Some(30)), "the ledger has it");
}

#[test]
fn a_vault_that_was_made_again_with_a_weaker_soft_delete_is_told_what_was_promised() {
    let mut view = view(KeyState::Open);
    view.pledges.soft_delete_days = Some(30);
    for spec in [serde_json::json!(null), serde_json::json!({"state": "AlwaysOn", "retentionDays": 14})] {
        let weaker = with_soft_delete(spec);
        let decision = decided(&weaker, &seen(Some(Ok(view.clone()))));
        assert_eq!(reason(status(&decision)), ("False", "WeakerThanRecorded"));
        assert!(is_true(&status(&decision).conditions, ConditionType::Stalled));
        let shown = status(&decision).soft_delete.as_ref().expect("what is in force is shown");
        assert_eq!(shown.retention_days, Some(30), "the record is followed");
    }
}

#[test]
fn deleted_instances_with_points_are_counted_and_none_is_no_count() {
    let count = |deleted: Option<usize>, before: Option<i32>| {
        let mut vault = vault();
        vault.status = Some(BackupVaultStatus { deleted_instances: before, ..BackupVaultStatus::default() });
        let seen = Seen { deleted_instances: deleted, ..seen(Some(Ok(view(KeyState::Open)))) };
        status(&decided(&vault, &seen)).deleted_instances
    };
    assert_eq!(count(Some(2), None), Some(2));
    assert_eq!(count(Some(0), Some(2)), None);
    assert_eq!(count(None, Some(2)), Some(2), "until the ledger was read it stays as it was");
}
