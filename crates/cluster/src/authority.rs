//! Our own certificate authority, and the Secret that holds it, shared by all replicas.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

/// The name of the Secret.
pub const SECRET: &str = "ingraft-webhook-ca";

/// How long an authority is valid.
const LIFE: Duration = Duration::days(365);
/// An authority this close to its end is replaced.
const RENEWAL: Duration = Duration::days(90);
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
    /// The stored end is not a time.
    #[error("failed to read when the certificate ends")]
    End(#[source] time::error::ComponentRange),
    /// Something else than a host name or an address.
    #[error("{host:?} cannot be named in a certificate")]
    Host {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
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

/// The hosts that a leaf is valid for.
#[derive(Debug, Clone)]
pub struct Hosts(Vec<SanType>);

/// A certificate for servers and its key, DER.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The private key, PKCS #8.
    pub key: Vec<u8>,
}

impl Authority {
    /// Makes a new authority. Clients go on trusting the predecessor, so that replicas which still use it are heard.
    pub fn new(predecessor: Option<&Self>, now: OffsetDateTime) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::Make)?;
        let not_after = now + LIFE;
        let mut params = authority_params();
        (params.not_before, params.not_after) = validity(not_after);
        let certificate = params.self_signed(&key).map_err(Error::Make)?.pem();
        let previous = predecessor.map_or("", |predecessor| predecessor.certificate.as_str());
        Ok(Self {
            key: key.serialize_pem(),
            bundle: format!("{certificate}{previous}"),
            certificate,
            not_after: not_after.unix_timestamp(),
        })
    }

    /// The certificates that clients trust, DER.
    pub fn trusted(&self) -> Vec<Vec<u8>> {
        let certificates = pem::parse_many(&self.bundle).unwrap_or_default();
        certificates.into_iter().map(pem::Pem::into_contents).collect()
    }

    /// Whether it is time for a successor: the end is near, or a clock that was ahead has made it and it is not valid
    /// yet.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        let left = self.not_after.saturating_sub(now.unix_timestamp());
        left < RENEWAL.whole_seconds() || left > (LIFE + CLOCK_SKEW).whole_seconds()
    }

    /// Signs a new leaf. It is valid for as long as the authority, so that whatever clock this replica has, it serves
    /// one that is valid.
    pub fn leaf(&self, hosts: &Hosts) -> Result<Leaf, Error> {
        let not_after = OffsetDateTime::from_unix_timestamp(self.not_after).map_err(Error::End)?;
        let authority_key = KeyPair::from_pem(&self.key).map_err(Error::Key)?;
        let authority_params = authority_params();
        let issuer = Issuer::from_params(&authority_params, authority_key);
        let key = KeyPair::generate().map_err(Error::Make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("ingraft-webhook");
        params.subject_alt_names.clone_from(&hosts.0);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = validity(not_after);
        let certificate = params.signed_by(&key, &issuer).map_err(Error::Make)?;
        Ok(Leaf { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }
}

impl Hosts {
    /// Names and addresses.
    pub fn new(hosts: &[String]) -> Result<Self, Error> {
        let name = |host: &String| match host.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => host
                .as_str()
                .try_into()
                .map(SanType::DnsName)
                .map_err(|source| Error::Host { host: host.clone(), source }),
        };
        hosts.iter().map(name).collect::<Result<_, _>>().map(Self)
    }
}

/// From when until when a certificate of an authority is valid that ends then.
fn validity(not_after: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
    (not_after.saturating_sub(LIFE + CLOCK_SKEW), not_after)
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

/// What the Secret says, and the version in which it says it.
#[derive(Debug)]
pub struct Stored {
    /// The authority; `None` if it cannot be used.
    pub authority: Option<Authority>,
    version: Option<String>,
}

/// Reads the Secret; `None` if it does not exist.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn load(client: &Client, namespace: &str) -> kube::Result<Option<Stored>> {
    let secret = secrets(client, namespace).get_opt(SECRET).await?;
    Ok(secret
        .map(|secret| Stored { authority: from_secret(&secret), version: secret.metadata.resource_version }))
}

/// Writes the Secret, in place of what was read. What somebody else wrote in between is not overwritten.
///
/// # Errors
/// When the Secret has changed since, or the cluster does not answer, or does not allow it.
pub async fn save(
    client: &Client,
    namespace: &str,
    authority: &Authority,
    stored: Option<&Stored>,
) -> kube::Result<()> {
    let mut secret = to_secret(authority);
    let (secrets, params) = (secrets(client, namespace), PostParams::default());
    match stored {
        Some(stored) => {
            secret.metadata.resource_version.clone_from(&stored.version);
            secrets.replace(SECRET, &params, &secret).await.map(drop)
        }
        None => secrets.create(&params, &secret).await.map(drop),
    }
}

fn secrets(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}

fn from_secret(secret: &Secret) -> Option<Authority> {
    let data = secret.data.as_ref()?;
    let text = |key: &str| String::from_utf8(data.get(key)?.0.clone()).ok();
    let key = text("tls.key").filter(|key| KeyPair::from_pem(key).is_ok())?;
    let certificate = text("tls.crt").filter(|certificate| !certificate.is_empty())?;
    // Whoever trusts the bundle trusts what it is served with.
    let bundle = text("bundle.crt").filter(|bundle| bundle.contains(&certificate))?;
    Some(Authority { key, certificate, bundle, not_after: text("not-after")?.parse().ok()? })
}

fn to_secret(authority: &Authority) -> Secret {
    let entry = |(key, text): (&str, &str)| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    let data = [
        ("tls.key", authority.key.as_str()),
        ("tls.crt", &authority.certificate),
        ("bundle.crt", &authority.bundle),
        ("not-after", &authority.not_after.to_string()),
    ];
    let mut secret = Secret { data: Some(data.map(entry).into()), ..Secret::default() };
    secret.metadata.name = Some(SECRET.to_owned());
    let labels =
        [("app.kubernetes.io/name", "opentelemetry-operator"), ("app.kubernetes.io/instance", "ingraft")];
    secret.metadata.labels =
        Some(BTreeMap::from(labels.map(|(key, value)| (key.to_owned(), value.to_owned()))));
    secret
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
        assert!(!first.is_due(now - CLOCK_SKEW), "clocks differ a little");
        assert!(first.is_due(now - Duration::hours(2)), "not valid yet");
        let second = Authority::new(Some(&first), now).unwrap();
        assert!(second.bundle.contains(&first.certificate) && second.bundle.contains(&second.certificate));
        assert_eq!(Authority::new(Some(&second), now).unwrap().bundle.matches("BEGIN").count(), 2);
    }

    #[test]
    fn survives_its_secret_and_is_not_read_from_another() {
        let authority = Authority::new(None, OffsetDateTime::now_utc()).unwrap();
        let secret = to_secret(&authority);
        assert_eq!(from_secret(&secret), Some(authority));
        for (entry, text, what) in [
            ("tls.key", "x", "a key that signs nothing"),
            ("tls.crt", "", "no certificate"),
            ("bundle.crt", "", "a bundle without the certificate"),
        ] {
            let mut secret = secret.clone();
            secret.data.get_or_insert_default().insert(entry.to_owned(), ByteString(text.into()));
            assert_eq!(from_secret(&secret), None, "{what}");
        }
        assert_eq!(from_secret(&Secret::default()), None);
    }

    #[test]
    fn names_hosts_and_addresses_only() {
        assert!(Hosts::new(&["ingraft-operator.system.svc".to_owned(), "127.0.0.1".to_owned()]).is_ok());
        let error = Hosts::new(&["é".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), r#""é" cannot be named in a certificate"#);
    }
}
