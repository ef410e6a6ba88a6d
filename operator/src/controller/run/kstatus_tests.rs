//! What tools that wait for objects (Flux, Helm, kpt) make of a job. The rules are those of kstatus for custom resources,
//! written anew from its documentation: generation first, then Reconciling, Stalled and Ready.

use crds::Reason;
use crds::common::{Condition, JobState};
use jiff::Timestamp;

use super::outcome::{Standing, conditions};

#[derive(Debug, PartialEq, Eq)]
enum Computed {
    InProgress,
    Current,
    Failed,
}

/// `observed` is `status.observedGeneration`, which the schema sets to -1 before anybody has looked.
fn kstatus(generation: i64, observed: i64, conditions: &[Condition]) -> Computed {
    let status =
        |type_: &str| conditions.iter().find(|held| held.type_ == type_).map(|held| held.status.as_str());
    if observed != generation || status("Reconciling") == Some("True") {
        return Computed::InProgress;
    }
    if status("Stalled") == Some("True") {
        return Computed::Failed;
    }
    match status("Ready") {
        Some("True") | None => Computed::Current,
        Some(_) => Computed::InProgress,
    }
}

fn conditions_of(state: JobState) -> Vec<Condition> {
    conditions(&[], Some(1), &Standing::new(state, Reason::InProgress, "text"), Timestamp::UNIX_EPOCH)
}

#[test]
fn every_state_is_waited_for_done_or_failed_as_people_expect() {
    for (state, expected) in [
        (JobState::Created, Computed::InProgress),
        (JobState::Pending, Computed::InProgress),
        (JobState::Running, Computed::InProgress),
        (JobState::Cancelling, Computed::InProgress),
        (JobState::Completed, Computed::Current),
        (JobState::CompletedWithWarnings, Computed::Current),
        (JobState::Failed, Computed::Failed),
        (JobState::Expired, Computed::Failed),
        (JobState::Cancelled, Computed::Failed),
    ] {
        assert_eq!(kstatus(1, 1, &conditions_of(state)), expected, "{state:?}");
    }
}

#[test]
fn a_job_that_nobody_has_seen_is_not_taken_for_done() {
    assert_eq!(kstatus(1, -1, &[]), Computed::InProgress);
}

#[test]
fn no_state_is_reconciling_and_stalled_at_once() {
    for state in JobState::ALL {
        let held = conditions_of(state);
        let has = |type_: &str| held.iter().any(|condition| condition.type_ == type_);
        assert!(!(has("Reconciling") && has("Stalled")), "{state:?}");
    }
}
