//! What the operator remembers of requests about points. Nothing here is needed after a restart: requests are asked again,
//! which changes nothing where they were taken, and ranges are shown for another day.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crds::recovery_point::AnsweredRequests;
use jiff::{SignedDuration, Timestamp};

/// What the keeper would not do is asked of it again after this time.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What the keeper said last of the requests of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What it took of them; the object's status may not tell so yet.
    pub taken: AnsweredRequests,
    /// Why it did not let the point go.
    pub deletion_refused: Option<String>,
    /// Why it did not give it another end.
    pub override_refused: Option<String>,
}

struct Remembered {
    answer: Answer,
    /// The object's generation that was asked for.
    generation: Option<i64>,
    /// By the operator's wall clock.
    asked: Timestamp,
}

/// A range of points that an instance's annotation asks for.
struct Range {
    value: String,
    since: Timestamp,
}

#[derive(Default)]
struct Inner {
    /// By the object's UID.
    answers: HashMap<String, Remembered>,
    /// By the instance's UID.
    ranges: HashMap<String, Range>,
}

/// Shared by all reconciles of vaults.
#[derive(Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

impl Memory {
    /// Notes what the keeper said.
    pub fn answered(&self, object_uid: &str, generation: Option<i64>, answer: Answer, wall: Timestamp) {
        let mut inner = self.lock();
        let before = inner.answers.remove(object_uid).filter(|known| known.generation == generation);
        let mut remembered = Remembered { answer, generation, asked: wall };
        if let Some(before) = before {
            let (taken, known) = (&mut remembered.answer.taken, before.answer.taken);
            taken.deletion_request = taken.deletion_request.take().or(known.deletion_request);
            taken.retention_override = taken.retention_override.take().or(known.retention_override);
        }
        inner.answers.insert(object_uid.to_owned(), remembered);
    }

    /// What the keeper said of this generation of an object. A refusal is forgotten after a minute.
    pub fn answer(&self, object_uid: &str, generation: Option<i64>, wall: Timestamp) -> Option<Answer> {
        let inner = self.lock();
        let known = inner.answers.get(object_uid).filter(|known| known.generation == generation)?;
        let mut answer = known.answer.clone();
        if wall.duration_since(known.asked) >= ASKED_AGAIN {
            answer.deletion_refused = None;
            answer.override_refused = None;
        }
        Some(answer)
    }

    /// Since when an instance has asked for this range, and whether it asks for the first time.
    pub fn range_since(&self, instance_uid: &str, value: &str, now: Timestamp) -> (Timestamp, bool) {
        let mut inner = self.lock();
        match inner.ranges.get(instance_uid) {
            Some(range) if range.value == value => (range.since, false),
            _ => {
                let range = Range { value: value.to_owned(), since: now };
                inner.ranges.insert(instance_uid.to_owned(), range);
                (now, true)
            }
        }
    }

    /// Forgets the range of an instance that asks for none.
    pub fn no_range(&self, instance_uid: &str) {
        self.lock().ranges.remove(instance_uid);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
