//! One try of one target: the name is resolved, the port connected to, and spoken to.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ingraft_core::endpoint_probe::{Outcome, Protocol, Target, may_connect};
use ingraft_core::finding::{Step, TlsFault, Untried};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The most that one try may take, but for its name, which may take as long again. The text of the finding names it.
const LIMIT: Duration = Duration::from_secs(3);
/// A Service that every cluster has:
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.
const ALWAYS_THERE: &str = "kubernetes.default.svc";

/// What the C library says of a name that has no address, glibc
/// (<https://github.com/bminor/glibc/blob/master/sysdeps/posix/gai_strerror-strs.h>) and musl
/// (<https://git.musl-libc.org/cgit/musl/tree/src/network/gai_strerror.c>): nothing but its words is handed on. With any
/// others, the name could not be looked up.
const NO_ADDRESS: [&str; 4] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
];

/// Looks whether names of Services resolve at all where the operator runs, or says why they are not tried.
pub(super) async fn find_services() -> Result<(), Untried> {
    if addresses(ALWAYS_THERE, 443).await?.is_empty() { Err(Untried::NoServiceNames) } else { Ok(()) }
}

/// Tries a target.
pub(super) async fn dial(target: &Target) -> Outcome {
    let found = match addresses(target.name(), target.port).await {
        Ok(found) => found,
        Err(why) => return Outcome::Untried(why),
    };
    if found.is_empty() {
        return Outcome::Failed(Step::NameNotResolved);
    }
    // The name is not resolved again: what was looked at is what is connected to.
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| may_connect(address.ip())).collect();
    if allowed.is_empty() {
        return Outcome::Untried(Untried::AddressForbidden);
    }
    converse(target, &allowed).await
}

/// The addresses of a name, or none if it has none.
async fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, Untried> {
    match timeout(LIMIT, lookup_host((name, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) if has_no_address(&error) => Ok(Vec::new()),
        Ok(Err(_)) | Err(_) => Err(Untried::ResolverFails),
    }
}

/// Whether a name was looked up, and has no address.
pub fn has_no_address(error: &io::Error) -> bool {
    let said = error.to_string();
    NO_ADDRESS.iter().any(|words| said.contains(words))
}

/// Connects to the first of some addresses that takes a connection, and speaks.
async fn converse(target: &Target, addresses: &[SocketAddr]) -> Outcome {
    let talk = async {
        let Ok(stream) = TcpStream::connect(addresses).await else {
            return Outcome::Failed(Step::Refused);
        };
        if target.tls { shake_hands(target, stream).await } else { speak(target, stream).await }
    };
    timeout(LIMIT, talk).await.unwrap_or(Outcome::Failed(Step::TimedOut))
}

/// Says what a client says first, and judges the answer.
async fn speak(target: &Target, mut stream: TcpStream) -> Outcome {
    let (mut answer, mut part) = (Vec::new(), [0; 64]);
    // Whoever closes the connection may have answered before.
    let _ = stream.write_all(&target.opening()).await;
    loop {
        if let Some(outcome) = target.judge(&answer) {
            return outcome;
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return Outcome::Failed(Step::WrongProtocol(target.protocol)),
            Ok(length) => answer.extend(part.iter().take(length)),
        }
    }
}

/// Agrees on TLS and on a protocol, and says nothing more: which authorities pods trust is not known here.
async fn shake_hands(target: &Target, stream: TcpStream) -> Outcome {
    let Ok(name) = ServerName::try_from(target.host.clone()) else {
        return Outcome::Failed(Step::TlsFailed(TlsFault::OtherHost));
    };
    let builder = ClientConfig::builder();
    let verifier = Arc::new(Recorder::new(builder.crypto_provider()));
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::clone(&verifier) as _);
    let mut config = builder.with_no_client_auth();
    // https://www.iana.org/assignments/tls-extensiontype-values/#alpn-protocol-ids
    config.alpn_protocols = match target.protocol {
        Protocol::Grpc => vec![b"h2".to_vec()],
        Protocol::Http => vec![b"http/1.1".to_vec()],
        Protocol::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(_) => verifier.fault().map_or(Outcome::Answers, |fault| Outcome::Failed(Step::TlsFailed(fault))),
        Err(error) if is_other_protocol(&error) => Outcome::Failed(Step::WrongProtocol(target.protocol)),
        Err(_) => Outcome::Failed(Step::TlsFailed(verifier.fault().unwrap_or(TlsFault::NoHandshake))),
    }
}

/// Whether the other side speaks TLS, and none of the protocols that were offered:
/// <https://www.rfc-editor.org/rfc/rfc7301#section-3.2>.
fn is_other_protocol(error: &io::Error) -> bool {
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    matches!(of_tls, Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

/// Takes note of what is wrong with a certificate by itself, whoever signed it, and lets the handshake go on. Nothing may be
/// sent behind it.
#[derive(Debug)]
struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    fault: Mutex<Option<TlsFault>>,
}

impl Recorder {
    fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, fault: Mutex::default() }
    }

    fn fault(&self) -> Option<TlsFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(certificate)?;
        // Without authorities nothing passes: what matters is whether something else is found first.
        let (nobody, algorithms) = (RootCertStore::empty(), self.algorithms.all);
        let judged =
            verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, intermediates, now, algorithms);
        let fault = match judged {
            Err(Error::InvalidCertificate(error)) if is_about_time(&error) => Some(TlsFault::NotValidNow),
            _ => verify_server_name(&certificate, name).err().map(|_| TlsFault::OtherHost),
        };
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

const fn is_about_time(error: &CertificateError) -> bool {
    use CertificateError as E;
    matches!(error, E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. })
}

#[cfg(test)]
mod tests;
