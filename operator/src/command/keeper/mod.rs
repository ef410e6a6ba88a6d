//! `coffer keeper`: holds the storage and the keys of one vault between runs, for its operator and its movers.
//!
//! ```text
//! config, mounted, certificate    what Kubernetes gives it
//! server, auth, refusal           HTTPS, who is asking, how it says no
//! routes, grants, points, settle  the calls of `contract::keeper`
//! runs                            progress, in memory
//! holding, opening, tend          storage, keys and the open vault, looked after once a minute
//! janitor                         deletes what has a tombstone, and what lost writers left
//! ```
//!
//! It is HTTP and policy over [`mover::vault`] and nothing more. It keeps no state of its own that matters: a keeper that
//! starts again reads everything from storage. Nothing that storage or a Secret does ends the process.

mod auth;
mod certificate;
mod clock;
mod config;
mod grants;
mod holding;
#[cfg(test)]
pub mod in_process;
mod janitor;
mod metrics;
mod monitor;
mod mounted;
mod opening;
mod points;
mod refusal;
mod routes;
mod runs;
mod server;
mod settle;
mod tend;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ::mover::clock::Clock;
use contract::{KeeperConfig, files};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::signals;
use auth::Door;
use certificate::Certificates;
use config::ConfigError;
use holding::Holding;
use metrics::Metrics;
use mounted::Mounted;
use runs::RunBook;
use settle::Settlements;

const HEALTH_PORT: u16 = 8081;
const METRICS_PORT: u16 = 8080;

/// Flags of the keeper. A pod needs none.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Read the mounted files below this directory.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Serve the operator and movers here, over TLS [default: port 8443 of all addresses]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Serve /healthz and /readyz here [default: port 8081 of all addresses]
    #[arg(long, value_name = "ADDRESS")]
    health: Option<SocketAddr>,
    /// Serve /metrics here [default: port 8080 of all addresses]
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

/// One keeper, shared by everything that runs in its process.
struct Keeper {
    config: KeeperConfig,
    mounted: Mounted,
    clock: Clock,
    /// Whether what the operator says about a test clock counts. Never as shipped.
    obeys_test_clock: bool,
    door: Door,
    certificates: Arc<Certificates>,
    holding: Holding,
    runs: RunBook,
    settlements: Settlements,
    metrics: Metrics,
}

/// Why a keeper cannot begin, or ended by itself.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("failed to listen for {purpose}")]
    Listen { purpose: &'static str, source: io::Error },
    #[error("failed to listen to signals")]
    Signals(#[source] io::Error),
    #[error("a task of the keeper ended by itself")]
    Task(#[source] tokio::task::JoinError),
}

/// Runs until SIGTERM.
pub async fn run(arguments: Arguments, obeys_test_clock: bool) -> ExitCode {
    match serve(arguments, obeys_test_clock).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "the keeper ended");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments, obeys_test_clock: bool) -> Result<(), KeeperError> {
    let mounted = Mounted::below(&arguments.root);
    let config = config::read(&mounted)?;
    tracing::info!(namespace = config.namespace, vault = config.vault, "keeper starting");
    let keeper = Arc::new(Keeper::new(config, mounted, obeys_test_clock));
    let seen = tend::first_look(&keeper);
    let tls = certificate::server_config(Arc::clone(&keeper.certificates)).map_err(KeeperError::Tls)?;
    let tls = TlsAcceptor::from(Arc::new(tls));

    let calls = listen("calls", arguments.listen, files::KEEPER_PORT).await?;
    let health = listen("health", arguments.health, HEALTH_PORT).await?;
    let metrics = listen("metrics", arguments.metrics, METRICS_PORT).await?;

    let stop = CancellationToken::new();
    let mut tasks: JoinSet<Result<(), KeeperError>> = JoinSet::new();
    let signals = signals::cancel_on_stop(stop.clone());
    tasks.spawn(async { signals.await.map_err(KeeperError::Signals) });
    for (listener, tls, router) in [
        (calls, Some(tls), routes::router(Arc::clone(&keeper))),
        (health, None, monitor::health(Arc::clone(&keeper))),
        (metrics, None, monitor::metrics(Arc::clone(&keeper))),
    ] {
        let served = server::serve(listener, tls, router, stop.clone());
        tasks.spawn(async {
            served.await;
            Ok(())
        });
    }
    let tended = tend::tend(Arc::clone(&keeper), seen, stop.clone());
    let swept = janitor::sweep(Arc::clone(&keeper), stop.clone());
    tasks.spawn(async {
        tokio::join!(tended, swept);
        Ok(())
    });

    let ended = until_all_end(&mut tasks, &stop).await;
    keeper.settlements.finish().await;
    keeper.holding.close().await;
    tracing::info!("keeper stopped");
    ended
}

/// Waits for all tasks; the first that fails stops the others.
async fn until_all_end(
    tasks: &mut JoinSet<Result<(), KeeperError>>,
    stop: &CancellationToken,
) -> Result<(), KeeperError> {
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(KeeperError::Task).and_then(|ended| ended);
        if ended.is_err() {
            stop.cancel();
        }
        first = first.and(ended);
    }
    first
}

/// Binds the address asked for, else all addresses: of IPv6 with IPv4 in it where the node has that, else of IPv4.
async fn listen(
    purpose: &'static str,
    address: Option<SocketAddr>,
    port: u16,
) -> Result<TcpListener, KeeperError> {
    let bound = match address {
        Some(address) => TcpListener::bind(address).await,
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
        },
    };
    let failed = |source| KeeperError::Listen { purpose, source };
    let listener = bound.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(purpose, %address, "listening");
    Ok(listener)
}

impl Keeper {
    fn new(config: KeeperConfig, mounted: Mounted, obeys_test_clock: bool) -> Self {
        let metrics = Metrics::new(&config.namespace, &config.vault);
        Self {
            config,
            mounted,
            clock: Clock::system(SignedDuration::ZERO),
            obeys_test_clock,
            door: Door::default(),
            certificates: Arc::default(),
            holding: Holding::default(),
            runs: RunBook::default(),
            settlements: Settlements::default(),
            metrics,
        }
    }
}
