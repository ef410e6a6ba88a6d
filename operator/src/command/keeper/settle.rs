//! What became of a run's point. Checking one reads its whole index, which may take longer than a client waits, so each
//! check runs in a task of its own that everybody who asks meanwhile waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use contract::{RunId, SettleRequest, Settled};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use mover::vault::{Vault, VaultError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Keeper;
use super::auth::Operator;
use super::refusal::Refused;
use super::routes::{Answer, Body};
use crate::command::expiry;

/// How long a call waits for its answer before it is told to ask again.
const PATIENCE: Duration = Duration::from_secs(25);

/// Why a point was closed, as the ledger will say. More is known only to the operator, whose own log has it.
const VOIDED: &str = "the operator closed the run";

/// The checks that are under way.
#[derive(Default)]
pub struct Settlements {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    awaited: HashMap<(RunId, bool), Awaited>,
}

/// The result of one check, or nothing when its task was cut off.
type Awaited = Shared<BoxFuture<'static, Option<Result<Settled, Arc<VaultError>>>>>;

/// `POST /v1/runs/{run}/settle`
pub async fn settle(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Path(run): Path<String>,
    Body(request): Body<SettleRequest>,
) -> Answer<Settled> {
    let run = RunId(run);
    let vault = keeper.holding.vault()?;
    let awaited = keeper.settlements.begin(vault, &run, request.void);
    let Ok(ended) = timeout(PATIENCE, awaited).await else {
        return Err(Refused::not_ready("Settling", "the point is still being checked: ask again"));
    };
    let settled = ended.ok_or_else(|| Refused::not_ready("NotReady", "the keeper is stopping"))?;
    let settled = settled.map_err(|error| Refused::from(&*error))?;
    match &settled {
        Settled::Accepted(point) => tracing::info!(%run, point = %point.id, "point accepted"),
        Settled::Voided => tracing::info!(%run, "run voided"),
        Settled::Undecided => return Ok(Json(settled)),
        Settled::Rejected(failure) => {
            tracing::warn!(%run, code = ?failure.code, message = failure.message, "point rejected");
        }
    }
    keeper.runs.end(&run, keeper.clock.wall());
    Ok(Json(settled))
}

impl Settlements {
    /// Waits for the checks under way; called when nobody can ask any more.
    pub async fn finish(&self) {
        let mut tasks = std::mem::take(&mut self.lock().tasks);
        while tasks.join_next().await.is_some() {}
    }

    fn begin(&self, vault: Vault, run: &RunId, void: bool) -> Awaited {
        let mut running = self.lock();
        while running.tasks.try_join_next().is_some() {}
        running.awaited.retain(|_, awaited| awaited.peek().is_none());
        let key = (run.clone(), void);
        if let Some(awaited) = running.awaited.get(&key) {
            return awaited.clone();
        }
        let (tell, told) = oneshot::channel();
        let run = run.clone();
        running.tasks.spawn(async move {
            let settled = vault.settle(&run, void, VOIDED, &expiry::of_record).await.map_err(Arc::new);
            // Nobody may be waiting any more: what was decided is in the ledger all the same.
            let _nobody = tell.send(settled);
        });
        let awaited = told.map(Result::ok).boxed().shared();
        running.awaited.insert(key, awaited.clone());
        awaited
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
