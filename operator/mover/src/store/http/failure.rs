//! What a failed request means to us, in any protocol.

use std::error::Error;

use object_store::client::HttpError;

use super::{
    watch::{Party, Refusal},
    wire::Trouble,
};
use crate::store::{StoreError, StoreErrorKind, Verb};

/// Turns what the client and the store said into an error that callers can branch on.
pub(super) fn explain(
    kind: fn(Verb, &Refusal) -> StoreErrorKind,
    verb: Verb,
    object: &str,
    bucket: &str,
    trouble: Trouble,
    refusal: Option<&Refusal>,
) -> StoreError {
    let (kind, message) = match (trouble, refusal) {
        (_, Some(refusal)) if refusal.party == Party::Authority => {
            (of_authority(refusal), message("who vouches for the credentials", refusal))
        }
        (_, Some(refusal)) => (kind(verb, refusal), message(&format!("bucket {bucket}"), refusal)),
        (Trouble::Client(error), None) => transport(&error),
        (Trouble::Http(error), None) => transport(&error),
        (Trouble::Answer(message), None) => (StoreErrorKind::Unexpected, message),
        (Trouble::Request(message), None) => (StoreErrorKind::Misconfigured, message),
    };
    StoreError::new(verb, object, kind, message)
}

/// What a status means where no word says more. The two of a broken condition are for each protocol to judge.
pub(super) fn by_status(status: u16) -> StoreErrorKind {
    match status {
        301 | 302 | 307 | 308 => StoreErrorKind::Misconfigured,
        401 => StoreErrorKind::CredentialsRefused,
        403 => StoreErrorKind::AccessDenied,
        404 => StoreErrorKind::NotFound,
        408 | 500 | 502 | 503 | 504 => StoreErrorKind::Unreachable,
        429 => StoreErrorKind::Throttled,
        507 => StoreErrorKind::Full,
        _ => StoreErrorKind::Unexpected,
    }
}

/// Writes that depend on what is there.
pub(super) fn is_conditional(verb: Verb) -> bool {
    matches!(verb, Verb::Create | Verb::Replace)
}

/// Whoever hands out tokens refused: the credentials are not those of anybody, unless it is only busy.
fn of_authority(refusal: &Refusal) -> StoreErrorKind {
    match by_status(refusal.status) {
        passing @ (StoreErrorKind::Unreachable | StoreErrorKind::Throttled) => passing,
        _ => StoreErrorKind::CredentialsRefused,
    }
}

fn message(who: &str, refusal: &Refusal) -> String {
    let hint = match refusal.code.as_str() {
        "RequestTimeTooSkewed" => ": this machine's clock differs from the store's",
        "AuthorizationHeaderMalformed" | "PermanentRedirect" => {
            ": the region or endpoint is not the bucket's"
        }
        _ => "",
    };
    match (refusal.code.is_empty(), refusal.message.is_empty()) {
        (true, _) => format!("{who} answered HTTP {}{hint}", refusal.status),
        (false, true) => format!("{who} answered {}{hint}", refusal.code),
        (false, false) => format!("{who} answered {}: {}{hint}", refusal.code, refusal.message),
    }
}

/// No answer came, or none that could be read.
fn transport(error: &(dyn Error + 'static)) -> (StoreErrorKind, String) {
    let mut texts: Vec<String> = Vec::new();
    let mut kind = StoreErrorKind::Unexpected;
    let mut next = Some(error);
    while let Some(current) = next {
        if current.is::<HttpError>() {
            kind = StoreErrorKind::Unreachable;
        }
        if let Some(tls) = tls(current) {
            return (StoreErrorKind::Untrusted, format!("its certificate is not accepted: {tls}"));
        }
        texts.push(current.to_string());
        next = current.source();
    }
    let message = texts.pop().unwrap_or_else(|| error.to_string());
    (kind, message)
}

/// A refused certificate, however many I/O errors it is wrapped in.
fn tls(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
        return Some(format!("{reason:?}"));
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls(inner)
}
