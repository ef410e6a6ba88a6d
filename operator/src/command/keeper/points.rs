//! The catalogue, and the deletion of points whose time is over.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use contract::{Appended, PointId, PointState, PointView, Points, TombstoneRequest};
use jiff::Timestamp;
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
    // The head first: a point that is accepted in between is told again the next time rather than never.
    let head = vault.head();
    Ok(Json(Points { head: Some(head.into()), points: vault.points(after), owners: Vec::new() }))
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
    may_end(&point, keeper.clock.now())?;
    let head = vault.tombstone(id, request).await?.into();
    Ok((Appended { head }, true))
}

/// Whether the point's own time is over. The floor of its owner, clocks and rollbacks are the vault's to judge.
fn may_end(point: &PointView, now: Timestamp) -> Result<(), Refused> {
    match point.expiration_time {
        Some(end) if end <= now => Ok(()),
        Some(end) => Err(Refused::conflict("NotExpired", format!("point {} is kept until {end}", point.id))),
        None => Err(Refused::conflict("NotExpired", format!("point {} does not expire", point.id))),
    }
}
