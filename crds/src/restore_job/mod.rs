//! RestoreJob: one restore of one point.

mod source;
mod status;
mod target;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{JobState, VaultReference},
    rules::value_not_yet,
    rules::{cancel_is_one_way, fixed, fixed_optional, job_name_fits_a_label, not_yet, terminal_is_terminal},
    words,
};

pub use source::{LatestOf, RestoreSource};
pub use status::{RestoreJobStatus, RestoredObjects};
pub use target::{FileLayout, RestoreTarget, TargetDatabase, TargetDatabases, TargetFiles, TargetServer};

const STAYS: &str = "the spec of a job may not be changed, save `cancel`: create a new job instead";

/// One restore of one point into a new or empty database, or into several.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "RestoreJob",
    namespaced,
    shortname = "rjob",
    category = "coffer",
    status = "RestoreJobStatus",
    derive = "PartialEq",
    doc = "One restore of one recovery point into a new or empty database, or into several. Applied again after it completed, it writes nothing.",
    printcolumn(name = "Point", type_ = "string", json_path = ".status.recoveryPoint.name"),
    printcolumn(name = "Target", type_ = "string", json_path = ".status.target"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Stage", type_ = "string", priority = "1", json_path = ".status.progress.stage"),
    printcolumn(name = "Percent", type_ = "integer", json_path = ".status.progress.percent"),
    printcolumn(name = "Host", type_ = "string", priority = "1", json_path = ".spec.target['database','databases'].host"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.duration"),
    printcolumn(name = "Message", type_ = "string", priority = "1", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.vaultRef.name",
    selectable = ".spec.source.recoveryPointRef.name",
    selectable = ".spec.source.instance.name",
    selectable = ".status.state",
    validation = terminal_is_terminal(),
    validation = job_name_fits_a_label(),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("vaultRef", STAYS),
    validation = fixed("source", STAYS),
    validation = fixed("target", STAYS),
    validation = fixed("ifExists", STAYS),
    validation = fixed("onError", STAYS),
    validation = fixed_optional("select", STAYS),
    validation = fixed_optional("roles", STAYS),
    validation = fixed_optional("swap", STAYS),
    validation = fixed_optional("rehydrate", STAYS),
    validation = fixed_optional("validateOnly", STAYS),
    validation = cancel_is_one_way(),
    validation = Rule::new("!has(self.select) || (has(self.select.schemas) && size(self.select.schemas) > 0) || \
        (has(self.select.tables) && size(self.select.tables) > 0)")
        .message("`select` names no schema and no table: name one, or leave it out to restore all"),
    validation = Rule::new("!has(self.select) || !has(self.select.schemaOnly) || !self.select.schemaOnly")
        .message("`select.schemaOnly: true` is not supported yet"),
    validation = Rule::new("!has(self.select) || !has(self.select.dataOnly) || !self.select.dataOnly")
        .message("`select.dataOnly: true` is not supported yet"),
    validation = Rule::new("!has(self.select) || has(self.target.database)")
        .message("`select` goes into one database: set `target.database`"),
    validation = Rule::new("!has(self.source.database) || has(self.target.database)")
        .message("`source.database` goes with `target.database`; with `target.databases` write `names`"),
    validation = not_yet("swap"),
    validation = not_yet("rehydrate"),
    validation = value_not_yet("ifExists", "Swap", "restore under another name and rename the databases yourself"),
    validation = value_not_yet("onError", "Continue", "use Stop"),
    validation = value_not_yet("roles", "Full", "use CreateMissing, which leaves roles that exist as they are"),
    validation = Rule::new("!has(self.roles) || self.roles != 'CreateMissing' || has(self.target.databases)")
        .message("`roles: CreateMissing` goes with `target.databases`: create the roles first, and use Skip"),
    validation = Rule::new("!has(self.validateOnly) || !self.validateOnly")
        .message("`validateOnly: true` is not supported yet: every restore checks the target before it writes"),
)]
pub struct RestoreJobSpec {
    /// The vault that holds the point.
    pub vault_ref: VaultReference,
    /// What to restore: exactly one member.
    pub source: RestoreSource,
    /// Where to: exactly one member.
    pub target: RestoreTarget,
    /// The part of the point to restore. Unset: all of it. With it the target database may be in use: all of it is added
    /// in one transaction, and what is selected may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Selection>,
    /// Skip: owners and grants name roles that exist already. CreateMissing: roles of the point that are missing are
    /// made, with their memberships and, where the point has them, passwords; they stay when the job fails. Full: not
    /// supported yet. Unset: CreateMissing with `target.databases`, else Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<RestoreRoles>,
    /// Fail: a target database that exists must be empty. Swap: load beside it and rename; not supported yet.
    #[serde(default)]
    pub if_exists: IfExists,
    /// The consent and the end of a swap. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
    /// Stop: the first error ends the restore. Continue: errors are listed and the rest goes on; not supported yet.
    #[serde(default)]
    pub on_error: OnError,
    /// How to fetch a point from the archive. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehydrate: Option<Rehydrate>,
    /// Whether to make every check and write nothing. Unset: false. True is not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_only: Option<bool>,
    /// Set to true to stop the job. It stays true; leave it out of Git. An unfinished database is dropped if the
    /// job made it, else left with a comment that names the job.
    #[serde(default)]
    pub cancel: bool,
}

impl RestoreJob {
    /// Where the job stands; Created before the operator has seen it.
    pub fn state(&self) -> JobState {
        self.status.as_ref().and_then(|status| status.state).unwrap_or(JobState::Created)
    }

    /// Whether the job has ended. Nothing about an ended job changes again.
    pub fn is_terminal(&self) -> bool {
        self.state().is_terminal()
    }
}

/// A part of a point.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Names of schemas, each with all that is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub schemas: Option<Vec<String>>,
    /// Names of tables, views or sequences, as SCHEMA.TABLE; a name that has a dot stands in double quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub tables: Option<Vec<String>>,
    /// New names of what is selected: for a SCHEMA or a SCHEMA.TABLE the name that it gets. A renamed schema may be restored
    /// beside one of its old name, a renamed table not beside another in the same schema. Unset: names stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::rename_map")]
    pub rename: Option<BTreeMap<String, String>>,
    /// Whether to restore no rows. Unset: false. True is not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_only: Option<bool>,
    /// Whether to restore rows into tables that exist. Unset: false. True is not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_only: Option<bool>,
}

/// What happens to roles.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreRoles {
    /// Roles must exist already.
    #[default]
    Skip,
    /// Roles that are missing are made.
    CreateMissing,
    /// All roles and memberships are made as they were.
    Full,
}

/// What happens when the target database exists.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfExists {
    /// It must be empty, else the job fails and touches nothing.
    #[default]
    Fail,
    /// The point is loaded beside it, checked, and the names are exchanged.
    Swap,
}

/// The consent and the end of a swap.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swap {
    /// The target server's system identifier, as proof that this server is meant.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[0-9]+$"))]
    pub confirm_system_identifier: String,
    /// Keep: the old database stays beside. Release: it is dropped. Undo: it comes back. Unset: Keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<SwapOutcome>,
}

/// How a swap ends.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapOutcome {
    /// The old database stays beside the new one.
    Keep,
    /// The old database is dropped.
    Release,
    /// The old database comes back.
    Undo,
}

/// What an error does to a restore.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnError {
    /// The first one ends it.
    #[default]
    Stop,
    /// It is listed, and the rest goes on.
    Continue,
}

/// How to fetch a point from the archive.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehydrate {
    /// Standard or High. Unset: Standard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<RehydratePriority>,
    /// Days that the fetched copy stays. Unset: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 30))]
    pub keep_days: Option<i32>,
}

/// How fast a point is fetched from the archive.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RehydratePriority {
    /// The provider's usual way.
    Standard,
    /// Faster, at a price.
    High,
}
