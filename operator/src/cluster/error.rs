//! What can go wrong at the API server, and what to do about it.

use kube::core::Status;

/// A read that failed. Absence is no failure: it is an answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("failed to read {kind} {namespace}/{name}")]
    Get {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to list objects of kind {kind} in namespace {namespace}")]
    List {
        kind: &'static str,
        namespace: String,
        #[source]
        source: kube::Error,
    },
}

/// A write that failed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("failed to create {kind} {namespace}/{name}")]
    Create {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to apply {kind} {namespace}/{name}")]
    Apply {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to write the status of {kind} {namespace}/{name}")]
    ApplyStatus {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to delete {kind} {namespace}/{name}")]
    Delete {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to change the finalizers of {kind} {namespace}/{name}")]
    SetFinalizers {
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("failed to release Job {namespace}/{name}")]
    Unsuspend {
        namespace: String,
        name: String,
        #[source]
        source: kube::Error,
    },
}

impl ReadError {
    /// What the API server or the way to it said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::Get { source, .. } | Self::List { source, .. } => source,
        }
    }
}

impl WriteError {
    /// What the API server or the way to it said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::Create { source, .. }
            | Self::Apply { source, .. }
            | Self::ApplyStatus { source, .. }
            | Self::Delete { source, .. }
            | Self::SetFinalizers { source, .. }
            | Self::Unsuspend { source, .. } => source,
        }
    }
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The object has changed since it was seen: look again. Nothing has failed.
    Stale,
    /// It may pass by itself: try again, later each time.
    Retry,
    /// Somebody has to grant or mend something. Tried again slowly.
    Blocked,
    /// The namespace is being deleted: silence.
    Ending,
    /// We sent something that cannot be right. Trying again is of no use, and is done slowly all the same.
    Bug,
}

/// What to do about an answer of the API server.
pub fn class(error: &kube::Error) -> Class {
    let kube::Error::Api(status) = error else {
        // No answer: the network, TLS, an API server that restarts.
        return Class::Retry;
    };
    match status.code {
        403 if is_ending(status) => Class::Ending,
        // A missing RoleBinding, a quota, an admission policy.
        401 | 403 => Class::Blocked,
        // We built an object or a patch that the API server cannot take.
        400 | 405 | 413 | 415 | 422 => Class::Bug,
        409 if status.is_conflict() => Class::Stale,
        // A vanished object, a name that is taken, throttling, a fault of the server.
        _ => Class::Retry,
    }
}

/// Whether the API server refused for lack of rights, and not because the namespace ends.
pub fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden() && !is_ending(status))
}

/// Whether an object of that name is there already.
pub fn is_already_exists(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists())
}

/// Whether the API server refused because the namespace is being deleted.
pub fn is_namespace_ending(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if is_ending(status))
}

fn is_ending(status: &Status) -> bool {
    status.code == 403
        && status
            .details
            .as_ref()
            .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn answer(code: u16, reason: &str) -> kube::Error {
        kube::Error::Api(Status::failure("no", reason).with_code(code).boxed())
    }

    fn ending() -> kube::Error {
        let cause = StatusCause {
            reason: "NamespaceTerminating".into(),
            message: String::new(),
            field: String::new(),
        };
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: vec![cause],
            retry_after_seconds: 0,
        };
        kube::Error::Api(Status::failure("no", "Forbidden").with_code(403).with_details(details).boxed())
    }

    #[test]
    fn every_answer_has_a_class() {
        for (code, reason, expected) in [
            (403, "Forbidden", Class::Blocked),
            (401, "Unauthorized", Class::Blocked),
            (404, "NotFound", Class::Retry),
            (409, "Conflict", Class::Stale),
            (409, "AlreadyExists", Class::Retry),
            (422, "Invalid", Class::Bug),
            (400, "BadRequest", Class::Bug),
            (429, "TooManyRequests", Class::Retry),
            (500, "InternalError", Class::Retry),
            (504, "Timeout", Class::Retry),
        ] {
            assert_eq!(class(&answer(code, reason)), expected, "{code} {reason}");
        }
        assert_eq!(class(&ending()), Class::Ending);
        assert_eq!(class(&kube::Error::TlsRequired), Class::Retry);
    }

    #[test]
    fn an_ending_namespace_is_not_a_lack_of_rights() {
        assert!(is_namespace_ending(&ending()));
        assert!(!is_forbidden(&ending()));
        assert!(is_forbidden(&answer(403, "Forbidden")));
        assert!(!is_namespace_ending(&answer(403, "Forbidden")));
    }
}
