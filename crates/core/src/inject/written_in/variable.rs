//! Variables that only one language reads.

use ingraft_api::Language;
use serde_json::Value;

use super::{Content, DOTNET, JAVA, NODEJS, PYTHON};
use crate::inject::languages::{dotnet, profile};
use crate::json::string;

/// What reads the variables of a container that only one language reads, and the place of the first of them; nothing where
/// several languages do. Those that an Instrumentation sets may have been injected before.
pub(super) fn read_by(env: &[Value], is_injected: impl Fn(&str) -> bool) -> Option<(Content, usize)> {
    // The host of Azure Functions is written in another language than what it runs:
    // https://learn.microsoft.com/azure/azure-functions/functions-app-settings#functions_worker_runtime
    if let Some(index) =
        env.iter().position(|entry| string(entry, "name") == Some("FUNCTIONS_WORKER_RUNTIME"))
    {
        let content = match string(env.get(index)?, "value")? {
            "node" => NODEJS,
            "python" => PYTHON,
            "java" => JAVA,
            "dotnet" | "dotnet-isolated" => DOTNET,
            _ => return None,
        };
        return Some((content, index));
    }
    let mut known = env.iter().enumerate().filter_map(|(index, entry)| {
        let name = string(entry, "name").filter(|name| !is_injected(name))?;
        Some((reader(name)?, index))
    });
    let (first, index) = known.next()?;
    known.all(|(other, _)| other == first).then_some((first, index))
}

/// What reads a variable.
fn reader(name: &str) -> Option<Content> {
    match name {
        "CATALINA_OPTS" | "JAVA_OPTS" => Some(JAVA),
        // `OTEL_NODE_IP` is about a machine.
        "OTEL_NODE_DISABLED_INSTRUMENTATIONS"
        | "OTEL_NODE_ENABLED_INSTRUMENTATIONS"
        | "OTEL_NODE_RESOURCE_DETECTORS" => Some(NODEJS),
        "DJANGO_SETTINGS_MODULE" | "FLASK_APP" | "PYTHONDONTWRITEBYTECODE" | "PYTHONUNBUFFERED" => {
            Some(PYTHON)
        }
        name if name == dotnet::HOME || loads_an_agent(name) => None,
        name if name.starts_with("OTEL_JAVAAGENT_") => Some(JAVA),
        name if name.starts_with("OTEL_PYTHON_") => Some(PYTHON),
        name if ["ASPNETCORE_", "DOTNET_", "OTEL_DOTNET_"].iter().any(|start| name.starts_with(start)) => {
            Some(DOTNET)
        }
        _ => None,
    }
}

/// Whether it is one by which agents are loaded: others set such in every container, whatever its language.
fn loads_an_agent(name: &str) -> bool {
    profile(Language::DotNet).loading_variables.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_functions_are_in_the_language_of_their_worker() {
        let of = |value: &str| {
            let env = [("ASPNETCORE_URLS", "http://+:80"), ("FUNCTIONS_WORKER_RUNTIME", value)];
            let env = env.map(|(name, value)| serde_json::json!({"name": name, "value": value}));
            read_by(&env, |_| false).map(|((what, _), index)| (what, index))
        };
        assert_eq!((of("node"), of("powershell")), (Some(("nodejs", 1)), None));
    }

    #[test]
    fn variables_tell_who_reads_them() {
        for (names, expected) in [
            ("A OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", Some(("python", 1))),
            ("PYTHONUNBUFFERED FLASK_APP", Some(("python", 0))),
            ("PYTHONUNBUFFERED JAVA_OPTS", None),
            ("JAVA_OPTS", Some(("java", 0))),
            ("OTEL_NODE_ENABLED_INSTRUMENTATIONS", Some(("nodejs", 0))),
            ("ASPNETCORE_URLS DOTNET_ENVIRONMENT", Some(("dotnet", 0))),
            ("DOTNET_STARTUP_HOOKS CORECLR_PROFILER OTEL_DOTNET_AUTO_HOME", None),
            ("OTEL_NODE_IP NODE_ENV NODE_OPTIONS PYTHONPATH JAVA_TOOL_OPTIONS", None),
            ("OTEL_PYTHON_OURS", None),
        ] {
            let env: Vec<Value> = names.split(' ').map(|name| serde_json::json!({"name": name})).collect();
            let found =
                read_by(&env, |name| name == "OTEL_PYTHON_OURS").map(|((what, _), index)| (what, index));
            assert_eq!(found, expected, "{names}");
        }
    }
}
