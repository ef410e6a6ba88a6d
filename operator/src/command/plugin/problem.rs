//! Why a command ended without doing what it was asked, and what the person can do about it.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use kube::config::{InferConfigError, KubeconfigError};
use kube::core::Status;

use crate::command::people::Exit;
use crate::command::people::output::{printable, with_causes};

/// A call of the API server, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// As RBAC has it: get, list, create, patch.
    pub verb: &'static str,
    pub kind: String,
    /// The plural, with a subresource if there is one: `pods/log`.
    pub resource: String,
    /// Empty for the core group.
    pub group: String,
    /// Empty: all of them.
    pub namespace: String,
    /// Empty: several.
    pub name: String,
}

/// Everything that can stop a command.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("failed to use the kubeconfig")]
    Kubeconfig(#[source] KubeconfigError),
    #[error("failed to find a cluster: there is no kubeconfig that can be used")]
    NoCluster(#[source] Box<InferConfigError>),
    #[error("failed to set up a connection to the API server")]
    Client(#[source] Box<kube::Error>),
    #[error("failed to reach the API server {server}")]
    NoAnswer { server: String, source: Box<kube::Error> },
    #[error("the API server {server} does not know who you are")]
    NotLoggedIn { server: String },
    #[error("you may not {}", asked(.0))]
    Forbidden(Box<Call>),
    #[error("the cluster has no {}: Coffer's definitions are not installed, or another version of them", with_group(.0))]
    NotInstalled(Box<Call>),
    #[error("there is no {} {} in namespace {}", .0.kind, .0.name, .0.namespace)]
    NotFound(Box<Call>),
    #[error("the API server refused to {}: {message}", asked(.call))]
    Refused { call: Box<Call>, message: String },
    #[error("failed to {}", asked(.call))]
    Failed { call: Box<Call>, source: Box<kube::Error> },
    /// What was asked contradicts itself, or what is there.
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("{what} had not ended after {} s; it goes on", .after.as_secs())]
    TimedOut { what: String, after: Duration, hint: String },
    #[error("failed to print the result")]
    Output(#[from] io::Error),
    #[error("failed to write the result as {what}")]
    Render { what: &'static str, source: Box<dyn Error + Send + Sync> },
}

impl Problem {
    /// What an answer of the API server means.
    pub fn of(error: kube::Error, call: Call, server: &str) -> Self {
        let (server, call) = (server.to_owned(), Box::new(call));
        let status = match error {
            kube::Error::Api(status) => status,
            error @ (kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_)) => {
                return Self::NoAnswer { server, source: Box::new(error) };
            }
            error @ kube::Error::Auth(_) => return Self::Client(Box::new(error)),
            error => return Self::Failed { call, source: Box::new(error) },
        };
        match status.code {
            401 => Self::NotLoggedIn { server },
            403 if is_for_lack_of_rights(&status) => Self::Forbidden(call),
            404 if names_an_object(&status) => Self::NotFound(call),
            404 => Self::NotInstalled(call),
            // An admission policy, a quota, an ending namespace; a value that the schema does not take.
            400 | 403 | 409 | 422 => Self::Refused { call, message: objection(&status.message).to_owned() },
            _ => Self::Failed { call, source: Box::new(kube::Error::Api(status)) },
        }
    }

    /// A command that cannot be meant so, with what to do instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    pub fn exit(&self) -> Exit {
        match self {
            Self::NoAnswer { .. } => Exit::Unreachable,
            Self::NotLoggedIn { .. } | Self::Forbidden(_) => Exit::Credentials,
            Self::Kubeconfig(_)
            | Self::NoCluster(_)
            | Self::Client(_)
            | Self::Refused { .. }
            | Self::Usage { .. } => Exit::Usage,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::NotInstalled(_)
            | Self::NotFound(_)
            | Self::Failed { .. }
            | Self::Output(_)
            | Self::Render { .. } => Exit::Failed,
        }
    }

    /// Whether asking again may well be answered: the network, or an API server that restarts.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Failed { source, .. } => {
                matches!(&**source, kube::Error::Api(status) if status.code == 429 || status.code >= 500)
            }
            _ => false,
        }
    }

    /// Tells the person.
    pub fn tell(&self) {
        // Nobody is left to be told when standard error is closed.
        let _closed = writeln!(io::stderr().lock(), "{}", self.told());
    }

    /// The whole message: what is wrong, and in a second line what to do.
    pub fn told(&self) -> String {
        let mut text = format!("error: {}", printable(&with_causes(self)));
        let hint = self.hint();
        if !hint.is_empty() {
            let _infallible = write!(text, "\nhint: {}", printable(&hint));
        }
        text
    }

    fn hint(&self) -> String {
        match self {
            Self::Kubeconfig(_) => "look at `kubectl config view`; choose with --kubeconfig and --context".into(),
            Self::NoCluster(_) => "set KUBECONFIG, or name a file with --kubeconfig".into(),
            Self::Client(_) => "try `kubectl get namespaces`: it needs the same log-in".into(),
            Self::NoAnswer { .. } => "try `kubectl version`; choose another cluster with --context".into(),
            Self::NotLoggedIn { .. } => "log in again: the kubeconfig's token or certificate is refused".into(),
            Self::Forbidden(call) => right(call),
            Self::NotInstalled(_) => {
                "install Coffer's chart, or `kubectl apply --server-side -k config/crd`, or choose another cluster with \
                 --context"
                    .into()
            }
            Self::NotFound(call) => {
                format!("`kubectl get {} -A` shows which there are; choose a namespace with -n", call.resource)
            }
            Self::Usage { hint, .. } | Self::TimedOut { hint, .. } => hint.clone(),
            Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Output(_)
            | Self::Render { .. } => String::new(),
        }
    }
}

/// `create backupjobs.coffer.dev in namespace shop`.
fn asked(call: &Call) -> String {
    let place = match call.namespace.as_str() {
        "" => "in all namespaces".to_owned(),
        namespace => format!("in namespace {namespace}"),
    };
    format!("{} {} {place}", call.verb, with_group(call))
}

fn with_group(call: &Call) -> String {
    if call.group.is_empty() { call.resource.clone() } else { format!("{}.{}", call.resource, call.group) }
}

/// Which right is missing, and which of the shipped ClusterRoles has it.
fn right(call: &Call) -> String {
    let role = match (call.verb, call.group.as_str()) {
        (_, "") => "coffer-logs",
        ("get" | "list" | "watch", _) => "coffer-view",
        // For whoever administers the vault's namespace.
        _ if call.resource == "deletedbackupinstances" => "coffer-admin",
        _ => "coffer-edit",
    };
    let bind = match call.namespace.as_str() {
        "" => format!("kubectl create clusterrolebinding NAME --clusterrole={role} --user=YOU"),
        namespace => {
            format!("kubectl create rolebinding NAME -n {namespace} --clusterrole={role} --user=YOU")
        }
    };
    format!("ClusterRole {role} has that right; somebody who may grant it runs `{bind}`")
}

/// What admission policies write between their own name and their message.
const DENIED: &str = "denied request: ";

/// RBAC says who cannot do what; others that answer 403 say what they object to.
fn is_for_lack_of_rights(status: &Status) -> bool {
    let message = &status.message;
    !message.contains(DENIED) && (message.contains(" cannot ") || !message.contains("forbidden:"))
}

/// The objection itself, where an admission policy made it.
fn objection(message: &str) -> &str {
    message.rsplit_once(DENIED).map_or(message, |(_, objection)| objection)
}

/// Of an object that is not there the API server says the name; of a kind that it does not know it cannot.
fn names_an_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}
