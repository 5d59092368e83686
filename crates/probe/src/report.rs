//! What there is to report: names and versions only, never a value.

use std::collections::BTreeSet;

use ingraft_probe_contract::{ImageFacts, Omitted, Plan, Report, observed_variables};

use crate::decide::Decision;
use crate::environment::Environment;
use crate::image::Contents;

/// Only that something went wrong.
pub(crate) fn of_error(error: String) -> Report {
    Report {
        facts: ImageFacts { cut: true, ..ImageFacts::default() },
        architecture: architecture().to_owned(),
        omitted: Vec::new(),
        error: Some(error),
    }
}

/// Everything that is known.
pub(crate) fn of(plan: &Plan, environment: &Environment, contents: Contents, decision: Decision) -> Report {
    let mut agents: Vec<String> = Vec::new();
    for other in contents.others {
        if agents.iter().all(|known| known != other.name) {
            agents.push(other.name.to_owned());
        }
    }
    let facts = ImageFacts {
        stood_down: decision.stood_down.into_iter().collect(),
        sets: sets(plan, environment).map(str::to_owned).collect(),
        hidden: BTreeSet::new(),
        libc: contents.libc,
        runtimes: contents.runtimes.into_iter().map(|runtime| (runtime.agent, runtime.version)).collect(),
        agents,
        esm: contents.es_modules,
        entrypoint: contents.assigned,
        no_shell: contents.no_shell,
        cut: contents.is_partial,
    };
    let omitted = decision.omitted.into_iter().map(|(name, why)| Omitted { name, why });
    Report { facts, architecture: architecture().to_owned(), omitted: omitted.collect(), error: None }
}

/// One line of at most so many bytes: the least important are dropped, which `cut` says.
pub(crate) fn render(mut report: Report, limit: usize) -> String {
    // A name takes four bytes at least, so more of them can't fit.
    while report.facts.sets.len() > limit / 4 {
        report.facts.sets.pop_last();
        report.facts.cut = true;
    }
    report.facts.cut |= report.omitted.len() > limit / 4;
    report.omitted.truncate(limit / 4);
    loop {
        let line = serde_json::to_string(&report).unwrap_or_default();
        if line.len() <= limit {
            return line;
        }
        if !drop_least(&mut report) {
            return String::new();
        }
        report.facts.cut = true;
    }
}

fn drop_least(Report { facts, omitted, error, .. }: &mut Report) -> bool {
    facts.entrypoint.pop().is_some()
        || omitted.pop().is_some()
        || facts.sets.pop_last().is_some()
        || facts.agents.pop().is_some()
        || facts.runtimes.pop_last().is_some()
        || error.take().is_some()
}

/// The variables to look for: the plan's own, and those that are always observed.
pub(crate) fn of_interest(plan: &Plan) -> Vec<&str> {
    let mut names = plan.names();
    for name in observed_variables() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Those that have a value which the pod's own `env` does not give them.
fn sets<'e>(plan: &'e Plan, environment: &'e Environment) -> impl Iterator<Item = &'e str> {
    let known = of_interest(plan);
    environment.names().filter(move |name| {
        let is_other = || name.starts_with("OTEL_") && !is_service(name, environment);
        (known.contains(name) || is_other()) && plan.env_names.iter().all(|own| own != name)
    })
}

/// Whether the kubelet set the variable for a Service, such as one called `otel-collector`.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_service(name: &str, environment: &Environment) -> bool {
    let is_address = || environment.text(name).is_some_and(|value| value.contains("://"));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && is_address())
}

/// The machine's name as Kubernetes and image registries have it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests;
