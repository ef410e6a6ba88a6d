//! What to do about a failure whose own message does not say it.

use contract::FailureCode;

/// A sentence for people; empty where the message is all that can be said.
pub fn for_code(code: FailureCode) -> &'static str {
    match code {
        FailureCode::HostNotFound => "check the host's name, and that this machine can look it up",
        FailureCode::ConnectionRefused | FailureCode::ConnectionTimedOut | FailureCode::ConnectionLost => {
            "check host, port, firewall and listen_addresses"
        }
        FailureCode::TlsFailed => {
            "name the authority that signed the server's certificate (sslrootcert), and the host as the certificate has it"
        }
        FailureCode::TlsNotOffered => {
            "turn TLS on at the server, or say sslmode=disable on a network that you trust"
        }
        FailureCode::AuthenticationFailed => {
            "check role and password (PGPASSWORD, PGPASSFILE or a service file), and the server's pg_hba.conf"
        }
        FailureCode::DatabaseNotFound => "check the database's name; `psql -l` lists those that are there",
        FailureCode::PrivilegesMissing => "`coffer grants` writes the SQL for it",
        FailureCode::TooManyConnections => "raise max_connections, or the role's CONNECTION LIMIT",
        FailureCode::ServerStarting => "wait until the server takes connections",
        FailureCode::StorageUnreachable => {
            "check the endpoint, the network, and whether the directory is mounted"
        }
        FailureCode::StorageCredentialsRefused | FailureCode::StorageCredentialsMissing => {
            "check the storage's credentials, and this machine's clock"
        }
        FailureCode::StorageRefused => {
            "let these credentials read, create, list and delete objects in this place"
        }
        FailureCode::StorageMisconfigured => "check bucket, region and endpoint, or the directory's path",
        FailureCode::StorageTlsFailed => "name the authority that signed the endpoint's certificate",
        FailureCode::StorageFull => "make room",
        FailureCode::BucketNotFound => "make the bucket or directory, and `coffer vault init` in it",
        FailureCode::ConditionalWritesNotHonoured => "use a store that honours If-None-Match on PUT",
        FailureCode::KeyMissing | FailureCode::WrongKey => {
            "give the identity that the vault was made for; its recipients are in the recovery kit"
        }
        FailureCode::KeySubstituted => {
            "compare the fingerprint with the one in your recovery kit; if it differs, trust nothing in this place"
        }
        FailureCode::FormatUnsupported => "use a newer Coffer, or another place for the vault",
        FailureCode::Damaged => "`coffer verify --all` says what is damaged",
        _ => "",
    }
}
