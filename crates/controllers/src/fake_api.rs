//! An API server for tests: it keeps what is written, and refuses a replacement of what has changed since it was read.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use http::header::DATE;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// By path.
    pub(crate) objects: BTreeMap<String, Value>,
    /// The paths of all objects that were written, in order.
    pub(crate) written: Vec<String>,
    /// It takes requests and never answers.
    pub(crate) is_silent: bool,
    /// Writes to paths that contain this are forbidden.
    pub(crate) forbidden: Option<&'static str>,
    /// What time it says that it is.
    pub(crate) date: Option<String>,
    version: u64,
}

impl FakeApi {
    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        let send = move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        };
        Client::new(service_fn(send), "system")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The object whose path ends so.
    pub(crate) fn object(&self, path: &str) -> Value {
        let state = self.state();
        let found = state.objects.iter().find(|(known, _)| known.ends_with(path));
        found.map(|(_, object)| object.clone()).unwrap_or_default()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let mut response = self.answer_undated(request).await;
        if let Some(date) = self.state().date.as_ref() {
            response.headers_mut().insert(DATE, date.parse().unwrap());
        }
        response
    }

    async fn answer_undated(&self, request: Request<Body>) -> Response<Body> {
        let (method, mut path) = (request.method().clone(), request.uri().path().to_owned());
        let body = request.into_body().collect_bytes().await.unwrap();
        if self.state().is_silent {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        if method == Method::GET {
            return state
                .objects
                .get(&path)
                .map_or_else(|| failure(404, "NotFound"), |found| response(200, found));
        }
        if state.forbidden.is_some_and(|forbidden| path.contains(forbidden)) {
            return failure(403, "Forbidden");
        }
        let mut new: Value = serde_json::from_slice(&body).unwrap();
        if method == Method::POST {
            path = format!("{path}/{}", new["metadata"]["name"].as_str().unwrap());
        }
        let current = state.objects.get(&path).map(|object| object["metadata"]["resourceVersion"].clone());
        if method != Method::PATCH && current.unwrap_or_default() != new["metadata"]["resourceVersion"] {
            return failure(409, "Conflict");
        }
        state.version += 1;
        new["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.written.push(path.clone());
        state.objects.insert(path, new.clone());
        response(200, &new)
    }
}

fn response(status: u16, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(body.to_string().into_bytes().into()).unwrap()
}

fn failure(code: u16, reason: &str) -> Response<Body> {
    let message = "refused";
    response(
        code,
        &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code}),
    )
}
