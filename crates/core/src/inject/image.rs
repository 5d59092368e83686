//! The version in an image reference:
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>.

/// `tag@digest`, digest or tag of an image, whichever there is; `None` for a reference that is not well-formed.
pub(crate) fn version(image: &str) -> Option<String> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) if digest.contains(':') => (name, Some(digest)),
        Some(_) => return None,
        None => (image, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, tag) = match name.get(path..)?.split_once(':') {
        Some((last, tag)) => (name.get(..path + last.len())?, Some(tag)),
        None => (name, None),
    };
    let tag_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if tag.is_some_and(|tag| tag.is_empty() || !tag.chars().all(tag_allowed)) || !well_formed(repository) {
        return None;
    }
    match (tag, digest) {
        (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

/// Upper case is allowed only in the name of a registry, which has a dot or a port, or is `localhost`.
fn well_formed(repository: &str) -> bool {
    let path = match repository.split_once('/') {
        Some((registry, path)) if registry.contains(['.', ':']) || registry == "localhost" => path,
        _ => repository,
    };
    let allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | '/');
    !path.is_empty() && path.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn reads_tag_and_digest() {
        for (image, expected) in [
            ("nginx", None),
            ("nginx:1.27", Some("1.27")),
            ("registry.example.com:5000/shop/api", None),
            ("registry.example.com:5000/shop/api:1.4.2", Some("1.4.2")),
            ("Registry.Example.com/shop/api:latest", Some("latest")),
            ("api@sha256:abc", Some("sha256:abc")),
            ("api:1@sha256:abc", Some("1@sha256:abc")),
            ("Shop/API:1", None),
            ("api:", None),
            ("api:a b", None),
            ("", None),
            (":1", None),
        ] {
            assert_eq!(version(image).as_deref(), expected, "{image}");
        }
    }
}
