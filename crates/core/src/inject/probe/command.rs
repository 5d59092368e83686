//! What copier and probe are called and started with, and how they are recognised.

use ingraft_api::Language;
use ingraft_probe_contract::{
    AgentRules, Cloning, Command, Install, Join, Libc, MESSAGE_LIMIT, PROGRAM, Plan, Rule, Unless,
};
use serde_json::Value;

use crate::facts::agent;
use crate::inject::env::{AddedVariable, Standing};
use crate::inject::resource::ATTRIBUTES;
use crate::inject::target::Target;
use crate::json::{list, string};

/// What the names of copier and probes begin with.
pub(crate) const NAMES: &str = "ingraft-probe-";
/// The name of the container that brings the program.
pub(crate) const COPIER: &str = "ingraft-probe-copier";
/// Where the volume of files and program is mounted.
pub(crate) const FOLDER: &str = "/ingraft-env";
/// What the kubelet keeps of all termination messages of a pod, divided evenly between its containers, in bytes
/// (docs/reference/kubelet.md 12; docs/reference/merging.md 15).
const MESSAGES: usize = 12 * 1024;

/// What a probe must know of the files of an agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentFiles {
    pub(crate) language: Language,
    /// The variables by which it is loaded.
    pub(crate) variables: &'static [&'static str],
    /// The C library that they are for, where it matters.
    pub(crate) libc: Option<Libc>,
    /// Whether they come from an image that is not the default one, so that their needs are not known.
    pub(crate) any_version: bool,
}

impl AgentFiles {
    pub(crate) fn are_loaded_by(&self, variable: &str) -> bool {
        self.variables.contains(&variable)
    }
}

/// What an init container does, if it is a probe.
pub(crate) fn plan(container: &Value) -> Option<Plan> {
    let mut words = list(container, "command").iter().map(|word| word.as_str().unwrap_or_default());
    let is_ours = words.next() == Some(program(FOLDER).as_str());
    match Command::parse(words.map(str::to_owned)) {
        Ok(Command::Probe(plan)) if is_ours => Some(plan),
        _ => None,
    }
}

/// The name of the file with the variables of a container.
pub(crate) fn file_for(container: &str) -> String {
    format!("{container}.env")
}

/// Where containers that mount the volume see a file of it.
pub(crate) fn path_of(file: &str) -> String {
    format!("{FOLDER}/{file}")
}

/// The container that a probe is for.
pub(crate) fn probed(plan: &Plan) -> Option<&str> {
    plan.file.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".env")
}

pub(crate) fn program(folder: &str) -> String {
    format!("{folder}/{PROGRAM}")
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
pub(crate) fn of_copier(files: Vec<String>) -> Vec<String> {
    started(program(""), &Command::Install(Install { folder: FOLDER.to_owned(), files }))
}

/// The command line of a clone of a folder.
pub(crate) fn of_clone(folder: Cloning) -> Vec<String> {
    started(program(FOLDER), &Command::Clone(folder))
}

/// The command line of a probe; `containers` is how many the pod will have at most.
pub(crate) fn of_probe(
    files: &[AgentFiles],
    containers: usize,
    target: &Target<'_>,
    file: &str,
    delegated: &[AddedVariable],
    env: &[Value],
) -> Vec<String> {
    let original = target.container.json;
    let text = |word: &Value| word.as_str().map(str::to_owned);
    let (loaded, open): (Vec<&AgentFiles>, Vec<&AgentFiles>) =
        files.iter().partition(|files| is_loaded(files, target));
    let waits = |added: &AddedVariable| open.iter().any(|files| files.are_loaded_by(&added.name));
    let agents = files.iter().filter_map(|files| {
        let is_loaded = loaded.iter().any(|loaded| loaded.language == files.language);
        let own = delegated.iter().filter(|added| !is_loaded && files.are_loaded_by(&added.name));
        let rules: Vec<Rule> = own.map(rule).collect();
        let AgentFiles { libc: payload_libc, any_version, .. } = *files;
        let agent = agent(files.language).filter(|_| is_loaded || !rules.is_empty())?;
        Some(AgentRules { agent, payload_libc, any_version, rules })
    });
    let plan = Plan {
        message_limit: MESSAGE_LIMIT.min(MESSAGES / containers.max(1)),
        workdir: string(original, "workingDir").filter(|folder| !folder.is_empty()).map(str::to_owned),
        env_names: certain_names(env),
        rules: delegated.iter().filter(|added| !waits(added)).map(rule).collect(),
        agents: agents.collect(),
        argv: ["command", "args"].iter().flat_map(|key| list(original, key)).filter_map(text).collect(),
        ..Plan::new(path_of(file))
    };
    started(program(FOLDER), &Command::Probe(plan))
}

/// Whether a value in the pod's own list already loads an agent: then the others of its variables have to be set too.
fn is_loaded(files: &AgentFiles, target: &Target<'_>) -> bool {
    let loads = |added: &AddedVariable| {
        matches!(added.standing, Standing::JoinedToValue(_)) && files.are_loaded_by(&added.name)
    };
    target.env.added().iter().any(loads)
}

pub(super) fn started(program: String, command: &Command) -> Vec<String> {
    std::iter::once(program).chain(command.to_words()).collect()
}

/// The names of variables that the list sets for certain, so that neither the image nor `envFrom` does. One that holds
/// a comma could not be told from two.
pub(super) fn certain_names(env: &[Value]) -> Vec<String> {
    let is_certain = |entry: &&Value| match entry.get("valueFrom").and_then(Value::as_object) {
        Some(source) => source.contains_key("fieldRef") || source.contains_key("resourceFieldRef"),
        None => true,
    };
    let names = env.iter().filter(is_certain).filter_map(|entry| string(entry, "name"));
    names.filter(|name| !name.contains(',')).map(str::to_owned).collect()
}

fn rule(added: &AddedVariable) -> Rule {
    let name = added.name.clone();
    let mut join = added.join.clone();
    if let (Join::Default { unless, .. }, Some((variable, key))) = (&mut join, yields_to(&name)) {
        *unless = Some(Unless { variable: variable.to_owned(), key: key.to_owned() });
    }
    Rule { name, join }
}
