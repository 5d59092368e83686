//! Languages whose agent is a set of files, copied by an init container and loaded by a variable; and `sdk`, which has
//! no files at all (docs/reference/payload.md; docs/reference/sdk.md).

use ingraft_probe_contract::StandDown;

use crate::facts::agent;
use crate::finding::{ContainerFinding, Findings, ProbeFinding, Reason};
use crate::inject::draft::Draft;
use crate::inject::injection::Injection;
use crate::inject::payload::Payload;
use crate::inject::target::Target;
use crate::inject::{exporter, telemetry};

/// What is particular to such a language.
pub(super) trait Agent {
    /// The files that the language needs; none for `sdk`. An error refuses the language in this pod.
    fn payload(
        &self,
        injection: &Injection<'_, '_>,
        findings: &mut Findings,
    ) -> Result<Option<Payload>, Reason>;

    /// Variables that come before the common ones, and the mount. An error refuses this container.
    fn start(&self, injection: &Injection<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason>;

    /// Variables that come after the common ones. An error refuses this container.
    fn finish(&self, injection: &Injection<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason>;

    /// The variables that the user may have set too, and that ours are joined to.
    fn joined(&self) -> &'static [&'static str] {
        &[]
    }

    /// Notices what will not work well, when the container is ready.
    fn review(&self, injection: &Injection<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
        let _ = (injection, target, findings);
    }
}

/// Injects the language. Answers the containers that changed.
pub(super) fn inject<'a>(
    agent: &dyn Agent,
    injection: &Injection<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    let payload = match agent.payload(injection, findings).and_then(|payload| match &payload {
        Some(files) => files.check(injection, draft).map(|()| payload),
        None => Ok(payload),
    }) {
        Ok(payload) => payload,
        Err(reason) => {
            findings.pod(reason, injection.choice.pointer());
            return Vec::new();
        }
    };
    let mut containers = Vec::new();
    let mut first = None;
    for name in &injection.choice.containers {
        let Some(mut target) = draft.target(name).cloned() else {
            continue;
        };
        if let Some(reason) = stood_down(injection, &target, findings) {
            findings.pod(reason, target.container.pointer("image"));
            continue;
        }
        let changes = target.changes();
        if let Err(reason) = instrument(agent, injection, &mut target, findings) {
            findings.pod(reason, target.container.pointer("env"));
            continue;
        }
        agent.review(injection, &target, findings);
        telemetry::review(injection, agent.joined(), &target, findings);
        if target.changes() > changes {
            containers.push((*name).to_owned());
        }
        first.get_or_insert(target.container);
        draft.keep(target);
    }
    if let Some(first) = first {
        draft.add_volumes(exporter::volumes(injection.spec()));
        if let Some(payload) = payload {
            payload.add(injection, first, draft, findings);
        }
    }
    containers
}

/// Why the agent would not work in a container, as a probe has found in its image before.
fn stood_down(
    injection: &Injection<'_, '_>,
    target: &Target<'_>,
    findings: &mut Findings,
) -> Option<ProbeFinding> {
    let container = target.container;
    let facts = injection.facts(container)?;
    let agent = agent(injection.language())?;
    let version = facts.runtimes.get(&agent).cloned().flatten();
    if !facts.runtimes.is_empty() && !facts.runtimes.contains_key(&agent) {
        let reason = ContainerFinding::LanguageSeemsWrong {
            language: injection.language(),
            container: container.name.to_owned(),
            found: facts.runtimes.keys().map(|found| found.name().to_owned()).collect(),
        };
        findings.pod(reason, container.pointer("image"));
    }
    let why = facts.stood_down.get(&agent).copied().filter(|why| match why {
        // The files are chosen again, to fit the C library; and values are those of another pod.
        StandDown::LibcMismatch | StandDown::LibcUnknown | StandDown::Value => false,
        StandDown::Version => injection.is_default_image(),
        // That pod itself may have loaded it. If it is in the image, the next probe finds it again.
        StandDown::OtherAgent => !target.env.has_probe(),
        StandDown::Absent => true,
    })?;
    Some(ProbeFinding::AgentStoodDown {
        language: injection.language(),
        container: container.name.to_owned(),
        why,
        agents: facts.agents,
        version,
    })
}

/// All steps for one container, in the order of docs/reference/variables.md 1.
fn instrument(
    agent: &dyn Agent,
    injection: &Injection<'_, '_>,
    target: &mut Target<'_>,
    findings: &mut Findings,
) -> Result<(), Reason> {
    agent.start(injection, target)?;
    target.env.add_common(&injection.common_env);
    let outlet = exporter::Outlet::of(injection, target);
    agent.finish(injection, target)?;
    telemetry::add(injection, target.container, outlet, target, findings)
}
