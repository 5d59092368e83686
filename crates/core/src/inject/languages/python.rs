//! Python (injection.md, section 4.3).

use ingraft_api::annotations::PYTHON_PLATFORM;
use ingraft_api::{InstrumentationSpec, Language};

use super::{Agent, Finding, Payload, Reason, Request, Target};
use crate::defaults::Block;
use crate::endpoint::Endpoint;
use crate::inject::choose::effective_annotation;
use crate::inject::env::Current;

const NAME: &str = "opentelemetry-auto-instrumentation-python";
const FOLDER: &str = "/otel-auto-instrumentation-python";
/// Python runs the `sitecustomize.py` in this folder first, and that loads the agent.
const START_FOLDER: &str =
    "/otel-auto-instrumentation-python/opentelemetry/instrumentation/auto_instrumentation";
const PATH: &str = "PYTHONPATH";

pub(super) struct Python;

impl Agent for Python {
    fn payload(&self, request: &Request<'_>) -> Result<Option<Payload>, Reason> {
        let source = match effective_annotation(request, PYTHON_PLATFORM) {
            "" | "glibc" => "/autoinstrumentation/.",
            "musl" => "/autoinstrumentation-musl/.",
            other => {
                return Err(Reason::PlatformUnknown {
                    language: Language::Python,
                    value: other.to_owned(),
                    known: &["glibc", "musl"],
                });
            }
        };
        Ok(Some(Payload {
            language: Language::Python,
            name: NAME,
            folder: FOLDER,
            command: vec!["cp", "-r", source, FOLDER],
        }))
    }

    fn start(&self, spec: &InstrumentationSpec, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_defaults(Block::of(spec, Language::Python).env);
        let join = |old: Option<&str>| match old {
            Some(old) => format!("{START_FOLDER}:{old}:{FOLDER}"),
            None => format!("{START_FOLDER}:{FOLDER}"),
        };
        target.env.merge(PATH, START_FOLDER, join).map_err(|_| target.not_mergeable(PATH))?;
        let taken = |name| Reason::NameTaken { language: Language::Python, what: "mount path", name };
        target.mount(NAME, FOLDER, false).map_err(taken)
    }

    fn finish(&self, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_default("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        for exporter in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"] {
            target.env.set_default(exporter, "otlp");
        }
        Ok(())
    }

    fn joined(&self) -> &'static [&'static str] {
        &[PATH]
    }

    fn review(&self, target: &Target<'_>, findings: &mut Vec<Finding>) {
        if let Some(endpoint) = grpc_endpoint(target) {
            let reason = Reason::EndpointPortIsGrpc { language: Language::Python, endpoint };
            findings.push(Finding::pod(reason, target.container.pointer("env")));
        }
    }
}

/// The endpoint, if it is the port for gRPC and the agent is to send HTTP.
fn grpc_endpoint(target: &Target<'_>) -> Option<String> {
    let literal = |variable| match target.env.current(variable) {
        Current::Literal(value) => Some(value),
        _ => None,
    };
    let endpoint = literal("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let http = literal("OTEL_EXPORTER_OTLP_PROTOCOL")?.starts_with("http/");
    let grpc_port = Endpoint::parse(endpoint)?.port == Some(4317);
    (http && grpc_port).then(|| endpoint.to_owned())
}
