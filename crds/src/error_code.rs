//! The codes of job errors: a closed list.
//!
//! Where a managed backup service has a code for the same thing it is used word for word, so that runbooks written
//! for it still work. Codes are API: they are added, never renamed.

/// What a code says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What happened.
    pub what: &'static str,
    /// What a person can do about it.
    pub action: &'static str,
    /// Whether the same thing may succeed when tried again without any change.
    pub retryable: bool,
    /// Whether something outside Coffer must be changed by a person.
    pub user_error: bool,
}

/// Declares the enum from one table: retry or final, user or system, what happened, what to do.
macro_rules! error_codes {
    ($(#[doc = $what:literal] $name:ident: $retry:ident $blame:ident => $action:literal;)+) => {
        /// Why a job, or a check before it, failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $what] $name,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it is written in status.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What happened, what to do, and whom it concerns.
            pub fn meaning(self) -> Meaning {
                match self {
                    $(Self::$name => Meaning {
                        what: $what.trim_ascii(),
                        action: $action,
                        retryable: error_codes!(@ $retry),
                        user_error: error_codes!(@ $blame),
                    },)+
                }
            }
        }
    };
    (@ retry) => { true };
    (@ fatal) => { false };
    (@ user) => { true };
    (@ system) => { false };
}

error_codes! {
    /// The server refused user name or password, or the role may not log in.
    UserErrorDBUserAuthFailed: retry user => "Correct user name and password in the Secret, or give the role LOGIN.";
    /// The instance's protection is stopped.
    UserErrorProtectionStopped: fatal user => "Set `protection` to Enabled, or resume an instance that was brought back; then create a new job.";
    /// The server let the role in and refused it the rights a backup needs.
    UserErrorMissingDBPermissions: fatal user => "Run the statements of the instance's `status.missingGrants` as the database's owner.";
    /// The database does not exist.
    UserErrorDBNotFound: fatal user => "Correct the database's name, or create it. If it is gone for good, suspend protection.";
    /// The target database exists and is not empty.
    UserErrorDatabaseNameAlreadyInUse: fatal user => "Name another database, or empty this one.";
    /// The server closed the connection.
    UserErrorServerConnectionClosed: retry system => "Look at the server's log for a restart or an administrator's command; it is tried again.";
    /// A Secret or one of its keys does not exist.
    UserErrorInvalidSecret: fatal user => "Create the Secret with the key that the message names.";
    /// A value in the Secret is not in a form that can be used.
    UserErrorSecretValueInUnsupportedFormat: fatal user => "Write a user name and a password, a libpq URI, a keyword/value string or an ADO.NET string.";
    /// What a reference names is no Secret that can be read, or is in another namespace.
    UserErrorInvalidSecretStore: fatal user => "Put the Secret into the namespace of the object that names it.";
    /// The operator may not read the Secret.
    UserErrorMissingPermissionsOnSecretStore: fatal user => "Bind ClusterRole coffer-secret-reader to the operator in the Secret's namespace.";
    /// The server cannot be reached from the vault's namespace.
    UserErrorMissingNetworkSecurityPermissions: retry user => "Let pods of the vault's namespace reach host and port; look at NetworkPolicies, firewalls and pg_hba.conf.";
    /// The operator may not work in the vault's namespace.
    UserErrorMSIMissingPermissions: fatal user => "Bind ClusterRole coffer-vault to the operator in the vault's namespace.";
    /// The storage refused the vault's credentials.
    UserErrorBackupUserAuthFailed: retry user => "Write valid credentials into the vault's Secret.";
    /// The bucket or claim cannot be used.
    UserErrorContainerNotAccessible: retry user => "Create the bucket or claim, and grant the credentials the right that the message names.";
    /// Another job of the same instance is running, or the vault's limit is reached.
    UserErrorMaxConcurrentOperationLimitReached: retry user => "Wait for the other job, or raise the vault's `limits`.";
    /// The server cannot be backed up as it is; the inner code says why.
    PostgreSQLFlexOperationFailedUserError: fatal user => "Do what the inner error asks for.";
    /// The host's name is unknown.
    UserErrorHostNotFound: retry user => "Correct the host, or DNS in the vault's namespace.";
    /// What answers at host and port is no PostgreSQL server.
    UserErrorNotPostgres: fatal user => "Correct host and port.";
    /// The TLS handshake with the server failed.
    UserErrorTlsFailed: fatal user => "Put the authority of the server's certificate into the Secret of `tls.caSecretRef`, or mend the certificate.";
    /// The server's version is not supported.
    UserErrorServerVersionNotSupported: fatal user => "Use a PostgreSQL version in the range that the message gives.";
    /// A pooler shares the connection between sessions.
    UserErrorPoolerNotSupported: fatal user => "Name the server itself in `host`: no pooler can hold a snapshot for several sessions.";
    /// The server has no connection left.
    UserErrorTooManyConnections: retry user => "Lower `lanes`, or raise max_connections or the role's limit.";
    /// The server is starting, stopping or recovering.
    ServerNotReady: retry system => "Wait; it is tried again.";
    /// The server cannot lock that many tables.
    UserErrorLockTableTooSmall: fatal user => "Raise max_locks_per_transaction to what the message says, and restart the server.";
    /// A table's lock could not be had in time.
    UserErrorLockTimeout: retry user => "End the session that the message names, or raise `lockTimeoutSeconds`.";
    /// The schema changed faster than it could be locked.
    UserErrorSchemaBusy: retry user => "Run the backup when no migration is running.";
    /// A row cannot be sent in any format.
    UserErrorRowTooLarge: fatal user => "Split the row that the message names.";
    /// Row-level security hides rows from the role.
    UserErrorRowSecurity: fatal user => "Give the role BYPASSRLS, or back up as the tables' owner.";
    /// The standby cancelled the backup's queries to keep up with its primary.
    UserErrorStandbyConflict: retry user => "Back up the primary, or set max_standby_streaming_delay to -1 or hot_standby_feedback to on.";
    /// The server answered a query with an error that no other code is for.
    SourceFailed: retry system => "Read the message and, where the server sent an error, the inner one with its own code and text.";
    /// pg_dump could not read the schema.
    DumpFailed: fatal system => "Read the message, which has pg_dump's own words.";
    /// Something in the database is of a kind that this version does not know.
    UserErrorObjectNotSupported: fatal user => "Read the message; it names the object.";
    /// The target's version, encoding, locale, extensions or roles do not fit.
    UserErrorTargetNotSuitable: fatal user => "Mend what the message lists.";
    /// The target role lacks rights.
    UserErrorMissingTargetPermissions: fatal user => "Grant the target role what the message names.";
    /// The target server ran out of disk.
    UserErrorTargetFull: fatal user => "Give the target room, then create a new job.";
    /// The target server refused a statement of the restore.
    UserErrorTargetStatementFailed: fatal user => "Mend in the target what the message names, then create a new job; the inner error has the server's own code.";
    /// The recovery point does not exist.
    UserErrorRecoveryPointNotFound: fatal user => "Choose a point that `kubectl get rpoint` shows.";
    /// The recovery point cannot be restored in its state.
    UserErrorRecoveryPointNotRestorable: fatal user => "Choose another point.";
    /// The retention tag is not in the policy.
    UserErrorRetentionTagNotFound: fatal user => "Use the name of a retention rule of the policy.";
    /// The keeping lies outside the range of the vault.
    UserErrorRetentionOutsideVault: fatal user => "Change `keep` in the policy, or the vault's `retention`.";
    /// The instance, vault or policy does not exist or is not ready.
    UserErrorReferenceNotReady: retry user => "Look at the conditions of the object that the message names.";
    /// The vault does not take this namespace.
    UserErrorNamespaceNotAllowed: fatal user => "Add the namespace to the vault's `access.allowedNamespaces.names`.";
    /// The storage cannot be reached.
    StorageUnreachable: retry system => "Look at the vault's conditions; it is tried again.";
    /// The storage answered with an error that may pass.
    StorageTransient: retry system => "Nothing, unless it stays; it is tried again.";
    /// The storage does not honour conditional writes.
    UserErrorConditionalWritesNotHonoured: fatal user => "Use a store that honours conditional writes, or a filesystem vault.";
    /// The storage is full.
    UserErrorStorageFull: fatal user => "Give the storage more room.";
    /// The vault's key is missing or is another's.
    UserErrorKeyMissing: fatal user => "Bring back the Secret that the message names, or use a recovery identity.";
    /// The vault's key cannot be used at the moment.
    UserErrorKeyInaccessible: retry user => "Restore access to the key.";
    /// A stored key is not the one that the record promises: somebody planted it.
    KeySubstituted: fatal system => "Treat the storage as tampered with: find out who may write to it, and restore from another copy.";
    /// The stored format is of a later version.
    UserErrorFormatNotSupported: fatal user => "Upgrade Coffer to the version that wrote the vault, or a later one.";
    /// The keeper refused what the run asked for.
    KeeperRefused: fatal system => "Read the message; if operator and keeper are of the same version, report it.";
    /// The keeper does not answer.
    KeeperUnavailable: retry system => "Look at the keeper's pod.";
    /// The mover's pod cannot be made or placed.
    UserErrorPodBlocked: retry user => "Mend the quota, admission rule, image or lack of room that the message names.";
    /// The mover's pod vanished without a word.
    MoverLost: retry system => "Look at nodes and evictions; it is tried again.";
    /// The mover moved nothing for ten minutes.
    MoverStalled: retry system => "Look at locks in the database and at the network; it is tried again.";
    /// The mover ran out of memory.
    OutOfMemory: retry user => "Raise the memory in the vault's `podTemplate.resources`.";
    /// Another process of the same run committed first.
    LostRace: fatal system => "Nothing: the other process made the point.";
    /// The start window closed first.
    StartWindowMissed: fatal user => "Widen `startWindowMinutes`, or look at what kept the job waiting.";
    /// The completion window closed first.
    CompletionWindowExceeded: fatal user => "Widen `completionWindowMinutes`, or raise `lanes` or the limits.";
    /// The run was closed for good before it could commit.
    RunVoided: fatal system => "Create a new job if the backup is still wanted.";
    /// The job was cancelled.
    Cancelled: fatal user => "Create a new job if it is still wanted.";
    /// Something stored is not as it was written.
    IntegrityFailed: fatal system => "Look at the storage; restore from another point, and verify the rest.";
    /// Restored rows differ from the point.
    RestoredDataDiffers: fatal system => "Restore again; if it stays, report it with the job's message.";
    /// The operator and the mover do not understand each other.
    BadAssignment: fatal system => "Run operator and mover of the same version; if they are, report it.";
    /// An error that no other code is for.
    InternalError: retry system => "Look at the pod's log, and report it with the job's message.";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownErrorCode)
    }
}

/// A word that is no error code of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownErrorCode;

impl std::fmt::Display for UnknownErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the word is no error code of this version")
    }
}

impl std::error::Error for UnknownErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_happened_and_what_to_do() {
        for code in ErrorCode::ALL {
            let meaning = code.meaning();
            for sentence in [meaning.what, meaning.action] {
                assert!(
                    sentence.len() > 15 && sentence.ends_with('.'),
                    "{code} says too little: {sentence:?}"
                );
            }
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
        assert_eq!("NoSuchCode".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }

    #[test]
    fn a_code_named_user_error_is_one() {
        for code in ErrorCode::ALL.iter().filter(|code| code.as_str().contains("UserError")) {
            let closed = *code == ErrorCode::UserErrorServerConnectionClosed;
            assert_eq!(
                code.meaning().user_error,
                !closed,
                "{code}: only a closed connection needs nobody to act"
            );
        }
    }

    #[test]
    fn the_words_of_the_managed_services_are_kept() {
        let theirs = [
            "UserErrorBackupUserAuthFailed",
            "UserErrorContainerNotAccessible",
            "UserErrorDBNotFound",
            "UserErrorDBUserAuthFailed",
            "UserErrorDatabaseNameAlreadyInUse",
            "UserErrorInvalidSecret",
            "UserErrorInvalidSecretStore",
            "UserErrorMSIMissingPermissions",
            "UserErrorMaxConcurrentOperationLimitReached",
            "UserErrorMissingDBPermissions",
            "UserErrorMissingNetworkSecurityPermissions",
            "UserErrorMissingPermissionsOnSecretStore",
            "UserErrorSecretValueInUnsupportedFormat",
            "UserErrorServerConnectionClosed",
            "PostgreSQLFlexOperationFailedUserError",
        ];
        for code in theirs {
            assert!(code.parse::<ErrorCode>().is_ok(), "{code}");
        }
    }
}
