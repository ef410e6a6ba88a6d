//! References to other objects. They name, they never hold: no referred value is copied into spec or status.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{secret_keys, words};

/// A BackupVault, in the same namespace unless `namespace` says otherwise.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultReference {
    /// Name of the BackupVault.
    #[schemars(schema_with = "words::vault_name")]
    pub name: String,
    /// Namespace of the BackupVault. Unset: the namespace of this object. Another namespace needs the vault's
    /// consent in its `access.allowedNamespaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::namespace")]
    pub namespace: Option<String>,
}

impl VaultReference {
    /// The vault's namespace, seen from an object in `own`.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(own)
    }
}

/// A BackupPolicy, in the instance's own namespace or the vault's.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReference {
    /// Name of the BackupPolicy.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
    /// Namespace of the BackupPolicy: leave it out for the instance's own, or name the vault's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::namespace")]
    pub namespace: Option<String>,
}

impl PolicyReference {
    /// The policy's namespace, seen from an instance in `own`.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(own)
    }
}

/// A BackupInstance of the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReference {
    /// Name of the BackupInstance.
    #[schemars(schema_with = "words::instance_name")]
    pub name: String,
}

/// A RecoveryPoint of the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalPointReference {
    /// Name of the RecoveryPoint.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
}

/// A Secret of the same namespace whose keys are fixed by its use.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
}

/// A Secret of the same namespace with the certificates of an authority.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityRef {
    /// Name of the Secret.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
    /// Key inside the Secret that holds one or more certificates, PEM. Unset: `ca.crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::secret_key")]
    pub key: Option<String>,
}

impl AuthorityRef {
    /// The key to read, with the documented default.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(secret_keys::CERTIFICATE_AUTHORITY)
    }
}

/// A Secret of the same namespace with the log-in of a database: user name and password, or one URI.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = kube::core::Rule::new("!has(self.uriKey) || (!has(self.usernameKey) && !has(self.passwordKey))")
        .message("`uriKey` stands alone: leave out `usernameKey` and `passwordKey`"),
)]
pub struct DatabaseCredentialsRef {
    /// Name of the Secret.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
    /// Key that holds the role to log in as. Unset: `username`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::secret_key")]
    pub username_key: Option<String>,
    /// Key that holds the password. Unset: `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::secret_key")]
    pub password_key: Option<String>,
    /// Key that holds a libpq URI, a keyword/value string or an ADO.NET string. Only its user and password are
    /// used; host, port and database come from this object. Unset: user name and password have keys of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::secret_key")]
    pub uri_key: Option<String>,
}

impl DatabaseCredentialsRef {
    /// The key of the role's name, with the documented default; meaningless when `uri_key` is set.
    pub fn username_key(&self) -> &str {
        self.username_key.as_deref().unwrap_or(secret_keys::DATABASE_USERNAME)
    }

    /// The key of the password, with the documented default; meaningless when `uri_key` is set.
    pub fn password_key(&self) -> &str {
        self.password_key.as_deref().unwrap_or(secret_keys::DATABASE_PASSWORD)
    }
}
