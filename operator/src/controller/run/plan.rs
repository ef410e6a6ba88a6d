//! One attempt of one run, complete: from it all its objects are built without asking anybody again.

use std::collections::BTreeMap;

use contract::{Assignment, Decision, RunId, Task};
use crds::{BackupVault, labels};
use kube::ResourceExt as _;

use crate::cluster::JobOwner;
use crate::settings::Settings;

/// What a pod is; NetworkPolicies select by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Moves a database: talks to the server, the keeper and the storage.
    Mover,
    /// Looks at a server and writes nothing.
    Check,
}

impl Role {
    /// The value of label `coffer.dev/role`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mover => "mover",
            Self::Check => "check",
        }
    }
}

/// One attempt of one run.
#[derive(Clone)]
pub struct Plan<'a> {
    pub vault: &'a BackupVault,
    pub settings: &'a Settings,
    /// Name of the Job, its Secret and, with a suffix, its pods.
    pub name: String,
    pub role: Role,
    /// The object that the run serves.
    pub owner: JobOwner,
    /// Name of the instance concerned, where there is one.
    pub instance: Option<String>,
    /// Contains credentials: it goes into the run's Secret and nowhere else.
    pub assignment: Assignment,
    /// Written on the Job, so that later attempts promise the same.
    pub decision: Option<Decision>,
    /// Relations of the database, which the memory is sized by.
    pub relations: u64,
    /// Whether the pod must be on the keeper's node: the vault is a claim that one node mounts at a time.
    pub beside_keeper: bool,
}

impl Plan<'_> {
    /// How many tables are read or written at a time.
    pub fn lanes(&self) -> u16 {
        match &self.assignment.task {
            Task::Check(_) => 1,
            Task::Backup(task) => task.limits.lanes,
            Task::Restore(task) => task.limits.lanes,
            Task::RestoreDatabases(task) => task.limits.lanes,
            Task::Verify(task) => task.scratch.as_ref().map_or(1, |server| server.limits.lanes),
        }
    }

    /// Where all its objects are.
    pub fn namespace(&self) -> String {
        self.vault.namespace().unwrap_or_default()
    }

    /// The run that the attempt belongs to.
    pub fn run(&self) -> &RunId {
        &self.assignment.run
    }

    /// The labels of Job, pod and Secret.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            (labels::MANAGED_BY.to_owned(), labels::MANAGED_BY_COFFER.to_owned()),
            (labels::VAULT.to_owned(), self.vault.name_any()),
            (labels::ROLE.to_owned(), self.role.as_str().to_owned()),
            (labels::JOB_KIND.to_owned(), self.owner.kind.clone()),
            (labels::TENANT_NAMESPACE.to_owned(), self.owner.namespace.clone()),
            (labels::JOB.to_owned(), self.owner.name.clone()),
            (labels::RUN.to_owned(), self.run().0.clone()),
            (labels::ATTEMPT.to_owned(), self.assignment.attempt.to_string()),
        ]);
        if let Some(instance) = &self.instance {
            all.insert(labels::INSTANCE.to_owned(), instance.clone());
        }
        all
    }
}
