//! The images of tests and the demo, built here and loaded without a registry.
//!
//! Some carry the name of a published image, so that defaults work offline. Their content is built here
//! from the published packages, in the version named at each function, not that of the tag. Agents that no
//! package has are stand-ins: they show that the injected configuration takes effect, and send nothing.

mod busybox;
mod c;
mod debian;
mod dotnet;
mod go;
mod java;
mod nodejs;
mod python;
mod webserver;
mod webserver_agent;

use std::path::Path;

use anyhow::Context as _;

pub use busybox::{BUSYBOX, busybox};
pub use dotnet::{DOTNET_AGENT, DOTNET_AGENT_OF_OURS, DOTNET_APP, dotnet_agent, dotnet_app};
pub use go::{GO_AGENT, GO_APP, go_agent, go_app};
pub use java::{
    JAVA_AGENT, JAVA_APP, JAVA_APP_WITH_SETTINGS, JAVA_EXTENSION, java_agent, java_app, java_extension,
};
pub use nodejs::{NODE_AGENT, NODE_APP, NODE_APP_WITH_SETTINGS, node_agent, node_app};
pub use webserver::{HTTPD, NGINX, NGINX_WITHOUT_SHELL, httpd, nginx, nginx_without_shell};
pub use webserver_agent::{
    WEBSERVER_AGENT, WEBSERVER_AGENT_WITHOUT_MODULES, webserver_agent, webserver_agent_without_modules,
};

use crate::tools::{COLLECTOR_VERSION, COREDNS_VERSION, NodeTools, collector as build_collector};
use crate::tools::{content_key, file_hash};
use crate::{Cache, Image, Progress, Recipe};

/// The application that gets instrumented: Flask on port 8080, started by `python3 /app/app.py`.
pub const FLASK_APP: &str = "ingraft.dev/flask-app:1.0.0";

/// The same, whose image sets `PYTHONPATH` and `OTEL_RESOURCE_ATTRIBUTES`.
pub const FLASK_APP_WITH_SETTINGS: &str = "ingraft.dev/flask-app-with-settings:1.0.0";

/// The Python payload, under the name of the reference's default image.
pub const PYTHON_AGENT: &str =
    "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0";

/// The Collector under our own name.
pub const COLLECTOR: &str = "ingraft.dev/collector:0.162.0";

/// The Collector under the name that the reference uses by default.
pub const DEFAULT_COLLECTOR: &str =
    "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.158.0";

/// Cluster DNS.
pub(crate) const COREDNS: &str = "ingraft.dev/coredns:1.15.0";

/// What holds a pod's namespaces.
pub(crate) const PAUSE: &str = "ingraft.dev/pause:1";

/// How an image is made, unless the cache has it.
pub type MakeImage = fn(&Cache, Progress) -> anyhow::Result<Image>;

/// Every image but Ingraft's own and those of a node.
pub(crate) const ALL: &[MakeImage] = &[
    flask_app,
    python_agent,
    collector,
    busybox,
    node_app,
    node_agent,
    java_app,
    java_agent,
    java_extension,
    dotnet_app,
    dotnet_agent,
    go_app,
    go_agent,
    httpd,
    nginx,
    nginx_without_shell,
    webserver_agent,
    webserver_agent_without_modules,
];

/// A non-root user without a name in any image.
const NOBODY: &str = "65532";

/// The Flask application with a Python from Debian.
///
/// # Errors
/// When packages cannot be had.
pub fn flask_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    python::flask_app(cache, progress)
}

/// The Python auto-instrumentation payload: OpenTelemetry Python 1.44.0 / 0.65b0, for glibc only.
///
/// # Errors
/// When packages cannot be had.
pub fn python_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    python::agent(cache, progress)
}

/// The Collector 0.162.0 with the components of the module `go/collector`, under two names.
///
/// # Errors
/// When Go fails to build it.
pub fn collector(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    debug_assert!(COLLECTOR.ends_with(COLLECTOR_VERSION), "the image's tag is the version built");
    let program = build_collector(cache, progress)?;
    // The published image runs as this user; what works here must work there.
    single_program(cache, progress, &program, "/otelcol", "10001", &[COLLECTOR, DEFAULT_COLLECTOR])
}

/// Ingraft's own image: the operator, and beside it the probe that it puts into pods.
///
/// # Errors
/// When a program cannot be read.
pub fn ingraft(
    cache: &Cache,
    progress: Progress,
    operator: &Path,
    probe: &Path,
    name: &str,
) -> anyhow::Result<Image> {
    let mut recipe = Recipe::new();
    recipe.file("/ingraft-operator", operator, Some(0o755))?.file("/ingraft-probe", probe, Some(0o755))?;
    recipe.entrypoint(&["/ingraft-operator"]).user(NOBODY);
    let contents = [file_hash(operator)?, file_hash(probe)?];
    let key = content_key(contents.iter().map(String::as_str).chain([name]));
    cached(cache, progress, "ingraft-operator", &key, &[name], |archive| {
        recipe.write(archive, &[name]).map(drop)
    })
}

/// The images that a node itself needs.
pub(crate) fn of_node(tools: &NodeTools, progress: Progress) -> anyhow::Result<[Image; 2]> {
    Ok([pause(tools, progress)?, coredns(tools, progress)?])
}

fn coredns(tools: &NodeTools, progress: Progress) -> anyhow::Result<Image> {
    debug_assert!(COREDNS.ends_with(COREDNS_VERSION), "the image's tag is the version built");
    let cache = tools.control_plane().cache();
    single_program(cache, progress, tools.coredns(), "/coredns", "0", &[COREDNS])
}

fn pause(tools: &NodeTools, progress: Progress) -> anyhow::Result<Image> {
    let cache = tools.control_plane().cache();
    single_program(cache, progress, tools.pause(), "/pause", NOBODY, &[PAUSE])
}

fn single_program(
    cache: &Cache,
    progress: Progress,
    program: &Path,
    path: &str,
    user: &str,
    names: &[&str],
) -> anyhow::Result<Image> {
    let mut recipe = Recipe::new();
    recipe.file(path, program, Some(0o755))?.entrypoint(&[path]).user(user);
    let content = file_hash(program)?;
    let mut parts = vec![content.as_str(), path, user];
    parts.extend(names);
    let label = path.trim_start_matches('/').replace('/', "-");
    cached(cache, progress, &label, &content_key(parts), names, |archive| {
        recipe.write(archive, names).map(drop)
    })
}

/// An image from the cache, written by `write` if it is missing.
fn cached(
    cache: &Cache,
    progress: Progress,
    label: &str,
    key: &str,
    names: &[&str],
    write: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Image> {
    let file = format!("{label}-{key}.tar");
    let archive = cache
        .entry("images", &file, progress, &format!("building the image {label}"), write)
        .with_context(|| format!("build the image {label}"))?;
    remove_old_versions(&archive, label, file.len());
    Ok(Image { names: names.iter().map(|&name| name.to_owned()).collect(), archive })
}

/// Removes archives of earlier versions: an image of our own binary has a new one with every build. Those
/// of the last day stay, because another process may be loading one.
fn remove_old_versions(current: &Path, label: &str, length: usize) {
    let day = std::time::Duration::from_hours(24);
    let Some(Ok(entries)) = current.parent().map(std::fs::read_dir) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let other_version = path != current && name.len() == length && name.starts_with(&format!("{label}-"));
        let age =
            path.metadata().and_then(|found| found.modified()).ok().and_then(|time| time.elapsed().ok());
        if other_version && age.is_some_and(|age| age > day) {
            // If it fails, only space is lost.
            let _ = std::fs::remove_file(&path);
        }
    }
}
