//! What the operator is told at its start, and what it finds out once. Never changes while it runs.

/// Where and as what the operator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The operator's own namespace: the lease, the root secret and the test clock are there.
    pub namespace: String,
    /// This pod's name, the holder of the lease.
    pub pod: String,
    /// The ServiceAccount that vault namespaces bind; messages name it.
    pub service_account: String,
    /// The image of keepers and movers: the operator's own, so that the two sides of the contract are one build.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// UID of namespace kube-system: what the community takes for a cluster's identity.
    pub cluster_id: String,
}

impl Settings {
    /// The command that lets the operator work in a vault's namespace.
    pub fn bind_command(&self, namespace: &str) -> String {
        format!(
            "kubectl create rolebinding coffer-vault -n {namespace} --clusterrole=coffer-vault \
             --serviceaccount={}:{}",
            self.namespace, self.service_account
        )
    }

    /// The command that lets the operator read the Secrets of a tenant's namespace.
    pub fn secret_reader_command(&self, namespace: &str) -> String {
        format!(
            "kubectl create rolebinding coffer-secret-reader -n {namespace} --clusterrole=coffer-secret-reader \
             --serviceaccount={}:{}",
            self.namespace, self.service_account
        )
    }
}
