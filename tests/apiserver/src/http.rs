//! Plain requests: to the operator without the API server in between, and to the API server without kubectl.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use ingraft_cluster::documents;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// No answer takes longer, that of a webhook that is slow on purpose among them.
const LIMIT: Duration = Duration::from_mins(1);

/// Status and body of an answer, and its warnings as kubectl prints them.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    warnings: String,
}

/// Something that sends requests and takes any status for an answer.
#[derive(Debug)]
pub(crate) struct Sender(Agent);

impl Sender {
    /// Over TLS, a server must show a certificate of these authorities.
    pub(crate) fn trusting(authorities: &str) -> anyhow::Result<Self> {
        let mut roots: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(authorities.as_bytes()) {
            if let PemItem::Certificate(certificate) = item? {
                roots.push(certificate);
            }
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let config = Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None);
        Ok(Self(config.timeout_global(Some(LIMIT)).build().into()))
    }

    pub(crate) fn get(&self, url: &str) -> anyhow::Result<Answer> {
        answer(self.0.get(url).call()?)
    }

    /// The same with parameters.
    pub(crate) fn query(&self, url: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Answer> {
        answer(self.0.get(url).query_pairs(parameters.iter().copied()).call()?)
    }

    pub(crate) fn post(&self, url: &str, body: &[u8]) -> anyhow::Result<Answer> {
        answer(self.0.post(url).content_type("application/json").send(body)?)
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let warnings = response.headers().get_all("warning").iter();
    // 299 - "text"
    let text = |value: &ureq::http::HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        value.split_once('"').map(|(_, text)| format!("Warning: {}\n", text.trim_end_matches('"')))
    };
    let warnings = warnings.filter_map(text).collect();
    let status = response.status().as_u16();
    let body = String::from_utf8(response.body_mut().with_config().limit(u64::MAX).read_to_vec()?)?;
    Ok(Answer { status, body, warnings })
}

/// The API server, as its administrator sees it.
#[derive(Debug)]
pub(crate) struct Api {
    sender: Sender,
    url: String,
    authorization: String,
}

impl Api {
    pub(crate) fn new(url: &str, authority: &Path, kubeconfig: &Path) -> anyhow::Result<Self> {
        let sender = Sender::trusting(&std::fs::read_to_string(authority)?)?;
        let config = documents::read("kubeconfig", &std::fs::read_to_string(kubeconfig)?)?;
        let token = config.first().and_then(|config| config.value.pointer("/users/0/user/token"));
        let token = token.and_then(Value::as_str).context("the kubeconfig has no token")?;
        Ok(Self { sender, url: url.to_owned(), authorization: format!("Bearer {token}") })
    }

    /// What is at a path, as text; `None` if nothing is.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let request = self.sender.0.get(format!("{}{path}", self.url));
        let answer = answer(request.header("authorization", &self.authorization).call().unwrap()).unwrap();
        (answer.status == 200).then_some(answer.body)
    }

    /// The object or list at a path, if there is one.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        Some(serde_json::from_str(&self.text(path)?).unwrap())
    }

    /// Creates an object of a namespace, or has the API server only try. Answers the object as it came back, or why
    /// not, and the warnings.
    pub(crate) fn create(&self, dry_run: bool, object: &Value) -> (Result<Value, String>, String) {
        let (result, warnings) = self.post(if dry_run { "?dryRun=All" } else { "" }, object);
        let refusal = |status: Value| status["message"].as_str().unwrap_or_default().to_owned() + "\n";
        (result.map_err(refusal), warnings)
    }

    /// Has the API server try to create an object of a namespace, and warn of fields that it drops. Returns the object
    /// as it would be stored, or the Status that says why not, and the warnings.
    pub(crate) fn check(&self, object: &Value) -> (Result<Value, Value>, String) {
        self.post("?dryRun=All&fieldValidation=Warn", object)
    }

    fn post(&self, query: &str, object: &Value) -> (Result<Value, Value>, String) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let version = text("/apiVersion");
        let group = if version.contains('/') { "apis" } else { "api" };
        let (namespace, resource) = (text("/metadata/namespace"), text("/kind").to_lowercase());
        let url = format!("{}/{group}/{version}/namespaces/{namespace}/{resource}s{query}", self.url);
        let request = self.sender.0.post(url).header("authorization", &self.authorization);
        let response = request.content_type("application/json").send(object.to_string());
        let answer = answer(response.unwrap()).unwrap();
        // A kind that is not known is refused in plain text.
        let plain = || json!({"message": format!("status {}: {}", answer.status, answer.body)});
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| plain());
        let created = (200..300).contains(&answer.status);
        (if created { Ok(body) } else { Err(body) }, answer.warnings)
    }
}
