//! Writes what was decided for a vault. What a pod mounts is there before the pod; the status comes last.

use std::collections::BTreeMap;

use contract::{Head, LedgerRequest, Pledges};
use crds::common::{ConditionType, condition, is_true, set_condition};
use crds::{BackupVault, BackupVaultStatus, Reason, finalizers, secret_keys};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt as _;

use super::certificate::{self, Identity, Renewal};
use super::config::{Certificate, Certificates, address, config_map, keeper_config};
use super::decide::{Decision, Differences, Step};
use super::workload::{Workload, labels, metadata};
use crate::cluster::{self, Class, Note, WriteError};
use crate::context::Context;
use crate::controller::{Error, Wake};
use crate::metrics::{VaultFigures, VaultLabels};
use crate::names;

/// Characters of a condition's message that stay readable.
const MESSAGE: usize = 1024;
/// A Secret left by an attempt that got no further stands in the way of its number; the next are tried.
const NUMBERS: u32 = 8;

/// Writes, in order.
///
/// # Errors
/// The first write that failed; what comes after it is decided anew.
pub async fn act(vault: &BackupVault, context: &Context, decision: Decision) -> Result<Wake, Error> {
    for step in decision.steps {
        if let Err(error) = take(vault, context, step).await {
            // Nobody but the one who wrote the vault can mend it, and a log is no place to tell them.
            if let (Class::Bug, Some(status)) = (error.class(), decision.status) {
                write_status(vault, context, &refused(vault, context, status, &error)).await?;
            }
            return Err(error);
        }
    }
    if let Some(status) = decision.status {
        write_status(vault, context, &status).await?;
    }
    let wall = context.clock.now().wall;
    context.keepers.untold(&vault.uid().unwrap_or_default(), decision.untold.then_some(wall));
    Ok(decision.wake)
}

/// The status of a vault whose pods the API server does not take as they are asked for.
fn refused(
    vault: &BackupVault,
    context: &Context,
    mut status: BackupVaultStatus,
    error: &Error,
) -> BackupVaultStatus {
    let what = match error {
        Error::Act(WriteError::Apply { kind: "Deployment", .. }) => {
            "what `podTemplate` makes of the vault's pods"
        }
        _ => "an object of the vault",
    };
    let message = format!("The API server refuses {what}: {}", said(error));
    let message: String = message.chars().take(MESSAGE).collect();
    let generation = vault.metadata.generation.unwrap_or_default();
    let now = context.clock.now().time;
    status.conditions.retain(|held| held.type_ != ConditionType::Reconciling.as_str());
    for (type_, holds) in [(ConditionType::Ready, false), (ConditionType::Stalled, true)] {
        let mut new = condition(type_, Some(holds), Reason::InvalidSpec, message.as_str(), generation, now);
        let before = vault.status.as_ref().map(|before| before.conditions.as_slice()).unwrap_or_default();
        if let Some(held) = before.iter().find(|held| held.type_ == new.type_ && held.status == new.status) {
            new.last_transition_time = held.last_transition_time.clone();
        }
        set_condition(&mut status.conditions, new);
    }
    status
}

/// The API server's own words.
fn said(error: &Error) -> String {
    match error {
        Error::Act(error) => match error.cause() {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// Takes the vault out of what is remembered and told.
pub fn forget(vault: &BackupVault, context: &Context) {
    context.keepers.forget(&vault.uid().unwrap_or_default());
    let labels = VaultLabels { namespace: vault.namespace().unwrap_or_default(), vault: vault.name_any() };
    context.metrics.vault(&labels, None);
}

async fn take(vault: &BackupVault, context: &Context, step: Step) -> Result<(), Error> {
    match step {
        Step::CreateKeys => create_keys(vault, context).await,
        Step::MakeCertificate { renewal, head } => make_certificate(vault, context, renewal, head).await,
        Step::ApplyConfig(map) => Ok(cluster::apply(&context.client, map.as_ref()).await.map(|_| ())?),
        Step::CreateToken(name) => create_token(vault, context, name).await,
        Step::ApplyWorkload(workload, differences) => apply_workload(context, *workload, differences).await,
        Step::RemoveOldCertificates(before) => remove_certificates(vault, context, before).await,
        Step::Pledge(pledges) => pledge(vault, context, pledges).await,
    }
}

/// A keeper that does not take it is asked again with the next look: until then nothing is promised.
async fn pledge(vault: &BackupVault, context: &Context, pledges: Pledges) -> Result<(), Error> {
    let (namespace, name) = (vault.namespace().unwrap_or_default(), vault.name_any());
    let map: Option<ConfigMap> = cluster::get(&context.client, &namespace, &names::keeper(&name)).await?;
    let Some(address) = map.and_then(|map| address(&map, &namespace, &name)) else { return Ok(()) };
    let uid = vault.uid().unwrap_or_default();
    if let Err(error) = context.tell_ledger(&uid, &address, &LedgerRequest::Pledged(pledges)).await? {
        tracing::warn!(vault = name, %error, "failed to write a pledge into the ledger");
    }
    Ok(())
}

/// The keys never have an owner: they outlive the vault object, and go only when a person lets them.
async fn create_keys(vault: &BackupVault, context: &Context) -> Result<(), Error> {
    let keys = (context.new_vault_keys)().map_err(Error::Keys)?;
    let data = BTreeMap::from([
        (secret_keys::VAULT_IDENTITY.to_owned(), keys.identity.reveal().to_owned()),
        (secret_keys::VAULT_CATALOGUE_KEY.to_owned(), keys.catalogue.reveal().to_owned()),
    ]);
    let mut secret = secret(vault, names::vault_keys(&vault.name_any()), "keys", data);
    secret.metadata.owner_references = None;
    secret.metadata.finalizers = Some(vec![finalizers::VAULT_KEY.to_owned()]);
    // One that is there already is the one to use.
    if create_once(context, &secret).await? {
        let message =
            format!("Secret {} was made. Keep it, or a recovery identity, safe.", secret.name_any());
        context.notes.publish(vault, &Note::normal(Reason::VaultInitialised, message)).await;
    }
    Ok(())
}

async fn create_token(vault: &BackupVault, context: &Context, name: String) -> Result<(), Error> {
    let uid = vault.uid().unwrap_or_default();
    let mut data =
        BTreeMap::from([("token".to_owned(), context.vault_token(&uid)?.to_secret().reveal().to_owned())]);
    if let Some(previous) = &context.root.previous {
        let token =
            crate::token::VaultToken::derive(previous, &uid).map_err(crate::context::AccessError::Token)?;
        data.insert("previous".to_owned(), token.to_secret().reveal().to_owned());
    }
    create_once(context, &secret(vault, name, "token", data)).await.map(|_| ())
}

async fn make_certificate(
    vault: &BackupVault,
    context: &Context,
    renewal: Renewal,
    head: Option<Head>,
) -> Result<(), Error> {
    let (name, namespace) = (vault.name_any(), vault.namespace().unwrap_or_default());
    let wall = context.clock.now().wall;
    let identity = certificate::make(&name, &namespace, wall).map_err(Error::Certificate)?;
    let first = if let Renewal::PinNext(number) = renewal { number } else { 1 };
    let mut number = first;
    while !create_once(context, &certificate_secret(vault, number, &identity)).await? {
        // The private key of a Secret that is there cannot be read back; it is of no use without its certificate.
        number += 1;
        if number >= first + NUMBERS {
            remove_certificates(vault, context, number).await?;
        }
    }
    let made = Certificate { number, pem: identity.certificate.clone(), born: wall };
    let held: Option<ConfigMap> = cluster::get(&context.client, &namespace, &names::keeper(&name)).await?;
    let certificates = match held.as_ref().and_then(Certificates::of) {
        Some(held) => Certificates { next: Some(made), ..held },
        None => Certificates { current: made, next: None },
    };
    if let Some(config) = keeper_config(vault, head) {
        cluster::apply(&context.client, &config_map(vault, &config, &certificates)).await?;
    }
    Ok(())
}

fn certificate_secret(vault: &BackupVault, number: u32, identity: &Identity) -> Secret {
    let data = BTreeMap::from([
        ("tls.crt".to_owned(), identity.certificate.clone()),
        ("tls.key".to_owned(), identity.private_key.to_string()),
    ]);
    secret(vault, names::keeper_certificate(&vault.name_any(), number), "certificate", data)
}

async fn remove_certificates(vault: &BackupVault, context: &Context, before: u32) -> Result<(), Error> {
    let namespace = vault.namespace().unwrap_or_default();
    for number in before.saturating_sub(NUMBERS).max(1)..before {
        let name = names::keeper_certificate(&vault.name_any(), number);
        cluster::delete::<Secret>(&context.client, &namespace, &name, None).await?;
    }
    Ok(())
}

async fn apply_workload(
    context: &Context,
    workload: Workload,
    differences: Differences,
) -> Result<(), Error> {
    let Workload { accounts, policies, service, deployment } = workload;
    let client = &context.client;
    // Identities and policies first: a pod must not run a moment without them.
    if differences.accounts {
        for account in &accounts {
            cluster::apply(client, account).await?;
        }
    }
    if differences.policies {
        for policy in &policies {
            cluster::apply(client, policy).await?;
        }
    }
    if differences.service {
        cluster::apply(client, &service).await?;
    }
    if differences.deployment {
        cluster::apply(client, &deployment).await?;
    }
    Ok(())
}

/// Creates a Secret; `false` when one of that name is there. It is never read, patched or replaced.
async fn create_once(context: &Context, secret: &Secret) -> Result<bool, Error> {
    match cluster::create(&context.client, secret).await {
        Ok(_) => Ok(true),
        Err(error) if cluster::is_already_exists(error.cause()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn secret(vault: &BackupVault, name: String, role: &str, data: BTreeMap<String, String>) -> Secret {
    Secret {
        metadata: metadata(vault, name, labels(vault, role)),
        string_data: Some(data),
        immutable: Some(true),
        type_: Some("Opaque".into()),
        ..Secret::default()
    }
}

async fn write_status(
    vault: &BackupVault,
    context: &Context,
    status: &BackupVaultStatus,
) -> Result<(), Error> {
    let ready = is_true(&status.conditions, ConditionType::Ready);
    let labels = VaultLabels { namespace: vault.namespace().unwrap_or_default(), vault: vault.name_any() };
    let figures = VaultFigures {
        available: ready,
        stored_bytes: status.stored_bytes,
        conditional_writes: status.capabilities.as_ref().and_then(|held| held.create_only),
        held_back: context.keepers.held_back(&vault.uid().unwrap_or_default()).count,
    };
    context.metrics.vault(&labels, Some(&figures));
    if cluster::same(vault.status.as_ref(), status) {
        return Ok(());
    }
    cluster::apply_status(&context.client, vault, status).await?;
    let was_ready =
        vault.status.as_ref().is_some_and(|before| is_true(&before.conditions, ConditionType::Ready));
    if let Some(condition) = status.conditions.iter().find(|held| held.type_ == "Ready" && was_ready != ready)
    {
        let reason = condition.reason.parse().unwrap_or(Reason::InProgress);
        let note = if ready {
            Note::normal(reason, &condition.message)
        } else {
            Note::warning(reason, &condition.message)
        };
        if ready || was_ready {
            context.notes.publish(vault, &note).await;
        }
    }
    Ok(())
}
