//! Commands from words.

use std::fmt;

use super::{AgentRules, Check, Cloning, Command, Install, Plan, Rule};
use crate::{Agent, Join, Libc, Unless};

/// Why a command line was not understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// The first word is not a command.
    Mode,
    /// The words ended before this one.
    Missing(&'static str),
    /// Not an option, or not a value for one.
    Unknown(&'static str, String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode => formatter.write_str("expected install, probe, check or clone"),
            Self::Missing(what) => write!(formatter, "missing {what}"),
            Self::Unknown(what, found) => write!(formatter, "unknown {what} {found:?}"),
        }
    }
}

impl std::error::Error for Error {}

impl Command {
    /// Reads the words after the program's name.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let mut words = words.into_iter();
        match words.next().as_deref() {
            Some("install") => install(words).map(Self::Install),
            Some("probe") => probe(words).map(Self::Probe),
            Some("check") => check(words).map(Self::Check),
            Some("clone") => clone(words).map(Self::Clone),
            _ => Err(Error::Mode),
        }
    }
}

fn install(mut words: impl Iterator<Item = String>) -> Result<Install, Error> {
    Ok(Install { folder: next(&mut words, "FOLDER")?, files: words.collect() })
}

fn check(mut words: impl Iterator<Item = String>) -> Result<Check, Error> {
    Ok(Check { name: next(&mut words, "NAME")?, value: next(&mut words, "VALUE")? })
}

fn clone(mut words: impl Iterator<Item = String>) -> Result<Cloning, Error> {
    let (from, to) = (next(&mut words, "FROM")?, next(&mut words, "TO")?);
    let mut folder = Cloning { from, to, version_of: None, writable: None };
    while let Some(option) = words.next() {
        match option.as_str() {
            "--version-of" => folder.version_of = Some(next(&mut words, "PROGRAM")?),
            "--writable" => folder.writable = Some(next(&mut words, "FILE")?),
            _ => return Err(Error::Unknown("option", option)),
        }
    }
    Ok(folder)
}

fn probe(mut words: impl Iterator<Item = String>) -> Result<Plan, Error> {
    let mut plan = Plan::new(next(&mut words, "FILE")?);
    while let Some(option) = words.next() {
        match option.as_str() {
            "--message" => plan.message = next(&mut words, "PATH")?,
            "--message-limit" => {
                let word = next(&mut words, "BYTES")?;
                plan.message_limit = word.parse().map_err(|_| Error::Unknown("number", word))?;
            }
            "--workdir" => plan.workdir = Some(next(&mut words, "FOLDER")?),
            "--env-names" => {
                plan.env_names.extend(next(&mut words, "NAMES")?.split(',').map(str::to_owned));
            }
            "--agent" => {
                let agent = named(Agent::named, "agent", next(&mut words, "AGENT")?)?;
                let rules = Vec::new();
                plan.agents.push(AgentRules { agent, payload_libc: None, any_version: false, rules });
            }
            "--payload-libc" => {
                agent(&mut plan)?.payload_libc = Some(named(Libc::named, "libc", next(&mut words, "LIBC")?)?);
            }
            "--any-version" => agent(&mut plan)?.any_version = true,
            "--argv" => plan.argv.extend(words.by_ref()),
            _ => {
                let rule = rule(option, &mut words)?;
                plan.agents.last_mut().map_or(&mut plan.rules, |agent| &mut agent.rules).push(rule);
            }
        }
    }
    Ok(plan)
}

fn rule(option: String, words: &mut impl Iterator<Item = String>) -> Result<Rule, Error> {
    if !matches!(option.as_str(), "--default" | "--default-unless" | "--join" | "--attributes") {
        return Err(Error::Unknown("option", option));
    }
    let name = next(words, "NAME")?;
    let join = match option.as_str() {
        "--default" => Join::default(next(words, "VALUE")?),
        "--default-unless" => Join::Default {
            ours: next(words, "VALUE")?,
            unless: Some(Unless { variable: next(words, "OTHER")?, key: next(words, "KEY")? }),
        },
        "--attributes" => Join::Attributes { ours: next(words, "ATTRIBUTES")? },
        _ => Join::Around {
            prefix: next(words, "PREFIX")?,
            suffix: next(words, "SUFFIX")?,
            alone: next(words, "ALONE")?,
            mark: next(words, "MARK")?.into(),
        },
    };
    Ok(Rule { name, join })
}

fn next(words: &mut impl Iterator<Item = String>, what: &'static str) -> Result<String, Error> {
    words.next().ok_or(Error::Missing(what))
}

fn named<T>(of: impl Fn(&str) -> Option<T>, what: &'static str, word: String) -> Result<T, Error> {
    of(&word).ok_or(Error::Unknown(what, word))
}

fn agent(plan: &mut Plan) -> Result<&mut AgentRules, Error> {
    plan.agents.last_mut().ok_or(Error::Missing("--agent"))
}
