//! OTLP over gRPC: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>, as one call by
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use ingraft_core::finding::Fault;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Answer, LONGEST, Partial};
use super::http1::{add_headers, is_closed, not_a_url};
use super::settings::{Settings, decoded};
use super::span::Span;
use super::{other_protocol, shortened, tls};

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// As much as is read of an answer.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Sends the span, and reads the answer.
pub async fn send<S>(settings: &Settings, span: &Span, stream: S) -> Result<Answer, Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error| broken(&error, settings);
    let (sender, connection) = h2::client::handshake(stream).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await.map_err(broken)?;
    let (response, mut body) = sender.send_request(request(settings)?, false).map_err(broken)?;
    body.send_data(framed(&span.protobuf()), true).map_err(broken)?;
    let response = match response.await {
        Ok(response) => response,
        Err(error) => return Err(broken(error)),
    };
    let (head, mut body) = response.into_parts();
    let mut content = BytesMut::new();
    while let Some(part) = body.data().await {
        // A stream that is reset behind an answer has its status in the headers.
        let Ok(part) = part else { break };
        drop(body.flow_control().release_capacity(part.len()));
        content.extend_from_slice(&part);
        if content.len() > LONGEST_ANSWER {
            break;
        }
    }
    let trailers = body.trailers().await.ok().flatten().unwrap_or_default();
    connection.abort();
    let text = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let either = |name: &str| text(&trailers, name).or_else(|| text(&head.headers, name));
    let Some(status) = either("grpc-status").and_then(|status| status.parse::<u16>().ok()) else {
        let status = head.status.as_u16();
        // Something that speaks HTTP/2 and not gRPC.
        return if head.status.is_success() {
            Err(other_protocol(settings.protocol))
        } else {
            let said = String::new();
            Ok(Answer::failure(format!("HTTP {status}"), Fault::Status { status, said }))
        };
    };
    let told = format!("gRPC {status}");
    Ok(if status == 0 {
        Answer::success(told, &Partial::of_protobuf(content.get(PREFIX..).unwrap_or_default()))
    } else {
        let said = shortened(&decoded(&either("grpc-message").unwrap_or_default()), LONGEST);
        Answer::failure(told, Fault::Grpc { status, said })
    })
}

fn request(settings: &Settings) -> Result<Request<()>, Fault> {
    let scheme = if settings.tls { "https" } else { "http" };
    let uri =
        Uri::builder().scheme(scheme).authority(settings.authority.as_str()).path_and_query(&settings.path);
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri.build().map_err(|_| not_a_url(settings))?;
    add_headers(request.headers_mut(), settings);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    Ok(request)
}

/// A message as it is sent.
fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    // What is sent is a few kilobytes.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// Why there is no answer. Who closes the connection, or answers something that is not HTTP/2, expects another protocol.
fn broken(error: &h2::Error, settings: &Settings) -> Fault {
    if let Some(fault) = error.get_io().and_then(|error| tls::fault(error, settings.protocol)) {
        return fault;
    }
    let is_of_others = error.is_library() || error.get_io().is_some_and(is_closed);
    if is_of_others {
        return other_protocol(settings.protocol);
    }
    Fault::Broken { why: shortened(&error.to_string(), 200) }
}
