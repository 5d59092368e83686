//! The webhook server on a port of this machine, and clients for it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot connect has failed")]

use std::net::SocketAddr;
use std::sync::Arc;

use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_cluster::report::Reports;
use ingraft_cluster::watch::Store;
use ingraft_core::{Locale, Settings};
use ingraft_webhook::{Bind, Context, LeafResolver, Metrics, Server, router};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where the server listens, and what to trust.
#[derive(Clone)]
pub struct Running {
    pub address: SocketAddr,
    certificate: CertificateDer<'static>,
}

/// Starts the server. It knows the namespace `shop` and an Instrumentation in it.
pub async fn start() -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = Authority::new(None, OffsetDateTime::now_utc()).unwrap();
    let certificate = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap();
    let followed = watch::Sender::new(Some(authority)).subscribe();
    let resolver = LeafResolver::new(followed, Hosts::new(&["127.0.0.1".to_owned()]).unwrap());
    let server = Server::bind_tls(Bind::One(([127, 0, 0, 1], 0).into()), Arc::new(resolver)).await.unwrap();
    let address = server.address().unwrap();
    let store = Store::default();
    store.update(|snapshot| {
        let instrumentation = json!({"metadata": {"name": "base", "namespace": "shop"},
            "spec": {"exporter": {"endpoint": "http://c:4318"}}});
        let instrumentation = serde_json::from_value(instrumentation).unwrap();
        snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
        snapshot.namespaces.insert(String::new(), "shop".into(), ingraft_core::Namespace::default());
    });
    let metrics = Metrics::register(&mut prometheus_client::registry::Registry::default());
    let reports = Reports::new(Locale::En).0;
    let context = Context {
        store: Arc::new(store),
        settings: Settings::default(),
        reports,
        metrics,
        namespace: "system".to_owned(),
        replica: "operator-1".to_owned(),
    };
    tokio::spawn(server.run(router(Arc::new(context)), std::future::pending()));
    Running { address, certificate }
}

impl Running {
    /// Connects and offers these protocols.
    pub async fn connect(&self, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// The head of a request with a body of this length.
pub fn head(length: usize) -> String {
    format!("POST /mutate-v1-pod HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")
}

/// Sends a review. Returns the status and what was answered.
pub async fn post(stream: &mut TlsStream<TcpStream>, body: &str) -> (u16, String) {
    stream.write_all(head(body.len()).as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    loop {
        let mut part = vec![0; 64 * 1024];
        let length = stream.read(&mut part).await.unwrap();
        answer += std::str::from_utf8(&part[..length]).unwrap();
        let complete = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            head.lines().any(|line| line == format!("content-length: {}", body.len()))
        });
        if complete || length == 0 {
            break;
        }
    }
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), answer)
}

/// A review of a pod with this security context that asks for Python.
pub fn review(security_context: &Value) -> String {
    let pod = json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "true"}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}], "securityContext": security_context},
    });
    json!({"kind": "AdmissionReview", "request": {"uid": "u", "namespace": "shop", "object": pod}})
        .to_string()
}
