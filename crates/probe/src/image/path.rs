//! Paths of the image as text. Those that are no UTF-8 are passed over.

/// `name` in `folder`, unless it is absolute.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { [folder.trim_end_matches('/'), "/", name].concat() }
}

/// The last part.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What follows the last dot of the last part.
pub(crate) fn extension(path: &str) -> Option<&str> {
    name(path).rsplit_once('.').map(|(_, extension)| extension)
}

/// Everything before the last part; nothing above the root.
pub(crate) fn parent(path: &str) -> Option<&str> {
    let (parent, name) = path.rsplit_once('/')?;
    if name.is_empty() && parent.is_empty() {
        return None;
    }
    Some(if parent.is_empty() { "/" } else { parent })
}
