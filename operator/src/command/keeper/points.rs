//! The catalogue, the deletion of points whose time is over, and other ends than the stamped ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use contract::{Appended, OverrideRequest, PointId, PointState, Points, RemoveRequest, TombstoneRequest};
use serde::Deserialize;

use super::Keeper;
use super::auth::Operator;
use super::refusal::Refused;
use super::routes::{Answer, Body, query};

#[derive(Deserialize)]
pub struct Since {
    /// The ledger sequence that the caller knows up to; 0: from the beginning.
    #[serde(default)]
    after: u64,
}

/// `GET /v1/points?after=SEQ`
pub async fn since(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    since: Result<Query<Since>, QueryRejection>,
) -> Answer<Points> {
    let after = query(since)?.after;
    let vault = keeper.holding.vault()?;
    // The head first: what is promised in between is told again the next time rather than never.
    let head = vault.head();
    let (points, owners) = (vault.points(after), vault.owners(after));
    Ok(Json(Points { head: Some(head.into()), points, owners }))
}

/// `POST /v1/points/{id}/tombstone`
pub async fn tombstone(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Path(id): Path<String>,
    Body(request): Body<TombstoneRequest>,
) -> Answer<Appended> {
    let id = PointId(id);
    let promised = promise(&keeper, &id, &request).await;
    match &promised {
        Ok((appended, true)) => {
            keeper.metrics.retention_deleted.inc();
            tracing::info!(point = %id, sequence = appended.head.sequence, reason = request.reason, "point tombstoned");
        }
        Ok((_, false)) => {}
        Err(refused) => {
            keeper.metrics.retention_blocked.inc();
            tracing::info!(point = %id, ?refused, "deletion refused");
        }
    }
    promised.map(|(appended, _)| Json(appended))
}

/// The tombstone's place in the ledger, and whether it is new.
async fn promise(
    keeper: &Keeper,
    id: &PointId,
    request: &TombstoneRequest,
) -> Result<(Appended, bool), Refused> {
    let vault = keeper.holding.vault()?;
    let Some(point) = vault.point(id) else {
        return Err(Refused::not_found(format!("the vault has no point {id}")));
    };
    if point.state == PointState::Expired {
        return Ok((Appended { head: vault.head().into() }, false));
    }
    let head = vault.tombstone(id, request).await?.into();
    Ok((Appended { head }, true))
}

/// `POST /v1/points/{id}/remove`
pub async fn remove(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Path(id): Path<String>,
    Body(request): Body<RemoveRequest>,
) -> Answer<Appended> {
    let id = PointId(id);
    let head = keeper.holding.vault()?.remove(&id, &request).await.map_err(|error| {
        keeper.metrics.retention_blocked.inc();
        Refused::from(error)
    })?;
    tracing::info!(point = %id, purge = ?request.purge, reason = request.reason, "point is to be removed");
    Ok(Json(Appended { head: head.into() }))
}

/// `POST /v1/points/{id}/override`
pub async fn override_end(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Path(id): Path<String>,
    Body(request): Body<OverrideRequest>,
) -> Answer<Appended> {
    let id = PointId(id);
    let head = keeper.holding.vault()?.override_end(&id, &request).await?;
    tracing::info!(point = %id, until = %request.until, reason = request.reason, "point has another end");
    Ok(Json(Appended { head: head.into() }))
}
