//! Events on objects, for `kubectl describe`. They tell of changes only, and their loss hurts nobody.

use crds::Reason;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use super::error::is_namespace_ending;

/// One thing that happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether somebody may have to do something.
    pub warning: bool,
    pub reason: Reason,
    pub message: String,
}

impl Note {
    /// Something went as it should.
    pub fn normal(reason: Reason, message: impl Into<String>) -> Self {
        Self { warning: false, reason, message: message.into() }
    }

    /// Something went as it should not.
    pub fn warning(reason: Reason, message: impl Into<String>) -> Self {
        Self { warning: true, reason, message: message.into() }
    }
}

/// Publishes notes as events.
#[derive(Clone)]
pub struct Notes {
    recorder: Recorder,
}

impl Notes {
    /// Events by this pod of the operator.
    pub fn new(client: Client, pod: &str) -> Self {
        let reporter = Reporter { controller: "coffer.dev/operator".into(), instance: Some(pod.to_owned()) };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Publishes a note. A failure is logged and nothing more: an event is a copy of what the status says.
    pub async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, note: &Note) {
        // The API server takes at most 1024 bytes.
        let message: String = note.message.chars().take(250).collect();
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.as_str().to_owned(),
            note: Some(message),
            action: "Reconcile".into(),
            secondary: None,
        };
        match self.recorder.publish(&event, &object.object_ref(&())).await {
            Err(error) if !is_namespace_ending(&error) => {
                tracing::warn!(%error, reason = %note.reason, "failed to publish an event");
            }
            Ok(()) | Err(_) => {}
        }
    }
}
