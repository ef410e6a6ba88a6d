//! Writes to the API server. Objects that change are applied, with one field manager; objects that do not are created
//! once. Deleting what is gone, and taking away what is not there, is done.

use std::fmt::Debug;

use crds::FIELD_MANAGER;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::WriteError;
use super::read::kind;

/// Creates an object that must not exist yet.
///
/// # Errors
/// [`WriteError::Create`]; see [`super::is_already_exists`].
pub async fn create<K>(client: &Client, object: &K) -> Result<K, WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug,
{
    let (namespace, name) = address(object);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    Api::<K>::namespaced(client.clone(), &namespace)
        .create(&parameters, object)
        .await
        .map_err(|source| WriteError::Create { kind: kind::<K>(), namespace, name, source })
}

/// Applies an object: what it names becomes so, what it does not name stays as it is.
///
/// # Errors
/// [`WriteError::Apply`].
pub async fn apply<K>(client: &Client, object: &K) -> Result<K, WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug,
{
    let (namespace, name) = address(object);
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch(&name, &parameters, &Patch::Apply(object))
        .await
        .map_err(|source| WriteError::Apply { kind: kind::<K>(), namespace, name, source })
}

/// Writes a status whole, by server-side apply: a field that it leaves out is removed if it was ours. It is written over
/// the very version that was seen: what was decided from an older one would undo what has become known since.
///
/// # Errors
/// [`WriteError::ApplyStatus`], among others when the object has changed meanwhile.
pub async fn apply_status<K, S>(client: &Client, object: &K, status: &S) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    S: Serialize,
{
    let (namespace, name) = address(object);
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        // With the UID a successor of the same name is never told its predecessor's story.
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": object.meta().uid,
            "resourceVersion": object.meta().resource_version,
        },
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch_status(&name, &parameters, &Patch::Apply(body))
        .await
        .map(|_| ())
        .map_err(|source| WriteError::ApplyStatus { kind: kind::<K>(), namespace, name, source })
}

/// Deletes the very object that was seen; a successor of the same name stays.
///
/// # Errors
/// [`WriteError::Delete`].
pub async fn delete<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: Option<String>,
) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    delete_with::<K>(client, namespace, name, uid, DeleteParams::default()).await
}

/// Deletes a Job with its pods. They are given their grace; the Secret that the Job owns is collected.
///
/// # Errors
/// [`WriteError::Delete`].
pub async fn delete_job(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: Option<String>,
) -> Result<(), WriteError> {
    delete_with::<Job>(client, namespace, name, uid, DeleteParams::background()).await
}

/// Adds a finalizer to the object as it was seen.
///
/// # Errors
/// [`WriteError::SetFinalizers`], among others when the object has changed meanwhile.
pub async fn set_finalizer<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let mut finalizers = object.finalizers().to_vec();
    if finalizers.iter().any(|held| held == finalizer) {
        return Ok(());
    }
    finalizers.push(finalizer.to_owned());
    replace_finalizers(client, object, &finalizers).await
}

/// Takes a finalizer from the object as it was seen. An object that is gone had it taken.
///
/// # Errors
/// [`WriteError::SetFinalizers`], among others when the object has changed meanwhile.
pub async fn remove_finalizer<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let finalizers: Vec<String> =
        object.finalizers().iter().filter(|held| *held != finalizer).cloned().collect();
    if finalizers.len() == object.finalizers().len() {
        return Ok(());
    }
    match replace_finalizers(client, object, &finalizers).await {
        Err(error) if is_not_found(error.cause()) => Ok(()),
        other => other,
    }
}

/// Sets an annotation on the very version of an object that was seen: it says what was decided from that.
///
/// # Errors
/// [`WriteError::Apply`], among others when the object has changed meanwhile.
pub async fn annotate<K>(client: &Client, object: &K, key: &str, value: &str) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let (namespace, name) = address(object);
    let patch = Patch::Merge(json!({
        "metadata": {"annotations": {key: value}, "resourceVersion": object.meta().resource_version},
    }));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch_metadata(&name, &parameters, &patch)
        .await
        .map(|_| ())
        .map_err(|source| WriteError::Apply { kind: kind::<K>(), namespace, name, source })
}

/// Lets a suspended Job make its pod.
///
/// # Errors
/// [`WriteError::Unsuspend`].
pub async fn unsuspend_job(client: &Client, namespace: &str, name: &str) -> Result<(), WriteError> {
    let patch = Patch::Merge(json!({"spec": {"suspend": false}}));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    Api::<Job>::namespaced(client.clone(), namespace)
        .patch(name, &parameters, &patch)
        .await
        .map(|_| ())
        .map_err(|source| WriteError::Unsuspend {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        })
}

async fn delete_with<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: Option<String>,
    mut parameters: DeleteParams,
) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    if uid.is_some() {
        parameters = parameters.preconditions(Preconditions { uid, resource_version: None });
    }
    match Api::<K>::namespaced(client.clone(), namespace).delete(name, &parameters).await {
        Ok(_) => Ok(()),
        // Gone, or another object of that name by now: the one that was meant is not there.
        Err(source) if is_not_found(&source) || is_conflict(&source) => Ok(()),
        Err(source) => Err(WriteError::Delete {
            kind: kind::<K>(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        }),
    }
}

/// A merge patch replaces the whole list, so it is bound to the version that was seen.
async fn replace_finalizers<K>(client: &Client, object: &K, finalizers: &[String]) -> Result<(), WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let (namespace, name) = address(object);
    let patch = Patch::Merge(json!({
        "metadata": {"finalizers": finalizers, "resourceVersion": object.meta().resource_version},
    }));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch_metadata(&name, &parameters, &patch)
        .await
        .map(|_| ())
        .map_err(|source| WriteError::SetFinalizers { kind: kind::<K>(), namespace, name, source })
}

fn address<K: Resource<DynamicType = ()>>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}
