//! A vault opened with a person's own identity: the command line is its own keeper.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{Failure, FailureCode, RunId, Stage, Storage, WriterId};
use jiff::{SignedDuration, Timestamp};
use mover::clock::{Clock, later};
use mover::custody::Direct;
use mover::seal::{Identity, Recipient};
use mover::store;
use mover::vault::{self, Access, InitRequest, OpenRequest, Vault, VaultError};

use super::environment::Environment;
use super::identity::{self, IdentityError};
use super::location::Location;
use super::problem::Problem;
use crate::command::expiry;

/// How long a run on the command line may take before any custodian may close its point.
pub const RUN_LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// Which vault, and what opens it.
#[derive(Debug, clap::Args)]
pub struct VaultArguments {
    /// The vault: file:///directory, s3://bucket/prefix, az://account/container/prefix or gs://bucket/prefix.
    ///
    /// S3 credentials, endpoint and region come from the AWS tools' variables and files (AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE, AWS_CA_BUNDLE).
    #[arg(long, value_name = "URL", env = "COFFER_VAULT")]
    pub vault: Location,
    /// The age identity that opens the vault.
    #[arg(long, value_name = "FILE", env = "COFFER_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// The vault's fingerprint, as `coffer vault init` printed it: proves that the vault is the one you trust.
    #[arg(long, value_name = "FINGERPRINT", env = "COFFER_FINGERPRINT")]
    pub fingerprint: Option<String>,
}

/// An open vault, and what it was opened with.
pub struct Session {
    pub vault: Vault,
    pub clock: Clock,
}

/// Opens a vault, and says so when nothing proves whose it is.
///
/// # Errors
/// Any [`Problem`].
pub async fn open(
    arguments: &VaultArguments,
    environment: &Environment,
    access: Access,
) -> Result<Session, Problem> {
    let path = arguments.identity.as_ref().ok_or(IdentityError::Missing)?;
    let identity = identity(path)?;
    let storage = arguments.vault.storage(environment)?;
    let clock = Clock::system(SignedDuration::ZERO);
    let store = store::connect(&storage, &clock).map_err(|error| failed(error.code(), &error))?;
    let request = OpenRequest {
        identities: vec![identity],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: arguments.fingerprint.clone(),
        known_head: None,
        access,
        storage,
    };
    let vault = vault::open(store, request, &clock).await.map_err(|error| error.failure(Stage::Starting))?;
    if arguments.fingerprint.is_none() {
        unauthenticated(vault.fingerprint());
    }
    Ok(Session { vault, clock })
}

/// The identity in a file.
///
/// # Errors
/// An [`IdentityError`].
pub fn identity(path: &Path) -> Result<Identity, IdentityError> {
    let text = identity::read(path)?;
    Identity::parse(&text)
        .map_err(|error| IdentityError::Malformed { path: path.to_owned(), reason: error.to_string() })
}

/// Makes a vault.
///
/// # Errors
/// Any [`Problem`], also when there is one already.
pub async fn init(storage: &Storage, recipients: Vec<Recipient>) -> Result<(String, String), Problem> {
    let clock = Clock::system(SignedDuration::ZERO);
    make_directory(storage)?;
    let store = store::connect(storage, &clock).map_err(|error| failed(error.code(), &error))?;
    let request = InitRequest { catalogue: None, identities: Vec::new(), recipients };
    match vault::init(&store, &request, &clock).await {
        Ok((vault, fingerprint)) => Ok((vault.to_string(), fingerprint)),
        Err(VaultError::Foreign { vault }) => {
            Err(Problem::Usage(format!("there is a vault already, with the id {vault}; nothing was changed")))
        }
        Err(error) => Err(Problem::Failed(error.failure(Stage::Starting))),
    }
}

/// Makes a new vault's own directory. Not those above it: one that is missing may be a volume that is not mounted.
fn make_directory(storage: &Storage) -> Result<(), Problem> {
    let Storage::Filesystem { path } = storage else {
        return Ok(());
    };
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Problem::Usage(format!(
            "failed to make the vault's directory {path}: {error}; does the one above it exist?"
        ))),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Session {
    /// When a run that begins now has to be over.
    pub fn deadline(&self) -> Timestamp {
        later(self.clock.now(), RUN_LIMIT)
    }

    /// The vault as the custodian of one run.
    pub fn custody(&self, deadline: Timestamp) -> Direct {
        Direct::new(self.vault.clone(), deadline, Arc::new(expiry::of_record), Arc::new(|_, _| {}))
            .announcing_if_allowed()
    }

    /// Tells the vault that a run reads no more. Where it cannot be told, the reading ends at its deadline; what was read is
    /// none the worse.
    pub async fn end_reading(&self, run: &RunId) {
        if !self.vault.is_writable() {
            return;
        }
        if let Err(error) = self.vault.close_read(run).await {
            tracing::warn!(
                error = mover::causes(&error),
                "the vault was not told that the reading has ended"
            );
        }
    }

    /// Lets go of the vault, once everything promised is stored.
    pub async fn close(self) {
        self.vault.close().await;
    }
}

fn unauthenticated(fingerprint: &str) {
    let notice = format!(
        "UNAUTHENTICATED: without --fingerprint nothing proves that this is your vault and not one that somebody put \
         in its place. Its fingerprint is {fingerprint}"
    );
    // Nobody is left to be told when standard error is closed.
    let _closed = writeln!(io::stderr().lock(), "{notice}");
}

/// A random id for one process that reads.
///
/// # Errors
/// When the system has no randomness.
pub fn random_id() -> Result<WriterId, Problem> {
    let id = mover::seal::random_id().map_err(|error| failed(FailureCode::Internal, &error))?;
    Ok(id.into())
}

/// An error of the data plane in the contract's words.
pub fn failed(code: FailureCode, error: &dyn std::error::Error) -> Problem {
    Problem::Failed(Failure { code, stage: Stage::Starting, message: mover::causes(error), cause: None })
}
