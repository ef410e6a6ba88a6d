//! What the node and Prometheus ask, without a token: whether the process lives, whether it can be asked, its metrics.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Keeper;
use super::metrics::CONTENT_TYPE as OPEN_METRICS;

/// `/healthz` and `/readyz`.
pub fn health(keeper: Arc<Keeper>) -> Router {
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready)).with_state(keeper)
}

/// `/metrics`.
pub fn metrics(keeper: Arc<Keeper>) -> Router {
    Router::new().route("/metrics", get(text)).with_state(keeper)
}

/// Ready means that it can be asked, not that storage answers: the operator asks a keeper what is wrong.
async fn ready(State(keeper): State<Arc<Keeper>>) -> Response {
    if !keeper.certificates.is_loaded() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no certificate is mounted").into_response();
    }
    if !keeper.door.has_tokens() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no vault token is mounted").into_response();
    }
    "ok".into_response()
}

async fn text(State(keeper): State<Arc<Keeper>>) -> Response {
    match keeper.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "failed to write the metrics as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
