//! Which agents are loaded, and what the variables become.

use ingraft_probe_contract::{Agent, AgentRules, Join, Libc, Plan, Refusal, Rule, StandDown, writable};

use crate::environment::{Environment, Value};
use crate::image::Contents;
use crate::version;

/// What the file will say, and why something is not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The file's variables and their values.
    pub(crate) variables: Vec<(String, String)>,
    /// Agents that are not loaded.
    pub(crate) stood_down: Vec<(Agent, StandDown)>,
    /// Variables that can't be written, or not with what is ours.
    pub(crate) omitted: Vec<(String, Refusal)>,
}

/// Merges the variables that load nothing, then agent by agent.
///
/// Every variable that is named gets its final value, even if it is just the user's own: the pod may have moved it from
/// its place in `env` to the file. Left out is what is empty and what can't be written.
pub(crate) fn decide(plan: &Plan, environment: &Environment, contents: &Contents) -> Decision {
    let mut decision = Decision::default();
    let mut current = Values { user: environment, merged: environment.clone() };
    for rule in &plan.rules {
        if let Err(refusal) = current.merge(rule) {
            decision.omit(&rule.name, refusal);
        }
    }
    let mut loaded = Vec::new();
    for agent in &plan.agents {
        match decision.load(agent, contents, &mut current) {
            Ok(()) => loaded.push(agent.agent),
            Err(why) => decision.stand_down(agent.agent, why),
        }
    }
    // The same agent with another payload may have been loaded.
    decision.stood_down.retain(|(agent, _)| !loaded.contains(agent));
    for name in plan.names() {
        match current.merged.get(name) {
            None => {}
            Some(Value::Bytes) => decision.omit(name, Refusal::Encoding),
            Some(Value::Text(value)) => match writable(name, value) {
                Ok(()) => decision.variables.push((name.to_owned(), value.clone())),
                Err(refusal) => decision.omit(name, refusal),
            },
        }
    }
    decision
}

impl Decision {
    /// An agent's variables: all of them or none.
    fn load(
        &mut self,
        agent: &AgentRules,
        contents: &Contents,
        current: &mut Values<'_>,
    ) -> Result<(), StandDown> {
        if let Some(why) = objection(agent, contents) {
            return Err(why);
        }
        let mut trial = current.clone();
        for rule in &agent.rules {
            if let Err(refusal) = trial.merge(rule) {
                self.omit(&rule.name, refusal);
                return Err(StandDown::Value);
            }
        }
        *current = trial;
        Ok(())
    }

    fn stand_down(&mut self, agent: Agent, why: StandDown) {
        if self.stood_down.iter().all(|(known, _)| *known != agent) {
            self.stood_down.push((agent, why));
        }
    }

    fn omit(&mut self, name: &str, refusal: Refusal) {
        if self.omitted.iter().all(|(omitted, _)| omitted != name) {
            self.omitted.push((name.to_owned(), refusal));
        }
    }
}

/// Variables while they are merged.
#[derive(Clone)]
struct Values<'e> {
    user: &'e Environment,
    merged: Environment,
}

impl Values<'_> {
    /// Changes the variable, unless the result can't be written.
    fn merge(&mut self, Rule { name, join }: &Rule) -> Result<(), Refusal> {
        let old = match self.merged.get(name) {
            Some(Value::Bytes) => return Err(Refusal::Encoding),
            // A variable that is empty is as good as none.
            Some(Value::Text(text)) => Some(text.as_str()),
            None => None,
        };
        let new =
            if join.yields(|other| self.user.get(other).map(Value::text)) { None } else { join.merge(old) };
        let mut value = new.unwrap_or_else(|| old.unwrap_or_default().to_owned());
        if matches!(join, Join::Attributes { .. }) {
            // SDKs decode attributes, so a quote can be written in another way.
            value = value.replace('\'', "%27");
        }
        if value.is_empty() {
            return Ok(());
        }
        writable(name, &value)?;
        self.merged.set(name, value);
        Ok(())
    }
}

/// What speaks against an agent. Only what is certain does, except for native code of an unknown C library.
fn objection(agent: &AgentRules, contents: &Contents) -> Option<StandDown> {
    let AgentRules { agent, payload_libc, any_version, .. } = agent;
    if contents.others.iter().any(|other| other.into.is_none_or(|into| into == *agent)) {
        return Some(StandDown::OtherAgent);
    }
    match contents.runtime(*agent) {
        None if contents.libc == Some(Libc::None) => return Some(StandDown::Absent),
        None => {}
        Some(runtime) => {
            let version = runtime.version.as_deref().unwrap_or_default();
            if !any_version && !version::is_supported(*agent, version) {
                return Some(StandDown::Version);
            }
        }
    }
    // Native code works with one C library only.
    let is_native = matches!(agent, Agent::Python | Agent::Dotnet);
    match (contents.libc, payload_libc) {
        (None, _) if is_native => Some(StandDown::LibcUnknown),
        (Some(Libc::None), _) if is_native => Some(StandDown::LibcMismatch),
        (Some(found), Some(needed)) if found != *needed => Some(StandDown::LibcMismatch),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
