//! Which agents are activated, and what the variables become.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use crate::{
    envfile::{self, Refusal},
    environment::{Environment, Value},
    image::{Contents, Libc},
    merge,
    plan::{Activation, Agent, Plan, Rule, Section},
    version,
};

/// What the file will say, and why something is not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The file.
    pub(crate) file: String,
    /// Agents that are not activated.
    pub(crate) stood_down: Vec<(Agent, Reason)>,
    /// Variables that can't be written, or not with what is ours.
    pub(crate) omitted: Vec<(String, Refusal)>,
}

/// Why an agent is not activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The image certainly has no such runtime.
    Absent,
    /// The runtime's version is not supported.
    Version,
    /// Native code would be loaded, but the image's C library is unknown.
    LibcUnknown,
    /// The payload is for another C library.
    LibcMismatch,
    /// Somebody else's agent is loaded already.
    OtherAgent,
    /// One of the variables can't be written, and half an agent is worse than none.
    Value,
}

impl Reason {
    /// The word for it in facts.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Version => "version",
            Self::LibcUnknown => "libc-unknown",
            Self::LibcMismatch => "libc-mismatch",
            Self::OtherAgent => "other-agent",
            Self::Value => "value",
        }
    }
}

/// Merges section by section.
///
/// Every variable that is named gets its final value, also where it is just the user's own: the pod may have moved it
/// from its place in `env` to the file. Left out is what is empty and what can't be written.
pub(crate) fn decide(plan: &Plan, environment: &Environment, contents: &Contents) -> Decision {
    let mut decision = Decision::default();
    let mut current = Values { user: environment, merged: environment.clone() };
    let mut activated = Vec::new();
    for section in &plan.sections {
        match &section.activation {
            None => decision.merge_each(section, &mut current),
            Some(activation) => match decision.activate(section, activation, contents, &mut current) {
                Ok(()) => activated.push(activation.agent),
                Err(reason) => decision.stand_down(activation.agent, reason),
            },
        }
    }
    // The same agent with another payload may have been activated.
    decision.stood_down.retain(|(agent, _)| !activated.contains(agent));
    for name in plan.names() {
        let Some(value) = current.merged.get(name) else { continue };
        match envfile::writable(name, value) {
            Ok(text) => envfile::append(&mut decision.file, name, text),
            Err(refusal) => decision.omit(name, refusal),
        }
    }
    decision
}

/// Variables while they are merged.
#[derive(Clone)]
struct Values<'e> {
    user: &'e Environment,
    merged: Environment,
}

impl Decision {
    /// Variables that load nothing: each for itself.
    fn merge_each(&mut self, section: &Section, current: &mut Values<'_>) {
        for rule in &section.rules {
            if let Err(refusal) = merge(rule, current) {
                self.omit(&rule.name, refusal);
            }
        }
    }

    /// An agent's variables: all of them or none.
    fn activate(
        &mut self,
        section: &Section,
        activation: &Activation,
        contents: &Contents,
        current: &mut Values<'_>,
    ) -> Result<(), Reason> {
        if let Some(reason) = objection(activation, contents) {
            return Err(reason);
        }
        let mut trial = current.clone();
        for rule in &section.rules {
            if let Err(refusal) = merge(rule, &mut trial) {
                self.omit(&rule.name, refusal);
                return Err(Reason::Value);
            }
        }
        *current = trial;
        Ok(())
    }

    fn stand_down(&mut self, agent: Agent, reason: Reason) {
        if self.stood_down.iter().all(|(known, _)| *known != agent) {
            self.stood_down.push((agent, reason));
        }
    }

    fn omit(&mut self, name: &str, refusal: Refusal) {
        if self.omitted.iter().all(|(omitted, _)| omitted != name) {
            self.omitted.push((name.to_owned(), refusal));
        }
    }
}

/// Changes the variable, unless the result can't be written.
fn merge(rule: &Rule, current: &mut Values<'_>) -> Result<(), Refusal> {
    let Values { user, merged } = current;
    let value = merge::merged(rule, user, merged)?.map(Value::Text);
    let Some(whole) = value.as_ref().or_else(|| merged.get(&rule.name)) else {
        return Ok(());
    };
    envfile::writable(&rule.name, whole)?;
    if let Some(value) = value {
        merged.set(&rule.name, value);
    }
    Ok(())
}

/// What speaks against an agent. Only what is certain does, except for native code of an unknown C library.
fn objection(activation: &Activation, contents: &Contents) -> Option<Reason> {
    let Activation { agent, payload_libc, any_version } = activation;
    if contents.others.iter().any(|other| other.into.is_none_or(|into| into == *agent)) {
        return Some(Reason::OtherAgent);
    }
    match contents.runtime(*agent) {
        None if contents.libc == Some(Libc::None) => return Some(Reason::Absent),
        None => {}
        Some(runtime) => {
            let version = runtime.version.as_deref().unwrap_or_default();
            if !any_version && !version::is_supported(*agent, version) {
                return Some(Reason::Version);
            }
        }
    }
    match (contents.libc, payload_libc) {
        (None, _) if agent.is_native() => Some(Reason::LibcUnknown),
        (Some(Libc::None), _) if agent.is_native() => Some(Reason::LibcMismatch),
        (Some(found), Some(needed)) if found != *needed => Some(Reason::LibcMismatch),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
