//! Versions from the databases of Alpine's and Debian's packages.

use super::Image;

/// More than a database of an application's image has.
const MOST: u64 = 2 << 20;

/// The version of the first of these packages, if the program is where packages put theirs.
pub(super) fn version(image: &Image<'_>, program: &str, names: &[&str]) -> Option<String> {
    if !program.starts_with("/usr/bin/") {
        return None;
    }
    alpine(image, names).or_else(|| debian(image, names))
}

fn alpine(image: &Image<'_>, names: &[&str]) -> Option<String> {
    let database = image.files.text("/lib/apk/db/installed", MOST)?;
    let name = |line: &str| line.strip_prefix("P:").is_some_and(|name| names.contains(&name));
    after(&database, name, "V:")
}

fn debian(image: &Image<'_>, names: &[&str]) -> Option<String> {
    let database = image.files.text("/var/lib/dpkg/status", MOST)?;
    let name = |line: &str| line.strip_prefix("Package: ").is_some_and(|name| names.contains(&name));
    after(&database, name, "Version: ")
}

/// The value of the field in the paragraph whose first line has the name.
fn after(database: &str, is_name: impl Fn(&str) -> bool, field: &str) -> Option<String> {
    let mut lines = database.lines().skip_while(|line| !is_name(line)).take_while(|line| !line.is_empty());
    let value = lines.find_map(|line| line.strip_prefix(field))?;
    // Debian's epoch is no part of the version.
    let value = value.split_once(':').map_or(value, |(_, version)| version);
    crate::version::tidy(value)
}
