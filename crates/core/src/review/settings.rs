//! Sampler, variables and other settings of an Instrumentation.

use ingraft_api::instrumentation::SamplerType;
use ingraft_api::{Instrumentation, Language};
use k8s_openapi::api::core::v1::EnvVar;

use crate::defaults;
use crate::finding::{Allowed, Findings, InstrumentationFinding, Reason};
use crate::inject::review_invalid;
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// Fields, and the variables that say the same.
const FIELDS_OF_VARIABLES: [(&str, &str); 4] = [
    ("spec.exporter.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("spec.propagators", "OTEL_PROPAGATORS"),
    ("spec.sampler", "OTEL_TRACES_SAMPLER"),
    ("spec.sampler", "OTEL_TRACES_SAMPLER_ARG"),
];

pub(super) fn review(
    instrumentation: &Instrumentation,
    snapshot: &Snapshot,
    settings: &Settings,
    findings: &mut Findings,
) {
    review_sampler(instrumentation, findings);
    let common = instrumentation.spec.env.as_deref().unwrap_or_default();
    review_fields(instrumentation, common, findings);
    review_variables(instrumentation, common, "/spec/env", findings);
    for language in Language::with_image() {
        let own = defaults::block(&instrumentation.spec, language).env;
        review_variables(instrumentation, own, &format!("/spec/{}/env", language.field()), findings);
    }
    let mut invalid = Findings::default();
    review_invalid(instrumentation, snapshot, settings, &mut invalid);
    // Whether pods have what is referred to is known when there are pods.
    invalid.retain(|reason| match reason {
        Reason::Instrumentation(InstrumentationFinding::FieldIgnored { allowed, .. }) => {
            *allowed != Allowed::FileKey
        }
        _ => false,
    });
    findings.extend(invalid.into_vec());
}

fn review_sampler(instrumentation: &Instrumentation, findings: &mut Findings) {
    let sampler = instrumentation.spec.sampler.clone().unwrap_or_default();
    let Some(argument) = sampler.argument.filter(|argument| !argument.is_empty()) else { return };
    match sampler.kind {
        None => {
            findings.about(instrumentation, InstrumentationFinding::SamplerTypeMissing, "/spec/sampler");
        }
        Some(
            kind @ (SamplerType::AlwaysOn
            | SamplerType::AlwaysOff
            | SamplerType::ParentBasedAlwaysOn
            | SamplerType::ParentBasedAlwaysOff),
        ) => {
            let reason = InstrumentationFinding::SamplerArgumentUnused { kind: kind.as_str(), argument };
            findings.about(instrumentation, reason, "/spec/sampler/argument");
        }
        Some(_) => {}
    }
}

/// Notices fields that have no effect, because a variable for all languages says the same. One language may have its own.
fn review_fields(instrumentation: &Instrumentation, common: &[EnvVar], findings: &mut Findings) {
    let spec = &instrumentation.spec;
    let is_set = |field: &str| match field {
        "spec.exporter.endpoint" => {
            let endpoint = spec.exporter.as_ref().and_then(|exporter| exporter.endpoint.as_deref());
            endpoint.is_some_and(|endpoint| !endpoint.is_empty())
        }
        "spec.propagators" => spec.propagators.as_ref().is_some_and(|propagators| !propagators.is_empty()),
        _ => spec.sampler.as_ref().is_some_and(|sampler| sampler.kind.is_some()),
    };
    for (place, variable) in common.iter().enumerate() {
        let of_field = |(field, of): &&(&str, &str)| *of == variable.name && is_set(field);
        if let Some(&(field, variable)) = FIELDS_OF_VARIABLES.iter().find(of_field) {
            let reason = InstrumentationFinding::FieldOverridden { field, variable };
            findings.about(instrumentation, reason, format!("/spec/env/{place}"));
        }
    }
}

/// Notices variables that stand twice.
fn review_variables(
    instrumentation: &Instrumentation,
    variables: &[EnvVar],
    pointer: &str,
    findings: &mut Findings,
) {
    let list = pointer.trim_start_matches('/').replace('/', ".");
    for (place, variable) in variables.iter().enumerate() {
        let name = variable.name.clone();
        let earlier = variables.iter().take(place).any(|earlier| earlier.name == name);
        if earlier {
            let reason =
                InstrumentationFinding::VariableTwice { field: list.clone(), variable: name.clone() };
            findings.about(instrumentation, reason, format!("{pointer}/{place}"));
        }
    }
}
