//! Who may use a vault.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    rules::{adopted_once, not_yet_but},
    words,
};

/// Who may use a vault.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = not_yet_but("rules", "grant and withhold RBAC verbs on restorejobs instead"),
    validation = adopted_once(),
)]
pub struct Access {
    /// Namespaces whose instances may use this vault, besides its own. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// Who may do what with the points of this vault; Deny wins. Unset: RBAC alone decides. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub rules: Option<Vec<AccessRule>>,
    /// Instances of clusters that were lost, or that went with a namespace of this one, and who takes over what they had:
    /// their points, and the database that they protected. What is done stays done: remove the entry then, or it takes whatever comes to be under the name there.
    /// Condition AdoptionPending says what is waited for and what is refused. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "atomic"))]
    pub adopt: Option<Vec<Adoption>>,
}

/// Namespaces that may use a vault.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = not_yet_but("selector", "list the namespaces in `names`"))]
pub struct AllowedNamespaces {
    /// Names of namespaces, each in full: there are no wildcards. Unset or empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub names: Option<Vec<String>>,
    /// Labels of namespaces. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceSelector>,
}

/// Labels that a namespace must have.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels with these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::label_map")]
    pub match_labels: Option<std::collections::BTreeMap<String, String>>,
    /// Requirements that all hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Option<Vec<SelectorRequirement>>,
}

/// One requirement on a label.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectorRequirement {
    /// The label's key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How key and values relate: In, NotIn, Exists or DoesNotExist.
    pub operator: SelectorOperator,
    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), inner(length(max = 63)), extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Option<Vec<String>>,
}

/// How a label's key and the values relate.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectorOperator {
    /// The value is one of the list.
    In,
    /// The value is none of the list.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// One rule about who may do what.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessRule {
    /// Allow or Deny. Deny wins.
    pub effect: AccessEffect,
    /// Whom the rule is about.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub subjects: Vec<AccessSubject>,
    /// What the rule is about: Restore, Delete, CopyInto or ChangeLifecycle.
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub actions: Vec<AccessAction>,
}

/// Whether a rule grants or withholds.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessEffect {
    /// It grants.
    Allow,
    /// It withholds, whatever other rules grant.
    Deny,
}

/// What a rule is about.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessAction {
    /// Restoring a point.
    Restore,
    /// Asking for a point's deletion.
    Delete,
    /// Copying points into this vault.
    CopyInto,
    /// Changing how long a point is kept.
    ChangeLifecycle,
}

/// Somebody a rule is about.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessSubject {
    /// User, Group or ServiceAccount.
    pub kind: SubjectKind,
    /// The name as the API server knows it.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of a ServiceAccount. Unset for users and groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::namespace")]
    pub namespace: Option<String>,
}

/// What kind of subject a rule names.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A user.
    User,
    /// A group of users.
    Group,
    /// A ServiceAccount.
    ServiceAccount,
}

/// What an instance of a lost cluster or namespace had, and who takes it over.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// Whose points they were. Only for a cluster or namespace that is gone: an instance that still runs there can make no further
    /// backup into this vault.
    pub from: AdoptFrom,
    /// Whose points they become: an instance of this vault, which may protect another server. It is waited for.
    pub to: AdoptTo,
}

/// The former owner of points.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptFrom {
    /// Id of the cluster: the UID that its namespace kube-system had. The message of condition Ready with reason
    /// DuplicateDatasource names it.
    #[schemars(length(min = 1, max = 64))]
    pub cluster: String,
    /// Namespace of the instance there.
    #[schemars(schema_with = "words::namespace")]
    pub namespace: String,
    /// Name of the instance there.
    #[schemars(schema_with = "words::instance_name")]
    pub instance: String,
}

/// The new owner of points.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptTo {
    /// Namespace of the instance here.
    #[schemars(schema_with = "words::namespace")]
    pub namespace: String,
    /// Name of the instance here.
    #[schemars(schema_with = "words::instance_name")]
    pub instance: String,
}
