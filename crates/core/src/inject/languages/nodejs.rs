//! Node.js (docs/reference/nodejs.md), and applications that are ES modules.
//!
//! `--require` reaches only what is loaded as CommonJS; of an ES module no library but HTTP is seen. Those need hooks
//! that are registered by `--import`, which Node.js knows since 18.19 (<https://nodejs.org/api/module.html#moduleregisterspecifier-parenturl-options>)
//! and older versions do not start with. So it is used only where the pod shows both.

use ingraft_api::annotations::NODEJS_ESM;

use super::files::{self, Agent};
use crate::finding::{ContainerFinding, Findings, Reason, Taken};
use crate::inject::draft::Draft;
use crate::inject::env::{Current, Join};
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::pod::Container;
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::Target;

const NAME: &str = "opentelemetry-auto-instrumentation-nodejs";
const FOLDER: &str = "/otel-auto-instrumentation-nodejs";
const AGENT: &str = "/otel-auto-instrumentation-nodejs/autoinstrumentation.js";
const OPTIONS: &str = "NODE_OPTIONS";

/// Registers the hooks, in the way that the version at hand knows, and then loads the agent. Not beside `--require`:
/// that would load the agent a second time, in the thread of the hooks. A URL, because there is no file of ours; and
/// without spaces and quotes that NODE_OPTIONS would split at.
const IMPORT: &str = concat!(
    "data:text/javascript,import%20m%20from'node:module';let%20i;",
    "try{i=await%20import('file:///otel-auto-instrumentation-nodejs/node_modules/import-in-the-middle/register-hooks.mjs')}catch{}",
    "try{i&&i.supportsSyncHooks()%3Fi.register():",
    "m.register('file:///otel-auto-instrumentation-nodejs/node_modules/@opentelemetry/instrumentation/hook.mjs')}catch{}",
    "await%20import('file:///otel-auto-instrumentation-nodejs/autoinstrumentation.js')",
);

pub(super) const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.78.0",
    requests: ["50m", "128Mi"],
    // By OTEL_EXPORTER_OTLP_PROTOCOL: https://opentelemetry.io/docs/zero-code/js/configuration/
    otlp: OtlpProtocols::HttpAndGrpc,
    // https://github.com/open-telemetry/opentelemetry-operator/issues/3753
    http_since: Some("0.56.0"),
    // `require` takes three to five times as long: https://github.com/open-telemetry/opentelemetry-js/issues/3029.
    start_seconds: 10,
    loading_variables: &[OPTIONS],
    ..Profile::PLAIN
};

pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&NodeJs, context, draft, findings)
}

struct NodeJs;

impl Agent for NodeJs {
    fn payload(&self, _: &LanguageContext<'_, '_>, _: &mut Findings) -> Result<Option<Payload>, Reason> {
        Ok(Some(Payload::new(NAME, FOLDER, &["cp", "-r", "/autoinstrumentation/.", FOLDER])))
    }

    fn start(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_defaults(&context.language_env);
        target.mount(NAME, FOLDER, false).map_err(|path| context.taken(Taken::MountPath, path))
    }

    fn finish(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        // The space at the beginning is the reference's, also where nothing stands before it.
        let option = match Modules::of(context, target) {
            Modules::Es => format!(" --import {IMPORT}"),
            Modules::CommonJs | Modules::EsWithoutVersion => format!(" --require {AGENT}"),
        };
        target
            .env
            .merge(OPTIONS, Join::appended("", &option, AGENT))
            .map_err(|_| target.not_mergeable(OPTIONS))?;
        target.env.set_default("OTEL_METRICS_EXPORTER", "otlp");
        Ok(())
    }

    fn joined(&self) -> &'static [&'static str] {
        &[OPTIONS]
    }

    fn review(&self, context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
        // By now the options hold ours; what decides is what was there before.
        if Modules::of(context, &Target::new(target.container)) == Modules::EsWithoutVersion {
            let reason = ContainerFinding::ModulesNotHooked { container: target.container.name.to_owned() };
            findings.pod(reason, target.container.pointer("command"));
        }
    }
}

/// What the application is made of, as far as the pod shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Modules {
    CommonJs,
    /// ES modules, in a Node.js that has hooks for them.
    Es,
    /// ES modules, and perhaps a Node.js without hooks.
    EsWithoutVersion,
}

impl Modules {
    fn of(context: &LanguageContext<'_, '_>, target: &Target<'_>) -> Self {
        let told = context.pod.effective_annotation(NODEJS_ESM);
        let found = context.pod.image(target.container);
        let esm = found.as_ref().is_some_and(|facts| facts.esm == Some(true));
        if told.eq_ignore_ascii_case("true") {
            return Self::Es;
        }
        let options = match target.env.current(OPTIONS) {
            Current::Literal(options) => options,
            _ => "",
        };
        let words: Vec<&str> =
            target.container.words().chain([options]).flat_map(str::split_whitespace).collect();
        let imports = words.iter().any(|word| *word == "--import" || word.starts_with("--import="));
        let modules = words.iter().any(|word| {
            word.rsplit_once('.').is_some_and(|(_, extension)| extension == "mjs")
                || *word == "--input-type=module"
        });
        let version = found
            .and_then(|facts| facts.runtimes.get(&ingraft_probe_contract::Agent::Nodejs).cloned().flatten());
        if told.eq_ignore_ascii_case("false") || !(imports || modules || esm) {
            Self::CommonJs
        } else if imports || version.map_or_else(|| has_hooks(target.container), |found| knows_hooks(&found))
        {
            Self::Es
        } else {
            Self::EsWithoutVersion
        }
    }
}

/// Whether a version of Node.js has hooks: 18.19 and 20.6 were the first of their lines.
pub(crate) fn knows_hooks(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0u16));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    matches!((major, minor), (18, 19..) | (20, 6..) | (21.., _))
}

/// Whether the image's name says that its Node.js is 20 or newer: `node:22-slim`, as Docker's official images are named.
fn has_hooks(container: Container<'_>) -> bool {
    let image = container.image().rsplit('/').next().unwrap_or_default();
    let version = image.strip_prefix("node:").unwrap_or_default();
    let major = version.split(['.', '-', '@']).next().unwrap_or_default();
    major.parse().is_ok_and(|major: u16| major >= 20)
}
