//! Asking a registry: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull>.

mod token;

use std::cell::RefCell;
use std::io::Read;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, ResponseExt as _};

use self::token::Token;
use crate::address::Address;
use crate::credentials::Login;
use crate::layer::{self, Budget, Layers};
use crate::manifest::{Descriptor, LONGEST};
use crate::stream::{Hashing, read_short};
use crate::{Error, Options, Store};

/// The forms of manifests and indexes that are understood.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
/// Nobody waits longer for one answer, or for the next bytes of one.
const ANSWER: Duration = Duration::from_secs(30);
/// Nobody waits longer for a layer.
const LAYER: Duration = Duration::from_mins(30);
const REDIRECTS: u32 = 5;
/// As much as is told of what a registry says.
const SAID: usize = 300;

/// An image in a registry.
pub(crate) struct Registry<'a> {
    address: &'a Address,
    login: Option<&'a Login>,
    /// Whether credentials are where they are not looked for.
    login_is_elsewhere: bool,
    scheme: &'static str,
    agent: Agent,
    token: RefCell<Option<Token>>,
}

impl<'a> Registry<'a> {
    pub(crate) fn new(address: &'a Address, options: &'a Options) -> Self {
        let is_plain = options.plain_http || address.is_local();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!is_plain)
            .max_redirects(REDIRECTS)
            .timeout_connect(Some(ANSWER))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(ANSWER))
            .timeout_global(Some(LAYER))
            .user_agent(concat!("ingraft/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(authorities()).build())
            .build();
        let Address { registry, repository, .. } = address;
        Self {
            address,
            login: options.credentials.of_repository(registry, repository),
            login_is_elsewhere: options.credentials.are_elsewhere(registry),
            scheme: if is_plain { "http" } else { "https" },
            agent: config.into(),
            token: RefCell::new(None),
        }
    }

    /// The answer to one question. Once a token that is missing is fetched, it is asked again.
    fn ask(&self, kind: &str, version: &str) -> Result<Response<Body>, Error> {
        let Address { repository, .. } = self.address;
        let url = format!("{}://{}/v2/{repository}/{kind}/{version}", self.scheme, self.address.host());
        let what = || format!("{kind}/{version} of {repository}");
        let mut response = self.get(&url).map_err(|error| self.failed(&what(), error))?;
        // Whoever else a registry sends to is shown no token, and so may demand none.
        if response.status() == 401 && self.has_answered(&response) {
            let fetched =
                token::fetch(&self.agent, response.headers(), self.login, repository, self.address.host());
            *self.token.borrow_mut() = fetched.map_err(|error| match error {
                token::Failure::Asking(error) => self.failed("a token", error),
                token::Failure::Answer(why) => self.refused("a token", why),
            })?;
            if self.token.borrow().is_some() {
                response = self.get(&url).map_err(|error| self.failed(&what(), error))?;
            }
        }
        match response.status().as_u16() {
            200 => Ok(response),
            status => Err(self.refused(&what(), self.explained(status, response))),
        }
    }

    fn get(&self, url: &str) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url).header("Accept", ACCEPTED);
        if let Some(token) = self.token.borrow().as_ref() {
            request = request.header("Authorization", token.header());
        }
        request.call()
    }

    /// Whether an answer is the registry's own.
    fn has_answered(&self, response: &Response<Body>) -> bool {
        let host = self.address.host();
        response.get_uri().authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
    }

    fn failed(&self, what: &str, error: ureq::Error) -> Error {
        Error::Ask { registry: self.address.registry.clone(), what: what.to_owned(), source: Box::new(error) }
    }

    fn refused(&self, what: &str, why: String) -> Error {
        Error::Refused { registry: self.address.registry.clone(), what: what.to_owned(), why }
    }

    /// What a status means, and what helps.
    fn explained(&self, status: u16, mut response: Response<Body>) -> String {
        let said = read_short(response.body_mut().as_reader(), LONGEST).unwrap_or_default();
        let said: String = String::from_utf8_lossy(&said).chars().take(SAID).collect();
        let registry = &self.address.registry;
        let help = match status {
            401 | 403 if self.login_is_elsewhere && self.login.is_none() => format!(
                "; the credentials of {registry} are with a helper, which is not asked: name a file that has them by REGISTRY_AUTH_FILE"
            ),
            401 | 403 if self.login.is_none() => format!("; see that it exists, or docker login {registry}"),
            401 | 403 => {
                format!("; see that it exists and that you may pull it, or docker login {registry} again")
            }
            404 => "; see that name and tag are right".to_owned(),
            429 => format!("; it has had too many requests: wait, or docker login {registry}"),
            _ => String::new(),
        };
        format!("status {status} {}{help}", said.trim()).replace(" ;", ";")
    }

    /// A document that is short, and what it should be.
    fn document(&self, kind: &str, digest: &str, size: Option<u64>) -> Result<Vec<u8>, Error> {
        let what = format!("{kind}/{digest} of {}", self.address.repository);
        let mut response = self.ask(kind, digest)?;
        let bytes = read_short(response.body_mut().as_reader(), LONGEST);
        let bytes = bytes.map_err(|error| Error::of_stream(&what, error))?;
        let hashing = Hashing::like(digest, bytes.as_slice());
        let hashing =
            hashing.ok_or_else(|| Error::malformed(&what, "the algorithm of its digest is not known"))?;
        hashing.finish(digest, size).map_err(|error| Error::of_stream(&what, error))?;
        Ok(bytes)
    }
}

/// Those that this machine trusts, or else Mozilla's.
fn authorities() -> RootCerts {
    let known = rustls_native_certs::load_native_certs().certs;
    let known: Vec<_> = known.iter().map(|known| Certificate::from_der(known.as_ref()).to_owned()).collect();
    if known.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&known) }
}

impl Store for Registry<'_> {
    fn root(&self) -> Result<(Vec<u8>, Option<String>), Error> {
        let version = &self.address.version;
        if version.contains(':') {
            return Ok((self.document("manifests", version, None)?, Some(version.clone())));
        }
        let mut response = self.ask("manifests", version)?;
        let bytes = read_short(response.body_mut().as_reader(), LONGEST);
        let bytes = bytes.map_err(|error| {
            Error::of_stream(&format!("manifests/{version} of {}", self.address.repository), error)
        })?;
        let digest = format!("sha256:{:x}", Sha256::digest(&bytes));
        Ok((bytes, Some(digest)))
    }

    fn has(&self, _: &str) -> bool {
        true
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.document("manifests", checked(&descriptor.digest)?, descriptor.size)
    }

    fn configuration(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.document("blobs", checked(&descriptor.digest)?, descriptor.size)
    }

    fn layers(&self, layers: &[Descriptor], budget: &mut Budget) -> Result<Layers, Error> {
        let mut all = Layers::new();
        for layer in layers {
            let Descriptor { digest, size, .. } = layer;
            let what = format!("layer {digest} of {}", self.address.repository);
            let response = self.ask("blobs", checked(digest)?)?;
            // No limit of its own: the budget has one.
            let body = response.into_body().into_with_config().limit(u64::MAX).reader();
            let body = body.take(size.unwrap_or(u64::MAX).saturating_add(1));
            let changes = layer::read(body, layer, budget).map_err(|error| Error::of_stream(&what, error))?;
            all.insert(digest.clone(), changes);
        }
        Ok(all)
    }
}

/// A digest that can stand in a URL.
fn checked(digest: &str) -> Result<&str, Error> {
    let is_plain = digest.chars().all(|c| c.is_ascii_alphanumeric() || c == ':');
    if is_plain { Ok(digest) } else { Err(Error::malformed(format!("{digest:?}"), "it is no digest")) }
}
