//! Where the files of keeper and mover pods are mounted. The operator builds pods with these, the commands read them.

/// The mover's assignment, in the run's Secret.
pub const ASSIGNMENT: &str = "/run/coffer/assignment/assignment.json";
/// The key of the run's Secret that holds the assignment.
pub const ASSIGNMENT_KEY: &str = "assignment.json";
/// Memory-backed scratch space of a mover: the password file for pg_dump, nothing else.
pub const SCRATCH: &str = "/run/coffer/scratch";
/// Where Kubernetes reads a mover's report.
pub const TERMINATION_MESSAGE: &str = "/dev/termination-log";
/// The claim of a filesystem vault, in keeper and movers alike.
pub const VAULT_VOLUME: &str = "/vault";
/// The keeper's configuration.
pub const KEEPER_CONFIG: &str = "/etc/coffer/config/keeper.json";
/// The key of the ConfigMap that holds the keeper's configuration.
pub const KEEPER_CONFIG_KEY: &str = "keeper.json";
/// The vault token.
pub const KEEPER_TOKEN: &str = "/etc/coffer/token/token";
/// The token before a change of the root secret; absent outside the day after one.
pub const KEEPER_PREVIOUS_TOKEN: &str = "/etc/coffer/token/previous";
/// The keeper's certificate and private key.
pub const KEEPER_CERTIFICATE: &str = "/etc/coffer/tls/tls.crt";
/// The private key to [`KEEPER_CERTIFICATE`].
pub const KEEPER_PRIVATE_KEY: &str = "/etc/coffer/tls/tls.key";
/// Directory with the storage credentials. S3: files `accessKeyId`, `secretAccessKey` and, optionally, `sessionToken`. Azure:
/// `accountKey`, or `sasToken`, or `tenantId` with `clientId` and `clientSecret`. Google: `serviceAccountKey`.
pub const STORAGE_CREDENTIALS: &str = "/etc/coffer/storage";
/// PEM bundle of the authority that signed the storage endpoint's certificate.
pub const STORAGE_CA: &str = "/etc/coffer/storage-ca/ca.crt";
/// Directory with the vault's keys: files `identity` (an age identity) and `catalogue` (32 bytes, base64).
pub const VAULT_KEYS: &str = "/etc/coffer/keys";
/// The port that a keeper serves.
pub const KEEPER_PORT: u16 = 8443;
