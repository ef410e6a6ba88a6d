//! Points whose objects storage does not let go: when each is tried again, and what was said. Known to this process alone:
//! another one asks storage, and is told the same.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use contract::Undeleted;
use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::later,
    format::Id,
    store::{StoreError, StoreErrorKind, Verb},
};

/// After the first refusal. The pause doubles with each one more.
const FIRST: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// All of them, by point.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<Id, Refusal>>);

#[derive(Debug)]
struct Refusal {
    pause: SignedDuration,
    /// By the wall clock.
    until: Timestamp,
    message: String,
}

impl Refusals {
    /// Whether the point may be tried (again).
    pub fn is_due(&self, point: Id, wall: Timestamp) -> bool {
        self.held().get(&point).is_none_or(|refusal| refusal.until <= wall)
    }

    /// Storage did not let an object of the point go.
    pub fn note(&self, point: Id, error: &StoreError, wall: Timestamp) {
        let mut held = self.held();
        let pause = held.get(&point).map_or(FIRST, |before| (before.pause * 2).min(LONGEST));
        held.insert(point, Refusal { pause, until: later(wall, pause), message: error.to_string() });
    }

    /// Forgets all but those that `stay`: storage has let them go.
    pub fn keep(&self, stay: impl Fn(Id) -> bool) {
        self.held().retain(|point, _| stay(*point));
    }

    /// How many points there are, and what was said of one; `None`: none.
    pub fn told(&self) -> Option<Undeleted> {
        let held = self.held();
        let (_, first) = held.first_key_value()?;
        let named = held.iter().take(Undeleted::MOST_NAMED);
        Some(Undeleted {
            points: u64::try_from(held.len()).unwrap_or(u64::MAX),
            message: first.message.clone(),
            named: named.map(|(point, refusal)| ((*point).into(), refusal.message.clone())).collect(),
        })
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Id, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether storage would not delete this object, where it may well let others go: it is locked, or not ours to delete. A
/// storage that does not answer says nothing of any object.
pub(super) fn is_of_one_object(error: &StoreError) -> bool {
    let refused = [StoreErrorKind::AccessDenied, StoreErrorKind::AlreadyExists, StoreErrorKind::Unexpected];
    error.verb == Verb::Delete && refused.contains(&error.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::random_id;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn locked() -> StoreError {
        StoreError::new(Verb::Delete, "packs/x", StoreErrorKind::AccessDenied, "it is locked")
    }

    #[test]
    fn pauses_of_a_refused_point_double_up_to_a_day_and_concern_no_other() {
        let (refusals, point, other) = (Refusals::default(), random_id().unwrap(), random_id().unwrap());
        let mut minute = 0;
        for pause in [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440] {
            assert!(refusals.is_due(point, at(minute)), "{pause}");
            refusals.note(point, &locked(), at(minute));
            assert!(!refusals.is_due(point, at(minute + pause - 1)), "{pause}");
            minute += pause;
        }
        assert!(refusals.is_due(other, at(0)));
        let told = refusals.told().unwrap();
        assert_eq!((told.points, told.message.contains("it is locked")), (1, true), "{told:?}");
        assert!(told.named[&point.into()].contains("it is locked"), "{told:?}");
        refusals.keep(|held| held != point);
        assert_eq!(refusals.told(), None);
        assert!(refusals.is_due(point, at(0)));
    }

    #[test]
    fn a_storage_that_does_not_answer_refuses_no_object() {
        assert!(is_of_one_object(&locked()));
        let silent = StoreError::new(Verb::Delete, "x", StoreErrorKind::Unreachable, "no answer");
        let unlisted = StoreError::new(Verb::List, "x", StoreErrorKind::AccessDenied, "no");
        assert!(!is_of_one_object(&silent) && !is_of_one_object(&unlisted));
    }
}
