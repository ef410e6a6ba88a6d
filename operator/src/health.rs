//! Health on one port, metrics on another, over plain HTTP inside the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// Whether the process can do its work. A replica that waits to lead is as ready as the one that leads.
#[derive(Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a port could not be served.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on port {port}")]
pub struct ListenError {
    port: u16,
    #[source]
    source: std::io::Error,
}

/// Serves `/healthz` and `/readyz` until dropped.
///
/// # Errors
/// [`ListenError`] when the port cannot be had.
pub async fn serve_health(port: u16, readiness: Readiness) -> Result<(), ListenError> {
    let ready = move || {
        let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        std::future::ready(status)
    };
    serve(
        port,
        Router::new().route("/healthz", get(|| async { StatusCode::OK })).route("/readyz", get(ready)),
    )
    .await
}

/// Serves `/metrics` until dropped.
///
/// # Errors
/// [`ListenError`] when the port cannot be had.
pub async fn serve_metrics(port: u16, metrics: Metrics) -> Result<(), ListenError> {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let page = move || {
        let text = metrics.text();
        async move { ([(header::CONTENT_TYPE, TYPE)], text).into_response() }
    };
    serve(port, Router::new().route("/metrics", get(page))).await
}

async fn serve(port: u16, router: Router) -> Result<(), ListenError> {
    let failed = |source| ListenError { port, source };
    let listener = TcpListener::bind(("0.0.0.0", port)).await.map_err(failed)?;
    axum::serve(listener, router).await.map_err(failed)
}
