//! Our own certificate authority, and the leaf certificate that it signs.
//!
//! Only the authority is kept, in a Secret. A leaf lives in memory and is made anew when it is used and no longer
//! fresh, so a clock that jumps or a process that slept never serves an expired one.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ingraft_cluster::cause::Chain;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

/// How long an authority is valid.
const AUTHORITY_LIFE: Duration = Duration::days(365);
/// An authority this close to its end is replaced.
const AUTHORITY_RENEWAL: Duration = Duration::days(90);
/// How long a leaf is valid.
const LEAF_LIFE: Duration = Duration::days(7);
/// A leaf this close to its end is replaced.
const LEAF_RENEWAL: Duration = Duration::days(5);
/// Clocks differ; certificates are valid from a little before they are made.
const CLOCK_SKEW: Duration = Duration::hours(1);

/// A certificate cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key or certificate cannot be generated or signed.
    #[error("failed to make a certificate")]
    Make(#[source] rcgen::Error),
    /// The stored key is not one of ours.
    #[error("failed to read the stored key")]
    Key(#[source] rcgen::Error),
    /// The TLS library does not take the key.
    #[error("failed to use the key")]
    Use(#[source] rustls::Error),
}

/// The key and certificate that sign leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The private key, PEM.
    pub key: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// What clients trust: this certificate and, for a while, its predecessor; PEM.
    pub bundle: String,
    /// When the certificate ends, in seconds since 1970.
    pub not_after: i64,
}

impl Authority {
    /// Makes a new authority. Clients go on trusting the predecessor, so that replicas which still use it are heard.
    pub fn new(predecessor: Option<&Self>, now: OffsetDateTime) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::Make)?;
        let not_after = now + AUTHORITY_LIFE;
        let mut params = authority_params();
        params.not_before = now - CLOCK_SKEW;
        params.not_after = not_after;
        let certificate = params.self_signed(&key).map_err(Error::Make)?.pem();
        let previous = predecessor.map_or("", |predecessor| predecessor.certificate.as_str());
        Ok(Self {
            key: key.serialize_pem(),
            bundle: format!("{certificate}{previous}"),
            certificate,
            not_after: not_after.unix_timestamp(),
        })
    }

    /// Whether it is time for a successor.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.not_after - now.unix_timestamp() < AUTHORITY_RENEWAL.whole_seconds()
    }

    fn leaf(&self, names: &[SanType], now: OffsetDateTime) -> Result<CertifiedKey, Error> {
        let authority_key = KeyPair::from_pem(&self.key).map_err(Error::Key)?;
        let authority_params = authority_params();
        let issuer = Issuer::from_params(&authority_params, authority_key);
        let key = KeyPair::generate().map_err(Error::Make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("ingraft-webhook");
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = now - CLOCK_SKEW;
        params.not_after = now + LEAF_LIFE;
        let certificate = params.signed_by(&key, &issuer).map_err(Error::Make)?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let signer =
            rustls::crypto::ring::sign::any_ecdsa_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into());
        Ok(CertifiedKey::new(chain, signer.map_err(Error::Use)?))
    }
}

/// The authority's own description. It is the same each time, so that an issuer can be rebuilt from the key alone.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("ingraft-webhook-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Serves a leaf of the authority, made when it is needed.
#[derive(Debug)]
pub struct LeafResolver {
    names: Vec<SanType>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    authority: Authority,
    leaf: Arc<CertifiedKey>,
    renew_at: OffsetDateTime,
}

impl LeafResolver {
    /// Serves leaves for these host names and addresses.
    pub fn new(authority: Authority, hosts: &[String]) -> Result<Self, Error> {
        let mut names = Vec::new();
        for host in hosts {
            names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into().map_err(Error::Make)?),
            });
        }
        let state = RwLock::new(State::new(authority, &names)?);
        Ok(Self { names, state })
    }

    /// Uses another authority from now on.
    pub fn replace(&self, authority: Authority) -> Result<(), Error> {
        let state = State::new(authority, &self.names)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    fn leaf(&self) -> Result<Arc<CertifiedKey>, Error> {
        let now = OffsetDateTime::now_utc();
        let read = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let made_at = read.renew_at - (LEAF_LIFE - LEAF_RENEWAL);
        // A clock that was set back would make a fresh leaf not yet valid.
        if now < read.renew_at && now > made_at - CLOCK_SKEW {
            return Ok(Arc::clone(&read.leaf));
        }
        let authority = read.authority.clone();
        drop(read);
        let fresh = State::new(authority, &self.names)?;
        let leaf = Arc::clone(&fresh.leaf);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(leaf)
    }
}

impl State {
    fn new(authority: Authority, names: &[SanType]) -> Result<Self, Error> {
        let now = OffsetDateTime::now_utc();
        let leaf = Arc::new(authority.leaf(names, now)?);
        Ok(Self { authority, leaf, renew_at: now + LEAF_LIFE - LEAF_RENEWAL })
    }
}

impl ResolvesServerCert for LeafResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaf().inspect_err(|error| tracing::error!(error = %Chain(error), "no certificate")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_itself_in_time_and_trusts_its_predecessor() {
        let now = OffsetDateTime::now_utc();
        let first = Authority::new(None, now).unwrap();
        assert!(!first.is_due(now));
        assert!(first.is_due(now + Duration::days(300)));
        assert!(first.is_due(now + Duration::days(4000)), "long expired");
        let second = Authority::new(Some(&first), now).unwrap();
        assert!(second.bundle.contains(&first.certificate) && second.bundle.contains(&second.certificate));
        assert_eq!(Authority::new(Some(&second), now).unwrap().bundle.matches("BEGIN").count(), 2);
    }

    #[test]
    fn signs_leaves_for_names_and_addresses() {
        let authority = Authority::new(None, OffsetDateTime::now_utc()).unwrap();
        let hosts = ["ingraft-operator.system.svc".to_owned(), "127.0.0.1".to_owned()];
        let resolver = LeafResolver::new(authority, &hosts).unwrap();
        assert!(Arc::ptr_eq(&resolver.leaf().unwrap(), &resolver.leaf().unwrap()));
        assert!(
            LeafResolver::new(Authority::new(None, OffsetDateTime::now_utc()).unwrap(), &["é".to_owned()])
                .is_err()
        );
    }
}
