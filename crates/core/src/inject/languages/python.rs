//! Python (docs/reference/python.md).

use ingraft_api::annotations::PYTHON_PLATFORM;
use ingraft_probe_contract::Libc;
use serde_json::Value;

use super::files::{self, Agent};
use crate::finding::{AnnotationFinding, Findings, Reason, Taken};
use crate::inject::draft::Draft;
use crate::inject::env::Join;
use crate::inject::exporter;
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::Target;
use crate::json::string;

const NAME: &str = "opentelemetry-auto-instrumentation-python";
const FOLDER: &str = "/otel-auto-instrumentation-python";
/// Python runs the `sitecustomize.py` in this folder first, and that loads the agent.
const START_FOLDER: &str =
    "/otel-auto-instrumentation-python/opentelemetry/instrumentation/auto_instrumentation";
const PATH: &str = "PYTHONPATH";

pub(super) const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0",
    // The image holds only the HTTP exporter:
    // https://opentelemetry.io/docs/platforms/kubernetes/operator/automatic/#python
    otlp: OtlpProtocols::Http,
    loading_variables: &[PATH],
    annotations: &[PYTHON_PLATFORM],
    platforms: &["glibc", "musl"],
    // All instrumentations are imported first, which doubles a start:
    // https://github.com/GoogleCloudPlatform/avocano/pull/307.
    start_seconds: 10,
    ..Profile::PLAIN
};

pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&Python, context, draft, findings)
}

struct Python;

impl Agent for Python {
    fn payload(
        &self,
        context: &LanguageContext<'_, '_>,
        _: &mut Findings,
    ) -> Result<Option<Payload>, Reason> {
        let (source, libc) = match context.pod.effective_annotation(PYTHON_PLATFORM) {
            "" if context.libc() == Some(Libc::Musl) => ("/autoinstrumentation-musl/.", Libc::Musl),
            "" | "glibc" => ("/autoinstrumentation/.", Libc::Glibc),
            "musl" => ("/autoinstrumentation-musl/.", Libc::Musl),
            other => {
                let (language, value) = (context.language(), other.to_owned());
                let known = PROFILE.platforms;
                return Err(AnnotationFinding::PlatformUnknown { language, value, known }.into());
            }
        };
        Ok(Some(Payload::new(NAME, FOLDER, &["cp", "-r", source, FOLDER]).for_libc(libc)))
    }

    fn start(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_defaults(&context.language_env);
        let is_path = |entry: &&Value| string(entry, "name") == Some(PATH);
        let of_all: Vec<Value> = context.common_env.iter().filter(is_path).cloned().collect();
        target.env.set_defaults(&of_all);
        let join = Join::Around {
            prefix: format!("{START_FOLDER}:"),
            suffix: format!(":{FOLDER}"),
            alone: format!("{START_FOLDER}:{FOLDER}"),
            mark: START_FOLDER.into(),
        };
        target.env.merge(PATH, join).map_err(|_| target.not_mergeable(PATH))?;
        target.mount(NAME, FOLDER, false).map_err(|path| context.taken(Taken::MountPath, path))
    }

    fn finish(&self, _: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_default(exporter::PROTOCOL, "http/protobuf");
        for exporter in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"] {
            target.env.set_default(exporter, "otlp");
        }
        Ok(())
    }

    fn joined(&self) -> &'static [&'static str] {
        &[PATH]
    }
}
