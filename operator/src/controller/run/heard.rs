//! What a mover says of its attempt while it runs. Pure.

use crds::common::Progress;
use crds::{ErrorCode, Reason};
use jiff::{SignedDuration, Timestamp};

use super::failure::Verdict;
use super::progress::Pace;
use super::{AttemptState, SeenAttempt};
use super::{pace, progress};
use crate::clock::Now;
use crate::keeper_client::{Movement, moves_bytes};

/// A mover tells its keeper how it is every few seconds, and the keeper is asked as often.
const UNHEARD: SignedDuration = SignedDuration::from_mins(2);

/// What was heard of this attempt, not of one before it.
pub fn of<'a>(movement: Option<&'a Movement>, attempt: &SeenAttempt) -> Option<&'a Movement> {
    movement.filter(|held| held.view.progress.attempt == attempt.number)
}

/// Shows how far the attempt is, where that says something new.
pub fn follow(shown: &mut Option<Progress>, movement: Option<&Movement>, attempt: &SeenAttempt, pace: Pace) {
    if let Some(new) = of(movement, attempt).and_then(|heard| progress::shown(shown.as_ref(), heard, pace)) {
        *shown = Some(new);
    }
}

/// When the windows of a run close, and since when there was anybody who could have told that it began.
pub struct Windows {
    pub start: Timestamp,
    pub completion: Timestamp,
    /// Since when of the wall clock the keeper is listened to; `None`: it has not answered yet.
    pub listening: Option<Timestamp>,
}

/// Whether the attempt may have begun before its start window closed, although nobody has told: its pod runs, and the keeper
/// has not spoken of it since the operator began to lead. An operator that was away when the window closed listens first.
pub fn may_have_begun(
    movement: Option<&Movement>,
    attempt: &SeenAttempt,
    windows: &Windows,
    now: Now,
) -> bool {
    let has_just_closed = now.time.duration_since(windows.start) < UNHEARD;
    let has_listened = windows.listening.is_some_and(|since| now.wall.duration_since(since) >= UNHEARD);
    let is_early = has_just_closed || (!has_listened && now.time < windows.completion);
    attempt.state == AttemptState::Running && of(movement, attempt).is_none() && is_early
}

/// Whether the attempt has to be ended, since nothing is heard of its mover or its bytes do not move. Counted is only the
/// time in which the keeper was there to tell: a run goes on without it, and without us.
pub fn stalled(movement: Option<&Movement>, attempt: &SeenAttempt) -> Option<Verdict> {
    let heard = of(movement, attempt)?;
    let is_long = |since: Timestamp| heard.polled.duration_since(since) >= pace::SILENCE;
    let text = if is_long(heard.heard) {
        "Nothing was heard of the mover for ten minutes; it was stopped."
    } else if moves_bytes(heard.view.progress.stage) && is_long(heard.moved) {
        "The mover moved nothing for ten minutes and was stopped."
    } else {
        return None;
    };
    Some(Verdict::stopped(Reason::MoverStalled, ErrorCode::MoverStalled, text))
}

#[cfg(test)]
mod tests {
    use contract::{Progress, RunId, RunView, Stage};

    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// Last asked about at the tenth minute.
    fn movement(stage: Stage, moved: i64, heard: i64) -> Movement {
        let progress = Progress {
            attempt: 1,
            stage,
            started: None,
            bytes_done: 5,
            bytes_total: 10,
            bytes_stored: 1,
            tables_done: 0,
            tables_total: 1,
        };
        let view = RunView { run: RunId("run".into()), progress, heard: minute(heard) };
        let first = Movement::first(view, minute(10));
        Movement { moved: minute(moved), heard: minute(heard), ..first }
    }

    fn attempt(number: u32) -> SeenAttempt {
        SeenAttempt {
            number,
            namespace: "vaults".into(),
            job_name: "cj-1".into(),
            job_uid: None,
            going: false,
            created: None,
            decision: None,
            state: AttemptState::Running,
        }
    }

    #[test]
    fn silence_ends_a_run_of_any_stage_and_stillness_one_that_moves_bytes() {
        for (stage, moved, heard, ends) in [
            (Stage::Data, 0, 10, true),
            (Stage::Data, 1, 10, false),
            (Stage::Indexes, 0, 10, false),
            (Stage::Indexes, 0, 0, true),
            (Stage::Committing, 0, 1, false),
        ] {
            let movement = movement(stage, moved, heard);
            assert_eq!(stalled(Some(&movement), &attempt(1)).is_some(), ends, "{stage:?} {moved} {heard}");
            assert_eq!(stalled(Some(&movement), &attempt(2)), None, "of another attempt");
        }
        assert_eq!(stalled(None, &attempt(1)), None);
    }
}
