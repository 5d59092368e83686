//! Commands as words.

use super::{AgentRules, Check, Cloning, Command, Install, Plan, Rule};
use crate::{Join, MESSAGE, MESSAGE_LIMIT, Unless};

impl Command {
    /// The words after the program's name, which [`Command::parse`] reads back.
    pub fn to_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match self {
            Self::Install(install) => push_install(&mut words, install),
            Self::Probe(plan) => push_probe(&mut words, plan),
            Self::Check(Check { name, value }) => push(&mut words, &["check", name, value]),
            Self::Clone(Cloning { from, to, version_of, writable }) => {
                push(&mut words, &["clone", from, to]);
                for (option, value) in [("--version-of", version_of), ("--writable", writable)] {
                    if let Some(value) = value {
                        push(&mut words, &[option, value]);
                    }
                }
            }
        }
        words
    }
}

fn push(words: &mut Vec<String>, more: &[&str]) {
    words.extend(more.iter().map(|&word| word.to_owned()));
}

fn push_install(words: &mut Vec<String>, install: &Install) {
    push(words, &["install", &install.folder]);
    words.extend(install.files.iter().cloned());
}

fn push_probe(words: &mut Vec<String>, plan: &Plan) {
    push(words, &["probe", &plan.file]);
    if plan.message != MESSAGE {
        push(words, &["--message", &plan.message]);
    }
    if plan.message_limit != MESSAGE_LIMIT {
        push(words, &["--message-limit", &plan.message_limit.to_string()]);
    }
    if let Some(folder) = &plan.workdir {
        push(words, &["--workdir", folder]);
    }
    if !plan.env_names.is_empty() {
        push(words, &["--env-names", &plan.env_names.join(",")]);
    }
    push_rules(words, &plan.rules);
    for AgentRules { agent, payload_libc, any_version, rules } in &plan.agents {
        push(words, &["--agent", agent.name()]);
        if let Some(libc) = payload_libc {
            push(words, &["--payload-libc", libc.name()]);
        }
        if *any_version {
            push(words, &["--any-version"]);
        }
        push_rules(words, rules);
    }
    if !plan.argv.is_empty() {
        push(words, &["--argv"]);
        words.extend(plan.argv.iter().cloned());
    }
}

fn push_rules(words: &mut Vec<String>, rules: &[Rule]) {
    for Rule { name, join } in rules {
        match join {
            Join::Default { ours, unless: None } => push(words, &["--default", name, ours]),
            Join::Default { ours, unless: Some(Unless { variable, key }) } => {
                push(words, &["--default-unless", name, ours, variable, key]);
            }
            Join::Around { prefix, suffix, alone, mark } => {
                push(words, &["--join", name, prefix, suffix, alone, mark]);
            }
            Join::Attributes { ours } => push(words, &["--attributes", name, ours]),
        }
    }
}
