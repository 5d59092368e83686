//! Python: by the name of the program behind the links, which holds the version.

use ingraft_probe_contract::Agent;

use super::{Image, Runtime, path};
use crate::version;

/// Virtual environments and distributions that images put into `PATH`, or not.
const FOLDERS: [&str; 6] = [
    "/opt/venv/bin",
    "/venv/bin",
    "/.venv/bin",
    "/app/.venv/bin",
    "/opt/conda/bin",
    "/opt/bitnami/python/bin",
];

pub(super) fn find(image: &Image<'_>) -> Option<Runtime> {
    let is_python = |name: &str| {
        let version = name.strip_prefix("python");
        version.is_some_and(|version| version.chars().all(|part| part.is_ascii_digit() || part == '.'))
    };
    let program = image.program(is_python, &["python3", "python"], &FOLDERS)?;
    let real = image.files.real(&program).unwrap_or_else(|| program.clone());
    let version =
        named(&real).or_else(|| virtual_environment(image, &program)).or_else(|| library(image, &real));
    let version = match (version, image.environment.text("PYTHON_VERSION").and_then(version::tidy)) {
        // The official images' variable is exact, but a variable may outlive what it was about.
        (Some(found), Some(exact)) if exact.starts_with(&[&found, "."].concat()) => Some(exact),
        (Some(found), _) => Some(found),
        (None, exact) => exact,
    };
    Some(Runtime { agent: Agent::Python, version, program: Some(real) })
}

/// `python3.12`.
fn named(program: &str) -> Option<String> {
    let version = path::name(program).strip_prefix("python")?;
    version.contains('.').then(|| version::tidy(version)).flatten()
}

/// `pyvenv.cfg`, for environments that hold a copy of the program.
fn virtual_environment(image: &Image<'_>, program: &str) -> Option<String> {
    let folder = path::parent(path::parent(program)?)?;
    let text = image.files.text(&path::join(folder, "pyvenv.cfg"), 4096)?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        if matches!(key.trim(), "version" | "version_info") { version::tidy(value) } else { None }
    })
}

/// The only `lib/python3.12` beside the program.
fn library(image: &Image<'_>, program: &str) -> Option<String> {
    let folder = path::parent(path::parent(program)?)?;
    let names = image.files.names(&path::join(folder, "lib"));
    let mut versions = names.iter().filter_map(|name| named(name));
    versions.next().filter(|_| versions.next().is_none())
}
