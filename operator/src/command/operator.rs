//! `coffer operator`: reconciles Coffer's kinds. Started by the Deployment of the chart.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Client, Config, ResourceExt as _};
use mover::seal::{CatalogueKey, Identity};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Raise, TestClock, signals};
use crate::clock::Clock;
use crate::cluster::{self, Notes, ReadError, WriteError};
use crate::context::{Context, KeysError, Root, Turns, VaultKeys};
use crate::controller::adoption::Refusals;
use crate::controller::recovery_point::Memory;
use crate::controller::{Feeds, run_all};
use crate::health::{ListenError, Readiness, serve_health, serve_metrics};
use crate::keeper_client::Keepers;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::names;
use crate::settings::Settings;
use crate::token::ROOT_SECRET_LENGTH;

const METRICS_PORT: u16 = 8080;
const HEALTH_PORT: u16 = 8081;
/// Keys of the root Secret.
const ROOT: &str = "root";
const PREVIOUS_ROOT: &str = "previous";

/// Flags of the operator.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The namespace that the operator runs in.
    #[arg(long, env = "COFFER_NAMESPACE")]
    namespace: String,
    /// The name of this pod.
    #[arg(long, env = "COFFER_POD_NAME")]
    pod: String,
    /// The ServiceAccount that the operator runs as.
    #[arg(long, env = "COFFER_SERVICE_ACCOUNT", default_value = "coffer")]
    service_account: String,
    /// The image of keepers and movers: the operator's own.
    #[arg(long, env = "COFFER_IMAGE")]
    image: String,
    /// When that image is pulled.
    #[arg(long, env = "COFFER_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    image_pull_policy: String,
}

#[derive(Debug, thiserror::Error)]
enum OperatorError {
    #[error("failed to find the API server")]
    Connect(#[source] kube::Error),
    #[error("failed to listen for signals")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Listen(ListenError),
    #[error("failed to prepare the lease")]
    Lease(#[source] kube_lease_manager::LeaseManagerError),
    #[error("failed to read what the operator starts with")]
    Read(#[source] ReadError),
    #[error("failed to make the root secret")]
    Write(#[source] WriteError),
    #[error("namespace kube-system has no UID")]
    NoClusterId,
    #[error("Secret {name} has no key `root` with {ROOT_SECRET_LENGTH} bytes or more", name = names::ROOT_SECRET)]
    NoRoot,
    #[error("failed to make random bytes for the root secret: {0}")]
    Random(String),
    #[error("the lease was lost: another replica may lead now, so this one ends at once")]
    LeaseLost,
}

/// Runs until it is told to stop, or no longer leads.
pub async fn run(arguments: Arguments, test_clock: Option<TestClock>) -> ExitCode {
    match serve(arguments, test_clock).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the operator cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments, test_clock: Option<TestClock>) -> Result<(), OperatorError> {
    let config = Config::infer().await.map_err(kube::Error::InferConfig).map_err(OperatorError::Connect)?;
    let client = Client::try_from(config.clone()).map_err(OperatorError::Connect)?;
    let (metrics, readiness, stop) = (Metrics::default(), Readiness::default(), CancellationToken::new());
    let mut servers: JoinSet<Result<(), OperatorError>> = JoinSet::new();
    let ready = readiness.clone();
    servers.spawn(async move { serve_health(HEALTH_PORT, ready).await.map_err(OperatorError::Listen) });
    let told = metrics.clone();
    servers.spawn(async move { serve_metrics(METRICS_PORT, told).await.map_err(OperatorError::Listen) });
    let signalled = stop.clone();
    servers.spawn(async move { signals::cancel_on_stop(signalled).await.map_err(OperatorError::Signals) });

    let settings = settings(&client, arguments).await?;
    let leadership = Leadership::prepare(config, &settings.namespace, &settings.pod)
        .await
        .map_err(OperatorError::Lease)?;
    readiness.set(true);
    tokio::select! {
        () = leadership.acquire() => {}
        () = stop.cancelled() => return Ok(()),
        outcome = failed(&mut servers) => return outcome,
    }
    tracing::info!(pod = settings.pod, "this replica leads");
    metrics.lead(true);
    let clock = Clock::default();
    let (told, clock_moved) = watch::channel(());
    let moved = moved(client.clone(), settings.namespace.clone(), clock.clone(), told, test_clock);
    let led = lead(client, settings, metrics.clone(), (clock, clock_moved), &stop);
    let outcome = tokio::select! {
        outcome = led => outcome,
        () = moved => Ok(()),
        () = leadership.hold() => Err(OperatorError::LeaseLost),
        outcome = failed(&mut servers) => outcome,
    };
    metrics.lead(false);
    // A lease that was lost is not ours to give up, and who lost it must not wait for anybody.
    if !matches!(outcome, Err(OperatorError::LeaseLost)) {
        leadership.release().await;
    }
    outcome
}

/// Reconciles until told to stop.
async fn lead(
    client: Client,
    settings: Settings,
    metrics: Metrics,
    (clock, clock_moved): (Clock, watch::Receiver<()>),
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    let root = root(&client, &settings.namespace).await?;
    let feeds = Feeds::default();
    let context = Arc::new(Context {
        notes: Notes::new(client.clone(), &settings.pod),
        client,
        clock: clock.clone(),
        settings,
        metrics,
        keepers: Keepers::new(clock),
        root,
        turns: Turns::default(),
        asked: Memory::default(),
        not_adopted: Refusals::default(),
        new_vault_keys,
        known: feeds.known(),
    });
    run_all(feeds, context, clock_moved, stop.clone()).await;
    Ok(())
}

/// Puts the clock ahead as a test says, and tells everybody. As shipped nobody can say so, and this only waits.
async fn moved(
    client: Client,
    namespace: String,
    clock: Clock,
    told: watch::Sender<()>,
    test_clock: Option<TestClock>,
) {
    let Some(TestClock { follow }) = test_clock else { return std::future::pending().await };
    let raise: Raise = Box::new(move |seconds| {
        if clock.raise(seconds) {
            tracing::info!(offset_seconds = clock.offset_seconds(), "the clock was moved");
            told.send_replace(());
        }
    });
    follow(client, namespace, raise).await;
}

/// Waits for the first server that fails. The one that listened to signals ends well when it has heard one.
async fn failed(servers: &mut JoinSet<Result<(), OperatorError>>) -> Result<(), OperatorError> {
    while let Some(ended) = servers.join_next().await {
        if let Ok(Err(error)) = ended {
            return Err(error);
        }
    }
    std::future::pending().await
}

async fn settings(client: &Client, arguments: Arguments) -> Result<Settings, OperatorError> {
    let system: Option<Namespace> =
        cluster::get_global(client, "kube-system").await.map_err(OperatorError::Read)?;
    Ok(Settings {
        namespace: arguments.namespace,
        pod: arguments.pod,
        service_account: arguments.service_account,
        image: arguments.image,
        image_pull_policy: arguments.image_pull_policy,
        cluster_id: system.and_then(|namespace| namespace.uid()).ok_or(OperatorError::NoClusterId)?,
    })
}

/// Reads the root secret, and makes it once if there is none.
async fn root(client: &Client, namespace: &str) -> Result<Root, OperatorError> {
    let read = || cluster::get::<Secret>(client, namespace, names::ROOT_SECRET);
    let held = match read().await.map_err(OperatorError::Read)? {
        Some(held) => held,
        None => match cluster::create(client, &new_root(namespace)?).await {
            Ok(made) => made,
            // The other replica was first.
            Err(error) if cluster::is_already_exists(error.cause()) => {
                read().await.map_err(OperatorError::Read)?.ok_or(OperatorError::NoRoot)?
            }
            Err(error) => return Err(OperatorError::Write(error)),
        },
    };
    let bytes = |key: &str| held.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.clone());
    let current = bytes(ROOT).filter(|root| root.len() >= ROOT_SECRET_LENGTH).ok_or(OperatorError::NoRoot)?;
    let uid: String =
        held.uid().unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let previous = bytes(PREVIOUS_ROOT).filter(|root| root.len() >= ROOT_SECRET_LENGTH);
    Ok(Root { current, previous, version: uid })
}

#[expect(clippy::result_large_err, reason = "it is made once, at the start")]
fn new_root(namespace: &str) -> Result<Secret, OperatorError> {
    let mut bytes = vec![0; ROOT_SECRET_LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|error| OperatorError::Random(error.to_string()))?;
    let mut secret = Secret {
        data: Some(BTreeMap::from([(ROOT.to_owned(), ByteString(bytes))])),
        type_: Some("Opaque".into()),
        ..Secret::default()
    };
    secret.metadata.name = Some(names::ROOT_SECRET.into());
    secret.metadata.namespace = Some(namespace.to_owned());
    Ok(secret)
}

fn new_vault_keys() -> Result<VaultKeys, KeysError> {
    let catalogue = CatalogueKey::random().map_err(|error| KeysError(error.to_string()))?;
    Ok(VaultKeys { identity: Identity::generate().to_text(), catalogue: catalogue.to_base64() })
}
