//! References to images, taken apart in one place:
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>.

/// `repository:tag@digest`, read from text that may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// Registry and path, without tag and digest.
    pub repository: &'a str,
    /// What stands behind the colon.
    pub tag: Option<&'a str>,
    /// What stands behind the `@`.
    pub digest: Option<&'a str>,
}

impl<'a> ImageReference<'a> {
    /// Takes a reference apart, whatever it holds.
    pub fn parse(image: &'a str) -> Self {
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let path = name.rfind('/').map_or(0, |slash| slash + 1);
        let colon = name.get(path..).and_then(|last| last.find(':')).map(|colon| path + colon);
        let (repository, tag) = match colon.and_then(|colon| name.split_at_checked(colon)) {
            Some((repository, tag)) => (repository, tag.strip_prefix(':')),
            None => (name, None),
        };
        Self { repository, tag, digest }
    }

    /// The last step of the repository: `nginx` of `registry.example.com/library/nginx:1.27`.
    pub fn name(self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The repository without the name of the registry.
    pub fn path(self) -> &'a str {
        match self.repository.split_once('/') {
            Some((registry, path)) if registry.contains(['.', ':']) || registry == "localhost" => path,
            _ => self.repository,
        }
    }

    /// The tag that is pulled where there is no digest.
    pub fn tag_or_latest(self) -> &'a str {
        self.tag.unwrap_or("latest")
    }

    /// Whether it is the same image as another, from whichever registry.
    pub(crate) fn is_copy_of(self, other: Self) -> bool {
        (self.name(), self.tag, self.digest) == (other.name(), other.tag, other.digest)
    }

    /// The same image in another registry, which has it under the same path.
    pub(crate) fn mirrored(image: &str, registry: &str) -> String {
        match image.split_once('/') {
            Some((_, path)) => format!("{}/{path}", registry.trim_end_matches('/')),
            None => image.to_owned(),
        }
    }

    /// `tag@digest`, digest or tag, whichever there is; `None` for a reference that is not well-formed.
    pub fn version(self) -> Option<String> {
        let tag_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let tag = self.tag.is_none_or(|tag| {
            (1..=128).contains(&tag.len()) && !tag.starts_with(['.', '-']) && tag.chars().all(tag_allowed)
        });
        let digest = self.digest.is_none_or(is_digest);
        if !tag || !digest || !is_well_formed(self.path()) {
            return None;
        }
        match (self.tag, self.digest) {
            (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}

/// Whether it is a digest of a registered algorithm:
/// <https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms>.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, encoded)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    encoded.len() == length && encoded.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Upper case is allowed only in the name of a registry, which has a dot or a port, or is `localhost`.
fn is_well_formed(path: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | '/');
    !path.is_empty() && path.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::ImageReference;

    #[test]
    fn reads_tag_and_digest() {
        for (image, expected) in [
            ("nginx", None),
            ("nginx:1.27", Some("1.27")),
            ("registry.example.com:5000/shop/api", None),
            ("registry.example.com:5000/shop/api:1.4.2", Some("1.4.2")),
            ("Registry.Example.com/shop/api:latest", Some("latest")),
            ("api@sha256:abc", None),
            ("api@md5:00000000000000000000000000000000", None),
            ("api:-1", None),
            ("Shop/API:1", None),
            ("api:", None),
            ("api:a b", None),
            ("", None),
            (":1", None),
        ] {
            assert_eq!(ImageReference::parse(image).version().as_deref(), expected, "{image}");
        }
        let version = |image: &str| ImageReference::parse(image).version();
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(version(&format!("api@{digest}")), Some(digest.clone()));
        assert_eq!(version(&format!("api:1@{digest}")), Some(format!("1@{digest}")));
        assert_eq!(version(&format!("api@{}", digest.to_uppercase())), None);
        assert_eq!(version(&format!("api:{}", "x".repeat(128))), Some("x".repeat(128)));
        assert_eq!(version(&format!("api:{}", "x".repeat(129))), None);
    }

    #[test]
    fn knows_the_parts() {
        let image = ImageReference::parse("registry.example.com:5000/shop/api:1@sha256:a");
        assert_eq!(image.repository, "registry.example.com:5000/shop/api");
        assert_eq!((image.name(), image.tag, image.digest), ("api", Some("1"), Some("sha256:a")));
        assert_eq!(ImageReference::parse("shop/api").tag_or_latest(), "latest");
        assert!(image.is_copy_of(ImageReference::parse("mirror/api:1@sha256:a")));
        assert!(!image.is_copy_of(ImageReference::parse("mirror/api:1")));
        assert_eq!(
            ImageReference::mirrored("ghcr.io/a/b:1", "mirror.example.com/ghcr/"),
            "mirror.example.com/ghcr/a/b:1"
        );
    }
}
