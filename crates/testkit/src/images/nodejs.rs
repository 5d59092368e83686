//! A Node.js application and the Node.js payload.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{NOBODY, busybox, cached, debian};
use crate::command::run;
use crate::tools::{content_key, ensure_npm};
use crate::{Cache, Image, Progress, Recipe};

/// An application on port 8080, started by `node /app/app.js`; `/app/app.mjs` is the same as an ES module.
/// `/environment` tells the variables that it was started with.
pub const NODE_APP: &str = "ingraft.dev/node-app:1.0.0";

/// The same, whose image sets `NODE_OPTIONS` and `OTEL_RESOURCE_ATTRIBUTES`.
pub const NODE_APP_WITH_SETTINGS: &str = "ingraft.dev/node-app-with-settings:1.0.0";

/// The Node.js payload, under the name of the reference's default image.
pub const NODE_AGENT: &str =
    "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.78.0";

/// The Node.js of Debian 12, which is new enough for the agent and for module hooks in `NODE_OPTIONS` (18.19), and
/// the libraries and modules that it loads. Its version is named because a machine may know a newer one from elsewhere
/// that needs other packages.
const NODE_PACKAGES: &[&str] = &[
    "libbrotli1",
    "libc-ares2",
    "libc6",
    "libgcc-s1",
    "libicu72",
    "libnghttp2-14",
    "libnode108=18.*",
    "libssl3",
    "libstdc++6",
    "libuv1",
    "node-acorn",
    "node-cjs-module-lexer",
    "node-undici",
    "nodejs=18.*",
    "zlib1g",
];

const APP: &str = include_str!("../../apps/node-app/app.js");
const APP_MODULE: &str = include_str!("../../apps/node-app/app.mjs");
const APP_PACKAGES: Packages = Packages {
    list: include_str!("../../apps/node-app/package.json"),
    lock: include_str!("../../apps/node-app/package-lock.json"),
};
const AGENT_PACKAGES: Packages = Packages {
    list: include_str!("../../apps/node-agent/package.json"),
    lock: include_str!("../../apps/node-agent/package-lock.json"),
};

/// The package that starts the agent; the payload has its files at the top.
const AGENT: &str = "node_modules/@opentelemetry/auto-instrumentations-node/build/src";

/// What the agent never loads in Node.js: builds for browsers and bundlers, types, and what people read. Three quarters
/// of the payload, which every pod would copy.
const UNUSED_FOLDERS: &[&str] = &["@types", "es2017", "esm", "esnext"];
const UNUSED_FILES: &[&str] = &[".d.ts", ".map", ".md"];

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "2";

/// The Node.js application with the Node.js 18 of Debian 12 and Express.
///
/// # Errors
/// When packages cannot be had.
pub fn node_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let parts = [APP, APP_MODULE, APP_PACKAGES.list, APP_PACKAGES.lock, STEPS];
    let key = content_key(NODE_PACKAGES.iter().chain(busybox::COMMANDS).copied().chain(parts));
    cached(cache, progress, "node-app", &key, &[NODE_APP], |archive| {
        ensure_npm(cache, progress)?;
        let work = tempfile::tempdir()?;
        let (root, app) = (work.path().join("root"), work.path().join("app"));
        debian::unpack(NODE_PACKAGES, &root)?;
        fs::remove_dir_all(root.join("usr/share/doc")).context("remove documentation")?;
        APP_PACKAGES.install(&app)?;

        let mut recipe = Recipe::new();
        recipe.tree("/", &root)?.tree("/app", &app)?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .text("/app/app.js", APP)
            .text("/app/app.mjs", APP_MODULE)
            .folder("/tmp", 0o1777)
            .variables(&["PATH=/usr/bin:/bin", "NODE_ENV=production"])
            .working_directory("/app")
            .user(NOBODY)
            .command(&["node", "/app/app.js"])
            .variant(
                NODE_APP_WITH_SETTINGS,
                &["NODE_OPTIONS=--title=image", "OTEL_RESOURCE_ATTRIBUTES=setting=image"],
            );
        recipe.write(archive, &[NODE_APP]).map(drop)
    })
}

/// The Node.js auto-instrumentation payload 0.78.0, without the files that it never loads.
///
/// # Errors
/// When packages cannot be had.
pub fn node_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let parts = [AGENT_PACKAGES.list, AGENT_PACKAGES.lock, STEPS];
    let unused = UNUSED_FOLDERS.iter().chain(UNUSED_FILES);
    let key = content_key(busybox::COMMANDS.iter().chain(unused).copied().chain(parts));
    cached(cache, progress, "node-agent", &key, &[NODE_AGENT], |archive| {
        ensure_npm(cache, progress)?;
        let work = tempfile::tempdir()?;
        let payload = work.path().join("payload");
        AGENT_PACKAGES.install(&payload)?;
        prune(&payload)?;
        let agent = payload.join(AGENT);

        let mut recipe = Recipe::new();
        recipe.tree("/autoinstrumentation/node_modules", &payload.join("node_modules"))?;
        for (file, name) in [("register.js", "autoinstrumentation.js"), ("utils.js", "utils.js")] {
            recipe.file(&format!("/autoinstrumentation/{name}"), &agent.join(file), Some(0o644))?;
        }
        busybox::add(&mut recipe, work.path())?;
        recipe.variables(&["PATH=/bin"]).user(NOBODY).command(&["sh"]);
        recipe.write(archive, &[NODE_AGENT]).map(drop)
    })
}

/// Packages from npm, each in the version and with the content that the lock file names.
struct Packages {
    list: &'static str,
    lock: &'static str,
}

impl Packages {
    fn install(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir(folder)?;
        fs::write(folder.join("package.json"), self.list)?;
        fs::write(folder.join("package-lock.json"), self.lock)?;
        run(Command::new("npm")
            .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder))
        .context("install packages from npm")?;
        Ok(())
    }
}

fn prune(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !entry.file_type()?.is_dir() {
            if UNUSED_FILES.iter().any(|end| name.ends_with(end)) {
                fs::remove_file(entry.path())?;
            }
        } else if UNUSED_FOLDERS.contains(&&*name) {
            fs::remove_dir_all(entry.path())?;
        } else {
            prune(&entry.path())?;
        }
    }
    Ok(())
}
