//! The token without which a registry answers nothing: <https://distribution.github.io/distribution/spec/auth/token/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::{HeaderMap, Uri};

use crate::credentials::Login;
use crate::stream::read_short;

/// Longer than tokens are.
const LONGEST: u64 = 256 * 1024;

/// What a registry is shown.
pub(super) enum Token {
    Bearer(String),
    Basic(String),
}

/// Why there is no token.
pub(super) enum Failure {
    /// Nobody answers.
    Asking(ureq::Error),
    /// The answer is none.
    Answer(String),
}

impl Token {
    /// The value of the header.
    pub(super) fn header(&self) -> String {
        match self {
            Self::Bearer(token) => format!("Bearer {token}"),
            Self::Basic(encoded) => format!("Basic {encoded}"),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a registry demands.
#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: String,
    scope: String,
}

/// Fetches what the answer of a registry demands; nothing where it cannot be given.
pub(super) fn fetch(
    agent: &Agent,
    headers: &HeaderMap,
    login: Option<&Login>,
    repository: &str,
    host: &str,
) -> Result<Option<Token>, Failure> {
    let all = headers.get_all("www-authenticate");
    let all: Vec<&str> = all.iter().filter_map(|value| value.to_str().ok()).collect();
    if let Some(challenge) = all.iter().find_map(|value| Challenge::parse(value)) {
        // Without TLS, anybody on the way could have named another place.
        if login.is_some() && !challenge.is_safe(host) {
            let realm = challenge.realm;
            let why = format!(
                "it asks for credentials to be sent to {realm}, which is another host and without TLS"
            );
            return Err(Failure::Answer(why));
        }
        return bearer(agent, &challenge, login, repository).map(Some);
    }
    let wants_basic = all.iter().any(|value| scheme(value, "basic").is_some());
    Ok(match login {
        Some(Login::Password(name, password)) if wants_basic => Some(Token::Basic(basic(name, password))),
        _ => None,
    })
}

fn bearer(
    agent: &Agent,
    challenge: &Challenge,
    login: Option<&Login>,
    repository: &str,
) -> Result<Token, Failure> {
    let Challenge { realm, service, scope } = challenge;
    let own = format!("repository:{repository}:pull");
    let scope = if scope.is_empty() { &own } else { scope };
    let response = match login {
        Some(Login::Token(token)) => agent.post(realm).send_form([
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str()),
            ("service", service),
            ("scope", scope),
            ("client_id", "ingraft"),
        ]),
        login => {
            let mut request = agent.get(realm).query("scope", scope);
            if !service.is_empty() {
                request = request.query("service", service);
            }
            if let Some(Login::Password(name, password)) = login {
                request = request.header("Authorization", format!("Basic {}", basic(name, password)));
            }
            request.call()
        }
    };
    let mut response = response.map_err(Failure::Asking)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(Failure::Answer(format!(
            "{realm} answers with status {status}; log in with docker login"
        )));
    }
    let bytes = read_short(response.body_mut().as_reader(), LONGEST);
    let bytes = bytes.map_err(|error| Failure::Answer(format!("the answer of {realm}: {error}")))?;
    let answer: Answer = serde_json::from_slice(&bytes).unwrap_or_default();
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    token.map(Token::Bearer).ok_or_else(|| Failure::Answer(format!("{realm} answers without a token")))
}

fn basic(name: &str, password: &str) -> String {
    STANDARD.encode(format!("{name}:{password}"))
}

/// What follows the name of a scheme.
fn scheme<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let (found, rest) = value.trim_start().split_once(' ').unwrap_or((value, ""));
    found.eq_ignore_ascii_case(name).then_some(rest)
}

impl Challenge {
    /// Whether its address is one with TLS, or at the registry's own host.
    fn is_safe(&self, host: &str) -> bool {
        let Ok(realm) = self.realm.parse::<Uri>() else { return false };
        realm.scheme_str() == Some("https")
            || realm.authority().is_some_and(|authority| authority.as_str() == host)
    }

    /// Reads `Bearer realm="…",service="…",scope="…"`; nothing without a realm.
    fn parse(value: &str) -> Option<Self> {
        let mut rest = scheme(value, "bearer")?;
        let mut challenge = Self::default();
        while let Some((name, after)) = rest.split_once('=') {
            // Scopes hold commas.
            let (text, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_once(',').unwrap_or((after, "")),
            };
            match name.trim_matches([' ', ',']).to_ascii_lowercase().as_str() {
                "realm" => text.clone_into(&mut challenge.realm),
                "service" => text.clone_into(&mut challenge.service),
                "scope" => text.clone_into(&mut challenge.scope),
                _ => {}
            }
            rest = after;
        }
        Some(challenge).filter(|challenge| !challenge.realm.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_nowhere_else_without_tls() {
        let is_safe =
            |realm: &str| Challenge { realm: realm.to_owned(), ..Challenge::default() }.is_safe("a:5000");
        assert!(is_safe("https://b/token") && is_safe("http://a:5000/token"));
        assert!(!is_safe("http://b/token") && !is_safe("http://a/token") && !is_safe("token"));
    }

    #[test]
    fn challenges_are_read() {
        let of = |realm: &str, service: &str, scope: &str| {
            let (realm, service, scope) = (realm.to_owned(), service.to_owned(), scope.to_owned());
            Some(Challenge { realm, service, scope })
        };
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#;
        assert_eq!(
            Challenge::parse(docker),
            of("https://auth.docker.io/token", "registry.docker.io", "repository:library/nginx:pull,push")
        );
        assert_eq!(Challenge::parse("bearer realm=https://a/t, service=b"), of("https://a/t", "b", ""));
        for value in [
            "",
            "Bearer",
            "Bearer service=\"x\"",
            "Bearer realm=\"x",
            "Basic realm=\"x\"",
            "Bearer realm=\"\"",
        ] {
            assert_eq!(Challenge::parse(value), None, "{value}");
        }
    }
}
