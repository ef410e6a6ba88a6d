//! What is to be done for a vault, and what its status says. Pure.

use contract::{Head, KeeperConfig, KeyState, Pledges};
use crds::{BackupVault, BackupVaultStatus};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use serde_json::Value;

use super::certificate::{Renewal, renewal};
use super::config::{Certificates, config_map, keeper_config};
use super::known_head;
use super::observe::{Claim, Seen};
use super::pace;
use super::soft_delete;
use super::status::status;
use super::workload::{Mounts, Workload, workload};
use crate::clock::Now;
use crate::cluster::covers;
use crate::controller::Wake;
use crate::names;
use crate::settings::Settings;

/// One thing to write, in the order of the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Make the keys of the vault, once in its life.
    CreateKeys,
    /// Make a certificate and its Secret, and put it into the ConfigMap.
    MakeCertificate {
        renewal: Renewal,
        head: Option<Head>,
    },
    ApplyConfig(Box<ConfigMap>),
    /// Make the Secret with the vault's token, if it is not there.
    CreateToken(String),
    /// Apply what is not as it should be.
    ApplyWorkload(Box<Workload>, Differences),
    /// Remove certificates before this number.
    RemoveOldCertificates(u32),
    /// Write one-way settings into the ledger, which from then on are promised.
    Pledge(Pledges),
}

/// Which parts of a workload are to be applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    pub accounts: bool,
    pub policies: bool,
    pub service: bool,
    pub deployment: bool,
}

/// Steps, status, and when to look again.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub steps: Vec<Step>,
    pub status: Option<BackupVaultStatus>,
    /// The keeper has told of figures that the status does not say yet.
    pub untold: bool,
    pub wake: Wake,
}

/// The whole decision.
pub fn decide(vault: &BackupVault, seen: &Seen, settings: &Settings, now: Now) -> Decision {
    if seen.namespace_ending {
        return Decision { steps: Vec::new(), status: None, untold: false, wake: Wake::OnChange };
    }
    let keys_made = makes_keys(vault, seen) || keys_were_made(vault);
    let blocked =
        seen.forbidden || matches!(seen.claim, Some(Claim::Missing | Claim::OncePod)) || is_unsafe(vault);
    let mut steps = if blocked { Vec::new() } else { steps(vault, seen, settings, keys_made, now) };
    steps.extend(soft_delete::pledge(vault, seen).map(Step::Pledge));
    let settling = !steps.is_empty();
    let mut status = status(vault, seen, settings, keys_made, now);
    let untold = pace::wait(vault.status.as_ref(), &mut status, seen, now.wall);
    Decision { steps, wake: wake(seen, &status, settling), status: Some(status), untold }
}

/// A key whose loss would lose every backup, without anybody having said that this is meant.
pub fn unguarded(vault: &BackupVault) -> bool {
    let encryption = &vault.spec.encryption;
    encryption.recovery_recipients().is_empty() && !encryption.accept_key_loss
}

/// The first recovery recipient that is none. The API server knows the alphabet only, not the checksum.
pub fn encryption_fault(vault: &BackupVault) -> Option<usize> {
    vault.spec.encryption.recovery_recipients().iter().position(|text| !crds::vault::is_recipient(text))
}

/// Nobody could open what such a vault would hold.
fn is_unsafe(vault: &BackupVault) -> bool {
    unguarded(vault) || encryption_fault(vault).is_some()
}

/// Only on an empty storage that never was this vault's: another key must never be made over existing points.
fn makes_keys(vault: &BackupVault, seen: &Seen) -> bool {
    let never_initialised = vault.status.as_ref().is_none_or(|status| status.vault_id.is_none());
    let empty = matches!(&seen.keeper, Some(Ok(view)) if view.key == KeyState::Empty);
    empty && never_initialised && !is_unsafe(vault)
}

fn keys_were_made(vault: &BackupVault) -> bool {
    let status = vault.status.as_ref();
    status.and_then(|status| status.encryption.as_ref()).is_some_and(|held| held.key_secret_name.is_some())
}

fn steps(vault: &BackupVault, seen: &Seen, settings: &Settings, keys_made: bool, now: Now) -> Vec<Step> {
    let mut steps = Vec::new();
    if makes_keys(vault, seen) && !keys_were_made(vault) {
        steps.push(Step::CreateKeys);
    }
    let head = known_head::newest(vault, seen);
    let certificates = seen.config_map.as_ref().and_then(Certificates::of);
    let renewal = renewal(certificates.as_ref(), now.wall);
    let certificates = match (&renewal, certificates) {
        (Renewal::First | Renewal::PinNext(_), None) | (Renewal::First, Some(_)) => {
            // The pod mounts what is made here; the rest follows when it is there.
            steps.push(Step::MakeCertificate { renewal, head });
            return steps;
        }
        (Renewal::PinNext(_), Some(held)) => {
            steps.push(Step::MakeCertificate { renewal, head: head.clone() });
            held
        }
        (Renewal::ShowNext(next), _) => {
            steps.push(Step::RemoveOldCertificates(next.current.number));
            next.clone()
        }
        (Renewal::Nothing, Some(held)) => held,
        (Renewal::Nothing, None) => return steps,
    };
    let Some(config) = keeper_config(vault, known_head::mounted(vault, seen)) else { return steps };
    let map = config_map(vault, &config, &certificates);
    let pinning = steps.iter().any(|step| matches!(step, Step::MakeCertificate { .. }));
    if !pinning && !is_covered(seen.config_map.as_ref(), &map) {
        // It is written for something: the newest entry goes along.
        let newest = KeeperConfig { known_head: head, ..config.clone() };
        steps.push(Step::ApplyConfig(Box::new(config_map(vault, &newest, &certificates))));
    }
    let mounts = Mounts {
        certificate: certificates.current.number,
        token: names::keeper_token(&vault.name_any(), &seen.root_version),
        config_hash: known_head::config_hash(vault, seen, &config),
        keys_made,
    };
    let wanted = workload(vault, settings, &mounts);
    let differences = differences(seen, &wanted);
    if !mounts_token(seen, &mounts.token) {
        steps.push(Step::CreateToken(mounts.token));
    }
    if differences != Differences::default() {
        steps.push(Step::ApplyWorkload(Box::new(wanted), differences));
    }
    steps
}

fn differences(seen: &Seen, wanted: &Workload) -> Differences {
    let covered =
        |live: &Option<Value>, wanted: Value| live.as_ref().is_some_and(|live| covers(live, &wanted));
    let pairs = |live: &[Option<Value>; 2], wanted: [Value; 2]| {
        live.iter().zip(wanted).all(|(live, wanted)| covered(live, wanted))
    };
    Differences {
        accounts: !pairs(&seen.accounts, wanted.accounts.each_ref().map(value)),
        policies: !pairs(&seen.policies, wanted.policies.each_ref().map(value)),
        service: !covered(&seen.service, value(&wanted.service)),
        deployment: !is_covered(seen.deployment.as_ref(), &wanted.deployment),
    }
}

fn is_covered<K: serde::Serialize>(live: Option<&K>, wanted: &K) -> bool {
    live.is_some_and(|live| covers(&value(live), &value(wanted)))
}

fn value<K: serde::Serialize>(object: &K) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Whether the Deployment mounts this token already, so that its Secret was made.
fn mounts_token(seen: &Seen, token: &str) -> bool {
    let volumes =
        seen.deployment.as_ref().and_then(|held| held.spec.template.spec.as_ref()?.volumes.as_ref());
    volumes
        .into_iter()
        .flatten()
        .any(|volume| volume.secret.as_ref().and_then(|secret| secret.secret_name.as_deref()) == Some(token))
}

fn wake(seen: &Seen, status: &BackupVaultStatus, settling: bool) -> Wake {
    let ready = crds::common::is_true(&status.conditions, crds::common::ConditionType::Ready);
    // One that is silent for a moment leaves the vault Ready, and is asked again soon all the same.
    let is_silent = matches!(seen.keeper, Some(Err(_)));
    if settling || seen.active_runs || ((!ready || is_silent) && !seen.forbidden) {
        Wake::seconds(5)
    } else {
        Wake::seconds(60)
    }
}
