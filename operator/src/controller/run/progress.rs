//! How far a run is, as its job's status shows it. Pure.

use contract::{Progress as Heard, Stage as HeardStage};
use crds::common::{Progress, Stage};
use jiff::{SignedDuration, Timestamp};

use crate::keeper_client::Movement;

/// A status is written at most this often for its progress alone.
const PACE: SignedDuration = SignedDuration::from_secs(30);

/// When progress may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once: the status says something else that is new.
    Now,
    /// At this time of the wall clock, if it was last told [`PACE`] ago; before the first time, if the run was first heard
    /// of so long ago.
    Rested(Timestamp),
}

impl Pace {
    fn allows(self, movement: &Movement) -> bool {
        match self {
            Self::Now => true,
            Self::Rested(wall) => wall.duration_since(movement.told.unwrap_or(movement.base.wall)) >= PACE,
        }
    }
}

/// What the status shows of a mover's account. `None`: keep what is shown, since it is the same to a percent, or was told
/// a moment ago. A percent once shown is never taken back, although an estimate may grow.
pub fn shown(before: Option<&Progress>, movement: &Movement, pace: Pace) -> Option<Progress> {
    let heard = &movement.view.progress;
    let stage = stage(heard.stage);
    let held = before.and_then(|held| held.percent);
    let percent = percent(heard).max(held);
    let is_news = percent != held || before.is_none_or(|held| held.stage != stage);
    (is_news && pace.allows(movement)).then(|| Progress {
        stage,
        bytes_done: signed(heard.bytes_done),
        bytes_total: (heard.bytes_total > 0).then(|| signed(heard.bytes_total.max(heard.bytes_done))),
        percent,
        bytes_per_second: speed(movement).or_else(|| before.and_then(|held| held.bytes_per_second)),
    })
}

/// Mean speed since the status was last told; `None` until anything was heard later than that.
fn speed(movement: &Movement) -> Option<i64> {
    let bytes = movement.view.progress.bytes_done.saturating_sub(movement.base.bytes);
    mean(bytes, movement.base.wall, movement.heard)
}

/// Mean speed of so many bytes between two times; `None` for times that are not apart.
pub fn mean(bytes: u64, from: Timestamp, to: Timestamp) -> Option<i64> {
    let milliseconds = u128::try_from(to.duration_since(from).as_millis()).ok().filter(|time| *time > 0)?;
    Some(i64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(i64::MAX))
}

/// A stage that the operator knows of by itself.
pub fn at(stage: Stage, before: Option<&Progress>) -> Progress {
    match before {
        Some(held) => Progress { stage, ..held.clone() },
        None => Progress { stage, bytes_done: 0, bytes_total: None, percent: None, bytes_per_second: None },
    }
}

/// Percent of an estimate: never above 99 before the end.
fn percent(heard: &Heard) -> Option<i32> {
    if heard.bytes_total == 0 {
        return None;
    }
    let percent = heard.bytes_done.saturating_mul(100) / heard.bytes_total;
    Some(i32::try_from(percent.min(99)).unwrap_or(99))
}

pub fn stage(stage: HeardStage) -> Stage {
    match stage {
        HeardStage::Starting => Stage::Starting,
        HeardStage::Connecting => Stage::Connecting,
        HeardStage::Preflight => Stage::Preflight,
        HeardStage::Locking => Stage::Locking,
        HeardStage::Schema => Stage::Schema,
        HeardStage::Data => Stage::Data,
        HeardStage::LargeObjects => Stage::LargeObjects,
        HeardStage::Indexes => Stage::Indexes,
        HeardStage::Committing => Stage::Committing,
        HeardStage::Accepting => Stage::Accepting,
        HeardStage::Finishing => Stage::Finishing,
    }
}

/// A count as the API has it.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use contract::{RunId, RunView};

    use super::*;
    use crate::keeper_client::Mark;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A run of which `done` bytes were heard at second 10, and 100 at second 0.
    fn movement(stage: HeardStage, done: u64, total: u64, told: Option<i64>) -> Movement {
        let progress = Heard {
            attempt: 1,
            stage,
            started: None,
            bytes_done: done,
            bytes_total: total,
            bytes_stored: 0,
            tables_done: 0,
            tables_total: 0,
        };
        let view = RunView { run: RunId("run".into()), progress, heard: at(10) };
        let base = Mark { bytes: 100, wall: at(0) };
        Movement { base, told: told.map(at), ..Movement::first(view, at(10)) }
    }

    fn rested(second: i64) -> Pace {
        Pace::Rested(at(second))
    }

    fn data(done: u64, total: u64) -> Movement {
        movement(HeardStage::Data, done, total, None)
    }

    #[test]
    fn less_than_a_percent_more_is_not_written() {
        let first = shown(None, &data(100, 10_000), Pace::Now).unwrap();
        assert_eq!(first.percent, Some(1));
        assert_eq!(shown(Some(&first), &data(150, 10_000), rested(90)), None);
        assert_eq!(shown(Some(&first), &data(250, 10_000), rested(90)).unwrap().percent, Some(2));
    }

    #[test]
    fn for_its_progress_alone_a_status_is_told_every_thirty_seconds_be_it_of_another_stage() {
        let first = shown(None, &data(100, 10_000), Pace::Now).unwrap();
        for stage in [HeardStage::Data, HeardStage::Committing] {
            let later = movement(stage, 5_000, 10_000, Some(10));
            assert_eq!(shown(Some(&first), &later, rested(39)), None);
            assert_eq!(shown(Some(&first), &later, rested(40)).unwrap().percent, Some(50));
            assert_eq!(shown(Some(&first), &later, Pace::Now).unwrap().percent, Some(50));
        }
        assert_eq!(shown(None, &data(100, 10_000), rested(29)), None, "it was first heard of at second 0");
        assert!(shown(None, &data(100, 10_000), rested(30)).is_some());
    }

    #[test]
    fn a_percent_is_never_taken_back() {
        let half = shown(None, &data(5_000, 10_000), Pace::Now).unwrap();
        assert_eq!(shown(Some(&half), &data(5_500, 50_000), rested(90)), None, "the estimate has grown");
        let next = movement(HeardStage::Committing, 5_500, 50_000, None);
        assert_eq!(shown(Some(&half), &next, rested(90)).unwrap().percent, Some(50));
    }

    #[test]
    fn speed_is_the_mean_since_the_last_time() {
        let first = shown(None, &data(1_100, 10_000), Pace::Now).unwrap();
        assert_eq!(first.bytes_per_second, Some(100));
        let unheard = Movement { heard: at(0), ..data(5_000, 10_000) };
        assert_eq!(
            shown(Some(&first), &unheard, rested(90)).unwrap().bytes_per_second,
            Some(100),
            "what was shown stays until more is known"
        );
        assert_eq!(mean(5, at(3), at(3)), None);
        assert_eq!(mean(u64::MAX, at(0), at(1)), Some(i64::MAX));
    }

    #[test]
    fn an_estimate_never_says_done() {
        assert_eq!(shown(None, &data(500, 100), Pace::Now).unwrap().percent, Some(99));
        assert_eq!(shown(None, &data(500, 0), Pace::Now).unwrap().percent, None);
    }
}
