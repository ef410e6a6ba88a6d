//! What a policy's status says. Pure.

use crds::common::{ConditionType, Time};
use crds::policy::NextSlot;
use crds::{BackupPolicy, BackupPolicyStatus, Reason};
use jiff::Timestamp;

use super::parsed::ParsedPolicy;
use crate::controller::{Conditions, Wake};

/// So many of the next slots are shown when the list is made.
const SHOWN: usize = 10;
/// So many of them must lie ahead, or the list is made anew: not with each slot, which would be a write for each.
const AHEAD: usize = 5;

/// Who needs a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Users {
    /// Instances that refer to it.
    pub instances: usize,
    /// Deleted instances that did, and still have points.
    pub deleted: usize,
}

/// The status that a policy should have, equal to the one it has when nothing changed, and until when it holds.
///
/// While anybody uses it, admission refuses to delete it.
pub fn decide(policy: &BackupPolicy, users: Users, now: Timestamp) -> (BackupPolicyStatus, Wake) {
    let before = policy.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, policy.metadata.generation, now);
    let mut next = Vec::new();
    let mut wake = Wake::OnChange;
    match ParsedPolicy::parse(&policy.spec) {
        Ok(parsed) => {
            let told = policy.status.as_ref().map(|status| status.next_slots.as_slice()).unwrap_or_default();
            (next, wake) = shown_slots(told, next_slots(&parsed, now), now);
            let tags: Vec<&str> = parsed.retention.rules().iter().map(|rule| rule.name.as_str()).collect();
            let message =
                format!("{} backup rule(s); points are kept by: {}.", parsed.rules.len(), tags.join(", "));
            conditions.set(ConditionType::Ready, Some(true), Reason::AsConfigured, message);
        }
        // Only a person can mend a policy.
        Err(fault) => {
            conditions.set(ConditionType::Ready, Some(false), fault.reason, fault.message.as_str());
            conditions.set(ConditionType::Stalled, Some(true), fault.reason, fault.message);
        }
    }
    let status = BackupPolicyStatus {
        observed_generation: policy.metadata.generation,
        conditions: conditions.finish(),
        instances: Some(i32::try_from(users.instances).unwrap_or(i32::MAX)),
        deleted_instances: (users.deleted > 0).then(|| i32::try_from(users.deleted).unwrap_or(i32::MAX)),
        schedule: Some(policy.spec.schedule_summary()),
        retention: Some(policy.spec.retention_summary()),
        next_slots: next,
    };
    (status, wake)
}

/// The slots that are told, and until when they are: those that were told before, as long as enough of them lie ahead.
fn shown_slots(told: &[NextSlot], fresh: Vec<NextSlot>, now: Timestamp) -> (Vec<NextSlot>, Wake) {
    let passed = told.iter().take_while(|slot| slot.time.0 <= now).count();
    let ahead = &told[passed..];
    let is_good = !ahead.is_empty() && fresh.starts_with(ahead) && ahead.len() >= AHEAD.min(fresh.len());
    let slots = if is_good { told.to_vec() } else { fresh };
    let ahead: Vec<&NextSlot> = slots.iter().filter(|slot| slot.time.0 > now).collect();
    // With this one too few will be left; where there are no more, the last.
    let last = ahead.len().checked_sub(AHEAD).or(ahead.len().checked_sub(1));
    let wake = last.map_or(Wake::OnChange, |place| Wake::At(ahead[place].time.0));
    (slots, wake)
}

/// The next slots of all rules together; those of one instant in the order of the policy.
fn next_slots(policy: &ParsedPolicy, now: Timestamp) -> Vec<NextSlot> {
    let mut slots: Vec<NextSlot> = policy
        .rules
        .iter()
        .flat_map(|rule| rule.schedule.slots_after(now).take(SHOWN).map(move |slot| (rule, slot)))
        .map(|(rule, slot)| NextSlot { rule: rule.name.clone(), time: Time(slot) })
        .collect();
    slots.sort_by_key(|slot| slot.time.0);
    slots.truncate(SHOWN);
    slots
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

    fn users(instances: usize) -> Users {
        Users { instances, deleted: 0 }
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
        let (status, _) = decide(&policy, users(4), at("2026-11-20T10:00:00Z"));
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
            let (status, _) = decide(&policy(rules, KEEP), users(0), at("2026-11-20T10:00:00Z"));
            assert_eq!(ready(&status), ("False", reason), "{rules}");
            let stalled = status.conditions.iter().find(|held| held.type_ == "Stalled").expect("Stalled");
            assert!(rules == "[]" || stalled.message.contains("rule \"A\""), "{}", stalled.message);
        }
        let kept = [("[]", "NoDefaultRetention"), ("[{name: D, default: true, keep: P1X}]", "InvalidSpec")];
        for (retention, reason) in kept {
            let policy = policy("[{name: A, schedule: {cron: '@daily'}}]", retention);
            assert_eq!(
                ready(&decide(&policy, users(0), at("2026-11-20T10:00:00Z")).0),
                ("False", reason),
                "{retention}"
            );
        }
    }

    fn slots(status: &BackupPolicyStatus) -> Vec<String> {
        status.next_slots.iter().map(|slot| format!("{} {}", slot.rule, slot.time.0)).collect()
    }

    #[test]
    fn row_a33_e06_b10_the_ten_next_slots_keep_their_hour_over_a_change_of_the_clocks() {
        let weekly = policy(
            "[{name: Weekly, schedule: {cron: '0 20 * * 3,6'}, timeZone: Europe/Berlin},
              {name: Day, schedule: {intervals: ['R3/2026-03-28T19:00:00Z/P1D']}}]",
            KEEP,
        );
        let (status, wake) = decide(&weekly, users(1), at("2026-03-25T18:59:59Z"));
        let expected = [
            "Weekly 2026-03-25T19:00:00Z",
            "Weekly 2026-03-28T19:00:00Z",
            "Day 2026-03-28T19:00:00Z",
            "Day 2026-03-29T19:00:00Z",
            "Day 2026-03-30T19:00:00Z",
            "Weekly 2026-04-01T18:00:00Z",
            "Weekly 2026-04-04T18:00:00Z",
            "Weekly 2026-04-08T18:00:00Z",
            "Weekly 2026-04-11T18:00:00Z",
            "Weekly 2026-04-15T18:00:00Z",
        ];
        assert_eq!(slots(&status), expected);
        assert_eq!(wake, Wake::At(at("2026-04-01T18:00:00Z")), "then only four lie ahead");
    }

    #[test]
    fn row_a18_an_edit_is_taken_under_a_new_version_and_users_are_counted() {
        let mut edited = policy("[{name: A, schedule: {cron: '@daily'}}]", KEEP);
        edited.metadata.generation = Some(4);
        let (status, _) = decide(&edited, Users { instances: 2, deleted: 1 }, at("2026-11-20T10:00:00Z"));
        assert_eq!((status.observed_generation, status.instances), (Some(4), Some(2)));
        assert_eq!(status.deleted_instances, Some(1), "one that is brought back needs its policy");
    }

    #[test]
    fn slots_that_pass_are_dropped_when_only_four_of_the_list_lie_ahead() {
        let mut policy = policy("[{name: A, schedule: {cron: '@daily'}}]", KEEP);
        let (first, wake) = decide(&policy, users(1), at("2026-11-20T10:00:00Z"));
        assert_eq!(slots(&first).len(), 10);
        policy.status = Some(first.clone());
        for time in ["2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z", "2026-11-25T23:59:59Z"] {
            assert_eq!(decide(&policy, users(1), at(time)), (first.clone(), wake), "{time}");
        }
        assert_eq!(wake, Wake::At(at("2026-11-26T00:00:00Z")));
        let (next, _) = decide(&policy, users(1), at("2026-11-26T00:00:00Z"));
        assert_eq!(slots(&next)[..4], slots(&first)[6..]);
        assert_eq!(slots(&next).len(), 10);
    }

    #[test]
    fn the_last_slots_of_a_schedule_that_ends_are_told_until_they_have_passed_and_an_edit_at_once() {
        let mut policy = policy("[{name: A, schedule: {intervals: ['R2/2026-11-21T19:00:00Z/P1D']}}]", KEEP);
        let (first, wake) = decide(&policy, users(1), at("2026-11-20T10:00:00Z"));
        assert_eq!(wake, Wake::At(first.next_slots.last().expect("two or three").time.0));
        policy.status = Some(first.clone());
        assert_eq!(decide(&policy, users(1), at("2026-11-21T19:00:00Z")).0, first);
        let (none, wake) = decide(&policy, users(1), at("2026-12-21T19:00:00Z"));
        assert_eq!((slots(&none).len(), wake), (0, Wake::OnChange));
        policy.status = Some(first.clone());
        policy.spec.rules[0].name = "B".into();
        assert!(slots(&decide(&policy, users(1), at("2026-11-20T10:00:00Z")).0)[0].starts_with("B "));
    }
}
