//! The paths that the API server calls.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ingraft_cluster::report::Reports;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::Settings;

use crate::review::{Answer, Request, Review};
use crate::{Metrics, default_instrumentation, mutate_pod, review_instrumentation};

/// The largest body that is read (docs/reference/operator.md 5); the API server's own limit for objects is 3 MiB.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What answering needs.
#[derive(Debug)]
pub struct Context {
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What the person who runs the operator chose.
    pub settings: Settings,
    /// Where findings go.
    pub reports: Reports,
    /// What is counted.
    pub metrics: Metrics,
}

/// The webhook server's routes.
pub fn router(context: Arc<Context>) -> Router {
    Router::new()
        .route(webhook_paths::POD, post(pod))
        .route(webhook_paths::INSTRUMENTATION, post(instrumentation))
        .route(webhook_paths::INSTRUMENTATION_WARNINGS, post(instrumentation_warnings))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(context)
}

async fn pod(State(context): State<Arc<Context>>, body: Result<Bytes, BytesRejection>) -> Response {
    match request(&context, "pod", body) {
        Ok(request) => answer(&mutate_pod::answer(&context, request).await),
        Err(refusal) => *refusal,
    }
}

async fn instrumentation(
    State(context): State<Arc<Context>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match request(&context, "instrumentation", body) {
        Ok(request) => answer(&default_instrumentation::answer(&context, request)),
        Err(refusal) => *refusal,
    }
}

async fn instrumentation_warnings(
    State(context): State<Arc<Context>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match request(&context, "instrumentation-warnings", body) {
        Ok(request) => answer(&review_instrumentation::answer(&context, request)),
        Err(refusal) => *refusal,
    }
}

fn request(
    context: &Context,
    webhook: &'static str,
    body: Result<Bytes, BytesRejection>,
) -> Result<Request, Box<Response>> {
    let refuse = |status: StatusCode, detail: String| {
        context.metrics.review(webhook, "refused");
        tracing::warn!(webhook, %detail, "a request is no admission review");
        Box::new(
            (status, format!("this is no AdmissionReview of admission.k8s.io/v1: {detail}\n"))
                .into_response(),
        )
    };
    let body = body.map_err(|rejection| refuse(rejection.status(), rejection.body_text()))?;
    Review::request(&body).map_err(|detail| refuse(StatusCode::BAD_REQUEST, detail))
}

fn answer(answer: &Answer) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
