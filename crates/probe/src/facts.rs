//! What the probe reports: one line of JSON, names and versions only, never a value.
//!
//! ```json
//! {"v":1,"stood_down":{"python":"version"},"error":"write: …","sets":["PYTHONPATH"],
//!  "omitted":[{"name":"X","why":"quote"}],"libc":"glibc","arch":"amd64","runtimes":{"python":"3.9.2","java":null},
//!  "agents":["datadog"],"esm":true,"entrypoint":["JAVA_TOOL_OPTIONS"],"cut":true}
//! ```
//!
//! The most important come first. What is unknown, empty or false is left out, except that `sets` is always there.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use crate::{
    decide::Decision, environment::Environment, image::Contents, json::push_string, plan::Plan,
    system::ARCHITECTURE,
};

/// Variables that matter even if this pod does not change them, besides all whose names begin with `OTEL_`.
const OF_INTEREST: [&str; 18] = [
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "CORECLR_ENABLE_PROFILING",
    "CORECLR_PROFILER",
    "CORECLR_PROFILER_PATH",
    "DOTNET_STARTUP_HOOKS",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "JAVA_OPTS",
    "CATALINA_OPTS",
    "DOTNET_EnableDiagnostics",
    "PYTHONHOME",
    "NODE_PATH",
];

/// The facts of one run.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    stood_down: Vec<[&'static str; 2]>,
    error: Option<String>,
    sets: Vec<String>,
    omitted: Vec<(String, &'static str)>,
    libc: Option<&'static str>,
    runtimes: Vec<(&'static str, Option<String>)>,
    agents: Vec<&'static str>,
    es_modules: Option<bool>,
    entrypoint: Vec<String>,
    is_cut: bool,
}

impl Facts {
    /// Only that something went wrong.
    pub(crate) fn of_error(error: String) -> Self {
        Self { error: Some(error), is_cut: true, ..Self::default() }
    }

    /// Everything that is known.
    pub(crate) fn of(plan: &Plan, environment: &Environment, contents: Contents, decision: Decision) -> Self {
        let mut agents: Vec<&'static str> = Vec::new();
        for other in contents.others {
            if !agents.contains(&other.name) {
                agents.push(other.name);
            }
        }
        let runtimes = contents.runtimes.into_iter().map(|runtime| (runtime.agent.name(), runtime.version));
        let omitted = decision.omitted.into_iter().map(|(name, refusal)| (name, refusal.word()));
        let stood_down = decision.stood_down.iter().map(|(agent, reason)| [agent.name(), reason.word()]);
        Self {
            stood_down: stood_down.collect(),
            error: None,
            sets: sets(plan, environment),
            omitted: omitted.collect(),
            libc: contents.libc.map(crate::image::Libc::word),
            runtimes: runtimes.collect(),
            agents,
            es_modules: contents.es_modules,
            entrypoint: contents.assigned,
            is_cut: contents.is_partial,
        }
    }

    /// Adds that something went wrong.
    pub(crate) fn fail(&mut self, error: String) {
        self.error = Some(error);
    }

    /// One line of at most so many bytes: the least important are dropped, which `cut` tells.
    pub(crate) fn render(mut self, limit: usize) -> String {
        // A name takes four bytes at least, so more of them can't fit.
        self.is_cut |= self.sets.len() > limit / 4 || self.omitted.len() > limit / 4;
        self.sets.truncate(limit / 4);
        self.omitted.truncate(limit / 4);
        loop {
            let line = self.line();
            if line.len() <= limit || !self.drop_least() {
                return if line.len() <= limit { line } else { String::new() };
            }
            self.is_cut = true;
        }
    }

    fn drop_least(&mut self) -> bool {
        self.entrypoint.pop().is_some()
            || self.omitted.pop().is_some()
            || self.sets.pop().is_some()
            || self.agents.pop().is_some()
            || self.runtimes.pop().is_some()
            || self.error.take().is_some()
    }

    fn line(&self) -> String {
        let mut out = String::from("{\"v\":1");
        if !self.stood_down.is_empty() {
            list(&mut out, "stood_down", ['{', '}'], &self.stood_down, |out, [agent, reason]| {
                pair(out, agent, Some(reason));
            });
        }
        if let Some(error) = &self.error {
            out.push(',');
            pair(&mut out, "error", Some(error));
        }
        list(&mut out, "sets", ['[', ']'], &self.sets, |out, name| push_string(out, name));
        if !self.omitted.is_empty() {
            list(&mut out, "omitted", ['[', ']'], &self.omitted, |out, (name, why)| {
                out.push('{');
                pair(out, "name", Some(name));
                out.push(',');
                pair(out, "why", Some(why));
                out.push('}');
            });
        }
        for (key, word) in [("libc", self.libc), ("arch", Some(architecture()))] {
            if let Some(word) = word {
                out.push(',');
                pair(&mut out, key, Some(word));
            }
        }
        if !self.runtimes.is_empty() {
            list(&mut out, "runtimes", ['{', '}'], &self.runtimes, |out, (name, version)| {
                pair(out, name, version.as_deref());
            });
        }
        if !self.agents.is_empty() {
            list(&mut out, "agents", ['[', ']'], &self.agents, |out, name| push_string(out, name));
        }
        if let Some(uses) = self.es_modules {
            out.push_str(if uses { ",\"esm\":true" } else { ",\"esm\":false" });
        }
        if !self.entrypoint.is_empty() {
            list(&mut out, "entrypoint", ['[', ']'], &self.entrypoint, |out, name| push_string(out, name));
        }
        if self.is_cut {
            out.push_str(",\"cut\":true");
        }
        out.push('}');
        out
    }
}

/// Variables of interest, the plan's own first.
pub(crate) fn of_interest(plan: &Plan) -> Vec<&str> {
    let mut names = plan.names();
    for name in OF_INTEREST {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Those that have a value which the pod's own `env` does not give them.
fn sets(plan: &Plan, environment: &Environment) -> Vec<String> {
    let known = of_interest(plan);
    let is_other =
        |name: &&str| name.starts_with("OTEL_") && !known.contains(name) && !is_service(name, environment);
    let others = environment.names().filter(is_other);
    let names = known.iter().copied().chain(others);
    let foreign =
        names.filter(|name| environment.get(name).is_some() && plan.env_names.iter().all(|own| own != name));
    foreign.map(str::to_owned).collect()
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
    match ARCHITECTURE {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn list<T>(
    out: &mut String,
    key: &str,
    [open, close]: [char; 2],
    items: &[T],
    push: impl Fn(&mut String, &T),
) {
    out.push(',');
    push_string(out, key);
    out.extend([':', open]);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(close);
}

fn pair(out: &mut String, key: &str, value: Option<&str>) {
    push_string(out, key);
    out.push(':');
    match value {
        Some(text) => push_string(out, text),
        None => out.push_str("null"),
    }
}

#[cfg(test)]
mod tests;
