//! OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use ingraft_core::finding::{Fault, Step};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Answer, Partial, failure};
use super::settings::{Protocol, Settings};
use super::span::Span;
use super::{other_protocol, shortened, tls};

/// As much as is read of an answer.
const LONGEST: usize = 64 * 1024;
/// Who sends.
pub const AGENT: &str = concat!("ingraft/", env!("CARGO_PKG_VERSION"));

/// Sends the span, and reads the answer.
pub async fn send<S>(settings: &Settings, span: &Span, stream: S) -> Result<Answer, Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (kind, body) = match settings.protocol {
        Protocol::HttpJson => ("application/json", span.json().to_string().into_bytes()),
        Protocol::HttpProtobuf | Protocol::Grpc => ("application/x-protobuf", span.protobuf()),
    };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = settings.path.parse().map_err(|_| not_a_url(settings))?;
    let headers = request.headers_mut();
    headers.insert(HOST, settings.authority.parse().map_err(|_| not_a_url(settings))?);
    add_headers(headers, settings);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error, settings.protocol))?;
    let connection = tokio::spawn(connection);
    let answered = sender.send_request(request).await;
    let response = answered.map_err(|error| broken(&error, settings.protocol))?;
    let (head, body) = response.into_parts();
    // What cannot be read of it says nothing.
    let content = Limited::new(body, LONGEST)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    connection.abort();
    let status = head.status;
    // Go says so to those who should speak TLS: see endpoint_probe in the core.
    if head.version == Version::HTTP_10 && status == StatusCode::BAD_REQUEST {
        return Err(other_protocol(settings.protocol));
    }
    let text =
        |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let (told, kind) = (format!("HTTP {}", status.as_u16()), text(CONTENT_TYPE));
    Ok(if status.is_success() {
        let is_json = kind.starts_with("application/json");
        let partial = if is_json { Partial::of_json(&content) } else { Partial::of_protobuf(&content) };
        Answer::success(told, &partial)
    } else if status == StatusCode::NOT_FOUND {
        Answer::failure(told, Fault::Unreached(Step::NotFound))
    } else {
        let said =
            if status.is_redirection() { shortened(text(LOCATION), 200) } else { failure(kind, &content) };
        Answer::failure(told, Fault::Status { status: status.as_u16(), said })
    })
}

/// Adds what people want to be sent; what cannot be is left out.
pub fn add_headers(headers: &mut HeaderMap, settings: &Settings) {
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in &settings.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// Where what was read as an endpoint cannot be sent after all.
pub fn not_a_url(settings: &Settings) -> Fault {
    Fault::NotAUrl { text: settings.to_string() }
}

/// Why there is no answer. Who closes the connection, or answers something that is not HTTP, expects another protocol.
fn broken(error: &hyper::Error, protocol: Protocol) -> Fault {
    let of_io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(fault) = of_io.and_then(|error| tls::fault(error, protocol)) {
        return fault;
    }
    let is_closed = error.is_incomplete_message() || of_io.is_some_and(is_closed);
    if error.is_parse() || is_closed {
        return other_protocol(protocol);
    }
    Fault::Broken { why: shortened(&error.to_string(), 200) }
}

/// Whether the other side has closed the connection.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::UnexpectedEof | Kind::ConnectionAborted
    )
}
