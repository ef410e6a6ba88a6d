//! The catalogue, and the deletion of points whose time is over.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use contract::{Appended, Head, Owner, PointId, PointState, PointView, Points, TombstoneRequest};
use jiff::Timestamp;
use serde::Deserialize;

use super::Keeper;
use super::auth::Operator;
use super::refusal::Refused;
use super::routes::{Answer, Body, query};

/// Storage and keeper may disagree about the time by this much before nothing is deleted any more, seconds.
const SKEW_LIMIT: u64 = 5 * 60;

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
    Ok(Json(Points { head, points: vault.points(after) }))
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
        let head: Option<Head> = vault.head();
        let head = head.ok_or_else(|| Refused::not_ready("NotReady", "the ledger has no head"))?;
        return Ok((Appended { head }, false));
    }
    may_end(&point, keeper.clock.now())?;
    let skew = keeper.holding.facts().skew_seconds.unwrap_or(0).unsigned_abs();
    if skew > SKEW_LIMIT {
        let message = format!("the clocks of keeper and storage differ by {skew} s: nothing is deleted");
        return Err(Refused::conflict("ClockSkewed", message));
    }
    Ok((vault.tombstone(id, request).await?, true))
}

/// Whether nothing that was promised for the point itself keeps it. The floor of its owner is the vault's to judge.
fn may_end(point: &PointView, now: Timestamp) -> Result<(), Refused> {
    if matches!(point.owner, Owner::Cli { .. }) {
        let message = format!("point {} was made on the command line: no retention touches it", point.id);
        return Err(Refused::conflict("CommandLinePoint", message));
    }
    match point.expiration_time {
        Some(end) if end <= now => Ok(()),
        Some(end) => {
            Err(Refused::conflict("NotExpired", format!("point {} is kept until {end}", point.id)))
        }
        None => Err(Refused::conflict("NotExpired", format!("point {} does not expire", point.id))),
    }
}
