//! Java (docs/reference/java.md).

use ingraft_api::instrumentation::Extension;

use super::files::{self, Agent};
use crate::finding::{Allowed, Findings, Reason, Taken};
use crate::inject::draft::Draft;
use crate::inject::env::Join;
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::profile::{self, OtlpProtocols, Profile};
use crate::inject::target::Target;

const NAME: &str = "opentelemetry-auto-instrumentation-java";
const FOLDER: &str = "/otel-auto-instrumentation-java";
const JAR: &str = "/otel-auto-instrumentation-java/javaagent.jar";
const EXTENSIONS: &str = "/otel-auto-instrumentation-java/extensions";
const OPTIONS: &str = "JAVA_TOOL_OPTIONS";

pub(super) const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.30.0",
    resources_field: "resources",
    // HTTP by default, gRPC by OTEL_EXPORTER_OTLP_PROTOCOL:
    // https://opentelemetry.io/docs/zero-code/java/agent/getting-started/#configuring-the-agent
    otlp: OtlpProtocols::HttpAndGrpc,
    // https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/tag/v2.0.0
    http_since: Some("2.0.0"),
    loading_variables: &[OPTIONS],
    // HTTP semantic conventions became stable.
    breaking_version: Some("2.0.0"),
    // 20 to 40 of them, as measured: https://github.com/open-telemetry/opentelemetry-java-instrumentation/issues/8629,
    // https://github.com/keycloak/keycloak-benchmark/issues/401. A liveness probe with all defaults waits for 30, which most
    // applications live with.
    start_seconds: 30,
    particulars: |spec| profile::text(&spec.java.as_ref().map(|java| &java.extensions)),
    ..Profile::PLAIN
};

pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&Java, context, draft, findings)
}

struct Java;

impl Agent for Java {
    fn payload(
        &self,
        context: &LanguageContext<'_, '_>,
        findings: &mut Findings,
    ) -> Result<Option<Payload>, Reason> {
        let mut payload = Payload::new(NAME, FOLDER, &["cp", "/javaagent.jar", JAR]);
        for (place, extension) in extensions(context) {
            if is_usable(extension) {
                let name = format!("opentelemetry-auto-instrumentation-extension-{place}");
                let source = format!("{}/.", extension.dir);
                payload.also_copy(name, extension.image.trim(), &["cp", "-r", &source, EXTENSIONS]);
            } else {
                let pointer = format!("/spec/java/extensions/{place}");
                let value = format!("image {}, dir {}", extension.image, extension.dir);
                context.ignore(&pointer, value, Allowed::Extension, findings);
            }
        }
        Ok(Some(payload))
    }

    fn start(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        target.env.set_defaults(&context.language_env);
        let folder = folder(target);
        target.mount(NAME, &folder, false).map_err(|path| context.taken(Taken::MountPath, path))
    }

    fn finish(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason> {
        let folder = folder(target);
        let agent = format!("-javaagent:{folder}/javaagent.jar");
        // The space at the beginning is the reference's, also where nothing stands before it.
        let option = if extensions(context).any(|(_, extension)| is_usable(extension)) {
            format!(" {agent} -Dotel.javaagent.extensions={folder}/extensions")
        } else {
            format!(" {agent}")
        };
        target
            .env
            .merge(OPTIONS, Join::appended("", &option, FOLDER))
            .map_err(|_| target.not_mergeable(OPTIONS))
    }

    fn joined(&self) -> &'static [&'static str] {
        &[OPTIONS]
    }
}

/// The extensions of the Instrumentation, with their places in the list.
fn extensions<'a>(context: &LanguageContext<'_, 'a>) -> impl Iterator<Item = (usize, &'a Extension)> {
    let java = context.spec().java.as_ref();
    java.and_then(|java| java.extensions.as_deref()).unwrap_or_default().iter().enumerate()
}

/// Copying the root of an image would copy the copy, and so on.
fn is_usable(extension: &Extension) -> bool {
    let is_root = extension.dir.split('/').all(|step| matches!(step, "" | "."));
    !extension.image.trim().is_empty() && !is_root
}

/// Where a container sees the agent's files.
fn folder(target: &Target<'_>) -> String {
    format!("{FOLDER}-{}", target.container.name)
}
