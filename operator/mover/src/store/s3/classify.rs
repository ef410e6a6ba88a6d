//! What an error of the S3 protocol means to us.

use std::error::Error as _;

use object_store::client::HttpError;

use super::watch::Refusal;
use crate::store::{StoreError, StoreErrorKind, Verb};

/// Turns what object_store and the store said into an error that callers can branch on.
pub(super) fn error(
    verb: Verb,
    object: &str,
    bucket: &str,
    error: &object_store::Error,
    refusal: Option<&Refusal>,
) -> StoreError {
    if let Some(refusal) = refusal {
        return refused(verb, object, bucket, refusal);
    }
    let (kind, message) = transport(error);
    StoreError::new(verb, object, kind, message)
}

/// Turns what the store said into an error that callers can branch on.
pub(super) fn refused(verb: Verb, object: &str, bucket: &str, refusal: &Refusal) -> StoreError {
    StoreError::new(verb, object, kind(verb, refusal), message(bucket, refusal))
}

fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
    match refusal.code.as_str() {
        "NoSuchBucket" => return StoreErrorKind::BucketMissing,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidToken"
        | "InvalidSecurity"
        | "InvalidClientTokenId"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => return StoreErrorKind::CredentialsRefused,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException" => return StoreErrorKind::Throttled,
        "QuotaExceeded"
        | "OverQuota"
        | "InsufficientStorage"
        | "XMinioStorageFull"
        | "DiskFull"
        | "StorageQuotaExceeded"
        | "QuotaExceededException" => return StoreErrorKind::Full,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "InvalidBucketName"
        | "IllegalLocationConstraintException" => {
            return StoreErrorKind::Misconfigured;
        }
        // Status 400, and none of the caller's faults: the body came late, in part or changed.
        "RequestTimeout" | "IncompleteBody" | "BadDigest" => return StoreErrorKind::Unreachable,
        _ => {}
    }
    match refusal.status {
        304 | 412 if is_conditional(verb) => StoreErrorKind::AlreadyExists,
        409 if verb == Verb::Create => StoreErrorKind::AlreadyExists,
        // Another write of the same name is under way.
        409 if verb == Verb::Replace => StoreErrorKind::Unreachable,
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
fn is_conditional(verb: Verb) -> bool {
    matches!(verb, Verb::Create | Verb::Replace)
}

fn message(bucket: &str, refusal: &Refusal) -> String {
    let hint = match refusal.code.as_str() {
        "RequestTimeTooSkewed" => ": this machine's clock differs from the store's",
        "AuthorizationHeaderMalformed" | "PermanentRedirect" => {
            ": the region or endpoint is not the bucket's"
        }
        _ => "",
    };
    match (refusal.code.is_empty(), refusal.message.is_empty()) {
        (true, _) => format!("bucket {bucket} answered HTTP {}{hint}", refusal.status),
        (false, true) => format!("bucket {bucket} answered {}{hint}", refusal.code),
        (false, false) => format!("bucket {bucket} answered {}: {}{hint}", refusal.code, refusal.message),
    }
}

/// No answer came, or none that could be read.
fn transport(error: &object_store::Error) -> (StoreErrorKind, String) {
    let mut texts: Vec<String> = Vec::new();
    let mut kind = StoreErrorKind::Unexpected;
    let mut next: Option<&dyn std::error::Error> = error.source();
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
fn tls(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
        return Some(format!("{reason:?}"));
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(verb: Verb, status: u16, code: &str) -> StoreErrorKind {
        kind(verb, &Refusal { status, code: code.into(), message: String::new() })
    }

    #[test]
    fn each_refusal_is_told_apart() {
        let cases = [
            (Verb::Get, 404, "NoSuchKey", StoreErrorKind::NotFound),
            (Verb::Head, 404, "", StoreErrorKind::NotFound),
            (Verb::Create, 404, "NoSuchBucket", StoreErrorKind::BucketMissing),
            (Verb::Create, 412, "PreconditionFailed", StoreErrorKind::AlreadyExists),
            (Verb::Create, 409, "ConditionalRequestConflict", StoreErrorKind::AlreadyExists),
            (Verb::Replace, 409, "ConditionalRequestConflict", StoreErrorKind::Unreachable),
            (Verb::Replace, 412, "PreconditionFailed", StoreErrorKind::AlreadyExists),
            (Verb::Get, 403, "AccessDenied", StoreErrorKind::AccessDenied),
            (Verb::Get, 403, "InvalidAccessKeyId", StoreErrorKind::CredentialsRefused),
            (Verb::Get, 403, "SignatureDoesNotMatch", StoreErrorKind::CredentialsRefused),
            (Verb::Get, 400, "ExpiredToken", StoreErrorKind::CredentialsRefused),
            (Verb::Create, 503, "SlowDown", StoreErrorKind::Throttled),
            (Verb::Create, 503, "ServiceUnavailable", StoreErrorKind::Unreachable),
            (Verb::Create, 500, "InternalError", StoreErrorKind::Unreachable),
            (Verb::Create, 507, "", StoreErrorKind::Full),
            (Verb::Create, 403, "QuotaExceeded", StoreErrorKind::Full),
            (Verb::List, 301, "PermanentRedirect", StoreErrorKind::Misconfigured),
            (Verb::Create, 400, "InvalidRequest", StoreErrorKind::Unexpected),
            (Verb::Create, 400, "RequestTimeout", StoreErrorKind::Unreachable),
        ];
        for (verb, status, code, expected) in cases {
            assert_eq!(kind_of(verb, status, code), expected, "{status} {code}");
        }
    }
}
