//! Every finalizer Coffer sets, and what releases it. `coffer release` removes them all.

/// On BackupJobs and RestoreJobs while they are not terminal: the run is stopped before its object goes.
pub const STOP_RUN: &str = "coffer.dev/stop-run";

/// On the Secret that holds a vault's key, while points exist: whoever deletes it deletes every backup.
pub const VAULT_KEY: &str = "coffer.dev/vault-key";

/// Every finalizer of this file.
pub const ALL: &[&str] = &[STOP_RUN, VAULT_KEY];
