//! Where an image is, from what people write.

use std::fmt;

use ingraft_core::ImageReference;

use crate::Error;

/// The registry that is meant where none is named, and where it answers.
const DEFAULT: &str = "docker.io";
const DEFAULT_HOST: &str = "registry-1.docker.io";

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file or folder.
    Stored {
        /// Its path.
        path: String,
        /// Which of several images in it.
        name: Option<String>,
    },
    /// In a registry.
    Registry(Address),
}

/// The place of an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As it was written.
    text: String,
    /// The registry, as credentials name it.
    pub(crate) registry: String,
    /// The path in it.
    pub(crate) repository: String,
    /// Tag or digest.
    pub(crate) version: String,
}

impl Source {
    /// Reads what people write. A path begins with `/`, `./` or `../`, or ends as archives do; anything else is in a
    /// registry, so that no folder that happens to be called like an image is taken for it.
    ///
    /// ```
    /// use ingraft_image::Source;
    /// assert!(matches!(Source::parse("ghcr.io/acme/web:1.2"), Ok(Source::Registry(_))));
    /// assert!(matches!(Source::parse("web.tar.gz"), Ok(Source::Stored { .. })));
    /// assert!(matches!(Source::parse("./folder"), Ok(Source::Stored { .. })));
    /// ```
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (path, name) = match text.rsplit_once('#') {
            Some((path, name)) if !name.is_empty() => (path, Some(name.to_owned())),
            _ => (text, None),
        };
        let begins =
            ["/", "./", "../"].iter().any(|start| path.starts_with(start)) || matches!(path, "." | "..");
        if begins || [".tar", ".tar.gz", ".tgz", ".tar.zst"].iter().any(|end| path.ends_with(end)) {
            return Ok(Self::Stored { path: path.to_owned(), name });
        }
        Address::parse(text).map(Self::Registry).ok_or_else(|| Error::Reference { text: text.to_owned() })
    }
}

/// As it was written.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored { path, name: Some(name) } => write!(f, "{path}#{name}"),
            Self::Stored { path, name: None } => f.write_str(path),
            Self::Registry(address) => f.write_str(&address.text),
        }
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let reference = ImageReference::parse(text);
        let version = if reference.tag.is_none() && reference.digest.is_none() {
            "latest".to_owned()
        } else {
            reference.version()?;
            // A digest leaves nothing to the tag.
            reference.digest.or(reference.tag)?.to_owned()
        };
        let path = reference.path();
        // With a tag it is checked as a whole.
        ImageReference::parse(&format!("{path}:latest")).version()?;
        let registry = reference.repository.strip_suffix(path)?.strip_suffix('/').unwrap_or(DEFAULT);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if !registry.chars().all(allowed)
            || path.split('/').any(|part| part.is_empty() || part.starts_with('.'))
        {
            return None;
        }
        let registry = match registry {
            "index.docker.io" | DEFAULT_HOST => DEFAULT,
            other => other,
        };
        let repository = if registry == DEFAULT && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        Some(Self { text: text.to_owned(), registry: registry.to_owned(), repository, version })
    }

    /// Where the registry answers.
    pub(crate) fn host(&self) -> &str {
        if self.registry == DEFAULT { DEFAULT_HOST } else { &self.registry }
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let name = match self.registry.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<(String, String, String)> {
        Address::parse(text).map(|found| (found.registry, found.repository, found.version))
    }

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, registry, repository, version) in [
            ("nginx", "docker.io", "library/nginx", "latest"),
            ("nginx:1.29", "docker.io", "library/nginx", "1.29"),
            ("acme/web", "docker.io", "acme/web", "latest"),
            ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
            ("index.docker.io/acme/web:1", "docker.io", "acme/web", "1"),
            ("ghcr.io/acme/web:1.2", "ghcr.io", "acme/web", "1.2"),
            ("localhost/web", "localhost", "web", "latest"),
            ("localhost:5000/a/b/c:x", "localhost:5000", "a/b/c", "x"),
            ("registry:5000/web", "registry:5000", "web", "latest"),
        ] {
            let expected = (registry.to_owned(), repository.to_owned(), version.to_owned());
            assert_eq!(address(text), Some(expected), "{text}");
        }
        let both = address(&format!("ghcr.io/a/b:1@{digest}")).expect("an address");
        assert_eq!(both.2, digest);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            ":1",
            "nginx:",
            "nginx:-",
            "Acme/web",
            "a b",
            "ghcr.io/../x",
            "ghcr.io//x",
            "ghcr.io/",
            "a@sha256:1",
            "https://ghcr.io/a/b",
            "user:password@ghcr.io/a",
            "ghcr.io/a?x=1",
            "ghcr.io/a/%2e",
            "a\u{1b}.io/x",
        ] {
            assert_eq!(address(text), None, "{text}");
            assert!(matches!(Source::parse(text), Err(Error::Reference { .. })), "{text}");
        }
    }

    #[test]
    fn paths_are_told_by_their_form() {
        let stored = |text| match Source::parse(text) {
            Ok(Source::Stored { path, name }) => Some((path, name)),
            _ => None,
        };
        for path in ["/a", "./a", "../a", ".", "a.tar", "a/b.tar.gz", "a.tgz"] {
            assert_eq!(stored(path), Some((path.to_owned(), None)));
        }
        assert_eq!(stored("./a.tar#x/y:1"), Some(("./a.tar".to_owned(), Some("x/y:1".to_owned()))));
        assert_eq!(stored("a/b"), None);
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |text| Address::parse(text).expect("an address").is_local();
        assert!(local("localhost:5000/x") && local("127.0.0.1:5000/x") && local("localhost/x"));
        assert!(!local("localhost.example.com/x") && !local("10.0.0.1:5000/x") && !local("nginx"));
    }
}
