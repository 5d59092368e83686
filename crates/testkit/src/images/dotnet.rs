//! A .NET application and a stand-in for the .NET payload.
//!
//! The runtime is real, of the Python package `dotnetcore2`. The real payload is in no package registry; the stand-in
//! has its layout and is loaded the same ways, so that it shows whether the injected variables take effect. It sends
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{NOBODY, busybox, c, cached, debian, python};
use crate::command::run;
use crate::tools::{content_key, ensure_c_compiler, ensure_mono};
use crate::{Cache, Image, Progress, Recipe};

/// A .NET application on port 8080, started by `dotnet /app/Server.dll`. `/loaded` tells what startup hooks recorded,
/// and `/app/OwnHook.dll` is one.
pub const DOTNET_APP: &str = "ingraft.dev/dotnet-app:1.0.0";

/// The stand-in, under the name of the reference's default image.
pub const DOTNET_AGENT: &str =
    "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0";

/// The same under a name of our own: what versions of .NET it supports cannot be known.
pub const DOTNET_AGENT_OF_OURS: &str = "ingraft.dev/dotnet-agent:1.0.0";

/// The package, and the version of the runtime in it.
const RUNTIME: &str = "dotnetcore2==3.1.23\n";
const FRAMEWORK: &str = "shared/Microsoft.NETCore.App/3.1.23";

/// What the runtime links to.
const LIBRARIES: &[&str] = &["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];

const SERVER: &str = include_str!("../../apps/dotnet-app/Server.cs");
const SERVER_SETTINGS: &str = include_str!("../../apps/dotnet-app/Server.runtimeconfig.json");
const OWN_HOOK: &str = include_str!("../../apps/dotnet-app/OwnHook.cs");
const PROFILER: &str = include_str!("../../apps/dotnet-agent/profiler.c");
const HOOK: &str = include_str!("../../apps/dotnet-agent/StartupHook.cs");
const DEPENDENCY: &str = include_str!("../../apps/dotnet-agent/Dependency.cs");
const DEPENDENCIES: &str = include_str!("../../apps/dotnet-agent/Ingraft.StandIn.deps.json");

/// Part of every key: raise it when the steps below change what they make.
const STEPS: &str = "2";

/// The .NET application with CoreCLR 3.1.
///
/// # Errors
/// When packages cannot be had.
pub fn dotnet_app(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    ensure_mono(cache, progress)?;
    let parts = [RUNTIME, SERVER, SERVER_SETTINGS, OWN_HOOK, STEPS];
    let key = content_key(LIBRARIES.iter().chain(busybox::COMMANDS).copied().chain(parts));
    cached(cache, progress, "dotnet-app", &key, &[DOTNET_APP], |archive| {
        let work = tempfile::tempdir()?;
        let root = work.path().join("root");
        debian::unpack(LIBRARIES, &root)?;
        let compiler = Compiler::install(work.path())?;
        let server = compiler.program("Server", SERVER)?;
        let own_hook = compiler.library("OwnHook", OWN_HOOK)?;

        let mut recipe = Recipe::new();
        recipe.tree("/", &root)?.tree("/usr/share/dotnet", &compiler.runtime)?;
        recipe.file("/usr/share/dotnet/dotnet", &compiler.runtime.join("dotnet"), Some(0o755))?;
        recipe.file("/app/Server.dll", &server, Some(0o644))?;
        recipe.file("/app/OwnHook.dll", &own_hook, Some(0o644))?;
        busybox::add(&mut recipe, work.path())?;
        recipe
            .text("/app/Server.runtimeconfig.json", SERVER_SETTINGS)
            .folder("/tmp", 0o1777)
            .variables(&["PATH=/usr/share/dotnet:/usr/bin:/bin"])
            .working_directory("/app")
            .user(NOBODY)
            .command(&["dotnet", "/app/Server.dll"]);
        recipe.write(archive, &[DOTNET_APP]).map(drop)
    })
}

/// The stand-in for the .NET payload: a profiler that is only initialised, a startup hook that records what was loaded,
/// and a dependency that only additional dependencies and shared store lead to.
///
/// # Errors
/// When packages cannot be had.
pub fn dotnet_agent(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    ensure_mono(cache, progress)?;
    ensure_c_compiler(cache, progress)?;
    let parts = [RUNTIME, PROFILER, HOOK, DEPENDENCY, DEPENDENCIES, STEPS];
    let key = content_key(busybox::COMMANDS.iter().copied().chain(parts));
    cached(cache, progress, "dotnet-agent", &key, &[DOTNET_AGENT, DOTNET_AGENT_OF_OURS], |archive| {
        let work = tempfile::tempdir()?;
        let compiler = Compiler::install(work.path())?;
        let hook = compiler.library("OpenTelemetry.AutoInstrumentation.StartupHook", HOOK)?;
        let dependency = compiler.library("Ingraft.StandIn", DEPENDENCY)?;
        let source = work.path().join("profiler.c");
        fs::write(&source, PROFILER)?;
        let profiler = work.path().join("profiler.so");
        c::shared_library(&source, &[], &profiler)?;

        let mut recipe = Recipe::new();
        let top = "/autoinstrumentation";
        for platform in ["linux", "linux-musl"] {
            let path = format!("{top}/{platform}/OpenTelemetry.AutoInstrumentation.Native.so");
            recipe.file(&path, &profiler, Some(0o755))?;
        }
        let path = format!("{top}/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll");
        recipe.file(&path, &hook, Some(0o644))?;
        let package = "x64/netcoreapp3.1/ingraft.standin/1.0.0/lib/netcoreapp3.1";
        recipe.file(&format!("{top}/store/{package}/Ingraft.StandIn.dll"), &dependency, Some(0o644))?;
        let framework = "shared/Microsoft.NETCore.App/3.1.0";
        recipe.text(&format!("{top}/AdditionalDeps/{framework}/Ingraft.StandIn.deps.json"), DEPENDENCIES);
        busybox::add(&mut recipe, work.path())?;
        // As in the published image no user is set: it runs as root where the pod does not say otherwise.
        recipe.variables(&["PATH=/bin"]).command(&["sh"]);
        recipe.write(archive, &[DOTNET_AGENT, DOTNET_AGENT_OF_OURS]).map(drop)
    })
}

/// Mono's compiler, against the runtime's own assemblies.
struct Compiler {
    runtime: PathBuf,
    output: PathBuf,
}

impl Compiler {
    fn install(work: &Path) -> anyhow::Result<Self> {
        let packages = work.join("python");
        python::install(RUNTIME, &packages)?;
        let runtime = packages.join("dotnetcore2/bin");
        let output = work.join("compiled");
        fs::create_dir(&output)?;
        Ok(Self { runtime, output })
    }

    fn program(&self, name: &str, source: &str) -> anyhow::Result<PathBuf> {
        self.compile("exe", name, source)
    }

    fn library(&self, name: &str, source: &str) -> anyhow::Result<PathBuf> {
        self.compile("library", name, source)
    }

    fn compile(&self, kind: &str, name: &str, source: &str) -> anyhow::Result<PathBuf> {
        let file = self.output.join(format!("{name}.cs"));
        fs::write(&file, source)?;
        let output = self.output.join(format!("{name}.dll"));
        // CS1702: the assemblies name each other in several versions.
        run(Command::new("mcs")
            .args(["-nologo", "-noconfig", "-nostdlib", "-nowarn:1702", "-warnaserror"])
            .arg(format!("-target:{kind}"))
            .arg(format!("-lib:{}", self.runtime.join(FRAMEWORK).display()))
            .args(["System.Private.CoreLib", "System.Runtime", "System.Runtime.Extensions"].map(reference))
            .args(
                ["System.Net.Primitives", "System.Net.Sockets", "System.Threading.ThreadPool"].map(reference),
            )
            .arg(format!("-out:{}", output.display()))
            .arg(&file))
        .with_context(|| format!("compile {name}.cs"))?;
        Ok(output)
    }
}

fn reference(assembly: &str) -> String {
    format!("-r:{assembly}.dll")
}
