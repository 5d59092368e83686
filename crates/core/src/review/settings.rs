//! Sampler, variables and other settings of an Instrumentation.

use ingraft_api::instrumentation::SamplerType;
use ingraft_api::{Instrumentation, Language};
use k8s_openapi::api::core::v1::EnvVar;

use crate::defaults;
use crate::finding::{Allowed, Findings, InstrumentationFinding, Reason, VariableFinding};
use crate::inject::review_invalid;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::variables::{self, Variable};

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
    let blocks: Vec<_> = Language::with_image()
        .map(|language| (language, defaults::block(&instrumentation.spec, language).env))
        .collect();
    for (language, own) in &blocks {
        review_variables(instrumentation, own, &format!("/spec/{}/env", language.field()), findings);
    }
    review_meaning(instrumentation, common, &blocks, findings);
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
    if sampler.kind == Some(SamplerType::AlwaysOff) {
        let (setting, value) = ("spec.sampler.type".to_owned(), SamplerType::AlwaysOff.as_str().to_owned());
        let reason = VariableFinding::TracesSwitchedOff { setting, value };
        findings.about(instrumentation, reason, "/spec/sampler/type");
    }
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
        Some(SamplerType::TraceIdRatio | SamplerType::ParentBasedTraceIdRatio) => {
            // What is no share is refused.
            if let Some(reason @ Reason::Variable(_)) =
                variables::review_share("spec.sampler.argument", &argument)
            {
                findings.about(instrumentation, reason, "/spec/sampler/argument");
            }
        }
        Some(_) => {}
    }
}

/// Notices variables that nobody reads, or that switch traces off. Where a language has its own, those of all are not judged.
fn review_meaning(
    instrumentation: &Instrumentation,
    common: &[EnvVar],
    blocks: &[(Language, &[EnvVar])],
    findings: &mut Findings,
) {
    let is_of_language =
        |name: &str| blocks.iter().any(|(_, own)| own.iter().any(|variable| variable.name == name));
    let mut add = |list: &[EnvVar], pointer: &str, language: Option<Language>| {
        let variables: Vec<_> = list.iter().map(Variable::of_instrumentation).collect();
        for (place, reason) in variables::review(&variables, &[], language) {
            let index = place.split('/').nth(1).and_then(|index| index.parse::<usize>().ok());
            let name = index.and_then(|index| list.get(index)).map_or("", |variable| &variable.name);
            if language.is_some() || !is_of_language(name) {
                findings.about(instrumentation, reason, format!("{pointer}{place}"));
            }
        }
    };
    add(common, "/spec/env", None);
    for (language, own) in blocks {
        add(own, &format!("/spec/{}/env", language.field()), Some(*language));
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
