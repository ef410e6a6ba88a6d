//! Every label Coffer sets or reads: who sets it, who selects by it, what breaks when it changes.

/// The vault an object belongs to. Set by the operator on RecoveryPoints, slot BackupJobs, Jobs, pods and keeper objects, and
/// by `kubectl coffer` on the jobs that it makes; the operator's watches and NetworkPolicies select by it. Value: the
/// BackupVault's name.
pub const VAULT: &str = "coffer.dev/vault";

/// The namespace of the vault, on objects that live elsewhere. Value: a namespace.
pub const VAULT_NAMESPACE: &str = "coffer.dev/vault-namespace";

/// The instance an object belongs to. Set by the operator on RecoveryPoints, slot BackupJobs, Jobs and pods, and by
/// `kubectl coffer` on the jobs that it makes; people select points and jobs by it. Value: the BackupInstance's name.
pub const INSTANCE: &str = "coffer.dev/instance";

/// The namespace of the job or instance that a Job in the vault's namespace works for. Set by the operator; its
/// watch maps a Job back to the object by this and [`JOB`].
pub const TENANT_NAMESPACE: &str = "coffer.dev/tenant-namespace";

/// The BackupJob or RestoreJob that a Job or pod works for. Value: its name.
pub const JOB: &str = "coffer.dev/job";

/// The kind of the object named by [`JOB`]: `BackupJob`, `RestoreJob`, or `BackupInstance` for a check.
pub const JOB_KIND: &str = "coffer.dev/job-kind";

/// The run: the UID of the BackupJob or RestoreJob. Set on Jobs, pods and run Secrets; the operator finds the
/// remains of a run by it even when the object is gone.
pub const RUN: &str = "coffer.dev/run";

/// The attempt of the run, counted from 1. Set on Jobs and pods, for people; the number proves nothing.
pub const ATTEMPT: &str = "coffer.dev/attempt";

/// The backup rule of a slot job. Set by the operator on BackupJobs it makes; history limits select by it.
pub const RULE: &str = "coffer.dev/rule";

/// The tag of a recovery point. Set by the operator, for people.
pub const TAG: &str = "coffer.dev/tag";

/// What a pod is: `keeper`, `mover` or `check`. Set by the operator; NetworkPolicies select by it.
pub const ROLE: &str = "coffer.dev/role";

/// Set to `true` by the platform team on a namespace with vaults. The shipped admission policy
/// `coffer-vault-namespaces` refuses to delete such a namespace; without it the vault is `NamespaceUnprotected`.
pub const HOLDS_BACKUPS: &str = "coffer.dev/holds-backups";

/// Set to `true` by an application team on a Secret the operator may read, where the chart's `secretOptIn` is on.
pub const READABLE: &str = "coffer.dev/readable";

/// Who made an object, in the words of Kubernetes' recommended labels. Always `coffer` on what the operator makes.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The value of [`MANAGED_BY`].
pub const MANAGED_BY_COFFER: &str = "coffer";

/// Every label of this file in Coffer's own domain.
pub const ALL: &[&str] = &[
    VAULT,
    VAULT_NAMESPACE,
    INSTANCE,
    TENANT_NAMESPACE,
    JOB,
    JOB_KIND,
    RUN,
    ATTEMPT,
    RULE,
    TAG,
    ROLE,
    HOLDS_BACKUPS,
    READABLE,
];
