//! What metrics are told of a job. Pure.

use crds::common::{Condition, ConditionType, JobState, Time};

use crate::keeper_client::Movement;
use crate::metrics::{JobEnd, JobKind, Moved};

/// The end of a job that has just come to it.
pub fn end(
    kind: JobKind,
    namespace: String,
    state: JobState,
    conditions: &[Condition],
    (start, completion): (Option<&Time>, Option<&Time>),
) -> JobEnd {
    let ready = conditions.iter().find(|held| held.type_ == ConditionType::Ready.as_str());
    JobEnd {
        kind,
        namespace,
        result: state.as_str(),
        reason: ready.map(|held| held.reason.clone()).unwrap_or_default(),
        seconds: start.zip(completion).map(|(from, to)| to.0.duration_since(from.0).as_secs_f64().max(0.0)),
    }
}

/// How far a run is, as the keeper told last.
pub fn moved(movement: &Movement) -> Moved {
    let progress = &movement.view.progress;
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    Moved { done: signed(progress.bytes_done), estimated: signed(progress.bytes_total) }
}
