//! Stand-ins for the payload of Apache httpd and nginx.
//!
//! The real modules are in no package registry. These have the payload's layout and take the modules' directives, so
//! that they show whether the injected configuration takes effect, and what it says. They send nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{busybox, c, cached, debian};
use crate::command::run;
use crate::tools::{content_key, ensure_c_compiler};
use crate::{Cache, Image, Progress, Recipe};

/// The stand-in, under the name of the reference's default image. It has modules for [`HTTPD`](super::HTTPD) and
/// [`NGINX`](super::NGINX) alone, that add headers with what they were given to each answer.
pub const WEBSERVER_AGENT: &str =
    "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4";

/// The same without any module, as if the servers' versions were not supported.
pub const WEBSERVER_AGENT_WITHOUT_MODULES: &str = "ingraft.dev/webserver-agent-without-modules:1.0.4";

/// Headers that the modules are compiled against.
const PACKAGES: &[&str] = &[
    "apache2-dev",
    "libapr1-dev",
    "libaprutil1-dev",
    "libpcre2-8-0",
    "libpcre2-dev",
    "libssl-dev",
    "libssl3",
    "nginx-dev",
    "zlib1g",
    "zlib1g-dev",
];

const DIRECTIVES: &str = include_str!("../../apps/webserver-agent/directives.h");
const SDK: &str = include_str!("../../apps/webserver-agent/sdk.c");
const APACHE: &str = include_str!("../../apps/webserver-agent/apache.c");
const NGINX: &str = include_str!("../../apps/webserver-agent/nginx/module.c");
const NGINX_BUILD: &str = include_str!("../../apps/webserver-agent/nginx/config");
const LOG_TEMPLATE: &str = include_str!("../../apps/webserver-agent/log4cxx.xml.template");

/// The libraries of the SDK; nginx's module is linked to the last.
const LIBRARIES: &[&str] = &[
    "common",
    "resources",
    "trace",
    "otlp_recordable",
    "exporter_ostream_span",
    "exporter_otlp_grpc",
    "webserver_sdk",
];

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "1";

/// The stand-in with its modules.
///
/// # Errors
/// When packages cannot be had.
pub fn webserver_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    image(cache, progress, "webserver-agent", WEBSERVER_AGENT, |recipe, work| {
        let Modules { apache, nginx, nginx_version } = build_modules(work)?;
        let top = "/opt/opentelemetry/WebServerModule";
        recipe.file(&format!("{top}/Apache/libmod_apache_otel.so"), &apache, Some(0o755))?;
        let path = format!("{top}/Nginx/{nginx_version}/ngx_http_opentelemetry_module.so");
        recipe.file(&path, &nginx, Some(0o755))?;
        Ok(())
    })
}

/// The stand-in without modules.
///
/// # Errors
/// When packages cannot be had.
pub fn webserver_agent_without_modules(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let name = WEBSERVER_AGENT_WITHOUT_MODULES;
    image(cache, progress, "webserver-agent-without-modules", name, |recipe, _| {
        recipe.folder("/opt/opentelemetry/WebServerModule", 0o755);
        Ok(())
    })
}

fn image(
    cache: &Cache,
    progress: Progress,
    label: &str,
    name: &str,
    add_modules: impl FnOnce(&mut Recipe, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<Image> {
    ensure_c_compiler(cache, progress)?;
    let sources = [DIRECTIVES, SDK, APACHE, NGINX, NGINX_BUILD, LOG_TEMPLATE, STEPS];
    let lists = PACKAGES.iter().chain(LIBRARIES).chain(busybox::COMMANDS).copied();
    let key = content_key(lists.chain(sources));
    cached(cache, progress, label, &key, &[name], |archive| {
        let work = tempfile::tempdir()?;
        let sdk = build_sdk(work.path())?;
        let mut recipe = Recipe::new();
        for library in LIBRARIES {
            let path = format!("/opt/opentelemetry/sdk_lib/lib/libopentelemetry_{library}.so");
            recipe.file(&path, &sdk, Some(0o755))?;
        }
        add_modules(&mut recipe, work.path())?;
        busybox::add(&mut recipe, work.path())?;
        // As in the published image no user is set: it runs as root where the pod does not say otherwise.
        recipe
            .text("/opt/opentelemetry/conf/opentelemetry_sdk_log4cxx.xml.template", LOG_TEMPLATE)
            .folder("/opt/opentelemetry/logs", 0o755)
            .variables(&["PATH=/bin"])
            .command(&["sh"]);
        recipe.write(archive, &[name]).map(drop)
    })
}

struct Modules {
    apache: PathBuf,
    nginx: PathBuf,
    nginx_version: String,
}

/// The library that stands in for all of the SDK. The modules expect it in the same folder.
fn build_sdk(work: &Path) -> anyhow::Result<PathBuf> {
    let source = work.join("sdk.c");
    fs::write(&source, SDK)?;
    let library = work.join("libopentelemetry_webserver_sdk.so");
    c::shared_library(&source, &[], &library)?;
    Ok(library)
}

fn build_modules(work: &Path) -> anyhow::Result<Modules> {
    let debian = work.join("debian");
    debian::unpack(PACKAGES, &debian)?;
    let include = debian.join("usr/include");
    fs::write(work.join("directives.h"), DIRECTIVES)?;

    let source = work.join("apache.c");
    fs::write(&source, APACHE)?;
    let apache = work.join("apache.so");
    c::shared_library(&source, &[&include.join("apache2"), &include.join("apr-1.0")], &apache)?;

    let module = work.join("nginx");
    fs::create_dir(&module)?;
    fs::write(module.join("config"), NGINX_BUILD)?;
    fs::write(module.join("module.c"), NGINX)?;
    let sources = debian.join("usr/share/nginx/src");
    let nginx = build_nginx_module(work, &sources, &debian, &module)?;
    let header = fs::read_to_string(sources.join("src/core/nginx.h")).context("read nginx's version")?;
    let version =
        header.lines().find_map(|line| line.strip_prefix("#define NGINX_VERSION")?.split('"').nth(1));
    let nginx_version = version.context("nginx.h names no version")?.to_owned();
    Ok(Modules { apache, nginx, nginx_version })
}

/// Built with the flags of Debian's own modules: nginx refuses a module whose flags differ from its own.
fn build_nginx_module(work: &Path, sources: &Path, debian: &Path, module: &Path) -> anyhow::Result<PathBuf> {
    let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
    let (include, libraries) = (debian.join("usr/include"), debian.join("usr/lib").join(&machine));
    let output = work.join("objs");
    run(Command::new("bash")
        .current_dir(sources)
        .env("INGRAFT_SDK", work)
        .args(["-c", ". ./conf_flags && exec bash ./configure \"${NGX_CONF_FLAGS[@]}\" \"$@\"", "--"])
        .arg(format!("--with-cc-opt=-fPIC -I{0} -I{0}/{machine}", include.display()))
        .arg(format!("--with-ld-opt=-s -L{}", libraries.display()))
        .arg(format!("--add-dynamic-module={}", module.display()))
        .arg(format!("--builddir={}", output.display())))
    .context("configure nginx")?;
    run(Command::new("make").current_dir(sources).arg("-f").arg(output.join("Makefile")).arg("modules"))
        .context("compile nginx's module")?;
    Ok(output.join("ngx_http_opentelemetry_module.so"))
}
