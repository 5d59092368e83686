//! What copier and probe are called and started with (crates/probe/src/args.rs), and how they are recognised.

use ingraft_api::Language;
use serde_json::Value;

use crate::inject::env::{Addition, Join, agent_of};
use crate::inject::resource::ATTRIBUTES;
use crate::inject::target::Target;
use crate::json::{list, string};

/// The name of the container that brings the program.
pub(crate) const COPIER: &str = "ingraft-probe-copier";
/// Where the volume of files and program is mounted.
pub(crate) const FOLDER: &str = "/ingraft-env";
const PROGRAM: &str = "/ingraft-env/ingraft-probe";
/// What the kubelet keeps of all termination messages of a pod, divided evenly between its containers, and what a probe
/// writes unless told to write less, in bytes (environment.md, section 3).
const MESSAGES: usize = 12 * 1024;
const MESSAGE: usize = 1024;
/// The option that lists variables that the pod's own list sets for certain.
const OWN: &str = "--env-names";

/// What a probe must know of the files of an agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentFiles {
    pub(crate) language: Language,
    /// The C library that they are for, where it matters.
    pub(crate) libc: Option<&'static str>,
    /// Whether they come from an image that is not the default one, so that their needs are not known.
    pub(crate) any_version: bool,
}

/// The container that an init container is the probe of, if it is one.
pub(crate) fn probed(container: &Value) -> Option<&str> {
    let mut words = list(container, "command").iter().filter_map(Value::as_str);
    let ours = words.next() == Some(PROGRAM) && words.next() == Some("probe");
    let file = words.next().filter(|_| ours)?;
    file.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".env")
}

/// The variables that a probe does not tell of, because its own list sets them for certain.
pub(crate) fn own_variables(probe: &Value) -> impl Iterator<Item = &str> {
    let words = list(probe, "command").iter().filter_map(Value::as_str);
    words
        .skip_while(|word| *word != OWN)
        .nth(1)
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
}

/// The other variable, or one key of it, by which the user sets what a variable of ours would set too.
pub(crate) fn yields_to(variable: &str) -> Option<(&'static str, &'static str)> {
    Some(match variable {
        "OTEL_SERVICE_NAME" => (ATTRIBUTES, "service.name"),
        // A sampler and its argument belong together.
        "OTEL_TRACES_SAMPLER" => ("OTEL_TRACES_SAMPLER_ARG", ""),
        "OTEL_TRACES_SAMPLER_ARG" => ("OTEL_TRACES_SAMPLER", ""),
        _ => return None,
    })
}

/// The command line of the copier.
pub(crate) fn of_copier(files: &[String]) -> Vec<String> {
    let own = ["/ingraft-probe", "install", FOLDER].map(str::to_owned);
    own.into_iter().chain(files.iter().cloned()).collect()
}

/// The command line of a probe; `containers` is how many the pod will have at most.
pub(crate) fn of_probe(
    agents: &[AgentFiles],
    containers: usize,
    target: &Target<'_>,
    file: &str,
    routed: &[Addition],
    env: &[Value],
) -> Vec<String> {
    let original = target.container.json;
    let mut words = vec![PROGRAM.to_owned(), "probe".to_owned(), format!("{FOLDER}/{file}")];
    let limit = MESSAGES / containers.max(1);
    if limit < MESSAGE {
        words.extend(["--message-limit".to_owned(), limit.to_string()]);
    }
    if let Some(folder) = string(original, "workingDir").filter(|folder| !folder.is_empty()) {
        words.extend(["--workdir".to_owned(), folder.to_owned()]);
    }
    // What is set for certain, so neither by the image nor by envFrom.
    let certain = |entry: &&Value| match entry.get("valueFrom").and_then(Value::as_object) {
        Some(source) => source.contains_key("fieldRef") || source.contains_key("resourceFieldRef"),
        None => true,
    };
    let own: Vec<&str> = env.iter().filter(certain).filter_map(|entry| string(entry, "name")).collect();
    if !own.is_empty() {
        words.extend([OWN.to_owned(), own.join(",")]);
    }
    let loads = |addition: &&Addition| {
        let language = agent_of(&addition.name);
        agents.iter().any(|files| Some(files.language) == language)
    };
    words.extend(routed.iter().filter(|addition| !loads(addition)).flat_map(rule));
    for files in agents {
        let mut rules = routed
            .iter()
            .filter(|addition| agent_of(&addition.name) == Some(files.language))
            .flat_map(rule)
            .peekable();
        if rules.peek().is_none() {
            continue;
        }
        words.extend(["--agent".to_owned(), files.language.key().to_owned()]);
        if let Some(libc) = files.libc {
            words.extend(["--payload-libc".to_owned(), libc.to_owned()]);
        }
        if files.any_version {
            words.push("--any-version".to_owned());
        }
        words.extend(rules);
    }
    let argv: Vec<&str> =
        ["command", "args"].iter().flat_map(|key| list(original, key)).filter_map(Value::as_str).collect();
    if !argv.is_empty() {
        words.push("--argv".to_owned());
        words.extend(argv.into_iter().map(str::to_owned));
    }
    words
}

fn rule(addition: &Addition) -> Vec<String> {
    let name = addition.name.as_str();
    let words = match (&addition.join, yields_to(name)) {
        (Join::Default { ours }, None) => vec!["--default", name, ours],
        (Join::Default { ours }, Some((other, key))) => vec!["--default-unless", name, ours, other, key],
        (Join::Around { prefix, suffix, alone, mark }, _) => {
            vec!["--join", name, prefix, suffix, alone, mark]
        }
        (Join::Attributes { ours }, _) => vec!["--attributes", name, ours],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// The words by which the copier puts the user's own value of a variable into the file.
pub(crate) fn first_value(addition: &Addition) -> Option<[String; 3]> {
    let value = string(addition.original.as_ref()?, "value").filter(|value| !value.is_empty())?;
    Some(["--value".to_owned(), addition.name.clone(), value.to_owned()])
}
