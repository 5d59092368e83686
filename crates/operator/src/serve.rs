//! The plain HTTP endpoints: health, readiness, metrics.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use ingraft_webhook::{Bind, Server};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Serves `/healthz` and `/readyz`, which names what is missing.
pub async fn health(
    bind: Bind,
    missing: impl Fn() -> Vec<String> + Clone + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let ready = move || async move {
        let missing = missing();
        if missing.is_empty() {
            (StatusCode::OK, "ready\n".to_owned())
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
        }
    };
    let router = Router::new().route("/healthz", get(|| async { "alive\n" })).route("/readyz", get(ready));
    serve(bind, router, "health").await
}

/// Serves `/metrics` in the OpenMetrics format.
pub async fn metrics(bind: Bind, registry: Arc<Registry>) -> anyhow::Result<()> {
    let metrics = move || async move {
        let mut text = String::new();
        match encode(&mut text, &registry) {
            Ok(()) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(header::CONTENT_TYPE, kind)], text).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    };
    serve(bind, Router::new().route("/metrics", get(metrics)), "metrics").await
}

async fn serve(bind: Bind, router: Router, what: &str) -> anyhow::Result<()> {
    let server = Server::bind(bind).await.with_context(|| format!("failed to serve {what} on {bind}"))?;
    server.run(router, std::future::pending()).await;
    Ok(())
}
