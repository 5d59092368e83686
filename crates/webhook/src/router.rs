//! The paths that the API server calls.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use ingraft_cluster::report::Reports;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::Settings;

use crate::limits::{Limits, Refusal, Turn};
use crate::review::{Answer, Request};
use crate::{
    Metrics, default_instrumentation, mutate_pod, review_instrumentation, review_workload, self_test,
};

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
    /// The operator's namespace, in which the pod of the self-test is tried.
    pub namespace: String,
    /// What tells this replica from the others: the name of its pod.
    pub replica: String,
}

/// What handlers share.
#[derive(Debug)]
struct Shared {
    context: Arc<Context>,
    limits: Limits,
}

/// The webhook server's routes.
pub fn router(context: Arc<Context>) -> Router {
    Router::new()
        .route(webhook_paths::POD, post(pod))
        .route(webhook_paths::WORKLOAD_WARNINGS, review("workload-warnings", review_workload::answer))
        .route(webhook_paths::INSTRUMENTATION, review("instrumentation", default_instrumentation::answer))
        .route(
            webhook_paths::INSTRUMENTATION_WARNINGS,
            review("instrumentation-warnings", review_instrumentation::answer),
        )
        .route(webhook_paths::SELF_TEST, review("self-test", self_test::answer))
        .with_state(Arc::new(Shared { context, limits: Limits::default() }))
}

async fn pod(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    match shared.admit("pod", body).await {
        Ok((request, _turn)) => answer(&mutate_pod::answer(&shared.context, request).await),
        Err(refusal) => refusal,
    }
}

/// A webhook that answers at once.
fn review(webhook: &'static str, of: fn(&Context, Request) -> Answer) -> MethodRouter<Arc<Shared>> {
    post(move |State(shared): State<Arc<Shared>>, body: Body| async move {
        match shared.admit(webhook, body).await {
            Ok((request, _turn)) => answer(&of(&shared.context, request)),
            Err(refusal) => refusal,
        }
    })
}

impl Shared {
    async fn admit(&self, webhook: &'static str, body: Body) -> Result<(Request, Turn), Response> {
        self.limits.admit(body).await.map_err(|Refusal(status, detail)| {
            let (outcome, reason) = match status {
                StatusCode::SERVICE_UNAVAILABLE => ("busy", "this review was not read in time"),
                StatusCode::PAYLOAD_TOO_LARGE => ("refused", "this review is too large"),
                _ => ("refused", "this is not an AdmissionReview of admission.k8s.io/v1"),
            };
            self.context.metrics.review(webhook, outcome);
            tracing::warn!(webhook, %detail, "{reason}");
            (status, format!("{reason}: {detail}\n")).into_response()
        })
    }
}

fn answer(answer: &Answer) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => {
            let end = answer.is_last.then_some([(header::CONNECTION, "close")]);
            ([(header::CONTENT_TYPE, "application/json")], end, body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
