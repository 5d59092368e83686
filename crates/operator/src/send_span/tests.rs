use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_core::finding::TlsFault;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;

pub(super) fn args(protocol: &str) -> Args {
    Args {
        trace_id: trace_id("0af7651916cd43dd8448eb211c80319c").unwrap(),
        mark: "m1".to_owned(),
        service: "web".to_owned(),
        protocol: protocol.to_owned(),
        default: Vec::new(),
        in_pod: true,
    }
}

/// What is told where the variables of the exporter are these.
async fn told(protocol: &str, variables: &[(&str, &str)]) -> Vec<Line> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let read = |name: &str| {
        let found = variables.iter().find(|(known, _)| format!("OTEL_EXPORTER_OTLP_{known}") == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let mut told = Told::default();
    if let Err((stage, fault)) = send(&args(protocol), read, &mut told).await {
        told.tell(&Line::failed(stage, fault));
    }
    told.lines
}

/// The last line, where this is the endpoint.
async fn end(protocol: &str, endpoint: &str) -> Line {
    told(protocol, &[("ENDPOINT", endpoint), ("HEADERS", "x-team=shop")]).await.pop().unwrap()
}

fn failed(stage: Stage, fault: Fault) -> Line {
    Line::failed(stage, fault)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers whoever connects first with this, once all of a request is there, and closes. Ends with the request.
async fn server(answer: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let (listener, address) = listener().await;
    let serve = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let said = request(&mut stream).await;
        let _ = stream.write_all(answer).await;
        said
    };
    (address, tokio::spawn(serve))
}

/// A request of HTTP/1.1, or what else is said until nothing more comes.
async fn request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut said, mut part) = (Vec::new(), [0; 1024]);
    while !said.windows(4).any(|end| end == b"web\x12") && !said.ends_with(b"}]}") {
        match timeout(Duration::from_millis(200), stream.read(&mut part)).await {
            Ok(Ok(length)) if length > 0 => said.extend(&part[..length]),
            _ => break,
        }
    }
    said
}

async fn by_http(answer: &'static [u8]) -> Line {
    let (address, _server) = server(answer).await;
    end("http/protobuf", &format!("http://{address}")).await
}

#[tokio::test]
async fn a_span_is_accepted_by_http() {
    let (address, server) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let endpoint = format!("http://{address}/base");
    let lines = told("http/protobuf", &[("ENDPOINT", &endpoint), ("HEADERS", "x-team=shop")]).await;
    let done = |stage, detail: &str| Line::done(stage, detail);
    assert_eq!(
        lines,
        [
            done(Stage::Settings, &format!("{endpoint}/v1/traces http/protobuf")),
            done(Stage::Resolve, "127.0.0.1"),
            done(Stage::Connect, &address.to_string()),
            done(Stage::Send, "HTTP 200"),
            done(Stage::Accept, ""),
        ]
    );
    let said = String::from_utf8_lossy(&server.await.unwrap()).into_owned();
    assert!(said.starts_with("POST /base/v1/traces HTTP/1.1\r\n"), "{said}");
    for header in ["content-type: application/x-protobuf", "x-team: shop", &format!("host: {address}")] {
        assert!(said.contains(header), "{header} in {said}");
    }
}

#[tokio::test]
async fn an_answer_by_http_says_what_is_wrong() {
    let status = |status, said: &str| failed(Stage::Accept, Fault::Status { status, said: said.to_owned() });
    let unreached = |step| Fault::Unreached(step);
    let wrong = failed(Stage::Send, other_protocol(Protocol::HttpProtobuf));
    for (answer, expected) in [
        (&b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..], failed(Stage::Accept, unreached(Step::NotFound))),
        (b"HTTP/1.1 503 No\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy", status(503, "busy")),
        (b"HTTP/1.1 401 No\r\nContent-Type: application/json\r\n\r\n{\"message\":\"who?\"}", status(401, "who?")),
        (b"HTTP/1.1 307 No\r\nLocation: https://a/\r\nContent-Length: 0\r\n\r\n", status(307, "https://a/")),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 8\r\n\r\n\x0a\x06\x08\x01\x12\x02no",
            failed(Stage::Accept, Fault::Rejected { said: "no".to_owned() }),
        ),
        (b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", wrong.clone()),
        (b"\0\0\0\x04\0\0\0\0\0", wrong.clone()),
        (b"", wrong),
    ] {
        assert_eq!(by_http(answer).await, expected, "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn a_span_is_accepted_in_json() {
    let (address, server) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(end("http/json", &format!("http://{address}")).await, Line::done(Stage::Accept, ""));
    let said = String::from_utf8_lossy(&server.await.unwrap()).into_owned();
    assert!(
        said.contains("content-type: application/json") && said.contains(r#""stringValue":"web""#),
        "{said}"
    );
}

#[tokio::test]
async fn who_does_not_listen_or_is_silent_is_told() {
    let nobody = listener().await.1;
    let refused = failed(Stage::Connect, Fault::Unreached(Step::Refused));
    assert_eq!(end("http/protobuf", &format!("http://{nobody}")).await, refused);
    // For this, no resolver is asked.
    let line = end("grpc", "http://a_b.:4317").await;
    assert!(
        matches!(line.fault, Some(Fault::Unreached(Step::NameNotResolved) | Fault::ResolverFails)),
        "{line:?}"
    );
}

#[tokio::test]
async fn who_is_silent_is_not_waited_for() {
    let (_silent, address) = listener().await;
    tokio::time::pause();
    let start = Instant::now();
    let stream = TcpStream::connect(address).await.unwrap();
    let read = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| format!("http://{address}"));
    let settings = Settings::read(&read, "http/protobuf").unwrap();
    let span = Span::new(&args("http/protobuf"), &read, 1);
    let failure = exchange(&settings, &span, stream, &mut Told::default()).await;
    let late = Fault::TooSlow { stage: Stage::Send, seconds: 10 };
    assert_eq!(failure, Err((Stage::Send, late)));
    assert!(start.elapsed() >= ANSWER && start.elapsed() < ANSWER + Duration::from_secs(1));
}

#[tokio::test]
async fn only_a_pod_of_the_workload_sends_to_itself() {
    let read = |_: &str| None;
    let alone = Args { in_pod: false, ..args("grpc") };
    let failure = send(&alone, read, &mut Told::default()).await;
    assert_eq!(failure, Err((Stage::Connect, Fault::PodItself)));
}

/// Answers one call of gRPC with a message, or none, and trailers. Ends with the path and the message.
async fn grpc_server(
    message: Option<&'static [u8]>,
    trailers: &'static [(&str, &str)],
) -> (SocketAddr, JoinHandle<(String, Vec<u8>)>) {
    let (listener, address) = listener().await;
    let serve = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let path = request.uri().path().to_owned();
        let driver = tokio::spawn(async move { while connection.accept().await.is_some() {} });
        let mut body = request.into_body();
        let mut content = Vec::new();
        while let Some(part) = body.data().await {
            content.extend_from_slice(&part.unwrap());
        }
        let mut last = HeaderMap::new();
        for (name, value) in trailers {
            last.insert(*name, value.parse().unwrap());
        }
        let mut response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        if let Some(message) = message {
            let mut stream = respond.send_response(response, false).unwrap();
            stream.send_data(Bytes::from_static(message), false).unwrap();
            stream.send_trailers(last).unwrap();
        } else {
            response.headers_mut().extend(last);
            respond.send_response(response, true).unwrap();
        }
        drop(driver.await);
        (path, content)
    };
    (address, tokio::spawn(serve))
}

#[tokio::test]
async fn a_span_is_accepted_by_grpc() {
    let (address, server) = grpc_server(Some(b"\0\0\0\0\0"), &[("grpc-status", "0")]).await;
    let lines = told("grpc", &[("ENDPOINT", &format!("http://{address}"))]).await;
    assert_eq!(lines[3..], [Line::done(Stage::Send, "gRPC 0"), Line::done(Stage::Accept, "")]);
    let (path, content) = server.await.unwrap();
    assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let length = u32::from_be_bytes(content[1..5].try_into().unwrap()) as usize;
    assert_eq!((content[0], content.len()), (0, 5 + length));
}

#[tokio::test]
async fn an_answer_by_grpc_says_what_is_wrong() {
    let grpc = |status, said: &str| failed(Stage::Accept, Fault::Grpc { status, said: said.to_owned() });
    for (message, trailers, expected) in [
        (
            None,
            &[("grpc-status", "12"), ("grpc-message", "unknown%20service")][..],
            grpc(12, "unknown service"),
        ),
        (Some(&b""[..]), &[("grpc-status", "16")], grpc(16, "")),
        (
            Some(b"\0\0\0\0\x08\x0a\x06\x08\x01\x12\x02no"),
            &[("grpc-status", "0")],
            failed(Stage::Accept, Fault::Rejected { said: "no".to_owned() }),
        ),
        (None, &[], failed(Stage::Send, other_protocol(Protocol::Grpc))),
    ] {
        let (address, _server) = grpc_server(message, trailers).await;
        assert_eq!(end("grpc", &format!("http://{address}")).await, expected);
    }
}

#[tokio::test]
async fn what_does_not_speak_grpc_is_told() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"SSH-2.0-x\r\n"] {
        let (address, _server) = server(answer).await;
        let expected = failed(Stage::Send, other_protocol(Protocol::Grpc));
        assert_eq!(end("grpc", &format!("http://{address}")).await, expected, "{answer:?}");
    }
}

/// A server with a certificate for `localhost` made at this time, and a file with its authority. It answers by HTTP/1.1.
async fn tls_server(now: OffsetDateTime, host: &str, demands: bool) -> (SocketAddr, PathBuf, JoinHandle<()>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let authority = Authority::new(None, now).unwrap();
    let leaf = authority.leaf(&Hosts::new(&[host.to_owned()]).unwrap()).unwrap();
    let trusted = authority.trusted().remove(0);
    let name = format!("ingraft-send-span-{}-{host}-{demands}-{}", std::process::id(), now.unix_timestamp());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, pem(&trusted)).unwrap();
    let builder = ServerConfig::builder();
    let builder = if demands {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(trusted)).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivatePkcs8KeyDer::from(leaf.key).into();
    let config = builder.with_single_cert(vec![CertificateDer::from(leaf.certificate)], key).unwrap();
    let (listener, address) = listener().await;
    let serve = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
        let mut said = [0; 1024];
        let _ = stream.read(&mut said).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let _ = stream.shutdown().await;
    };
    (address, file, tokio::spawn(serve))
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn the_certificate_is_verified() {
    let now = OffsetDateTime::now_utc();
    let long_ago = now - time::Duration::days(2000);
    let tls = |fault| Some(Fault::Unreached(Step::TlsFailed(fault)));
    for (made, host, demands, names_it, expected) in [
        (now, "localhost", false, true, None),
        (now, "localhost", false, false, tls(TlsFault::UnknownAuthority)),
        (now, "c.example.com", false, true, tls(TlsFault::OtherHost)),
        (long_ago, "localhost", false, true, tls(TlsFault::NotValidNow)),
        (now, "localhost", true, true, tls(TlsFault::ClientRefused)),
    ] {
        let (address, file, _server) = tls_server(made, host, demands).await;
        let endpoint = format!("https://localhost:{}", address.port());
        let file = file.to_string_lossy().into_owned();
        let named = [("ENDPOINT", endpoint.as_str()), ("CERTIFICATE", &file)];
        let variables = if names_it { &named[..] } else { &named[..1] };
        let last = told("http/protobuf", variables).await.pop().unwrap();
        assert_eq!(last.fault, expected, "{host} {demands} {names_it}");
        std::fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told() {
    let (address, _server) = server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let expected = failed(Stage::Tls, Fault::Unreached(Step::TlsFailed(TlsFault::NoHandshake)));
    assert_eq!(end("http/protobuf", &format!("https://{address}")).await, expected);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let variables = [("ENDPOINT", "https://localhost:1"), ("CERTIFICATE", "/nowhere/ca.crt")];
    let last = told("grpc", &variables).await.pop().unwrap();
    assert!(matches!(&last.fault, Some(Fault::File { path, .. }) if path == "/nowhere/ca.crt"), "{last:?}");
    let empty = std::env::temp_dir().join(format!("ingraft-send-span-empty-{}", std::process::id()));
    std::fs::write(&empty, "").unwrap();
    let path = empty.to_string_lossy().into_owned();
    let last =
        told("grpc", &[("ENDPOINT", "https://localhost:1"), ("CERTIFICATE", &path)]).await.pop().unwrap();
    std::fs::remove_file(&empty).unwrap();
    assert!(matches!(last.fault, Some(Fault::File { .. })), "{last:?}");
}

#[test]
fn a_trace_has_its_number() {
    assert!(trace_id("0af7651916cd43dd8448eb211c80319c").is_ok());
    for odd in ["", "1", "00000000000000000000000000000000", "xaf7651916cd43dd8448eb211c80319c"] {
        assert!(trace_id(odd).is_err(), "{odd}");
    }
}

#[test]
fn what_others_say_is_told_on_one_short_line() {
    assert_eq!(shortened(" a\r\nb ", 10), "a  b");
    assert_eq!(shortened("abcdef", 3), "abc…");
}
