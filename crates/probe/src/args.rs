//! The command line.
//!
//! ```text
//! ingraft-probe install FOLDER [FILE [--value NAME VALUE]...]...
//!
//! ingraft-probe probe FILE
//!     [--message PATH]            default /dev/termination-log; must exist
//!     [--message-limit BYTES]     default 1024
//!     [--workdir FOLDER]          the application's working directory, if the pod states it
//!     [--env-names NAME,...]      what the pod's own env list sets for certain; others count as the image's or envFrom's
//!     [RULE]...                   variables that load nothing
//!     [--agent java|nodejs|python|dotnet [--payload-libc glibc|musl] [--any-version] [RULE]...]...
//!     [--argv ARG...]             the application's command and arguments, as the pod states them; always last
//!
//! RULE:
//!     --set NAME VALUE
//!     --default NAME VALUE
//!     --default-unless NAME VALUE OTHER KEY
//!     --join NAME PREFIX SUFFIX ALONE MARK
//!     --attributes NAME KEY=VALUE,...
//! ```
//!
//! Everything after `--agent` up to the next `--agent` belongs to that agent: it is activated as a whole or left as the
//! user has it. The same agent may come twice, with payloads for different C libraries.

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
use core::{fmt, mem};

use crate::{
    image::Libc,
    plan::{Activation, Agent, Kind, Plan, Rule, Section},
};

/// Where the kubelet looks for a message.
pub(crate) const MESSAGE: &str = "/dev/termination-log";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Put this program and first files into a folder.
    Install {
        /// The folder.
        folder: String,
        /// The files.
        files: Vec<FirstFile>,
    },
    /// Look, merge, write, report.
    Probe(Box<Plan>),
}

/// A file as it is before anything was probed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FirstFile {
    /// Its name.
    pub(crate) name: String,
    /// What the user wrote into the pod, by name, so that it stays if the probe fails.
    pub(crate) values: Vec<(String, String)>,
}

/// Why the command line was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The first argument is neither `install` nor `probe`.
    Mode,
    /// A word ended too early.
    Missing(&'static str),
    /// Not an option, or not a value for one.
    Unknown(&'static str, String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode => formatter.write_str("expected install or probe"),
            Self::Missing(what) => write!(formatter, "missing {what}"),
            Self::Unknown(what, found) => write!(formatter, "unknown {what} {found:?}"),
        }
    }
}

/// Reads the arguments after the program's name.
pub(crate) fn parse<'w>(arguments: impl Iterator<Item = &'w [u8]>) -> Result<Command, Error> {
    let mut words = arguments.map(|argument| String::from_utf8_lossy(argument).into_owned());
    match words.next().as_deref() {
        Some("install") => {
            let folder = next(&mut words, "FOLDER")?;
            Ok(Command::Install { folder, files: first_files(words)? })
        }
        Some("probe") => probe(words).map(|plan| Command::Probe(Box::new(plan))),
        _ => Err(Error::Mode),
    }
}

fn first_files(mut words: impl Iterator<Item = String>) -> Result<Vec<FirstFile>, Error> {
    let mut files: Vec<FirstFile> = Vec::new();
    while let Some(word) = words.next() {
        if word == "--value" {
            let file = files.last_mut().ok_or(Error::Missing("FILE"))?;
            file.values.push((next(&mut words, "NAME")?, next(&mut words, "VALUE")?));
        } else {
            files.push(FirstFile { name: word, values: Vec::new() });
        }
    }
    Ok(files)
}

fn probe(mut words: impl Iterator<Item = String>) -> Result<Plan, Error> {
    let mut plan = Plan {
        file: next(&mut words, "FILE")?,
        message: MESSAGE.to_owned(),
        message_limit: 1024,
        workdir: None,
        argv: Vec::new(),
        env_names: Vec::new(),
        sections: Vec::new(),
    };
    let mut section = Section::default();
    while let Some(option) = words.next() {
        match option.as_str() {
            "--message" => plan.message = next(&mut words, "PATH")?,
            "--message-limit" => plan.message_limit = number(next(&mut words, "BYTES")?)?,
            "--workdir" => plan.workdir = Some(next(&mut words, "FOLDER")?),
            "--env-names" => {
                plan.env_names.extend(next(&mut words, "NAMES")?.split(',').map(str::to_owned));
            }
            "--agent" => {
                let agent = agent(next(&mut words, "AGENT")?)?;
                let activation = Some(Activation { agent, payload_libc: None, any_version: false });
                let previous = mem::replace(&mut section, Section { activation, rules: Vec::new() });
                plan.sections.push(previous);
            }
            "--payload-libc" => {
                activation(&mut section)?.payload_libc = Some(libc(next(&mut words, "LIBC")?)?);
            }
            "--any-version" => activation(&mut section)?.any_version = true,
            "--argv" => plan.argv.extend(words.by_ref()),
            _ => section.rules.push(rule(option, &mut words)?),
        }
    }
    plan.sections.push(section);
    Ok(plan)
}

fn rule(option: String, words: &mut impl Iterator<Item = String>) -> Result<Rule, Error> {
    if !matches!(option.as_str(), "--set" | "--default" | "--default-unless" | "--join" | "--attributes") {
        return Err(Error::Unknown("option", option));
    }
    let name = next(words, "NAME")?;
    let kind = match option.as_str() {
        "--set" => Kind::Set(next(words, "VALUE")?),
        "--default" => Kind::Default(next(words, "VALUE")?),
        "--default-unless" => Kind::DefaultUnless {
            ours: next(words, "VALUE")?,
            other: next(words, "OTHER")?,
            key: next(words, "KEY")?,
        },
        "--attributes" => Kind::Attributes(next(words, "ATTRIBUTES")?),
        _ => Kind::Join {
            prefix: next(words, "PREFIX")?,
            suffix: next(words, "SUFFIX")?,
            alone: next(words, "ALONE")?,
            mark: next(words, "MARK")?,
        },
    };
    Ok(Rule { name, kind })
}

fn next(words: &mut impl Iterator<Item = String>, what: &'static str) -> Result<String, Error> {
    words.next().ok_or(Error::Missing(what))
}

fn number(word: String) -> Result<usize, Error> {
    word.parse().map_err(|_| Error::Unknown("number", word))
}

fn agent(word: String) -> Result<Agent, Error> {
    Agent::ALL.into_iter().find(|agent| agent.name() == word).ok_or(Error::Unknown("agent", word))
}

fn libc(word: String) -> Result<Libc, Error> {
    match word.as_str() {
        "glibc" => Ok(Libc::Glibc),
        "musl" => Ok(Libc::Musl),
        _ => Err(Error::Unknown("libc", word)),
    }
}

fn activation(section: &mut Section) -> Result<&mut Activation, Error> {
    section.activation.as_mut().ok_or(Error::Missing("--agent"))
}

#[cfg(test)]
mod tests;
