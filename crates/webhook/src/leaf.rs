//! The certificate that the webhook server shows, signed by our own authority.
//!
//! A leaf lives in memory and is valid for as long as the authority that signed it. No clock is read here: a replica
//! whose clock is hours away from the API server's serves the same as the others.

use std::sync::{Arc, PoisonError, RwLock};

use ingraft_cluster::authority::{self, Authority, Hosts};
use ingraft_cluster::error_chain::Chain;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

/// A leaf cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] authority::Error),
    /// The TLS library does not take the key.
    #[error("failed to use the key")]
    Use(#[from] rustls::Error),
}

/// Serves a leaf of the current authority, made when it is needed.
#[derive(Debug)]
pub struct LeafResolver {
    hosts: Hosts,
    authority: watch::Receiver<Option<Authority>>,
    last: RwLock<Option<Leaf>>,
}

#[derive(Debug, Clone)]
struct Leaf {
    authority: Authority,
    key: Arc<CertifiedKey>,
}

impl LeafResolver {
    /// Serves leaves for these hosts, once there is an authority.
    pub fn new(authority: watch::Receiver<Option<Authority>>, hosts: Hosts) -> Self {
        Self { hosts, authority, last: RwLock::default() }
    }

    /// The leaf to show now; `None` while there is no authority.
    fn leaf(&self) -> Option<Arc<CertifiedKey>> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner).clone();
        let authority = self.authority.borrow().clone()?;
        if let Some(last) = last.as_ref().filter(|last| last.authority == authority) {
            return Some(Arc::clone(&last.key));
        }
        match Leaf::new(authority, &self.hosts) {
            Ok(leaf) => {
                let key = Arc::clone(&leaf.key);
                *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(leaf);
                Some(key)
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "failed to make a certificate");
                last.map(|last| last.key)
            }
        }
    }
}

impl Leaf {
    fn new(authority: Authority, hosts: &Hosts) -> Result<Self, Error> {
        let leaf = authority.leaf(hosts)?;
        let signer = rustls::crypto::ring::sign::any_ecdsa_type(&PrivatePkcs8KeyDer::from(leaf.key).into())?;
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(leaf.certificate)], signer));
        Ok(Self { authority, key })
    }
}

impl ResolvesServerCert for LeafResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaf()
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{ServerName, UnixTime};
    use time::{Duration, OffsetDateTime};

    use super::*;

    #[test]
    fn keeps_a_leaf_until_there_is_another_authority() {
        let (sender, authority) = watch::channel(None);
        let hosts = Hosts::new(&["ingraft-operator.system.svc".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let resolver = LeafResolver::new(authority, hosts);
        assert!(resolver.leaf().is_none());
        let authority = || Authority::new(None, OffsetDateTime::now_utc()).ok();
        sender.send_replace(authority());
        let first = resolver.leaf().unwrap();
        assert!(Arc::ptr_eq(&first, &resolver.leaf().unwrap()));
        sender.send_replace(authority());
        let second = resolver.leaf().unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        let unusable = authority().map(|authority| Authority { key: String::new(), ..authority });
        sender.send_replace(unusable);
        assert!(Arc::ptr_eq(&second, &resolver.leaf().unwrap()), "the last that worked");
    }

    #[test]
    fn serves_what_is_valid_whatever_this_clock_says() {
        // This clock is far behind the API server's, then far ahead of it.
        for days in [200, -200] {
            let now = OffsetDateTime::now_utc() + Duration::days(days);
            let authority = Authority::new(None, now).unwrap();
            let root = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap();
            let leaf = Leaf::new(authority, &Hosts::new(&["127.0.0.1".to_owned()]).unwrap()).unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(root).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let valid = |at: OffsetDateTime| {
                let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
                    at.unix_timestamp().unsigned_abs(),
                ));
                verifier.verify_server_cert(&leaf.key.cert[0], &[], &name, &[], at).is_ok()
            };
            assert!(valid(now) && valid(now + Duration::days(364)), "{days}");
            assert!(!valid(now - Duration::hours(2)) && !valid(now + Duration::days(366)), "{days}");
        }
    }
}
