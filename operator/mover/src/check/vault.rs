//! The check of the place where backups go. What it writes to try storage out, it removes.

use contract::{CheckResult, Failure, FailureCode, PointState, Stage, Storage};

use super::Finding;
use crate::{
    clock::Clock,
    seal::Identity,
    store::{self, SharedStore, StoreErrorKind},
    vault::{self, Access, OpenRequest, SKEW_LIMIT, Vault, VaultError},
};

const STORAGE: &str = "Storage";
const WRITES: &str = "ConditionalWrites";
const CLOCK: &str = "Clock";
const VAULT: &str = "Vault";
const IDENTITY: &str = "Identity";
const FINGERPRINT: &str = "Fingerprint";
const POINTS: &str = "Points";

/// Which vault, and what is there to open it with.
pub struct VaultRequest {
    pub storage: Storage,
    pub identity: Option<Identity>,
    pub fingerprint: Option<String>,
}

/// Looks at a vault.
pub async fn examine_vault(request: VaultRequest, clock: &Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    let found = look(&request.storage, clock).await;
    let (store, vault) = match found {
        Ok((store, vault)) => {
            findings.push(Finding::passed(STORAGE, store.location()));
            (store, vault)
        }
        Err(failure) => {
            findings.push(Finding::not_well(STORAGE, CheckResult::Failed, failure));
            findings.extend(
                [WRITES, CLOCK, VAULT, IDENTITY, FINGERPRINT, POINTS].map(|name| Finding::skipped(name, "")),
            );
            return findings;
        }
    };
    findings.push(conditional_writes(&store).await);
    findings.push(clocks(&store));
    match vault {
        Some(vault) => {
            findings.push(Finding::passed(VAULT, vault.to_string()));
            findings.extend(keys(store, request, clock).await);
        }
        None => {
            let message =
                format!("there is no vault at {} yet; make one with `coffer vault init`", store.location());
            findings.push(not_well(VAULT, CheckResult::Failed, FailureCode::BucketNotFound, message));
            findings.extend([IDENTITY, FINGERPRINT, POINTS].map(|name| Finding::skipped(name, "")));
        }
    }
    findings
}

async fn look(storage: &Storage, clock: &Clock) -> Result<(SharedStore, Option<crate::format::Id>), Failure> {
    let store = store::connect(storage, clock).map_err(|error| Failure {
        code: error.code(),
        stage: Stage::Connecting,
        message: crate::causes(&error),
        cause: None,
    })?;
    let vault = vault::look(&store).await.map_err(|error| error.failure(Stage::Connecting))?;
    Ok((store, vault))
}

/// Whether storage may be written, and keeps what it was told not to overwrite: a point's record rests on it.
async fn conditional_writes(store: &SharedStore) -> Finding {
    match vault::create_only(store).await {
        Ok(true) => Finding::passed(WRITES, "what is there is not overwritten".to_owned()),
        Ok(false) => {
            let error = VaultError::ConditionalWritesNotHonoured;
            Finding::not_well(WRITES, CheckResult::Failed, error.failure(Stage::Preflight))
        }
        Err(VaultError::Store(error)) if error.kind == StoreErrorKind::AccessDenied => {
            let message = format!(
                "storage may only be read: {}; that is enough for checks and restores: for backups let these credentials \
                 create and delete objects",
                crate::causes(&error)
            );
            not_well(WRITES, CheckResult::Warning, error.code(), message)
        }
        Err(error) => Finding::not_well(WRITES, CheckResult::Failed, error.failure(Stage::Preflight)),
    }
}

fn clocks(store: &SharedStore) -> Finding {
    match store.skew_seconds() {
        None => Finding::skipped(CLOCK, "storage has told no time"),
        Some(seconds) if seconds.abs() > SKEW_LIMIT => {
            let message = format!(
                "storage's clock and this machine's are {} s apart; set them right: nothing is deleted meanwhile, and \
                 requests may be refused",
                seconds.abs()
            );
            not_well(CLOCK, CheckResult::Warning, FailureCode::StorageMisconfigured, message)
        }
        Some(seconds) => Finding::passed(CLOCK, format!("{} s apart", seconds.abs())),
    }
}

/// Whether the identity opens the vault, and whose it is.
async fn keys(store: SharedStore, request: VaultRequest, clock: &Clock) -> Vec<Finding> {
    let Some(identity) = request.identity else {
        let why = "--identity was not given";
        return [IDENTITY, FINGERPRINT, POINTS].map(|name| Finding::skipped(name, why)).into();
    };
    let recipient = identity.recipient().to_string();
    let expected = request.fingerprint.clone();
    let open = OpenRequest {
        storage: request.storage,
        identities: vec![identity],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: request.fingerprint,
        known_head: None,
        access: Access::ReadOnly,
    };
    match vault::open(store, open, clock).await {
        Ok(vault) => {
            let identity = Finding::passed(IDENTITY, format!("{recipient} opens it"));
            vec![identity, fingerprint(&vault, expected.is_some()), points(&vault)]
        }
        Err(error @ VaultError::Fingerprint { .. }) => vec![
            Finding::passed(IDENTITY, format!("{recipient} opens it")),
            Finding::not_well(FINGERPRINT, CheckResult::Failed, error.failure(Stage::Starting)),
            Finding::skipped(POINTS, ""),
        ],
        Err(error) => vec![
            Finding::not_well(IDENTITY, CheckResult::Failed, error.failure(Stage::Starting)),
            Finding::skipped(FINGERPRINT, ""),
            Finding::skipped(POINTS, ""),
        ],
    }
}

fn fingerprint(vault: &Vault, is_proven: bool) -> Finding {
    if is_proven {
        return Finding::passed(FINGERPRINT, vault.fingerprint().to_owned());
    }
    let message = format!(
        "nothing proves that this is your vault and not one put in its place: its fingerprint is {}; compare it with the \
         one that `coffer vault init` printed, and pass it with --fingerprint",
        vault.fingerprint()
    );
    not_well(FINGERPRINT, CheckResult::Warning, FailureCode::KeySubstituted, message)
}

fn points(vault: &Vault) -> Finding {
    let damaged = vault.points(0).iter().filter(|point| point.state == PointState::Damaged).count();
    let good = vault.totals().points;
    if damaged == 0 {
        return Finding::passed(POINTS, format!("{good} good"));
    }
    let message = format!(
        "{damaged} of {} points are damaged; `coffer list` shows which, `coffer verify` what is damaged",
        good + damaged as u64
    );
    not_well(POINTS, CheckResult::Warning, FailureCode::Damaged, message)
}

fn not_well(name: &str, result: CheckResult, code: FailureCode, message: String) -> Finding {
    Finding::not_well(name, result, Failure { code, stage: Stage::Preflight, message, cause: None })
}
