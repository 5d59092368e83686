//! The certificate that the webhook server shows, signed by our own authority.
//!
//! A leaf lives in memory and is renewed on use once it is due, so a clock that jumps or a process that slept never
//! serves an expired one.

use std::sync::{Arc, PoisonError, RwLock};

use ingraft_cluster::authority::{self, Authority, CLOCK_SKEW, Hosts};
use ingraft_cluster::error_chain::Chain;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

/// How long a leaf is valid.
const LIFE: Duration = Duration::days(7);
/// A leaf this old is replaced.
const FRESH: Duration = Duration::days(2);

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
    made_at: OffsetDateTime,
    key: Arc<CertifiedKey>,
}

impl LeafResolver {
    /// Serves leaves for these hosts, once there is an authority.
    pub fn new(authority: watch::Receiver<Option<Authority>>, hosts: Hosts) -> Self {
        Self { hosts, authority, last: RwLock::default() }
    }

    /// The leaf to show now; `None` while there is no authority.
    fn leaf(&self) -> Option<Arc<CertifiedKey>> {
        let now = OffsetDateTime::now_utc();
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner).clone();
        let authority = self.authority.borrow().clone()?;
        if let Some(last) = last.as_ref().filter(|last| last.authority == authority && last.is_fresh(now)) {
            return Some(Arc::clone(&last.key));
        }
        match Leaf::new(authority, &self.hosts, now) {
            Ok(leaf) => {
                let key = Arc::clone(&leaf.key);
                *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(leaf);
                Some(key)
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "failed to renew the certificate");
                last.map(|last| last.key)
            }
        }
    }
}

impl Leaf {
    fn new(authority: Authority, hosts: &Hosts, now: OffsetDateTime) -> Result<Self, Error> {
        let leaf = authority.leaf(hosts, now, LIFE)?;
        let signer = rustls::crypto::ring::sign::any_ecdsa_type(&PrivatePkcs8KeyDer::from(leaf.key).into())?;
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(leaf.certificate)], signer));
        Ok(Self { authority, made_at: now, key })
    }

    /// A clock that was set back would make a fresh leaf not yet valid.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        now < self.made_at + FRESH && now > self.made_at - CLOCK_SKEW
    }
}

impl ResolvesServerCert for LeafResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaf()
    }
}

#[cfg(test)]
mod tests {
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
    fn is_fresh_for_a_while_and_not_before_it_was_made() {
        let now = OffsetDateTime::now_utc();
        let hosts = Hosts::new(&[]).unwrap();
        let leaf = Leaf::new(Authority::new(None, now).unwrap(), &hosts, now).unwrap();
        assert!(leaf.is_fresh(now) && leaf.is_fresh(now + Duration::days(1)));
        assert!(!leaf.is_fresh(now + Duration::days(3)));
        assert!(!leaf.is_fresh(now - Duration::days(1)));
    }
}
