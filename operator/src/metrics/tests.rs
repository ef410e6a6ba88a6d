//! That every metric is there under its name, and that the names are as Prometheus wants them.

use std::collections::BTreeMap;

use super::*;

fn labels() -> InstanceLabels {
    InstanceLabels { namespace: "shop".into(), instance: "orders".into() }
}

fn vault() -> VaultLabels {
    VaultLabels { namespace: "vaults".into(), vault: "main".into() }
}

fn ended(kind: JobKind, result: &'static str, reason: &str, seconds: Option<f64>) -> JobEnd {
    JobEnd { kind, namespace: "shop".into(), result, reason: reason.into(), seconds }
}

/// Metrics of which each was told once.
pub(crate) fn told() -> Metrics {
    let metrics = Metrics::default();
    drop(metrics.reconcile_started("BackupJob"));
    metrics.queue_depth("BackupJob").set(3);
    metrics.reconcile_failed("BackupJob", "Act");
    metrics.lead(true);
    let figures = InstanceFigures {
        latest_point: Some(1_800_000_000),
        oldest_point: Some(1_700_000_000),
        expected_interval: Some(86_400),
        last_success: Some(1_800_000_100),
        last_attempt: Some(1_800_000_200),
        last_result: Some(0),
        next_run: Some(1_800_086_400),
        last_duration: Some(90),
        last_source_bytes: Some(4096),
        last_stored_bytes: Some(1024),
        protected: Some(1),
        missed_runs: 3,
    };
    metrics.instance(&labels(), Some(&figures));
    metrics.job_ended(&ended(JobKind::Backup, "Completed", "Completed", Some(90.0)));
    metrics.job_ended(&ended(JobKind::Backup, "Expired", "StartWindowMissed", None));
    metrics.job_ended(&ended(JobKind::Restore, "Failed", "TargetNotEmpty", Some(2.0)));
    metrics.progress(&labels(), Some(Moved { done: 10, estimated: 100 }));
    let figures = VaultFigures {
        available: true,
        stored_bytes: Some(1024),
        conditional_writes: Some(true),
        held_back: 2,
    };
    metrics.vault(&vault(), Some(&figures));
    metrics
}

/// The lines of the page that give a value.
fn has(text: &str, line: &str) -> bool {
    text.lines().any(|held| held == line)
}

#[test]
fn every_figure_is_on_the_page_under_its_name() {
    let text = told().text();
    let of_instance = "{namespace=\"shop\",instance=\"orders\"}";
    for (name, value) in [
        ("recovery_point_latest_timestamp_seconds", "1800000000.0"),
        ("recovery_point_oldest_timestamp_seconds", "1700000000.0"),
        ("backup_expected_interval_seconds", "86400.0"),
        ("backup_last_success_timestamp_seconds", "1800000100.0"),
        ("backup_last_attempt_timestamp_seconds", "1800000200.0"),
        ("backup_last_result", "0.0"),
        ("backup_next_run_timestamp_seconds", "1800086400.0"),
        ("backup_last_duration_seconds", "90.0"),
        ("backup_last_source_bytes", "4096.0"),
        ("backup_last_stored_bytes", "1024.0"),
        ("instance_protected", "1.0"),
        ("backup_missed_runs_total", "3"),
        ("backup_job_progress_bytes", "10"),
        ("backup_job_estimated_bytes", "100"),
    ] {
        assert!(has(&text, &format!("coffer_{name}{of_instance} {value}")), "{name}\n{text}");
    }
    for line in [
        "coffer_backup_jobs_total{namespace=\"shop\",result=\"Completed\",reason=\"Completed\"} 1",
        "coffer_backup_jobs_total{namespace=\"shop\",result=\"Expired\",reason=\"StartWindowMissed\"} 1",
        "coffer_restore_jobs_total{namespace=\"shop\",result=\"Failed\",reason=\"TargetNotEmpty\"} 1",
        "coffer_backup_job_duration_seconds_bucket{le=\"60.0\",type=\"Full\",result=\"Completed\"} 0",
        "coffer_backup_job_duration_seconds_bucket{le=\"300.0\",type=\"Full\",result=\"Completed\"} 1",
        "coffer_restore_job_duration_seconds_count{result=\"Failed\"} 1",
        "coffer_vault_available{namespace=\"vaults\",vault=\"main\"} 1",
        "coffer_vault_stored_bytes{namespace=\"vaults\",vault=\"main\"} 1024",
        "coffer_vault_conditional_writes{namespace=\"vaults\",vault=\"main\"} 1",
        "coffer_vault_points_held_back{namespace=\"vaults\",vault=\"main\"} 2",
        "coffer_controller_reconcile_duration_seconds_count{kind=\"BackupJob\"} 1",
        "coffer_controller_active_reconciles{kind=\"BackupJob\"} 0",
        "coffer_controller_queue_depth{kind=\"BackupJob\"} 3",
        "coffer_controller_reconcile_errors_total{kind=\"BackupJob\",error=\"Act\"} 1",
        "coffer_leader 1",
        "coffer_build_info{version=\"0.1.0\"} 1",
    ] {
        let line = line.replace("0.1.0", env!("CARGO_PKG_VERSION"));
        assert!(has(&text, &line), "{line}\n{text}");
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    let text = told().text();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kinds.insert(name, kind);
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(name.starts_with("coffer_") && name.bytes().all(plain), "{name}");
            for word in ["counter", "gauge", "histogram", "minutes", "milliseconds"] {
                assert!(!name.contains(word), "{name} names {word}");
            }
            for unit in ["seconds", "bytes"].into_iter().filter(|unit| name.contains(unit)) {
                assert!(name.ends_with(unit), "{name}");
                assert!(text.contains(&format!("# UNIT {name} {unit}")), "{name} has no unit line");
            }
            let tells_time = name.contains("timestamp") || name.contains("duration");
            assert!(!tells_time || name.ends_with("_seconds"), "{name}");
        }
    }
    assert!(kinds.len() >= 26, "{kinds:?}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let of_counter = name.strip_suffix("_total").is_some_and(|base| kinds.get(base) == Some(&"counter"));
        assert_eq!(name.ends_with("_total"), of_counter, "{name}");
    }
}

#[test]
fn an_instance_that_was_never_backed_up_has_no_last_result() {
    let metrics = Metrics::default();
    let figures = InstanceFigures { next_run: Some(1_800_000_000), ..InstanceFigures::default() };
    metrics.instance(&labels(), Some(&figures));
    let text = metrics.text();
    assert!(text.contains("coffer_backup_next_run_timestamp_seconds{"), "{text}");
    assert!(!text.contains("coffer_backup_last_result{"), "{text}");
}

#[test]
fn what_is_gone_is_no_longer_told() {
    let metrics = told();
    metrics.instance(&labels(), None);
    metrics.progress(&labels(), None);
    metrics.vault(&vault(), None);
    let text = metrics.text();
    assert!(!text.contains("orders") && !text.contains("main"), "{text}");
}
