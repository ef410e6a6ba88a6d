//! The conditions of a status, made anew each time, with the times of those that did not flip.

use crds::Reason;
use crds::common::{Condition, ConditionType, condition};
use jiff::Timestamp;

/// The message of the condition of this type, or that there is none yet.
pub fn said(conditions: &[Condition], type_: ConditionType) -> &str {
    conditions
        .iter()
        .find(|held| held.type_ == type_.as_str())
        .map_or("it has not been looked at yet", |held| held.message.as_str())
}

/// Conditions in the order in which they were set.
#[derive(Debug)]
pub struct Conditions {
    before: Vec<Condition>,
    list: Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl Conditions {
    /// No conditions yet; `before` is what the status says now.
    pub fn new(before: &[Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self { before: before.to_vec(), list: Vec::new(), generation: generation.unwrap_or_default(), now }
    }

    /// Sets a condition; `None` is Unknown. One that says what it said before keeps the time at which it began to.
    pub fn set(
        &mut self,
        type_: ConditionType,
        status: Option<bool>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        let mut new = condition(type_, status, reason, message, self.generation, self.now);
        if let Some(held) =
            self.before.iter().find(|held| held.type_ == new.type_ && held.status == new.status)
        {
            new.last_transition_time = held.last_transition_time.clone();
        }
        self.list.retain(|held| held.type_ != new.type_);
        self.list.push(new);
    }

    /// Says again what was said before of this type, if anything.
    pub fn keep(&mut self, type_: ConditionType) {
        if let Some(held) = self.before.iter().find(|held| held.type_ == type_.as_str()) {
            self.list.push(held.clone());
        }
    }

    /// What was said before of this type.
    pub fn before(&self, type_: ConditionType) -> Option<&Condition> {
        self.before.iter().find(|held| held.type_ == type_.as_str())
    }

    /// All of them.
    pub fn finish(self) -> Vec<Condition> {
        self.list
    }
}
