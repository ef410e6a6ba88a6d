//! Looks after what the keeper holds: takes changed files into use, opens the vault as soon as storage and keys allow,
//! and asks storage once a minute whether it is still there. Failures are tried again with growing pauses, for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Failure, FailureCode, Head, KeyState, Stage, Storage, StorageState};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Keeper;
use super::mounted::{CertificateFiles, KeyFiles, MountError, Text};
use super::opening::{self, Opened};

/// How often mounted files are looked at. Kubernetes itself takes up to a minute and a half to change them.
const LOOK: Duration = Duration::from_secs(2);
/// Between two questions to storage that answers.
const CHECK: Duration = Duration::from_secs(60);
/// The first pause after a failure. It doubles up to [`CHECK`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Takes certificate and tokens into use before anybody can ask: a first caller is not to be turned away for being fast.
pub fn first_look(keeper: &Keeper) -> Seen {
    let mut seen = Seen { head: keeper.config.known_head.clone(), ..Seen::default() };
    take_doors_files(keeper, &mut seen);
    seen
}

/// Runs until `stop`.
pub async fn tend(keeper: Arc<Keeper>, mut seen: Seen, stop: CancellationToken) {
    let mut pause = Pause::default();
    loop {
        take_doors_files(&keeper, &mut seen);
        if seen.take_vaults_files(&keeper) {
            pause = Pause::default();
        }
        if pause.is_over(Instant::now()) {
            let well = attempt(&keeper, &mut seen).await;
            pause.begin(Instant::now(), well);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(LOOK) => {}
        }
    }
}

/// The files as they were read last, to notice a change.
#[derive(Default)]
pub struct Seen {
    certificate: Option<CertificateFiles>,
    tokens: (Option<Text>, Option<Text>),
    /// What the vault is opened with; `None` until the files could be read.
    vaults: Option<Inputs>,
    /// Why they could not.
    failure: Option<Failure>,
    /// The open vault was opened with other files than these, or storage has lost what it had.
    stale: bool,
    /// The newest head that was seen of a ledger that was not rolled back. The operator's, until the vault is open.
    head: Option<Head>,
}

/// What a vault is opened with.
#[derive(Clone, PartialEq, Eq)]
struct Inputs {
    storage: Storage,
    keys: KeyFiles,
}

impl Seen {
    /// Whether storage or keys have changed since the last look.
    fn take_vaults_files(&mut self, keeper: &Keeper) -> bool {
        let (inputs, failure) = match inputs(keeper) {
            Ok(inputs) => (Some(inputs), None),
            Err(failure) => (None, Some(failure)),
        };
        let changed = inputs != self.vaults || failure != self.failure;
        self.stale |= inputs != self.vaults;
        self.vaults = inputs;
        self.failure = failure;
        changed
    }
}

/// When to try next.
#[derive(Default)]
struct Pause {
    until: Option<Instant>,
    length: Option<Duration>,
}

impl Pause {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    fn begin(&mut self, now: Instant, well: bool) {
        let failing = self.length.map_or(FIRST_PAUSE, |length| (length * 2).min(CHECK));
        self.length = (!well).then_some(failing);
        self.until = Some(now + self.length.unwrap_or(CHECK));
    }
}

/// Certificate and tokens, which need no storage. What cannot be used is reported once and leaves the old in force.
fn take_doors_files(keeper: &Keeper, seen: &mut Seen) {
    match keeper.mounted.certificate() {
        Ok(Some(files)) if seen.certificate.as_ref() != Some(&files) => {
            match keeper.certificates.replace(&files) {
                Ok(()) => tracing::info!("certificate taken into use"),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "certificate not taken")
                }
            }
            seen.certificate = Some(files);
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "failed to look at the certificate"),
    }
    match keeper.mounted.tokens() {
        Ok(tokens) if seen.tokens != tokens => {
            let (current, previous) = (tokens.0.as_ref(), tokens.1.as_ref());
            match keeper.door.replace(current.map(|text| text.as_str()), previous.map(|text| text.as_str())) {
                Ok(()) => tracing::info!("vault token taken into use"),
                Err(error) => tracing::error!(%error, "vault token not taken"),
            }
            seen.tokens = tokens;
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "failed to look at the vault token"),
    }
}

fn inputs(keeper: &Keeper) -> Result<Inputs, Failure> {
    let failed = |code, message: String| Failure { code, stage: Stage::Starting, message, cause: None };
    let refused = |message: String| failed(FailureCode::StorageCredentialsMissing, message);
    let no_authority = |error: MountError| {
        let message = format!("the store's authority is no PEM text: {error}");
        failed(FailureCode::StorageTlsFailed, message)
    };
    let mut storage = keeper.config.storage.clone();
    let entered = keeper.mounted.credentials(&mut storage).map_err(|error| refused(error.to_string()))?;
    if !entered && keeper.config.credentials_expected {
        return Err(refused(
            "the Secret with the storage credentials is missing, or has none of its keys".into(),
        ));
    }
    if let Some(mounted) = keeper.mounted.storage_authority().map_err(no_authority)? {
        storage.set_authority(mounted);
    }
    let keys = keeper.mounted.keys().map_err(|error| failed(FailureCode::KeyMissing, error.to_string()))?;
    Ok(Inputs { storage, keys })
}

/// One try to be well: opens what is not open, asks what is. Returns whether all is as it should be.
async fn attempt(keeper: &Keeper, seen: &mut Seen) -> bool {
    let clock_now = keeper.clock.wall();
    keeper.metrics.vault_last_check.set(clock_now.as_second());
    let vault = keeper.holding.facts().vault;
    if let Some(vault) = vault.as_ref().filter(|vault| !vault.opened_rolled_back()) {
        seen.head = Some(vault.head().into());
    }
    let outcome = match (&seen.vaults, vault) {
        (None, _) => Err(seen.failure.clone()),
        // One that was rolled back is opened again and again: what it lacks may be brought back.
        (Some(inputs), Some(vault)) if !seen.stale && !vault.rolled_back() => {
            match check(keeper, &vault).await {
                Ok(true) => Ok(()),
                Ok(false) => {
                    seen.stale = true;
                    open(keeper, inputs.clone(), seen.head.clone()).await.map_err(Some)
                }
                Err(failure) => Err(Some(failure)),
            }
        }
        (Some(inputs), _) => open(keeper, inputs.clone(), seen.head.clone()).await.map_err(Some),
    };
    let well = match outcome {
        Ok(()) => {
            seen.stale = false;
            keeper.holding.change(|facts| facts.storage = StorageState::Reachable);
            keeper.holding.facts().vault.is_some()
        }
        Err(failure) => {
            if let Some(failure) = failure {
                report(keeper, &failure);
                keeper.holding.change(|facts| facts.storage = StorageState::Failing(failure));
            }
            false
        }
    };
    publish(keeper, well);
    well
}

/// Logs a failure when it is news; a store that stays away would fill the log.
fn report(keeper: &Keeper, failure: &Failure) {
    if keeper.holding.facts().storage != StorageState::Failing(failure.clone()) {
        tracing::warn!(code = ?failure.code, message = failure.message, "storage is failing");
    }
}

/// Whether storage still has the vault as it was seen last.
async fn check(keeper: &Keeper, vault: &mover::vault::Vault) -> Result<bool, Failure> {
    let whole = vault.check_storage().await.map_err(|error| Failure {
        code: error.code(),
        stage: Stage::Starting,
        message: error.to_string(),
        cause: None,
    })?;
    keeper.holding.change(|facts| facts.skew_seconds = vault.store().skew_seconds());
    Ok(whole)
}

async fn open(keeper: &Keeper, inputs: Inputs, head: Option<Head>) -> Result<(), Failure> {
    let opened = opening::open(&keeper.config, inputs.storage, &inputs.keys, head, &keeper.clock).await?;
    let (key, vault, vanished) = match opened {
        Opened::Open { vault, probes } => {
            tracing::info!(vault_id = %vault.id(), fingerprint = vault.fingerprint(), "vault open");
            let skew_seconds = vault.store().skew_seconds();
            keeper.holding.change(|facts| {
                facts.probes = Some(probes);
                facts.skew_seconds = skew_seconds;
            });
            (KeyState::Open, Some(vault), false)
        }
        Opened::Empty => (KeyState::Empty, None, false),
        Opened::Vanished => (KeyState::Empty, None, true),
        Opened::Foreign { vault_id } => (KeyState::Foreign { vault_id }, None, false),
        Opened::Invalid { message } => (KeyState::Invalid { message }, None, false),
    };
    keeper.holding.change(|facts| {
        facts.key = key;
        facts.vault = vault;
        facts.vanished = vanished;
    });
    // The one before ends with the last call that uses it: closed under them, a settlement would fail, and a grant to read
    // go out without its promise.
    Ok(())
}

fn publish(keeper: &Keeper, well: bool) {
    let view = keeper.holding.view(&keeper.clock);
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let metrics = &keeper.metrics;
    metrics.vault_available.set(i64::from(well));
    metrics.vault_points.set(whole(view.points));
    metrics.vault_stored_bytes.set(whole(view.stored_bytes));
    metrics.vault_conditional_writes.set(i64::from(view.probes.is_some_and(|probes| probes.create_only)));
    metrics.storage_clock_skew.set(view.clock.skew_seconds.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_after_failures_grow_to_the_minute_and_end_with_the_first_success() {
        let mut pause = Pause::default();
        let mut now = Instant::now();
        assert!(pause.is_over(now));
        for length in [1, 2, 4, 8, 16, 32, 60, 60] {
            pause.begin(now, false);
            assert!(!pause.is_over(now + Duration::from_secs(length) - Duration::from_millis(1)), "{length}");
            now += Duration::from_secs(length);
            assert!(pause.is_over(now), "{length}");
        }
        pause.begin(now, true);
        assert!(!pause.is_over(now + CHECK - Duration::from_millis(1)));
        now += CHECK;
        assert!(pause.is_over(now));
        pause.begin(now, false);
        assert!(pause.is_over(now + FIRST_PAUSE));
    }
}
