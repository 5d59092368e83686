//! Who may talk to whom in one cluster: a certificate authority of its own, certificates for the servers,
//! the key pair that signs service account tokens, and one administrator's token.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// A folder with the files that the components are pointed at.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    folder: PathBuf,
}

impl Credentials {
    /// Makes everything for an API server that is reached at `url` and at the given addresses.
    pub(crate) fn create(folder: &Path, url: &str, addresses: &[IpAddr]) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let this = Self { folder: folder.to_owned() };
        let authority = authority()?;
        fs::write(this.authority(), authority.pem())?;
        fs::write(this.authority_key(), authority.key().serialize_pem())?;

        let mut server = CertificateParams::new(
            [
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ]
            .map(str::to_owned),
        )?;
        server.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        server.distinguished_name = subject("kube-apiserver", None);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        this.issue("apiserver", &server, &authority)?;

        // The kubelet asks the API server whether its caller may read logs; this group always may.
        let mut client = CertificateParams::default();
        client.distinguished_name = subject("kube-apiserver-kubelet-client", Some("system:masters"));
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        this.issue("kubelet-client", &client, &authority)?;

        let accounts = KeyPair::generate().context("make the service account key")?;
        fs::write(this.path("service-account.key"), accounts.serialize_pem())?;
        fs::write(this.path("service-account.pub"), accounts.public_key_pem())?;

        let token = random_token()?;
        fs::write(this.tokens(), format!("{token},admin,admin,system:masters\n"))?;
        fs::write(this.kubeconfig(), kubeconfig(url, &this.authority(), &token))?;
        Ok(this)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.path("ca.crt")
    }

    pub(crate) fn authority_key(&self) -> PathBuf {
        self.path("ca.key")
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.path("tokens.csv")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    fn issue(
        &self,
        name: &str,
        params: &CertificateParams,
        authority: &CertifiedIssuer<'_, KeyPair>,
    ) -> anyhow::Result<()> {
        let key = KeyPair::generate().with_context(|| format!("make the key of {name}"))?;
        let certificate =
            params.signed_by(&key, authority).with_context(|| format!("sign the certificate of {name}"))?;
        fs::write(self.path(&format!("{name}.crt")), certificate.pem())?;
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem())?;
        Ok(())
    }
}

fn authority() -> anyhow::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject("ingraft-testkit", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().context("make the key of the certificate authority")?;
    CertifiedIssuer::self_signed(params, key).context("sign the certificate authority")
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("read random bytes")?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// JSON is YAML, and needs no quoting rules of our own.
fn kubeconfig(url: &str, authority: &Path, token: &str) -> String {
    let document = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "ingraft",
        "clusters": [{ "name": "ingraft", "cluster": { "server": url, "certificate-authority": authority } }],
        "users": [{ "name": "admin", "user": { "token": token } }],
        "contexts": [{ "name": "ingraft", "context": { "cluster": "ingraft", "user": "admin" } }],
    });
    format!("{document:#}\n")
}
