//! Keys that a customer's key management service keeps. In the schema so that vaults can be written down; refused by
//! a rule until they are acted on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{common::AuthorityRef, words};

/// A key and the identity that may use it: both or neither.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultKey {
    /// The key: exactly one member.
    pub key_ref: KeyReference,
    /// The identity that may use the key.
    pub identity_ref: IdentityReference,
}

/// A key of one key management service: exactly one member.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyReference {
    /// A key of the transit engine of HashiCorp Vault or OpenBao.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_transit: Option<VaultTransitKey>,
    /// A key of AWS Key Management Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_kms: Option<AwsKmsKey>,
    /// A key of Azure Key Vault or Managed HSM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_key_vault: Option<AzureKeyVaultKey>,
    /// A key of Google Cloud Key Management Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp_kms: Option<GcpKmsKey>,
}

/// A key of the transit engine of HashiCorp Vault or OpenBao.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultTransitKey {
    /// Address of the server, as https://HOST or https://HOST:PORT.
    #[schemars(schema_with = "words::endpoint")]
    pub address: String,
    /// Path the engine is mounted at. Unset: `transit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::prefix")]
    pub mount: Option<String>,
    /// Name of the key.
    #[schemars(schema_with = "words::secret_key")]
    pub name: String,
    /// Version to use. Unset: the newest is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<i32>,
    /// Secret with the authority that signed the server's certificate. Unset: the public authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<AuthorityRef>,
}

/// A key of AWS Key Management Service.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKmsKey {
    /// ARN of the key or of an alias.
    #[schemars(
        length(min = 20, max = 2048),
        regex(pattern = "^arn:[-a-z]+:kms:[-a-z0-9]+:[0-9]+:(key|alias)/.+$")
    )]
    pub arn: String,
}

/// A key of Azure Key Vault or Managed HSM.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureKeyVaultKey {
    /// Address of the key vault, as https://NAME.vault.azure.net.
    #[schemars(schema_with = "words::endpoint")]
    pub vault_url: String,
    /// Name of the key.
    #[schemars(schema_with = "words::secret_key")]
    pub name: String,
    /// Version to use. Unset: the newest is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 32, max = 32), regex(pattern = "^[0-9a-f]{32}$"))]
    pub version: Option<String>,
}

/// A key of Google Cloud Key Management Service.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcpKmsKey {
    /// Resource name of the key, projects/P/locations/L/keyRings/R/cryptoKeys/K.
    #[schemars(
        length(min = 20, max = 2048),
        regex(pattern = "^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$")
    )]
    pub name: String,
    /// Version to use. Unset: the primary is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<i32>,
}

/// The identity that may use a key. People make it; Coffer only names it.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityReference {
    /// ServiceAccount: the keeper runs under it. Secret: the keeper reads its credentials.
    pub kind: IdentityKind,
    /// Name of the ServiceAccount or Secret in the vault's namespace.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
}

/// What kind of object an identity is.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityKind {
    /// A ServiceAccount that the provider trusts.
    ServiceAccount,
    /// A Secret with long-lived credentials.
    Secret,
}
