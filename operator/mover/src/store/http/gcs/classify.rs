//! What a refusal of Google Cloud Storage means to us.

use crate::store::{
    StoreErrorKind, Verb,
    http::{
        failure::{by_status, is_conditional},
        watch::Refusal,
    },
};

pub(super) fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
    match refusal.code.as_str() {
        "rateLimitExceeded" | "userRateLimitExceeded" => return StoreErrorKind::Throttled,
        "quotaExceeded" | "dailyLimitExceeded" => return StoreErrorKind::Full,
        _ => {}
    }
    match refusal.status {
        412 if is_conditional(verb) => StoreErrorKind::AlreadyExists,
        // Another write of the same name is under way.
        409 if is_conditional(verb) => StoreErrorKind::Unreachable,
        // Of an object only its reader can miss it.
        404 if is_conditional(verb) || verb == Verb::List || names_the_bucket(refusal) => {
            StoreErrorKind::BucketMissing
        }
        501 if verb == Verb::Create => StoreErrorKind::ConditionNotHonoured,
        status => by_status(status),
    }
}

fn names_the_bucket(refusal: &Refusal) -> bool {
    refusal.message.contains("bucket does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::http::watch::Party;

    #[test]
    fn each_refusal_is_told_apart() {
        let no_bucket = "The specified bucket does not exist.";
        let cases = [
            (Verb::Create, 412, "conditionNotMet", "", StoreErrorKind::AlreadyExists),
            (Verb::Create, 409, "conflict", "", StoreErrorKind::Unreachable),
            (Verb::Create, 404, "notFound", "", StoreErrorKind::BucketMissing),
            (Verb::List, 404, "notFound", "", StoreErrorKind::BucketMissing),
            (Verb::Get, 404, "notFound", no_bucket, StoreErrorKind::BucketMissing),
            (Verb::Get, 404, "notFound", "No such object: b/k", StoreErrorKind::NotFound),
            (Verb::Delete, 403, "retentionPolicyNotMet", "", StoreErrorKind::AccessDenied),
            (Verb::Create, 403, "rateLimitExceeded", "", StoreErrorKind::Throttled),
            (Verb::Create, 429, "rateLimitExceeded", "", StoreErrorKind::Throttled),
            (Verb::Get, 401, "authError", "", StoreErrorKind::CredentialsRefused),
            (Verb::Get, 403, "forbidden", "", StoreErrorKind::AccessDenied),
            (Verb::Create, 503, "backendError", "", StoreErrorKind::Unreachable),
        ];
        for (verb, status, code, message, expected) in cases {
            let refusal = Refusal { party: Party::Store, status, code: code.into(), message: message.into() };
            assert_eq!(kind(verb, &refusal), expected, "{status} {code}");
        }
    }
}
