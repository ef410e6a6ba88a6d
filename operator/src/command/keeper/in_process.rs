//! A keeper inside a test's own process: the real calls over a real vault in a directory, without a pod around it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mover::vault::Vault;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::mounted::Mounted;
use super::{Keeper, config, janitor, routes, tend};

/// It is tended until it is dropped.
pub struct InProcess {
    keeper: Arc<Keeper>,
    _tended: JoinSet<()>,
}

impl InProcess {
    /// Takes what is mounted below `root` into use, and waits until the vault is open.
    pub async fn open(root: &Path) -> Self {
        let mounted = Mounted::below(root);
        let keeper = Arc::new(Keeper::new(config::read(&mounted).unwrap(), mounted, true));
        let seen = tend::first_look(&keeper);
        let mut tended = JoinSet::new();
        tended.spawn(tend::tend(Arc::clone(&keeper), seen, CancellationToken::new()));
        while keeper.holding.vault().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { keeper, _tended: tended }
    }

    /// Its calls.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.keeper))
    }

    pub fn vault(&self) -> Vault {
        self.keeper.holding.vault().unwrap_or_else(|_| panic!("the vault was open"))
    }

    /// Deletes what may go until nothing is left to do.
    pub async fn sweep(&self) {
        while !janitor::pass(&self.keeper).await {}
    }
}
