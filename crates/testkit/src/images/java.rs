//! A Java application, the Java payload and an extension of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{NOBODY, busybox, cached, debian};
use crate::command::run;
use crate::tools::{content_key, ensure_jdk, ensure_maven};
use crate::{Cache, Image, Progress, Recipe};

/// An application on port 8080, started by `java -cp /app App`. `/environment` tells the variables and `/properties`
/// the properties that it was started with; `/call?url=` calls another address.
pub const JAVA_APP: &str = "ingraft.dev/java-app:1.0.0";

/// The same, whose image sets `JAVA_TOOL_OPTIONS` and `OTEL_RESOURCE_ATTRIBUTES`.
pub const JAVA_APP_WITH_SETTINGS: &str = "ingraft.dev/java-app-with-settings:1.0.0";

/// The Java payload, under the name of the reference's default image.
pub const JAVA_AGENT: &str = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.30.0";

/// An extension of the agent in the folder `/extensions`: it adds the resource attribute `ingraft.extension=loaded`.
pub const JAVA_EXTENSION: &str = "ingraft.dev/java-extension:1.0.0";

/// The Java of Debian 12, and the libraries that a server without a screen loads.
const JAVA_PACKAGES: &[&str] = &["libc6", "libgcc-s1", "libstdc++6", "openjdk-17-jre-headless", "zlib1g"];

/// Its version, which the compiler aims at whatever its own.
const JAVA: &str = "17";

const APP: &str = include_str!("../../apps/java-app/App.java");
const AGENT_PROJECT: &str = include_str!("../../apps/java-agent/pom.xml");
const EXTENSION: &str = include_str!("../../apps/java-extension/Extension.java");
const EXTENSION_PROJECT: &str = include_str!("../../apps/java-extension/pom.xml");
const EXTENSION_SERVICE: &str = "io.opentelemetry.sdk.autoconfigure.spi.AutoConfigurationCustomizerProvider";

const MAVEN_COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "3";

/// The Java application with the Java 17 of Debian 12.
///
/// # Errors
/// When packages cannot be had.
pub fn java_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let parts = [APP, JAVA, STEPS];
    let key = content_key(JAVA_PACKAGES.iter().chain(busybox::COMMANDS).copied().chain(parts));
    cached(cache, progress, "java-app", &key, &[JAVA_APP], |archive| {
        ensure_jdk(cache, progress)?;
        let work = tempfile::tempdir()?;
        let root = work.path().join("root");
        // Installing it would also collect the certificates of public authorities into /etc/ssl/certs/java. They are
        // missed by TLS with default settings alone, and no application of a test calls anything outside its cluster.
        debian::unpack(JAVA_PACKAGES, &root)?;
        fs::remove_dir_all(root.join("usr/share/doc")).context("remove documentation")?;
        let java = fs::read_dir(root.join("usr/lib/jvm"))?
            .filter_map(Result::ok)
            .find(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .context("the package holds no Java")?;
        let classes = compile("App", APP, None, work.path())?;

        let mut recipe = Recipe::new();
        recipe.tree("/", &root)?.tree("/app", &classes)?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .link("/usr/bin/java", &format!("../lib/jvm/{}/bin/java", java.file_name().to_string_lossy()))
            .folder("/tmp", 0o1777)
            .variables(&["PATH=/usr/bin:/bin"])
            .working_directory("/app")
            .user(NOBODY)
            .command(&["java", "-cp", "/app", "App"])
            .variant(
                JAVA_APP_WITH_SETTINGS,
                &["JAVA_TOOL_OPTIONS=-Dsetting=image", "OTEL_RESOURCE_ATTRIBUTES=setting=image"],
            );
        recipe.write(archive, &[JAVA_APP]).map(drop)
    })
}

/// The Java auto-instrumentation payload: OpenTelemetry's Java agent 2.31.0.
///
/// # Errors
/// When packages cannot be had.
pub fn java_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let key = content_key(busybox::COMMANDS.iter().copied().chain([AGENT_PROJECT, STEPS]));
    cached(cache, progress, "java-agent", &key, &[JAVA_AGENT], |archive| {
        let work = tempfile::tempdir()?;
        let jars = dependencies(AGENT_PROJECT, cache, progress, work.path())?;
        let agent = fs::read_dir(jars)?.next().context("Maven copied nothing")??;

        let mut recipe = Recipe::new();
        recipe.file("/javaagent.jar", &agent.path(), Some(0o644))?;
        busybox::add(&mut recipe, work.path())?;
        recipe.variables(&["PATH=/bin"]).user(NOBODY).command(&["sh"]);
        recipe.write(archive, &[JAVA_AGENT]).map(drop)
    })
}

/// The extension, compiled against the interfaces that are in the agent.
///
/// # Errors
/// When packages cannot be had.
pub fn java_extension(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    let parts = [EXTENSION, EXTENSION_PROJECT, EXTENSION_SERVICE, JAVA, STEPS];
    let key = content_key(busybox::COMMANDS.iter().copied().chain(parts));
    cached(cache, progress, "java-extension", &key, &[JAVA_EXTENSION], |archive| {
        ensure_jdk(cache, progress)?;
        let work = tempfile::tempdir()?;
        let jars = dependencies(EXTENSION_PROJECT, cache, progress, work.path())?;
        let classes = compile("Extension", EXTENSION, Some(&jars), work.path())?;
        let services = classes.join("META-INF/services");
        fs::create_dir_all(&services)?;
        fs::write(services.join(EXTENSION_SERVICE), "Extension\n")?;
        let jar = work.path().join("extension.jar");
        run(Command::new("jar").arg("--create").arg("--file").arg(&jar).arg("-C").arg(&classes).arg("."))
            .context("pack the extension")?;

        let mut recipe = Recipe::new();
        recipe.file("/extensions/extension.jar", &jar, Some(0o644))?;
        busybox::add(&mut recipe, work.path())?;
        recipe.variables(&["PATH=/bin"]).user(NOBODY).command(&["sh"]);
        recipe.write(archive, &[JAVA_EXTENSION]).map(drop)
    })
}

/// Compiles one class and returns the folder with the result.
fn compile(class: &str, source: &str, jars: Option<&Path>, work: &Path) -> anyhow::Result<PathBuf> {
    let file = work.join(format!("{class}.java"));
    fs::write(&file, source)?;
    let classes = work.join("classes");
    let mut command = Command::new("javac");
    command.args(["-Xlint:all", "-Werror", "--release", JAVA, "-d"]).arg(&classes);
    if let Some(jars) = jars {
        command.arg("-classpath").arg(jars.join("*"));
    }
    run(command.arg(&file)).with_context(|| format!("compile {class}.java"))?;
    Ok(classes)
}

/// Has Maven copy what a project depends on, and returns the folder.
fn dependencies(project: &str, cache: &Cache, progress: Progress, work: &Path) -> anyhow::Result<PathBuf> {
    ensure_maven(cache, progress)?;
    let file = work.join("pom.xml");
    fs::write(&file, project)?;
    let jars = work.join("jars");
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&file)
        .arg(MAVEN_COPY)
        .arg(format!("-DoutputDirectory={}", jars.display())))
    .context("copy packages with Maven")?;
    Ok(jars)
}
