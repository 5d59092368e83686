//! The operator's way to the API server: no request waits for ever, and each watch says when it last heard something.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use kube::Client;
use tokio::time::{Instant, timeout};
use tower::{BoxError, service_fn};
use tower_http::timeout::TimeoutBody;

/// An API server that has not begun to answer by then is given up: the connection may be half open.
const ANSWER: Duration = Duration::from_secs(30);
/// An answer may pause for this long before it is given up. Longer than the quiet life of a watch.
const SILENCE: Duration = Duration::from_secs(WATCH_LIFE as u64 + 10);
/// A watch is opened again after so many seconds, so that even a quiet one hears from the API server.
pub const WATCH_LIFE: u32 = 120;

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {} s", ANSWER.as_secs())]
struct NoAnswer;

/// A client for the API server of the kubeconfig or of the pod that this runs in. All its requests have deadlines.
///
/// # Errors
/// When there is neither, or they cannot be used.
pub async fn connect() -> kube::Result<Client> {
    Ok(with_deadlines(Client::try_default().await?))
}

fn with_deadlines(inner: Client) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let send = move |request| {
        let inner = inner.clone();
        async move {
            let response = timeout(ANSWER, inner.send(request)).await.map_err(|_| NoAnswer)??;
            Ok::<_, BoxError>(response.map(|body| TimeoutBody::new(SILENCE, body)))
        }
    };
    Client::new(service_fn(send), namespace)
}

/// When a watch last heard from the API server: that a request succeeded, an event or a bookmark. A quiet watch may bring
/// nothing at all in its life, not even a bookmark: there are none until something of the kind has changed, or etcd reports
/// its progress, which it need not do more than every ten minutes
/// (<https://github.com/kubernetes/kubernetes/blob/v1.35.4/staging/src/k8s.io/apiserver/pkg/storage/cacher/cacher.go>).
#[derive(Debug, Clone)]
pub struct LastHeard(Arc<Mutex<Instant>>);

impl Default for LastHeard {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl LastHeard {
    /// How long ago it was; before the first time, how long it has been waited for.
    pub fn elapsed(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// A client whose successful answers are noted here, when they begin and part by part.
    #[must_use]
    pub fn listen(&self, client: &Client) -> Client {
        let (client, heard) = (client.clone(), self.clone());
        let namespace = client.default_namespace().to_owned();
        let send = move |request| {
            let (client, heard) = (client.clone(), heard.clone());
            async move {
                let response = client.send(request).await?;
                let succeeded = response.status().is_success();
                if succeeded {
                    heard.note();
                }
                Ok::<_, kube::Error>(response.map(|body| {
                    body.map_frame(move |frame| {
                        if succeeded {
                            heard.note();
                        }
                        frame
                    })
                }))
            }
        };
        Client::new(service_fn(send), namespace)
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{TryStreamExt, stream};
    use http_body_util::{Full, StreamBody};
    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::WatchParams;

    use super::*;

    /// An API server that gives each request the same answer.
    fn server<B>(status: u16, body: impl Fn() -> B + Send + Sync + 'static) -> Client
    where
        B: http_body::Body<Data = bytes::Bytes, Error = Infallible> + Send + 'static,
    {
        let answer = move |_| {
            let response = http::Response::builder().status(status).body(body()).unwrap();
            async { Ok::<_, Infallible>(response) }
        };
        Client::new(service_fn(answer), "default")
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_does_not_answer_is_given_up() {
        let silent =
            service_fn(|_| std::future::pending::<Result<http::Response<Full<bytes::Bytes>>, Infallible>>());
        let client = with_deadlines(Client::new(silent, "default"));
        let start = Instant::now();
        let error = Api::<Namespace>::all(client).get("any").await.unwrap_err();
        assert!(error.to_string().contains("did not answer within 30 s"), "{error}");
        assert_eq!(start.elapsed(), ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_falls_silent_is_given_up() {
        let endless =
            || StreamBody::new(stream::pending::<Result<http_body::Frame<bytes::Bytes>, Infallible>>());
        let client = with_deadlines(server(200, endless));
        let api = Api::<Namespace>::all(client);
        let start = Instant::now();
        let mut events = std::pin::pin!(api.watch(&WatchParams::default(), "1").await.unwrap());
        assert!(events.try_next().await.is_err());
        assert_eq!(start.elapsed(), SILENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn success_is_heard_and_failure_is_not() {
        let heard = LastHeard::default();
        let name = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#;
        let good = Api::<Namespace>::all(heard.listen(&server(200, move || Full::from(name))));
        let bad = Api::<Namespace>::all(heard.listen(&server(403, || Full::from("{}"))));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(bad.get("a").await.is_err());
        assert_eq!(heard.elapsed(), Duration::from_secs(7));
        good.get("a").await.unwrap();
        assert_eq!(heard.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_brings_nothing_is_heard_when_it_is_opened() {
        let heard = LastHeard::default();
        let quiet = Api::<Namespace>::all(heard.listen(&server(200, Full::<bytes::Bytes>::default)));
        tokio::time::advance(Duration::from_secs(7)).await;
        let events = quiet.watch(&WatchParams::default(), "1").await.unwrap();
        assert_eq!(heard.elapsed(), Duration::ZERO);
        assert_eq!(events.try_collect::<Vec<_>>().await.unwrap().len(), 0);
    }
}
