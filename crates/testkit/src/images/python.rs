//! A Python application and the Python payload.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{FLASK_APP, FLASK_APP_WITH_SETTINGS, NOBODY, PYTHON_AGENT, busybox, cached, debian};
use crate::command::run;
use crate::tools::content_key;
use crate::{Cache, Image, Progress, Recipe};

/// The Python of Debian 12. Wheels are chosen for it, whatever Python the machine itself has.
const PYTHON: &str = "3.11";

/// That Python, and the libraries that its modules load.
const PYTHON_PACKAGES: &[&str] = &[
    "libbz2-1.0",
    "libc6",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    "libncursesw6",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libstdc++6",
    "libtinfo6",
    "libuuid1",
    "python3.11",
    "python3.11-minimal",
    "zlib1g",
];

const APP: &str = include_str!("../../apps/flask/app.py");
const APP_REQUIREMENTS: &str = include_str!("../../apps/flask/requirements.txt");
const AGENT_REQUIREMENTS: &str = include_str!("../../apps/python-agent/requirements.txt");

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "3";

const MUSL_STAND_IN: &str = "A stand-in: the payload for musl is not built for tests.\n";

pub(super) fn flask_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let key = content_key(PYTHON_PACKAGES.iter().chain(busybox::COMMANDS).copied().chain([
        APP,
        APP_REQUIREMENTS,
        STEPS,
    ]));
    cached(cache, progress, "flask-app", &key, &[FLASK_APP], |archive| {
        let work = tempfile::tempdir()?;
        let root = work.path().join("root");
        debian::unpack(PYTHON_PACKAGES, &root)?;
        fs::remove_dir_all(root.join("usr/share/doc")).context("remove documentation")?;
        compile(&root.join(format!("usr/lib/python{PYTHON}")))?;
        install(APP_REQUIREMENTS, &root.join("usr/lib/python3/dist-packages"))?;

        let mut recipe = Recipe::new();
        recipe.tree("/", &root)?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .text("/app/app.py", APP)
            .text("/etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:65532:65532::/app:/bin/sh\n")
            .text("/etc/group", "root:x:0:\napp:x:65532:\n")
            .folder("/tmp", 0o1777)
            .link("/usr/bin/python3", &format!("python{PYTHON}"))
            .variables(&["PATH=/usr/bin:/bin", "PYTHONUNBUFFERED=1"])
            .working_directory("/app")
            .user(NOBODY)
            .command(&["python3", "/app/app.py"])
            .variant(
                FLASK_APP_WITH_SETTINGS,
                &["PYTHONPATH=/settings/image", "OTEL_RESOURCE_ATTRIBUTES=setting=image"],
            );
        recipe.write(archive, &[FLASK_APP]).map(drop)
    })
}

pub(super) fn agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let key = content_key(busybox::COMMANDS.iter().copied().chain([AGENT_REQUIREMENTS, STEPS]));
    cached(cache, progress, "python-agent", &key, &[PYTHON_AGENT], |archive| {
        let work = tempfile::tempdir()?;
        let payload = work.path().join("payload");
        install(AGENT_REQUIREMENTS, &payload)?;

        let mut recipe = Recipe::new();
        recipe.tree("/autoinstrumentation", &payload)?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .text("/autoinstrumentation-musl/README", MUSL_STAND_IN)
            .variables(&["PATH=/bin"])
            .user(NOBODY)
            .command(&["sh"]);
        recipe.write(archive, &[PYTHON_AGENT]).map(drop)
    })
}

/// Installs packages into a folder, for the image's Python instead of the machine's.
pub(super) fn install(requirements: &str, folder: &Path) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    let list = work.path().join("requirements.txt");
    fs::write(&list, requirements)?;
    let platform = format!("manylinux2014_{}", std::env::consts::ARCH);
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--root-user-action=ignore", "--no-compile", "--no-deps", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", PYTHON, "--platform", &platform])
        .arg("--target")
        .arg(folder)
        .arg("--requirement")
        .arg(&list))
    .context("install Python packages (needs python3 with pip)")?;
    compile(folder)
}

/// Compiles modules, so that a start does not have to. Files in an image are dated to the epoch and the
/// agent is copied, so the compiled files must not depend on times of modification. If the machine's Python
/// is another version, what it compiles is ignored in the image.
fn compile(folder: &Path) -> anyhow::Result<()> {
    run(Command::new("python3")
        .args(["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s"])
        .arg(folder)
        .arg(folder))
    .context("compile Python modules")?;
    Ok(())
}
