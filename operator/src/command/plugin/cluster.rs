//! The cluster that a person means: flags and kubeconfig in, a connection out; and the few calls that commands make, with
//! an answer in words where the API server refuses.

use std::fmt::Debug;
use std::path::PathBuf;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::{Call, Problem};
use crate::clock::Clock;

/// Which cluster, and which namespace of it, as kubectl takes them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which cluster")]
pub struct ClusterOptions {
    /// The namespace. Left out: that of the kubeconfig's context.
    #[arg(short = 'n', long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The context of the kubeconfig. Left out: its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig. Left out: the files of KUBECONFIG, or ~/.kube/config; in a pod, its own account.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// Objects that live in a namespace and can be read and written.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug
{
}

/// A connection to the cluster.
pub struct Cluster {
    pub client: Client,
    /// The namespace that is meant where none is named.
    pub namespace: String,
    /// What time it is.
    pub now: fn() -> Timestamp,
    /// The API server's address, for messages.
    server: String,
}

impl Cluster {
    /// A connection as the options say. Nothing is sent yet.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub async fn connect(options: &ClusterOptions) -> Result<Self, Problem> {
        let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
        let config = match &options.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(Problem::Kubeconfig)?;
                Config::from_custom_kubeconfig(file, &chosen).await.map_err(Problem::Kubeconfig)?
            }
            None if options.context.is_some() => {
                Config::from_kubeconfig(&chosen).await.map_err(Problem::Kubeconfig)?
            }
            None => Config::infer().await.map_err(|error| Problem::NoCluster(Box::new(error)))?,
        };
        let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config).map_err(|error| Problem::Client(Box::new(error)))?;
        Ok(Self { client, namespace, now: || Clock::default().now().wall, server })
    }

    /// A connection that is there already.
    #[cfg(test)]
    pub fn of(client: Client, namespace: &str, now: fn() -> Timestamp) -> Self {
        let server = "https://cluster.test".to_owned();
        Self { client, namespace: namespace.to_owned(), now, server }
    }

    /// One object.
    ///
    /// # Errors
    /// [`Problem::NotFound`] when it is not there; else what kept us from knowing.
    pub async fn get<K: Kind>(&self, namespace: &str, name: &str) -> Result<K, Problem> {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        api.get(name).await.map_err(|error| self.told::<K>(error, "get", namespace, name))
    }

    /// One object, if it is there.
    ///
    /// # Errors
    /// What kept us from knowing.
    pub async fn find<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, Problem> {
        match self.get(namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(Problem::NotFound(_)) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The objects of one namespace, or with `None` of all, by labels and fields.
    ///
    /// # Errors
    /// What kept us from knowing.
    pub async fn list<K: Kind>(
        &self,
        namespace: Option<&str>,
        which: &ListParams,
    ) -> Result<Vec<K>, Problem> {
        let api: Api<K> = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let listed = api.list(which).await;
        Ok(listed.map_err(|error| self.told::<K>(error, "list", namespace.unwrap_or_default(), ""))?.items)
    }

    /// Makes an object; `None`: one of that name is there already.
    ///
    /// # Errors
    /// What kept it from being made.
    pub async fn create<K: Kind>(&self, object: &K) -> Result<Option<K>, Problem> {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let name = object.meta().name.clone().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        match api.create(&PostParams::default(), object).await {
            Ok(made) => Ok(Some(made)),
            Err(error) if crate::cluster::is_already_exists(&error) => Ok(None),
            Err(error) => Err(self.told::<K>(error, "create", &namespace, &name)),
        }
    }

    /// Changes what the merge patch names, and nothing else.
    ///
    /// # Errors
    /// What kept it from being changed.
    pub async fn merge<K: Kind>(&self, namespace: &str, name: &str, patch: Value) -> Result<K, Problem> {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map_err(|error| self.told::<K>(error, "patch", namespace, name))
    }

    /// Who asks, as the API server knows them. `None` where it does not say: then its audit log has it.
    pub async fn user(&self) -> Option<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        match api.create(&PostParams::default(), &SelfSubjectReview::default()).await {
            Ok(review) => review.status?.user_info?.username,
            Err(error) => {
                tracing::debug!(%error, "the API server did not say who asks");
                None
            }
        }
    }

    /// What an answer of the API server means for a call on objects of a kind.
    pub fn told<K: Kind>(
        &self,
        error: kube::Error,
        verb: &'static str,
        namespace: &str,
        name: &str,
    ) -> Problem {
        let call = Call {
            verb,
            kind: K::kind(&()).into_owned(),
            resource: K::plural(&()).into_owned(),
            group: K::group(&()).into_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        Problem::of(error, call, &self.server)
    }
}
