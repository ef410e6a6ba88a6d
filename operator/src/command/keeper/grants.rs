//! The calls of movers: what one run needs, and what it tells.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::{Appended, ChangeRequest, Failure, GrantRequest, Progress, Purpose};
use mover::custody::{Custody as _, Direct, RestoreStart};

use super::Keeper;
use super::auth::Mover;
use super::config::is_understood;
use super::refusal::Refused;
use super::routes::{Answer, Body};
use crate::command::expiry;

/// `POST /v1/runs/{run}/grant`: to write the run's own point, or to read the one that its token names.
pub async fn grant(
    mover: Mover,
    State(keeper): State<Arc<Keeper>>,
    Body(request): Body<GrantRequest>,
) -> Result<Response, Refused> {
    if !is_understood(request.version) {
        let message = format!("the keeper does not understand version {} of the contract", request.version);
        return Err(Refused::malformed(message));
    }
    let vault = keeper.holding.vault()?;
    let (run, writer, deadline) = (mover.run(), &request.writer, mover.deadline());
    match mover.purpose() {
        Purpose::Write => {
            honours_conditions(&keeper)?;
            let grant = vault.write_grant(run, writer, deadline).await?;
            tracing::info!(%run, %writer, point = %grant.point, "granted to write");
            Ok(Json(grant).into_response())
        }
        Purpose::Read { point } => {
            vault.refuse_deleted_owner(point)?;
            let grant = vault.read_grant(run, point, writer, deadline).await?;
            tracing::info!(%run, reader = %writer, %point, "granted to read");
            Ok(Json(grant).into_response())
        }
    }
}

/// Storage that overwrites what was to be new could lose a point to another writer: nothing is written to it.
fn honours_conditions(keeper: &Keeper) -> Result<(), Refused> {
    match keeper.holding.facts().probes {
        Some(probes) if !probes.create_only => Err(Refused::conflict(
            "ConditionalWritesNotHonoured",
            "storage overwrote an object that was to be created only where none is: two writers could destroy each \
             other's points there, so nothing is written",
        )),
        Some(_) | None => Ok(()),
    }
}

/// `POST /v1/runs/{run}/progress`
pub async fn progress(
    mover: Mover,
    State(keeper): State<Arc<Keeper>>,
    Body(progress): Body<Progress>,
) -> Json<()> {
    keeper.runs.hear(mover.run(), progress, keeper.clock.wall());
    Json(())
}

/// `POST /v1/runs/{run}/restore`: what is to be in the ledger before a restore's first write, after its last, and
/// after a point was looked at.
pub async fn restore(
    mover: Mover,
    State(keeper): State<Arc<Keeper>>,
    Body(request): Body<ChangeRequest>,
) -> Answer<Appended> {
    let granted = mover.point_to_read()?;
    let vault = keeper.holding.vault()?;
    let run = mover.run();
    let custody =
        Direct::new(vault.clone(), mover.deadline(), Arc::new(expiry::of_record), Arc::new(|_, _| {}));
    let failed = |failure: Failure| Refused::not_ready("NotReady", failure.message.clone()).because(failure);
    match request {
        ChangeRequest::RestoreStarted { namespace, name, spec_hash, target, point } => {
            if point != *granted {
                return Err(Refused::forbidden("the run's token allows to restore another point"));
            }
            let start = RestoreStart { namespace, name, spec_hash, target, point };
            custody.restore_started(run, start).await.map_err(failed)?;
        }
        ChangeRequest::RestoreEnded { outcome } => {
            custody.restore_ended(run, outcome).await.map_err(failed)?
        }
        ChangeRequest::ReadEnded => custody.read_ended(run).await.map_err(failed)?,
    }
    Ok(Json(Appended { head: vault.head().into() }))
}
