//! What a policy's status says. Pure.

use crds::common::ConditionType;
use crds::{BackupPolicy, BackupPolicyStatus, Reason};
use jiff::Timestamp;

use super::parsed::ParsedPolicy;
use crate::controller::Conditions;

/// The status that a policy should have; equal to the one it has when nothing changed.
///
/// `instances` is how many instances refer to it: while there are any, admission refuses to delete it.
pub fn decide(policy: &BackupPolicy, instances: usize, now: Timestamp) -> BackupPolicyStatus {
    let before = policy.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, policy.metadata.generation, now);
    match ParsedPolicy::parse(&policy.spec) {
        Ok(parsed) => {
            let message =
                format!("{} backup rule(s); points are kept by rule {}.", parsed.rules.len(), parsed.tag);
            conditions.set(ConditionType::Ready, Some(true), Reason::AsConfigured, message);
        }
        // Only a person can mend a policy.
        Err(fault) => {
            conditions.set(ConditionType::Ready, Some(false), fault.reason, fault.message.as_str());
            conditions.set(ConditionType::Stalled, Some(true), fault.reason, fault.message);
        }
    }
    BackupPolicyStatus {
        observed_generation: policy.metadata.generation,
        conditions: conditions.finish(),
        instances: Some(i32::try_from(instances).unwrap_or(i32::MAX)),
        schedule: Some(policy.spec.schedule_summary()),
        retention: Some(policy.spec.retention_summary()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str, retention: &str) -> BackupPolicy {
        let yaml = format!(
            "apiVersion: coffer.dev/v1alpha1\nkind: BackupPolicy\nmetadata: {{name: weekly, namespace: backups, generation: 3}}\n\
             spec: {{rules: {rules}, retention: {retention}}}"
        );
        serde_yaml::from_str(&yaml).expect("a policy")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    const KEEP: &str = "[{name: Default, default: true, keep: P3M}]";

    fn ready(status: &BackupPolicyStatus) -> (&str, &str) {
        let ready =
            status.conditions.iter().find(|held| held.type_ == "Ready").expect("Ready is always there");
        (&ready.status, &ready.reason)
    }

    #[test]
    fn a_sound_policy_is_ready_and_tells_its_times() {
        let policy =
            policy("[{name: Weekly, schedule: {cron: '0 20 * * 3,6'}, timeZone: Europe/Berlin}]", KEEP);
        let status = decide(&policy, 4, at("2026-11-20T10:00:00Z"));
        assert_eq!(ready(&status), ("True", "AsConfigured"));
        assert_eq!(status.observed_generation, Some(3));
        assert_eq!(status.instances, Some(4));
        assert_eq!(status.schedule.as_deref(), Some("Weekly: 0 20 * * 3,6 Europe/Berlin"));
        assert_eq!(status.retention.as_deref(), Some("Default: P3M, at least 1"));
    }

    #[test]
    fn each_fault_is_named_with_its_rule_and_stalls_the_policy() {
        let cases = [
            ("[{name: A, schedule: {cron: '61 * * * *'}}]", "InvalidSchedule"),
            ("[{name: A, schedule: {cron: '0 0 30 2 *'}}]", "ImpossibleSchedule"),
            ("[{name: A, schedule: {intervals: ['R/today/P1D']}}]", "InvalidSchedule"),
            ("[{name: A, schedule: {cron: '@daily'}, timeZone: Europe/Atlantis}]", "InvalidTimeZone"),
            (
                "[{name: A, schedule: {cron: '@daily'}, startWindowMinutes: 10, spreadMinutes: 10}]",
                "SpreadTooLong",
            ),
            (
                "[{name: A, schedule: {cron: '@daily'}, startWindowMinutes: 10, completionWindowMinutes: 5}]",
                "InvalidSpec",
            ),
            ("[]", "InvalidSpec"),
        ];
        for (rules, reason) in cases {
            let status = decide(&policy(rules, KEEP), 0, at("2026-11-20T10:00:00Z"));
            assert_eq!(ready(&status), ("False", reason), "{rules}");
            let stalled = status.conditions.iter().find(|held| held.type_ == "Stalled").expect("Stalled");
            assert!(rules == "[]" || stalled.message.contains("rule \"A\""), "{}", stalled.message);
        }
        let kept = [("[]", "NoDefaultRetention"), ("[{name: D, default: true, keep: P1X}]", "InvalidSpec")];
        for (retention, reason) in kept {
            let policy = policy("[{name: A, schedule: {cron: '@daily'}}]", retention);
            assert_eq!(
                ready(&decide(&policy, 0, at("2026-11-20T10:00:00Z"))),
                ("False", reason),
                "{retention}"
            );
        }
    }

    #[test]
    fn a_second_look_changes_nothing() {
        let mut policy = policy("[{name: A, schedule: {cron: '@daily'}}]", KEEP);
        let first = decide(&policy, 1, at("2026-11-20T10:00:00Z"));
        policy.status = Some(first.clone());
        assert_eq!(decide(&policy, 1, at("2026-11-21T10:00:00Z")), first);
    }
}
