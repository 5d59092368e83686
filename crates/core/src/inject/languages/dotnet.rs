//! .NET (docs/reference/dotnet.md).

use ingraft_api::annotations::DOTNET_RUNTIME;
use ingraft_probe_contract::Libc;

use super::files::{self, Agent};
use crate::finding::{
    Allowed, AnnotationFinding, ContainerFinding, Findings, InstrumentationFinding, Reason, Taken,
};
use crate::inject::draft::Draft;
use crate::inject::env::{Current, Join};
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::Target;

const NAME: &str = "opentelemetry-auto-instrumentation-dotnet";
pub(crate) const FOLDER: &str = "/otel-auto-instrumentation-dotnet";
pub(crate) const HOME: &str = "OTEL_DOTNET_AUTO_HOME";

/// The profiler is chosen by these, so a container that sets one of them keeps its own profiler.
const PROFILING: &str = "CORECLR_ENABLE_PROFILING";
pub(crate) const PROFILER: &str = "CORECLR_PROFILER";
const PROFILER_PATH: &str = "CORECLR_PROFILER_PATH";
pub(crate) const PROFILER_ID: &str = "{918728DD-259F-4A6A-AC2B-B85E1B658318}";

/// Lists, to which ours are joined with a colon.
const HOOKS: (&str, &str) = (
    "DOTNET_STARTUP_HOOKS",
    "/otel-auto-instrumentation-dotnet/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll",
);
const DEPS: (&str, &str) = ("DOTNET_ADDITIONAL_DEPS", "/otel-auto-instrumentation-dotnet/AdditionalDeps");
const STORE: (&str, &str) = ("DOTNET_SHARED_STORE", "/otel-auto-instrumentation-dotnet/store");

pub(super) const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0",
    requests: ["50m", "128Mi"],
    // https://opentelemetry.io/docs/zero-code/dotnet/configuration/#otlp
    otlp: OtlpProtocols::HttpAndGrpc,
    loading_variables: &[HOOKS.0, DEPS.0, STORE.0, PROFILING, PROFILER, PROFILER_PATH],
    annotations: &[DOTNET_RUNTIME],
    platforms: &["linux-x64", "linux-musl-x64"],
    architectures: &["amd64", "arm64"],
    // HTTP semantic conventions became stable.
    breaking_version: Some("1.3.0"),
    // The first answer came 9 of them later: https://github.com/open-telemetry/opentelemetry-dotnet-instrumentation/issues/2307.
    start_seconds: 10,
    ..Profile::PLAIN
};

pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&DotNet, context, draft, findings)
}

struct DotNet;

impl Agent for DotNet {
    fn payload(
        &self,
        context: &LanguageContext<'_, '_>,
        _: &mut Findings,
    ) -> Result<Option<Payload>, Reason> {
        let libc = if library_folder(context)? == "linux" { Libc::Glibc } else { Libc::Musl };
        let other_home = |entry: &serde_json::Value| entry.get("name").is_some_and(|name| name == HOME);
        if context.language_env.iter().any(other_home) {
            let (language, value) = (context.language(), HOME.to_owned());
            let (field, allowed) = ("spec.dotnet.env", Allowed::NotDotNetHome);
            return Err(InstrumentationFinding::FieldUnusable { language, field, value, allowed }.into());
        }
        Ok(Some(Payload::new(NAME, FOLDER, &["cp", "-r", "/autoinstrumentation/.", FOLDER]).for_libc(libc)))
    }

    fn start(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        if !matches!(target.env.current(HOME), Current::Unset | Current::Literal(FOLDER)) {
            let (language, container) = (context.language(), target.container.name.to_owned());
            return Err(ContainerFinding::OtherAgent { language, container, variable: HOME }.into());
        }
        target.env.set_defaults(&context.language_env);
        target.mount(NAME, FOLDER, false).map_err(|path| context.taken(Taken::MountPath, path))
    }

    fn finish(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        let library =
            format!("{FOLDER}/{}/OpenTelemetry.AutoInstrumentation.Native.so", library_folder(context)?);
        target.env.set_default(PROFILING, "1");
        target.env.set_default(PROFILER, PROFILER_ID);
        target.env.set_default(PROFILER_PATH, library);
        join(target, HOOKS)?;
        join(target, DEPS)?;
        target.env.set_default(HOME, FOLDER);
        join(target, STORE)
    }

    fn joined(&self) -> &'static [&'static str] {
        &[HOOKS.0, DEPS.0, STORE.0]
    }

    fn review(&self, context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
        if target.env.current(PROFILER) != Current::Literal(PROFILER_ID) {
            let reason = ContainerFinding::OtherProfiler {
                language: context.language(),
                container: target.container.name.to_owned(),
                variable: PROFILER,
            };
            findings.pod(reason, target.container.pointer("env"));
        }
    }
}

/// The folder of the native library for the C library of the container.
fn library_folder(context: &LanguageContext<'_, '_>) -> Result<&'static str, Reason> {
    match context.pod.effective_annotation(DOTNET_RUNTIME) {
        "" if context.libc() == Some(Libc::Musl) => Ok("linux-musl"),
        "" | "linux-x64" => Ok("linux"),
        "linux-musl-x64" => Ok("linux-musl"),
        other => {
            let (language, value) = (context.language(), other.to_owned());
            let known = PROFILE.platforms;
            Err(AnnotationFinding::PlatformUnknown { language, value, known }.into())
        }
    }
}

fn join(target: &mut Target<'_>, (variable, ours): (&str, &'static str)) -> Result<(), Reason> {
    target.env.merge(variable, Join::appended(":", ours, ours)).map_err(|_| target.not_mergeable(variable))
}
