//! The reasons. Add at the end of a section; never rename, never give an old word a new meaning.

use super::{Explanation, reasons};

reasons! {
"All kinds" {
    /// Everything is as the spec asks.
    AsConfigured: "The object was read, what it refers to was found, and nothing is left to do." => "Nothing to do.";
    /// The operator is at work.
    InProgress: "The object is new or was changed, or work that it asks for goes on." => "Wait; the message says for what.";
    /// Something failed and is tried again.
    ProgressingWithRetry: "A step failed in a way that may pass by itself." => "Read the message; if it stays for minutes, mend what it names.";
    /// The spec cannot be acted on.
    InvalidSpec: "A rule that the API server enforces does not hold, so the rules were switched off or are of another version." => "Change the field that the message names, and apply the CRDs of this version.";
    /// The operator may not do what it must.
    OperatorForbidden: "The API server refused the operator a request that its ClusterRole should allow." => "Apply the chart's RBAC again; the message names verb and resource.";
    /// A pod cannot be made or placed.
    PodBlocked: "A quota, an admission rule, a missing image or missing room keeps the pod from starting." => "Read the message, which quotes the cluster's words, and mend what it names.";
    /// The namespace is being deleted.
    NamespaceEnding: "Nothing can be created in a namespace that is going." => "Nothing to do; stored backups are not touched.";
}
"BackupVault" {
    /// The storage answers and behaves as needed.
    StorageProbed: "The keeper wrote, read and listed probes, and a second create of the same name was refused." => "Nothing to do.";
    /// The vault's key can be used.
    KeyUsable: "The keeper opened the catalogue with it." => "Nothing to do.";
    /// The operator may not work in the vault's namespace.
    NotBound: "No RoleBinding grants the operator ClusterRole coffer-vault there." => "Add the namespace to the chart's vaultNamespaces, or run the kubectl create rolebinding that the message prints.";
    /// The keeper is being started.
    KeeperStarting: "Its Deployment was made or changed, and its pod does not answer yet." => "Wait a minute; then look at the pod that the message names.";
    /// The keeper does not answer.
    KeeperUnavailable: "Its pod is not running, not reachable, or shows a certificate that is not pinned." => "Look at the keeper's pod and at NetworkPolicies between the two namespaces; running backups go on meanwhile.";
    /// The storage cannot be reached.
    StorageUnreachable: "The endpoint's name is unknown, or nothing answers at its address in time." => "Check `storage`, DNS, firewalls and NetworkPolicies from the vault's namespace.";
    /// The storage's certificate is not trusted.
    StorageTlsFailed: "It is signed by another authority, is for another name, or is not valid today." => "Put the authority into the Secret of `caSecretRef`, or mend the store's certificate.";
    /// The bucket does not exist.
    BucketNotFound: "The store knows the credentials and says there is no such bucket." => "Create the bucket, or make a new vault for the right one; Coffer never makes buckets.";
    /// The claim does not exist or is not bound.
    ClaimNotFound: "The vault's namespace has no such PersistentVolumeClaim, or it waits for a volume." => "Create the claim that `filesystem.claimName` names.";
    /// The claim cannot hold a vault.
    ClaimUnsupported: "Its access mode is ReadWriteOncePod, or its file system lacks hard links or fsync." => "Use a claim with ReadWriteOnce or ReadWriteMany on a POSIX file system, in a new vault.";
    /// The storage's credentials are not there.
    CredentialsMissing: "The Secret does not exist or lacks a key." => "Create the Secret with the keys that the message names; it is taken up within two minutes.";
    /// The storage refuses the credentials.
    CredentialsRefused: "The access key is unknown, its secret is wrong, or its session has expired." => "Write valid credentials into the Secret; they are taken up within two minutes.";
    /// The credentials lack a right on the storage.
    StoragePermissionsMissing: "The store knows them and refuses one kind of request." => "Grant the action that the message names for bucket and prefix.";
    /// The storage cannot be used as it is described.
    StorageMisconfigured: "Region, endpoint, addressing or the kind of file system is not the one that the message asks for." => "Correct the field under `storage`, in a new vault where it cannot be changed, or mend the storage; the message says which.";
    /// The storage overwrites what it was asked only to create.
    ConditionalWritesNotHonoured: "The store ignores If-None-Match, so two writers could destroy each other's backups." => "Use a store or a version that honours conditional writes, or a filesystem vault; there is no switch to go without.";
    /// The storage behaves in a way no vault can live with.
    StorageUnsuitable: "A probe was not read back as written, or a listing missed what was just written." => "Use another store; the message says which promise was broken.";
    /// The storage is full.
    StorageFull: "A write was refused for lack of space or quota." => "Give it more room; points are deleted only when they expire.";
    /// Bucket and prefix are another vault's.
    PrefixInUse: "The storage holds a vault with another id, or another BackupVault names the same place." => "Give this vault a prefix of its own, or remove the other.";
    /// The stored format is of a later version.
    FormatUnsupported: "A newer Coffer has written to this vault." => "Upgrade the operator.";
    /// The vault's key is missing.
    KeyMissing: "The storage holds this vault, and the Secret with its key is not there or is another's." => "Bring back the Secret that the message names, or use a recovery identity; no new key can open old backups.";
    /// A stored key was planted.
    KeySubstituted: "It is not the one that the record promises, so somebody else wrote it." => "Find out who may write to the storage; restore from another copy.";
    /// The vault's key cannot be used.
    KeyInaccessible: "The key service refuses it, does not answer, or the key is disabled." => "Restore access to the key; it is tried every minute, and at once on annotation coffer.dev/revalidate.";
    /// Only the key's Secret can open the backups.
    RecoveryKeyMissing: "There is no recovery recipient, and `acceptKeyLoss` says that this is meant." => "Make an identity with `coffer keygen`, keep it off the cluster, and add its recipient to `recoveryRecipients`.";
    /// A recovery recipient is not one.
    RecipientInvalid: "A string of `recoveryRecipients` has a wrong checksum or is of an unknown kind." => "Copy the recipient again from the output of `coffer keygen`.";
    /// The storage is older than what was seen.
    RolledBack: "Its ledger ends before the entry that the operator has recorded, so somebody restored or swapped the bucket." => "Bring back the newer state; nothing is deleted until then. If the loss is real, follow docs/recovery.md.";
    /// The spec is weaker than what the vault has promised.
    WeakerThanRecorded: "A lock or a one-way setting is written into the ledger, and the spec asks for less." => "Write the stronger setting that the message names into the spec.";
    /// The ledger or the catalogue is damaged.
    LedgerDamaged: "An entry is missing or does not fit the chain of hashes." => "Stop changes to the bucket, and restore the object that the message names from a version of it.";
    /// The clocks of keeper and storage, or of operator and keeper, differ by more than five minutes.
    ClockSkewed: "One of them is wrong, and deletion by a wrong clock cannot be undone." => "Set the clock of the node or of the store; deletion in this vault pauses, everything else goes on.";
    /// The vault's namespace can be deleted by mistake.
    NamespaceUnprotected: "It lacks the label coffer.dev/holds-backups=true, so the shipped policy does not guard it." => "kubectl label namespace NAME coffer.dev/holds-backups=true.";
    /// The claim's volume would be deleted with the claim.
    VolumeNotRetained: "Its PersistentVolume has reclaim policy Delete." => "kubectl patch the volume that the message names to reclaim policy Retain.";
    /// Points that are due stay for now.
    PointsHeldBack: "They are the last good ones, in use, held, or deletion pauses." => "Nothing to do; the message counts them by cause.";
    /// Storage refuses to delete points whose time is over.
    StorageKeepsPoints: "Their objects are locked in the storage, or its credentials may not delete them." => "Allow the deletion of objects below the vault's prefix, or wait for the end of the lock; it is tried again by itself, at least daily.";
    /// The vault was made in its storage.
    VaultInitialised: "Its id, its key and the first entry of its ledger were written." => "Keep the recovery kit that `coffer recovery-kit` prints.";
    /// Points were deleted because their time was over.
    RetentionApplied: "They had expired, and enough newer good ones are there." => "Nothing to do.";
    /// What an instance of a lost cluster had is not taken over yet.
    AdoptionWaiting: "An entry of `access.adopt` names an instance that is not there yet, or whose database no check has told yet." => "Wait; the message says for what.";
    /// What an instance of a lost cluster had cannot be taken over.
    AdoptionRefused: "An entry of `access.adopt` names an instance that the ledger does not know, or who has points or database of another." => "Correct or remove the entry that the message names.";
}
"BackupPolicy" {
    /// A schedule cannot be understood.
    InvalidSchedule: "A cron expression or an interval breaks the rules of its language." => "Correct the field that the message names; it says what was expected there.";
    /// A schedule never fires.
    ImpossibleSchedule: "No date fits it, such as 30 February." => "Correct the day or the month.";
    /// A time zone is unknown.
    InvalidTimeZone: "The name is neither an IANA nor a Windows zone." => "Use a name such as Europe/Berlin; the message offers the nearest.";
    /// A spread reaches beyond its start window.
    SpreadTooLong: "An instance could be given a start after its window has closed." => "Make `spreadMinutes` smaller than `startWindowMinutes`.";
    /// A window is longer than its schedule's interval.
    WindowsOverlap: "The next slot comes before the window of the last one ends, so slots will be merged." => "Shorten the window or make the schedule wider, if that is not meant.";
    /// The retention rules do not have exactly one default.
    NoDefaultRetention: "A point that no rule matches would have no end." => "Give exactly one rule `default: true`.";
}
"BackupInstance: references" {
    /// The vault does not exist.
    VaultNotFound: "There is no BackupVault of that name in that namespace." => "Create the vault; `vaultRef` cannot be changed, so a wrong one needs a new instance.";
    /// The vault is not ready.
    VaultNotReady: "It exists, and its own Ready condition is not True." => "Look at the vault's conditions.";
    /// The vault does not take this namespace.
    NamespaceNotAllowed: "The vault is in another namespace and does not list this one." => "Ask the platform team to add the namespace to the vault's `access.allowedNamespaces.names`.";
    /// The policy does not exist.
    PolicyNotFound: "There is no BackupPolicy of that name in that namespace." => "Create the policy or name another in `policyRef`.";
    /// The policy cannot be acted on.
    PolicyNotReady: "It exists, and its own Ready condition is not True." => "Look at the policy's conditions.";
    /// The policy vanished and its last version acts.
    PolicyGone: "The BackupPolicy was deleted although instances use it." => "Create it again or name another in `policyRef`.";
    /// The policy keeps points for longer or shorter than the vault allows.
    RetentionOutsideVault: "A rule's `keep` is below the vault's minimum or above its maximum." => "Change `keep`, or ask the platform team about the vault's `retention`.";
    /// The same database is protected already in this vault.
    DuplicateDatasource: "Another instance holds the claim on this server and database, perhaps one that was deleted and still has points." => "Use that instance, or another vault; the message names it or says whom to ask. If its cluster was lost, add the entry of `access.adopt` that the message has to the vault.";
    /// The database is another one than before.
    DatasourceChanged: "The server's system identifier is not the one that the points were taken from." => "If the server was replaced on purpose, make a new instance; else correct `host` or DNS.";
    /// The vault's ledger has the instance as deleted.
    OwnerDeleted: "Its object was gone, and its points were left to what `deletionPolicy` says of them." => "Set `undelete: true` on the DeletedBackupInstance that the message names.";
}
"BackupInstance: credentials" {
    /// The Secret does not exist.
    SecretNotFound: "A Secret that the spec names is not in this namespace." => "Create it; it is looked for every minute.";
    /// The operator may not read the Secret.
    SecretForbidden: "The namespace does not bind ClusterRole coffer-secret-reader to the operator, or the Secret lacks the opt-in label." => "Run the kubectl command that the message prints.";
    /// The Secret lacks a key.
    SecretKeyMissing: "The Secret is there without the key that is read." => "Add the key that the message names, or name another in `credentialsSecretRef`.";
    /// A value in the Secret cannot be used.
    SecretInvalid: "It is empty, not text, or not in the form that its use asks for." => "Write the value again; the message says what is wrong without showing it.";
    /// The server refuses user name or password.
    AuthenticationFailed: "The password is wrong, the role does not exist, or it has no LOGIN." => "Correct the Secret, or alter the role; it is tried every minute.";
    /// The server refuses the client before any password.
    LoginRejected: "No line of pg_hba.conf lets this role, database and address in." => "Add a line for the movers' addresses, with scram-sha-256.";
    /// The role lacks rights.
    PrivilegesMissing: "It cannot read everything that belongs in the backup." => "Run the statements of the instance's `status.missingGrants` as the database's owner.";
}
"BackupInstance: server" {
    /// The host's name is unknown.
    HostNotFound: "DNS has no address for it in the vault's namespace." => "Correct `host`; use a name that is the same in every namespace, such as db.shop.svc.";
    /// The server refuses the connection.
    ConnectionRefused: "The host answers, and nothing listens on that port." => "Correct `port`, or start the server.";
    /// What answers there is no PostgreSQL server.
    NotPostgres: "Another program listens on that port, such as a web server or a pooler's console." => "Correct `host` and `port`.";
    /// The server does not answer.
    ServerUnreachable: "No answer came in time, as with a firewall or a NetworkPolicy in between." => "Let the vault's namespace reach the server; movers connect from there.";
    /// The server does not offer TLS.
    TlsNotOffered: "`tls.mode` asks for encryption, and the server has it switched off." => "Switch ssl on in the server, or choose Disable knowing that the password is sent unprotected.";
    /// The server's certificate is not trusted.
    TlsFailed: "It is signed by another authority, is for another name, or is not valid today." => "Put the authority into the Secret of `tls.caSecretRef`, or mend the certificate.";
    /// The database does not exist.
    DatabaseNotFound: "The server has no database of that name." => "Correct `database`, or create it.";
    /// The server's version is not supported.
    ServerVersionUnsupported: "It is older than the oldest or newer than the newest that this version knows." => "Use a version in the range that the message gives.";
    /// A pooler stands in between.
    PoolerUnsupported: "The connection is shared by sessions, so a snapshot cannot be held." => "Name the server itself in `host`.";
    /// Row-level security hides rows from the role.
    RowSecurityActive: "A policy applies to it, so a backup would silently lack rows." => "Give the role BYPASSRLS, or back up as the tables' owner.";
    /// The standby cancels long queries.
    StandbyConflict: "It must replay what the backup's snapshot still needs." => "Back up the primary, or set max_standby_streaming_delay to -1 or hot_standby_feedback to on.";
    /// The server has no connection left.
    TooManyConnections: "max_connections or the role's limit is reached." => "Lower `lanes`, or raise the limit.";
    /// The server is starting, stopping or recovering.
    ServerNotReady: "It answers and takes no queries at the moment." => "Wait; it is tried again.";
    /// The server cannot lock that many tables.
    LockTableTooSmall: "max_locks_per_transaction times max_connections is too small for this schema." => "Raise max_locks_per_transaction to what the message says, and restart the server.";
    /// Something in the database cannot be backed up.
    Unbackupable: "A relation or type is of a kind that this version does not know." => "Read the message; it names the object.";
}
"BackupInstance: state" {
    /// Checks are running.
    ChecksRunning: "The instance is new, was changed, or asked for by annotation." => "Wait a minute.";
    /// All checks passed.
    ChecksPassed: "Server, log-in, version, privileges and database are as a backup needs them." => "Nothing to do.";
    /// Backups are suspended.
    BackupsSuspended: "`protection` is Suspended." => "Set it to Enabled when backups are to run again.";
    /// Protection rests altogether.
    ProtectionStopped: "`protection` is Stopped." => "Set it to Enabled when backups are to run again; points begin to expire a day after that.";
    /// The instance was brought back and waits for a word.
    ResumeRequired: "Whatever its spec says, nothing runs and nothing expires until somebody names the record of its deletion." => "Look at its points, then set annotation coffer.dev/resume to the name in the message.";
    /// Points begin to expire again.
    RetentionResumed: "Protection was stopped, and is not any more; what is past its end stays for one more day." => "Set `protection: Stopped` again before the time in the message if that is not meant.";
    /// No backup has ended yet.
    NoBackupYet: "The first slot is still to come, or its job is running." => "Wait for it, or create a BackupJob.";
    /// The last backup ended well.
    LastBackupCompleted: "The last job that ended is Completed or CompletedWithWarnings." => "Nothing to do.";
    /// The last backup did not end well.
    LastBackupFailed: "The last job that ended is Failed, Expired or Cancelled." => "Look at that job's errors; the message names it.";
    /// The newest point is fresh.
    PointFresh: "It is younger than the schedule's interval and its completion window." => "Nothing to do.";
    /// The newest point is too old.
    PointOverdue: "No backup has ended well for longer than the schedule's interval and its completion window." => "Look at the last jobs and at BackupReady.";
    /// A slot passed without a job.
    BackupMissed: "The operator was away until the slot's start window had closed." => "Look at the operator; `status.missedSlots` counts them.";
    /// A run will soon miss its completion window.
    WindowTooShort: "At the speed of the last runs the data will not fit into the window." => "Widen `completionWindowMinutes`, or raise `lanes` or the limits.";
}
"BackupJob and RestoreJob: on the way" {
    /// The job waits for its turn.
    Queued: "The vault's limit is reached, or another job of the instance is running." => "Wait; the message says for whom.";
    /// The job waits for something to be mended.
    Pending: "A check failed, and the start window is still open." => "Read the message and mend what it names; it is tried again without a change here.";
    /// The job waits for its spread.
    Spread: "The policy gives each instance a fixed delay." => "Wait until the time in the message.";
    /// A mover is at work.
    Running: "Its snapshot is fixed, or its restore has begun." => "Wait; `status.progress` says how far it is.";
    /// The vault is checking the new point.
    Accepting: "The mover is done, and the keeper reads what it left before the point counts." => "Wait; it takes seconds.";
    /// The job is being stopped.
    Cancelling: "`cancel` is true, and it is not yet settled whether the point was committed first." => "Wait; it takes seconds.";
    /// An attempt failed and another follows.
    AttemptFailed: "The error may pass by itself." => "Wait; `status.attempts` has what happened.";
}
"BackupJob and RestoreJob: ended" {
    /// The job is done.
    Completed: "Everything was moved and checked." => "Nothing to do.";
    /// The job is done, with something left out.
    CompletedWithWarnings: "The result is good; `status.warnings` says what is not in it." => "Read the warnings.";
    /// The same restore had been done already.
    AlreadyDone: "The vault's ledger has this very restore as completed." => "Nothing to do; for another one use another name.";
    /// The job was cancelled.
    Cancelled: "`cancel` was set before a point was committed." => "Create a new job if it is still wanted.";
    /// The job could not start in time.
    StartWindowMissed: "The start window closed, and neither source nor storage was ever reached." => "Widen `startWindowMinutes`, or look at what kept the job waiting.";
    /// The job could not finish in time.
    CompletionWindowExceeded: "The completion window closed first; the attempt was stopped and nothing kept." => "Widen `completionWindowMinutes`, or raise `lanes` or the limits.";
    /// Every attempt failed.
    AttemptsExhausted: "Each ended with an error that might have passed, and did not." => "Look at the last of `status.errors`.";
    /// The job failed for good.
    PermanentFailure: "The error will not pass by itself." => "Do what the last of `status.errors` recommends, then create a new job.";
    /// The pod vanished.
    MoverLost: "It was evicted, killed or its node was lost, and it left no word." => "Look at nodes and memory; the job is tried again while attempts remain.";
    /// The pod moved nothing for ten minutes.
    MoverStalled: "Server or storage accepted the connection and then fell silent." => "Look at locks in the database and at the network.";
    /// The pod ran out of memory.
    OutOfMemory: "The container's limit was reached." => "Raise the memory in the vault's `podTemplate.resources`.";
    /// Another process of the same run committed first.
    LostRace: "The cluster started the run's pod twice; exactly one of them could make the point." => "Nothing to do.";
    /// The job's own instance is gone.
    InstanceNotFound: "There is no BackupInstance of that name in this namespace." => "Correct the name in a new job.";
    /// The instance is not ready for a backup.
    InstanceNotReady: "Its own Ready condition is not True." => "Look at the instance's conditions.";
    /// The policy has no such tag.
    TagNotFound: "`retentionTag` is not the name of a retention rule of the instance's policy." => "Use a name that the message lists, in a new job.";
    /// The slot is used already.
    SlotUsed: "A job of this slot has ended, or a later slot was used." => "Nothing to do; create a job with `retentionTag` for a backup on demand.";
    /// The schema changes faster than it can be locked.
    SchemaBusy: "Tables were dropped, made or swapped in each of five tries." => "Run the backup when no migration is running.";
    /// A lock could not be had in time.
    LockTimeout: "Somebody holds a stronger lock on a table, or waits for one." => "End the session that the message names, or raise `lockTimeoutSeconds`.";
    /// A row is too large.
    RowTooLarge: "The server cannot send it in any format." => "Split the row that the message names.";
    /// Something stored is not as it was written.
    IntegrityFailed: "A hash, a seal or a count does not fit." => "Look at the storage; restore from another point, and verify the rest.";
}
"RestoreJob" {
    /// The point does not exist.
    PointNotFound: "There is no such RecoveryPoint, or the vault does not know it." => "Look at `kubectl get rpoint`; a point that is not shown can be brought up by annotation coffer.dev/show-points.";
    /// The instance has no good point.
    NoPointYet: "No backup of it has ended well, or all its points are gone." => "Create a BackupJob first.";
    /// The point belongs to somebody else.
    PointForeign: "The ledger names another owner than this namespace." => "Restore where the point belongs; after a disaster see docs/recovery.md.";
    /// The point cannot be restored.
    PointNotRestorable: "It is damaged, in the archive, or its time is over." => "Use another point.";
    /// The target database holds something.
    TargetNotEmpty: "It has tables or other objects, and `ifExists` is Fail." => "Name another database, or empty this one; nothing was touched.";
    /// The target cannot take the database.
    TargetUnsuitable: "Version, encoding, locale, an extension or a role does not fit." => "Mend what the message lists; nothing was touched.";
    /// The target role lacks rights.
    TargetPrivilegesMissing: "It may not create databases, or does not own the empty one." => "Grant what the message names.";
    /// The target refused a statement.
    TargetStatementFailed: "The server answered with an error while the schema was put back." => "Mend what the message names in the target, then create a new job.";
    /// What was restored differs from the point.
    RestoredDataDiffers: "A count or a digest of a table is not the manifest's." => "Restore again; if it stays, report it with the message.";
    /// The target is full.
    TargetFull: "The server ran out of disk while loading." => "Give it room; the unfinished database was dropped if the job had made it.";
    /// An unfinished database was left.
    RestoreIncomplete: "The restore ended badly in a database that it had not made." => "The database carries a comment with the job's name; drop or empty it.";
}
"RecoveryPoint" {
    /// The point can be restored.
    PointAvailable: "The vault's catalogue has it as accepted." => "Nothing to do.";
    /// The point lacks something.
    PointPartial: "The role could not read everything; `status.coverage` says what." => "Grant what is missing; the next point will be whole.";
    /// The point is damaged.
    PointDamaged: "A verification found an object missing or changed." => "Look at the storage; another backup was started.";
    /// The point's time is over.
    PointExpired: "Its end has come, and it will be deleted." => "Nothing to do.";
    /// The point was verified.
    VerificationPassed: "Every object was read back and found as written." => "Nothing to do.";
    /// The point was not verified yet.
    NotVerifiedYet: "Only presence, sizes and checksums were checked when it was accepted." => "Set `verifyEveryDays` in the policy, or run `coffer verify`.";
    /// The verification found damage.
    VerificationFailed: "An object is missing, or differs from what was written." => "Look at the storage; restore from another point.";
    /// The point is locked.
    Locked: "The vault's lock keeps it until its time is over." => "Wait for the time in the message.";
    /// The point is held.
    LegalHold: "A legal hold names it." => "Ask who made the hold that the message names.";
    /// The point is in use.
    InUse: "A restore or a copy is reading it." => "Wait for the job that the message names.";
    /// The point is being removed before its end.
    PointRemoved: "It was asked for by `deletionRequest`." => "Set `retentionOverride` before the time in the message if the point is still wanted.";
    /// The point is nobody's in the cluster.
    PointNotOwned: "It was made on the command line." => "Nothing here changes when it ends.";
    /// The keeper would not remove the point.
    DeletionRefused: "The vault's ledger or storage says otherwise than the catalogue." => "Read the message; it is tried again every minute.";
    /// The keeper would not give the point another end.
    OverrideRefused: "The vault's ledger says otherwise than the catalogue." => "Read the message; it is tried again every minute.";
    /// The other end is not one that the vault allows.
    OverrideOutsideVault: "`retentionOverride.until` is outside the vault's `retention`, or would go round its soft delete." => "Set an end within the times in the message.";
    /// The point is one of the last good ones.
    LastGood: "The policy's `keepAtLeast` keeps it." => "Make a newer backup first.";
}
"DeletedBackupInstance" {
    /// The points of the deleted instance stay.
    PointsRetained: "It was deleted with `deletionPolicy` Retain, and nothing of it expires." => "Nothing to do; `undelete: true` brings it back.";
    /// The points of the deleted instance expire as stamped.
    PointsExpire: "It was deleted with `deletionPolicy` RetainPerPolicy; the newest point stays." => "Nothing to do; `undelete: true` brings it back.";
    /// The points of the deleted instance go at a set time.
    PurgeScheduled: "It was deleted with `deletionPolicy` Delete, and the days of the vault's soft delete go on." => "Set `undelete: true` before that time if they are still wanted.";
    /// The points of the deleted instance are being deleted.
    Purging: "The time at which they were to go has come." => "Nothing to do.";
    /// The instance is being brought back.
    Undeleting: "`undelete` is true, and an instance of its name is made or taken for it." => "Wait; the record goes when the instance has its points.";
    /// The instance's namespace is gone.
    NamespaceGone: "It was deleted, and one that was made again under the same name is somebody else's." => "Restore the points with the command line and a recovery identity; see docs/deletion.md.";
    /// Another instance has the name.
    InstanceInTheWay: "An instance of that name is there and protects another database." => "Delete that instance, or give it another name; then the deleted one is brought back.";
    /// The ledger or the cluster refuses to bring it back.
    UndeleteRefused: "The saved spec is not accepted any more, or the vault's keeper will not." => "Mend what the message names, or make the instance yourself under its old name; it is taken for the deleted one.";
}
"Events" {
    /// Points of a time were asked for.
    PointsShown: "Annotation coffer.dev/show-points asks for them." => "Nothing to do; they are shown for a day.";
    /// The points that were asked for cannot be told.
    ShowPointsInvalid: "The value of annotation coffer.dev/show-points is no `FROM/TO`." => "Write two dates or two RFC 3339 times with a slash between them, the earlier one first.";
    /// What is asked for cannot be told.
    SyncInvalid: "The value of annotation coffer.dev/sync is neither Default nor ForceResync." => "Write one of them; behind a slash anything that tells this request from the last.";
    /// A backup was planned.
    BackupScheduled: "A slot is due, and its job was made." => "Nothing to do.";
    /// A backup has started.
    BackupStarted: "A mover has fixed its snapshot." => "Nothing to do.";
    /// A backup has ended well.
    BackupCompleted: "The vault has accepted the point." => "Nothing to do.";
    /// A backup has failed.
    BackupFailed: "It ended without a point." => "Look at the job's errors.";
    /// A point could not be read back.
    VerificationNotDone: "The run that was to read it did not come to its end; that says nothing about the point." => "Look at the message; it is tried again after a day.";
    /// A restore has started.
    RestoreStarted: "The target was checked, and the first write is about to be made." => "Nothing to do.";
    /// A restore has ended well.
    RestoreCompleted: "The database is loaded, checked and has its name." => "Nothing to do.";
    /// A restore has failed.
    RestoreFailed: "It ended before the database was whole." => "Look at the job's errors.";
    /// An instance was deleted and left points.
    InstanceDeleted: "Its object is gone; what becomes of its points is in the ledger." => "Look at the DeletedBackupInstance that the message names.";
    /// A deleted instance was brought back.
    InstanceUndeleted: "Its points belong to the instance that the message names." => "Set annotation coffer.dev/resume on the instance to the record's name when it is to be protected again.";
    /// What an instance of a lost cluster had was taken over.
    InstanceAdopted: "`access.adopt` of the vault names both." => "Nothing to do; points that were about to go stay for a day, and for longer with `protection: Stopped`.";
    /// The last point of a deleted instance is gone.
    InstanceReleased: "Nothing of it is left in the vault." => "Nothing to do; its database may be protected again by another instance.";
    /// Protection goes on after an instance was brought back.
    ProtectionResumed: "The record of its deletion was named." => "Nothing to do; from now on `protection` of the spec holds.";
}
}
