//! How far a run is, as its job's status shows it. Pure.

use contract::{Progress as Heard, Stage as HeardStage};
use crds::common::{Progress, Stage};

/// What the status shows of a mover's account. `None`: keep what is shown, since less than a percent was added.
pub fn shown(before: Option<&Progress>, heard: &Heard) -> Option<Progress> {
    let percent = percent(heard);
    let new = Progress {
        stage: stage(heard.stage),
        bytes_done: signed(heard.bytes_done),
        bytes_total: (heard.bytes_total > 0).then(|| signed(heard.bytes_total)),
        percent,
        bytes_per_second: None,
    };
    let same = before.is_some_and(|held| held.stage == new.stage && held.percent == new.percent);
    (!same).then_some(new)
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
    use super::*;

    fn heard(done: u64, total: u64) -> Heard {
        Heard {
            attempt: 1,
            stage: HeardStage::Data,
            started: None,
            bytes_done: done,
            bytes_total: total,
            bytes_stored: 0,
            tables_done: 0,
            tables_total: 0,
        }
    }

    #[test]
    fn less_than_a_percent_more_is_not_written() {
        let first = shown(None, &heard(100, 10_000)).unwrap();
        assert_eq!(first.percent, Some(1));
        assert_eq!(shown(Some(&first), &heard(150, 10_000)), None);
        assert_eq!(shown(Some(&first), &heard(250, 10_000)).unwrap().percent, Some(2));
    }

    #[test]
    fn an_estimate_never_says_done() {
        assert_eq!(shown(None, &heard(500, 100)).unwrap().percent, Some(99));
        assert_eq!(shown(None, &heard(500, 0)).unwrap().percent, None);
    }
}
