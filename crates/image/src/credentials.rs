//! What people have told docker or podman that registries may be told:
//! <https://docs.docker.com/reference/cli/docker/login/>, <https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>.
//!
//! Helpers are programs, and none is run.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::Error;
use crate::stream::read_short;

/// Longer than such files are.
const LONGEST: u64 = 1 << 20;

/// What registries may be told.
#[derive(Default)]
pub struct Credentials {
    entries: BTreeMap<String, Login>,
    helped: Vec<String>,
    helps_all: bool,
}

/// What one registry may be told.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// A name and a password.
    Password(String, String),
    /// A token for which another is given.
    Token(String),
}

/// Without what is secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Written {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl Entry {
    fn login(&self) -> Option<Login> {
        let decoded = STANDARD.decode(self.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.as_deref().and_then(|text| text.split_once(':'));
        let stated = Some((self.username.as_str(), self.password.as_str()));
        let (name, password) = decoded.or(stated).filter(|(name, _)| !name.is_empty())?;
        Some(if self.identitytoken.is_empty() {
            // Docker ends it with zeros.
            Login::Password(name.to_owned(), password.trim_end_matches('\0').to_owned())
        } else {
            Login::Token(self.identitytoken.clone())
        })
    }
}

impl Credentials {
    /// Those of the first of these files that exists.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_first(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, Error> {
        for path in files {
            match std::fs::File::open(&path) {
                Ok(file) => return Self::of(&path, file),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(source) => return Err(Error::Open { path: path.display().to_string(), source }),
            }
        }
        Ok(Self::default())
    }

    fn of(path: &Path, file: std::fs::File) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = read_short(file, LONGEST).map_err(|error| Error::of_stream(&name, error))?;
        // The text of the error would show what is written there.
        let written: Written = serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("it is no such JSON, line {}, column {}", error.line(), error.column());
            Error::malformed(&name, place)
        })?;
        let entries =
            written.auths.iter().filter_map(|(key, entry)| Some((place(key).to_owned(), entry.login()?)));
        Ok(Self {
            entries: entries.collect(),
            helped: written.cred_helpers.keys().map(|key| place(key).to_owned()).collect(),
            helps_all: !written.creds_store.is_empty(),
        })
    }

    /// The nearest entry: that of the repository, of a folder above it, or of the registry.
    pub(crate) fn of_repository(&self, registry: &str, repository: &str) -> Option<&Login> {
        let whole = format!("{registry}/{repository}");
        let above = |path: &str| path.rsplit_once('/').map(|(above, _)| above.to_owned());
        let mut keys = std::iter::successors(Some(whole), |path| above(path));
        keys.find_map(|key| self.entries.get(&key)).or_else(|| self.entries.get(place(registry)))
    }

    /// Whether a program is to give what a registry may be told.
    pub(crate) fn are_elsewhere(&self, registry: &str) -> bool {
        self.helps_all || self.helped.iter().any(|helped| helped == registry)
    }
}

/// A key as a place: Docker writes URLs too, and for its own registry one of long ago.
fn place(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = ["/v1", "/v2"].iter().find_map(|end| key.strip_suffix(end)).unwrap_or(key);
    match key {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn read(text: &str) -> Result<Credentials, Error> {
        let folder = TempDir::new().expect("folder");
        let path = folder.path().join("config.json");
        fs::write(&path, text).expect("write");
        Credentials::of_first([folder.path().join("missing.json"), path])
    }

    fn password(name: &str, password: &str) -> Login {
        Login::Password(name.to_owned(), password.to_owned())
    }

    #[test]
    fn the_nearest_entry_counts() {
        let auth = |text: &str| STANDARD.encode(text);
        let text = format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{}"}},
                "ghcr.io": {{"auth": "{}"}},
                "ghcr.io/acme": {{"username": "team", "password": "p"}},
                "registry.example.com:5000": {{"auth": "{}", "identitytoken": "t"}},
                "empty.example.com": {{}}
            }}, "credHelpers": {{"ecr.example.com": "ecr-login"}}}}"#,
            auth("me:a:b"),
            auth("you:x\0\0"),
            auth("00000000-0000-0000-0000-000000000000:"),
        );
        let credentials = read(&text).expect("credentials");
        let of = |registry, repository| credentials.of_repository(registry, repository).cloned();
        assert!(of("docker.io", "library/nginx") == Some(password("me", "a:b")));
        assert!(of("ghcr.io", "other/web") == Some(password("you", "x")));
        assert!(of("ghcr.io", "acme/web/api") == Some(password("team", "p")));
        assert!(of("registry.example.com:5000", "web") == Some(Login::Token("t".to_owned())));
        assert!(of("empty.example.com", "web").is_none() && of("quay.io", "web").is_none());
        assert!(credentials.are_elsewhere("ecr.example.com") && !credentials.are_elsewhere("ghcr.io"));
    }

    #[test]
    fn neither_errors_nor_debugging_show_what_is_secret() {
        let error = read(r#"{"auths": {"x": {"auth": hunter2}}}"#).expect_err("no JSON").to_string();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
        let known =
            read(r#"{"auths": {"ghcr.io": {"username": "me", "password": "hunter2"}}}"#).expect("known");
        assert_eq!(format!("{known:?}"), r#"{"ghcr.io"}"#);
    }

    #[test]
    fn without_files_there_are_none() {
        let none = Credentials::of_first([PathBuf::from("/nonexistent/config.json")]).expect("none");
        assert!(none.entries.is_empty());
    }
}
