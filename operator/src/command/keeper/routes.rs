//! The calls of [`contract::keeper`](contract), each by its path.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use contract::{Appended, LedgerRequest, RestoreSeen, Runs, VaultView};
use serde::de::DeserializeOwned;

use super::auth::Operator;
use super::refusal::Refused;
use super::{Keeper, grants, points, settle};

/// The largest message that anybody sends is an instance's spec, a few kilobytes.
const LARGEST_BODY: usize = 64 * 1024;

/// What every call answers with: a document, or a refusal.
pub type Answer<T> = Result<Json<T>, Refused>;

/// Everything that is served over TLS.
pub fn router(keeper: Arc<Keeper>) -> Router {
    Router::new()
        .route("/v1/vault", get(vault))
        .route("/v1/points", get(points::since))
        .route("/v1/points/{id}/tombstone", post(points::tombstone))
        .route("/v1/points/{id}/remove", post(points::remove))
        .route("/v1/points/{id}/override", post(points::override_end))
        .route("/v1/runs", get(runs))
        .route("/v1/runs/{run}/settle", post(settle::settle))
        .route("/v1/runs/{run}/grant", post(grants::grant))
        .route("/v1/runs/{run}/progress", post(grants::progress))
        .route("/v1/runs/{run}/restore", post(grants::restore))
        .route("/v1/ledger", post(ledger))
        .route("/v1/restores/{namespace}/{name}", get(restore_seen))
        .fallback(async || Refused::not_found("the keeper has no such call"))
        .method_not_allowed_fallback(async || {
            Refused::not_found("the keeper has no such call by this method")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(keeper)
}

/// A JSON body. What is not one is refused in the contract's form.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Keeper>> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, keeper: &Arc<Keeper>) -> Result<Self, Refused> {
        match Json::<T>::from_request(request, keeper).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(error @ JsonRejection::BytesRejection(_)) => Err(Refused::malformed(error.body_text())),
            Err(error) => {
                Err(Refused::malformed(format!("the message cannot be understood: {}", error.body_text())))
            }
        }
    }
}

async fn vault(_: Operator, State(keeper): State<Arc<Keeper>>) -> Json<VaultView> {
    Json(keeper.holding.view(&keeper.clock))
}

async fn runs(_: Operator, State(keeper): State<Arc<Keeper>>) -> Json<Runs> {
    Json(Runs { runs: keeper.runs.views(keeper.clock.wall()) })
}

async fn ledger(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Body(request): Body<LedgerRequest>,
) -> Answer<Appended> {
    let head = keeper.holding.vault()?.append(request).await?.into();
    Ok(Json(Appended { head }))
}

async fn restore_seen(
    _: Operator,
    State(keeper): State<Arc<Keeper>>,
    Path((namespace, name)): Path<(String, String)>,
) -> Answer<Option<RestoreSeen>> {
    Ok(Json(keeper.holding.vault()?.restore_seen(&namespace, &name)))
}

/// A query of the URL, refused in the contract's form.
pub fn query<T>(query: Result<Query<T>, axum::extract::rejection::QueryRejection>) -> Result<T, Refused> {
    query.map(|Query(query)| query).map_err(|error| Refused::malformed(error.body_text()))
}
