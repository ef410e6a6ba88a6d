//! The keys Coffer reads in Secrets that people make, and writes in those it makes.

/// In the Secret of `storage.s3.credentialsSecretRef`: the access key id.
pub const S3_ACCESS_KEY_ID: &str = "accessKeyId";

/// In the Secret of `storage.s3.credentialsSecretRef`: the secret access key.
pub const S3_SECRET_ACCESS_KEY: &str = "secretAccessKey";

/// In the Secret of `storage.s3.credentialsSecretRef`: the session token of temporary credentials. Optional.
pub const S3_SESSION_TOKEN: &str = "sessionToken";

/// In the Secret of `storage.azureBlob.credentialsSecretRef`: one of the account's keys.
pub const AZURE_ACCOUNT_KEY: &str = "accountKey";

/// In the Secret of `storage.azureBlob.credentialsSecretRef`: a shared access signature, instead of the account's key.
pub const AZURE_SAS_TOKEN: &str = "sasToken";

/// In the Secret of `storage.azureBlob.credentialsSecretRef`: the tenant of a service principal.
pub const AZURE_TENANT_ID: &str = "tenantId";

/// In the Secret of `storage.azureBlob.credentialsSecretRef`: the id of a service principal.
pub const AZURE_CLIENT_ID: &str = "clientId";

/// In the Secret of `storage.azureBlob.credentialsSecretRef`: the secret of a service principal.
pub const AZURE_CLIENT_SECRET: &str = "clientSecret";

/// In the Secret of `storage.gcs.credentialsSecretRef`: the key of a service account, JSON.
pub const GCS_SERVICE_ACCOUNT_KEY: &str = "serviceAccountKey";

/// In a database Secret, unless `usernameKey` names another: the role to log in as.
pub const DATABASE_USERNAME: &str = "username";

/// In a database Secret, unless `passwordKey` names another: its password.
pub const DATABASE_PASSWORD: &str = "password";

/// In a Secret of type kubernetes.io/tls: the client certificate, PEM.
pub const TLS_CERTIFICATE: &str = "tls.crt";

/// In a Secret of type kubernetes.io/tls: the private key of the client certificate, PEM.
pub const TLS_PRIVATE_KEY: &str = "tls.key";

/// In an authority Secret, unless `key` names another: certificates, PEM.
pub const CERTIFICATE_AUTHORITY: &str = "ca.crt";

/// In Secret `<vault>-coffer-keys`: the age identity of a SystemManaged vault.
pub const VAULT_IDENTITY: &str = "identity";

/// In Secret `<vault>-coffer-keys`: the 32 bytes of the catalogue key.
pub const VAULT_CATALOGUE_KEY: &str = "catalogue";
