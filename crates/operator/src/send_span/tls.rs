//! TLS as the environment says it: which authorities are trusted, and which certificate is shown.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingraft_core::finding::{Fault, Stage, Step, TlsFault};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::settings::{Protocol, Settings};
use super::{other_protocol, shortened};

/// The most that a handshake may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How TLS is spoken.
pub struct Config {
    config: Arc<ClientConfig>,
    /// Whom it trusts, for people.
    pub roots: &'static str,
}

/// Reads the files.
pub fn config(settings: &Settings) -> Result<Config, Fault> {
    let mut roots = RootCertStore::empty();
    let trusted = if let Some(path) = &settings.certificate {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
        "OTEL_EXPORTER_OTLP_CERTIFICATE"
    } else {
        // The image has no files of its own. Those of the application's image may differ.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        "Mozilla"
    };
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match (&settings.client_certificate, &settings.client_key) {
        (Some(certificate), Some(key)) => {
            let own = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            let chain = certificates(certificate)?;
            builder.with_client_auth_cert(chain, own).map_err(|error| unusable(key, &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    // https://www.iana.org/assignments/tls-extensiontype-values/#alpn-protocol-ids
    let protocol: &[u8] = if settings.protocol == Protocol::Grpc { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Config { config: Arc::new(config), roots: trusted })
}

/// The certificates of a file, at least one.
fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found = CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| unusable(path, &error))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| unusable(path, &error))?;
    if found.is_empty() { Err(unusable(path, &"it has no certificate")) } else { Ok(found) }
}

fn unusable(path: &str, why: &dyn std::fmt::Display) -> Fault {
    Fault::File { path: path.to_owned(), why: shortened(&why.to_string(), 200) }
}

/// Agrees on TLS with who must be the host.
pub async fn shake_hands<S>(settings: &Settings, config: Config, stream: S) -> Result<TlsStream<S>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |fault| Fault::Unreached(Step::TlsFailed(fault));
    let name = ServerName::try_from(settings.host.clone()).map_err(|_| failed(TlsFault::OtherHost))?;
    let connected = timeout(LIMIT, TlsConnector::from(config.config).connect(name, stream)).await;
    let late = Fault::TooSlow { stage: Stage::Tls, seconds: LIMIT.as_secs() };
    connected
        .map_err(|_| late)?
        .map_err(|error| fault(&error, settings.protocol).unwrap_or_else(|| failed(TlsFault::NoHandshake)))
}

/// What is wrong with TLS, as an error says it; `None` if it says nothing of TLS, or only that it did not come about. Who
/// speaks TLS 1.3 learns only with the first answer that the other side does not take its certificate.
pub fn fault(error: &io::Error, protocol: Protocol) -> Option<Fault> {
    use AlertDescription as Alert;
    use CertificateError as Bad;
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let fault = match error {
        Error::InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => TlsFault::NotValidNow,
        Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            TlsFault::OtherHost
        }
        Error::InvalidCertificate(_) => TlsFault::UnknownAuthority,
        Error::AlertReceived(Alert::NoApplicationProtocol) => return Some(other_protocol(protocol)),
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::AccessDenied,
        ) => TlsFault::ClientRefused,
        _ => return None,
    };
    Some(Fault::Unreached(Step::TlsFailed(fault)))
}
