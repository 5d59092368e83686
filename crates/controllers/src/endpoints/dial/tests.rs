use std::collections::BTreeSet;

use ingraft_api::Instrumentation;
use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_core::Snapshot;
use ingraft_core::endpoint_probe::{ProbeEndpoints, probe};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;

const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const HTTP: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn target(endpoint: &str) -> Target {
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"exporter": {"endpoint": endpoint}}});
    let instrumentation: Instrumentation = serde_json::from_value(object).unwrap();
    probe(&instrumentation, &BTreeSet::new(), &Snapshot::default(), ProbeEndpoints::All).unwrap().target
}

fn failed(step: Step) -> Outcome {
    Outcome::Failed(step)
}

/// Answers whoever connects first with this, once it has said something, and closes. Ends with what was said.
async fn server(answer: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = vec![0; 1024];
        let length = stream.read(&mut said).await.unwrap();
        said.truncate(length);
        let _ = stream.write_all(answer).await;
        said
    };
    (address, tokio::spawn(serve))
}

async fn outcome(endpoint: &str, answer: &'static [u8]) -> Outcome {
    let (address, _server) = server(answer).await;
    converse(&target(endpoint), &[address]).await
}

#[tokio::test]
async fn speaks_as_agents_do_and_sends_no_telemetry() {
    let (address, server) = server(HTTP).await;
    assert_eq!(converse(&target("http://c.example.com:4318"), &[address]).await, Outcome::Answers);
    let said = String::from_utf8(server.await.unwrap()).unwrap();
    assert!(said.starts_with("POST /v1/traces HTTP/1.1\r\nHost: c.example.com:4318\r\n"), "{said}");
    assert!(said.ends_with("\r\n\r\n"), "{said}");
    assert_eq!(outcome("http://c.example.com:4317", SETTINGS).await, Outcome::Answers);
}

#[tokio::test]
async fn says_which_step_failed() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (grpc, http) = ("http://c.example.com:4317", "http://c.example.com:4318");
    assert_eq!(converse(&target(http), &[nobody]).await, failed(Step::Refused));
    assert_eq!(outcome(grpc, HTTP).await, failed(Step::WrongProtocol(Protocol::Grpc)));
    assert_eq!(outcome(http, SETTINGS).await, failed(Step::WrongProtocol(Protocol::Http)));
    assert_eq!(outcome(http, b"").await, failed(Step::WrongProtocol(Protocol::Http)));
    assert_eq!(outcome(http, b"HTTP/1.1 404 Not Found\r\n\r\n").await, failed(Step::NotFound));
    assert_eq!(outcome("https://c.example.com", HTTP).await, failed(Step::TlsFailed(TlsFault::NoHandshake)));
    // For this, no resolver is asked.
    let nobody = Target { host: "no name".to_owned(), ..target(http) };
    assert_eq!(dial(&nobody).await, failed(Step::NameNotResolved));
}

#[test]
fn a_resolver_that_fails_does_not_say_that_there_is_no_such_name() {
    let said = |words: &str| {
        has_no_address(&io::Error::other(format!("failed to lookup address information: {words}")))
    };
    assert!(NO_ADDRESS.iter().all(|words| said(words)));
    for words in [
        "Temporary failure in name resolution",
        "Non-recoverable failure in name resolution",
        "Try again",
        "Non-recoverable error",
        "System error",
    ] {
        assert!(!said(words), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_silent_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let start = Instant::now();
    let outcome = converse(&target("http://c.example.com:4318"), &[silent.local_addr().unwrap()]).await;
    assert_eq!((outcome, start.elapsed()), (failed(Step::TimedOut), LIMIT));
}

#[tokio::test]
async fn no_name_leads_to_an_address_that_is_forbidden() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // As a name of somebody's own zone may do.
    let named = Target { host: "localhost".to_owned(), port, ..target("http://c.example.com:4318") };
    assert_eq!(dial(&named).await, Outcome::Untried(Untried::AddressForbidden));
    let connected = timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(connected.is_err(), "nobody has connected");
}

/// A server with a certificate for `c.example.com` of an authority that nobody knows, made at this time. Ends with what was
/// said after the handshake.
async fn tls_server(now: OffsetDateTime, protocol: &str) -> (SocketAddr, JoinHandle<Option<Vec<u8>>>) {
    let authority = Authority::new(None, now).unwrap();
    let leaf = authority.leaf(&Hosts::new(&["c.example.com".to_owned()]).unwrap()).unwrap();
    let key = PrivatePkcs8KeyDer::from(leaf.key).into();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![CertificateDer::from(leaf.certificate)], key).unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        Some(said)
    };
    (address, tokio::spawn(serve))
}

#[tokio::test]
async fn behind_a_certificate_nothing_is_said() {
    let now = OffsetDateTime::now_utc();
    let long_ago = now - time::Duration::days(2000);
    let tls = |fault| failed(Step::TlsFailed(fault));
    for (made, protocol, endpoint, expected) in [
        (now, "h2", "https://c.example.com:4317", Outcome::Answers),
        (now, "http/1.1", "https://c.example.com:4318", Outcome::Answers),
        (now, "h2", "https://c.example.com", Outcome::Answers),
        (now, "h2", "https://d.example.com:4317", tls(TlsFault::OtherHost)),
        (long_ago, "h2", "https://c.example.com:4317", tls(TlsFault::NotValidNow)),
        (now, "http/1.1", "https://c.example.com:4317", failed(Step::WrongProtocol(Protocol::Grpc))),
    ] {
        let (address, server) = tls_server(made, protocol).await;
        assert_eq!(converse(&target(endpoint), &[address]).await, expected, "{endpoint}");
        assert!(server.await.unwrap().is_none_or(|said| said.is_empty()), "{endpoint}");
    }
}
