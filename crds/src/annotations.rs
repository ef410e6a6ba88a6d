//! Every annotation Coffer sets or reads. Tokens are echoed in status and never removed by the operator.

/// On a BackupVault or BackupInstance, by people: check again now. Any new value counts; the value last acted on is
/// `status.revalidated`.
pub const REVALIDATE: &str = "coffer.dev/revalidate";

/// On a BackupInstance, by people: `Default` checks again if the last round of checks failed, `ForceResync` in any case; with a
/// slash and anything behind it, to ask again. The value last acted on is `status.synced`.
pub const SYNC: &str = "coffer.dev/sync";

/// On a mover's Job, by the operator at the first attempt of a run: tag, keep, zone, policy version and the reason,
/// as JSON. Later attempts copy it, so that a point's promise does not change between attempts.
pub const DECISION: &str = "coffer.dev/decision";

/// On a BackupJob of a slot, by the operator: the other slots that it stands for, as a JSON list of `{rule, time}`. The tag
/// of its point is decided among all of them.
pub const MERGED_SLOTS: &str = "coffer.dev/merged-slots";

/// On a BackupJob, RestoreJob or RecoveryPoint, by `kubectl coffer`: the user who asked. A shipped admission policy
/// refuses any name but the request's own.
pub const REQUESTED_BY: &str = "coffer.dev/requested-by";

/// On a BackupInstance, by people: `FROM/TO` as dates or RFC 3339 times. Points of that range are shown as objects for a day
/// beyond the newest ones.
pub const SHOW_POINTS: &str = "coffer.dev/show-points";

/// On a BackupInstance, by people: the name of the DeletedBackupInstance that it was brought back from. From then on its
/// `protection` holds again.
pub const RESUME: &str = "coffer.dev/resume";

/// On Jobs and slot BackupJobs, by the operator: keeps Argo CD from refreshing the application at every status write.
pub const ARGO_IGNORE_UPDATES: &str = "argocd.argoproj.io/ignore-resource-updates";

/// Every annotation of this file in Coffer's own domain.
pub const ALL: &[&str] = &[REVALIDATE, SYNC, DECISION, MERGED_SLOTS, REQUESTED_BY, SHOW_POINTS, RESUME];
