//! What a refusal of Azure Blob Storage means to us. Its word counts and not its status: it answers 409 for a blob that is
//! there, for one that a policy protects, and for a container that is being removed.

use crate::store::{
    StoreErrorKind, Verb,
    http::{
        failure::{by_status, is_conditional},
        watch::Refusal,
    },
};

pub(super) fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind {
    match refusal.code.as_str() {
        "BlobAlreadyExists" | "ConditionNotMet" | "TargetConditionNotMet" if is_conditional(verb) => {
            StoreErrorKind::AlreadyExists
        }
        // A signature that lets create and not overwrite.
        "UnauthorizedBlobOverwrite" if verb == Verb::Create => StoreErrorKind::AlreadyExists,
        "ContainerNotFound" => StoreErrorKind::BucketMissing,
        "BlobNotFound" | "ResourceNotFound" => StoreErrorKind::NotFound,
        "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "KeyBasedAuthenticationNotPermitted"
        | "AccountIsDisabled" => StoreErrorKind::CredentialsRefused,
        // Its word for what is not allowed, too.
        "AuthorizationFailure" if refusal.message.starts_with("Server failed to authenticate") => {
            StoreErrorKind::CredentialsRefused
        }
        "BlobImmutableDueToPolicy" | "LeaseIdMissing" | "SnapshotsPresent" => StoreErrorKind::AccessDenied,
        "ContainerBeingDeleted" | "ContainerDisabled" | "OperationTimedOut" | "InternalError" => {
            StoreErrorKind::Unreachable
        }
        "ServerBusy" => StoreErrorKind::Throttled,
        "InvalidResourceName" | "InvalidUri" | "OutOfRangeInput" => StoreErrorKind::Misconfigured,
        "UnsupportedHeader" if verb == Verb::Create => StoreErrorKind::ConditionNotHonoured,
        _ => match refusal.status {
            412 if is_conditional(verb) => StoreErrorKind::AlreadyExists,
            501 if verb == Verb::Create => StoreErrorKind::ConditionNotHonoured,
            status => by_status(status),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::http::watch::Party;

    #[test]
    fn each_refusal_is_told_apart_by_its_word() {
        let cases = [
            (Verb::Create, 409, "BlobAlreadyExists", StoreErrorKind::AlreadyExists),
            (Verb::Create, 412, "ConditionNotMet", StoreErrorKind::AlreadyExists),
            (Verb::Replace, 412, "ConditionNotMet", StoreErrorKind::AlreadyExists),
            (Verb::Create, 403, "UnauthorizedBlobOverwrite", StoreErrorKind::AlreadyExists),
            (Verb::Create, 409, "BlobImmutableDueToPolicy", StoreErrorKind::AccessDenied),
            (Verb::Delete, 409, "BlobImmutableDueToPolicy", StoreErrorKind::AccessDenied),
            (Verb::Create, 409, "ContainerBeingDeleted", StoreErrorKind::Unreachable),
            (Verb::Create, 409, "SomethingNew", StoreErrorKind::Unexpected),
            (Verb::Create, 404, "ContainerNotFound", StoreErrorKind::BucketMissing),
            (Verb::Head, 404, "BlobNotFound", StoreErrorKind::NotFound),
            (Verb::Get, 403, "AuthenticationFailed", StoreErrorKind::CredentialsRefused),
            (Verb::Get, 403, "AuthorizationPermissionMismatch", StoreErrorKind::AccessDenied),
            (Verb::Create, 503, "ServerBusy", StoreErrorKind::Throttled),
            (Verb::Create, 500, "OperationTimedOut", StoreErrorKind::Unreachable),
            (Verb::Create, 501, "", StoreErrorKind::ConditionNotHonoured),
        ];
        for (verb, status, code, expected) in cases {
            let refusal = Refusal { party: Party::Store, status, code: code.into(), message: String::new() };
            assert_eq!(kind(verb, &refusal), expected, "{status} {code}");
        }
    }
}
