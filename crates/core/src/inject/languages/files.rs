//! Languages whose agent is a set of files, copied by an init container and loaded by a variable; and `sdk`, which has
//! no files at all (docs/reference/payload.md; docs/reference/sdk.md).

use ingraft_probe_contract::StandDown;

use crate::facts::agent;
use crate::finding::{AnnotationFinding, Findings, ProbeFinding, Reason, VariableFinding};
use crate::inject::draft::Draft;
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::target::Target;
use crate::inject::{command, exporter, telemetry};
use crate::json::list;

/// What is particular to such a language.
pub(super) trait Agent {
    /// The files that the language needs; none for `sdk`. An error refuses the language in this pod.
    fn payload(
        &self,
        context: &LanguageContext<'_, '_>,
        findings: &mut Findings,
    ) -> Result<Option<Payload>, Reason>;

    /// Variables that come before the common ones, and the mount. An error refuses this container.
    fn start(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason>;

    /// Variables that come after the common ones. An error refuses this container.
    fn finish(&self, context: &LanguageContext<'_, '_>, target: &mut Target<'_>) -> Result<(), Reason>;

    /// The variables that the user may have set too, and that ours are joined to.
    fn joined(&self) -> &'static [&'static str] {
        &[]
    }

    /// Notices what will not work well, when the container is ready.
    fn review(&self, context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
        let _ = (context, target, findings);
    }
}

/// Injects the language. Answers the containers that changed.
pub(super) fn inject<'a>(
    agent: &dyn Agent,
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    let checked = |payload: Option<Payload>| {
        exporter::check_volumes(context, draft)?;
        payload.iter().try_for_each(|files| files.check(context, draft))?;
        Ok(payload)
    };
    let payload = match agent.payload(context, findings).and_then(checked) {
        Ok(payload) => payload,
        Err(reason) => {
            let is_platform = matches!(reason, Reason::Annotation(AnnotationFinding::PlatformUnknown { .. }));
            match context.profile.annotations.first().filter(|_| is_platform) {
                Some(platform) => context.pod.report(findings, platform, reason),
                None => findings.pod(reason, context.choice.pointer()),
            }
            return Vec::new();
        }
    };
    let mut containers = Vec::new();
    let mut first = None;
    for name in &context.choice.containers {
        let Some(earlier) = draft.target(name) else {
            continue;
        };
        let mut target = earlier.clone();
        if let Some(reason) = stood_down(context, &target) {
            findings.pod(reason, target.container.pointer("image"));
            continue;
        }
        if let Some(reason) = would_hide(context, &target) {
            findings.pod(reason, target.container.pointer("env"));
            continue;
        }
        if let Err(reason) = instrument(agent, context, &mut target, findings) {
            findings.pod(reason, target.container.pointer("env"));
            continue;
        }
        agent.review(context, &target, findings);
        review_command(context, &target, findings);
        telemetry::review(context, agent.joined(), &target, findings);
        if target.differs_from(earlier) {
            containers.push((*name).to_owned());
        }
        first.get_or_insert(target.container);
        draft.keep(target);
    }
    if let Some(first) = first {
        draft.add_volumes(exporter::volumes(context.spec()));
        if let Some(payload) = payload {
            payload.add(context, first, draft, findings);
        }
    }
    containers
}

/// Notices a command by which the variables that load the agent are lost.
fn review_command(context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
    let container = target.container;
    let variables = command::lost(container, context.profile.loading_variables);
    if !variables.is_empty() {
        let field = if list(container.json, "command").is_empty() { "args" } else { "command" };
        let reason = ProbeFinding::EntrypointSets { container: container.name.to_owned(), variables };
        findings.pod(reason, container.pointer(field));
    }
}

/// Why the agent would not work in a container, as a probe has found in its image before.
fn stood_down(context: &LanguageContext<'_, '_>, target: &Target<'_>) -> Option<ProbeFinding> {
    let container = target.container;
    let facts = context.pod.image(container)?;
    let agent = agent(context.language())?;
    let version = facts.runtimes.get(&agent).cloned().flatten();
    let why = facts.stood_down.get(&agent).copied().filter(|why| match why {
        // The files are chosen again, to fit the C library; and values are those of another pod.
        StandDown::LibcMismatch | StandDown::LibcUnknown | StandDown::Value => false,
        StandDown::Version => context.is_default_image(),
        // That pod itself may have loaded it. If it is in the image, the next probe finds it again, unless a value in the
        // pod's own list would load ours whatever the probe finds.
        StandDown::OtherAgent => {
            !target.env.has_probe() || context.profile.loading_variables.iter().any(|&name| target.sets(name))
        }
        StandDown::Absent => true,
    })?;
    Some(ProbeFinding::AgentStoodDown {
        language: context.language(),
        container: container.name.to_owned(),
        why,
        agents: facts.agents.clone(),
        version,
    })
}

/// A variable that the image is known to set, that loads the agent, and that nothing here can join: the application may
/// need it more than it needs the agent.
fn would_hide(context: &LanguageContext<'_, '_>, target: &Target<'_>) -> Option<VariableFinding> {
    let facts = context.pod.image(target.container).filter(|_| !target.env.has_probe())?;
    let mut variables = context.profile.loading_variables.iter();
    let variable = variables.find(|name| facts.sets.contains(**name) && !target.sets(name))?;
    let (container, variable) = (target.container.name.to_owned(), (*variable).to_owned());
    Some(VariableFinding::VariableOfImage { container, variable })
}

/// All steps for one container, in the order of docs/reference/variables.md 1.
fn instrument(
    agent: &dyn Agent,
    context: &LanguageContext<'_, '_>,
    target: &mut Target<'_>,
    findings: &mut Findings,
) -> Result<(), Reason> {
    agent.start(context, target)?;
    target.env.add_common(&context.common_env);
    let outlet = exporter::Outlet::of(context, target);
    agent.finish(context, target)?;
    telemetry::add(context, target.container, outlet, target, findings)
}
