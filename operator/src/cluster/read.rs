//! Reads of the API server, straight from it and not from a cache. Absence is an answer.

use std::fmt::Debug;

use kube::api::ListParams;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::ReadError;

/// The object, or that there is none.
///
/// # Errors
/// [`ReadError::Get`] for every answer but these two.
pub async fn get<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<K>, ReadError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    Api::<K>::namespaced(client.clone(), namespace).get_opt(name).await.map_err(|source| ReadError::Get {
        kind: kind::<K>(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        source,
    })
}

/// The UID of an object, or that there is none. Nothing else of it is read, so that it may be one of another version.
///
/// # Errors
/// [`ReadError::Get`].
pub async fn uid<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<String>, ReadError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let found = Api::<K>::namespaced(client.clone(), namespace).get_metadata_opt(name).await;
    let found = found.map_err(|source| ReadError::Get {
        kind: kind::<K>(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        source,
    })?;
    Ok(found.and_then(|found| found.metadata.uid))
}

/// As [`get`], for kinds without a namespace.
///
/// # Errors
/// [`ReadError::Get`].
pub async fn get_global<K>(client: &Client, name: &str) -> Result<Option<K>, ReadError>
where
    K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    Api::<K>::all(client.clone()).get_opt(name).await.map_err(|source| ReadError::Get {
        kind: kind::<K>(),
        namespace: String::new(),
        name: name.to_owned(),
        source,
    })
}

/// Every object of a namespace with these labels, in the form `key=value,key=value`.
///
/// # Errors
/// [`ReadError::List`].
pub async fn list_by_label<K>(client: &Client, namespace: &str, labels: &str) -> Result<Vec<K>, ReadError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let parameters = ListParams::default().labels(labels);
    Api::<K>::namespaced(client.clone(), namespace)
        .list(&parameters)
        .await
        .map(|list| list.items)
        .map_err(|source| ReadError::List { kind: kind::<K>(), namespace: namespace.to_owned(), source })
}

/// The kind's name for messages.
pub(super) fn kind<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()) {
        std::borrow::Cow::Borrowed(kind) => kind,
        // Kinds of this operator are all known when it is built.
        std::borrow::Cow::Owned(_) => "object",
    }
}
