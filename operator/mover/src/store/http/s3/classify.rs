//! What a refusal of the S3 protocol means to us.

use crate::store::{
    StoreErrorKind, Verb,
    http::{
        failure::{by_status, is_conditional},
        watch::Refusal,
    },
};

pub(super) fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
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
        // Heartbeats are written without a condition, and by the same request otherwise.
        501 if verb == Verb::Create => StoreErrorKind::ConditionNotHonoured,
        status => by_status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::http::watch::Party;

    fn kind_of(verb: Verb, status: u16, code: &str) -> StoreErrorKind {
        kind(verb, &Refusal { party: Party::Store, status, code: code.into(), message: String::new() })
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
            (Verb::Create, 501, "NotImplemented", StoreErrorKind::ConditionNotHonoured),
            (Verb::Replace, 501, "NotImplemented", StoreErrorKind::Unexpected),
            (Verb::Create, 400, "InvalidRequest", StoreErrorKind::Unexpected),
            (Verb::Create, 400, "RequestTimeout", StoreErrorKind::Unreachable),
        ];
        for (verb, status, code, expected) in cases {
            assert_eq!(kind_of(verb, status, code), expected, "{status} {code}");
        }
    }
}
