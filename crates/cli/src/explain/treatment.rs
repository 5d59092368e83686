//! What the operator does about the pods of a workload: what is allowed, what is in the way, and what was done.

use std::collections::BTreeSet;

use anyhow::Context as _;
use ingraft_api::annotations::HEAL;
use ingraft_cluster::{budgets, workloads};
use ingraft_core::crash::{self, Templates};
use ingraft_core::explanation::{Healing, Prospect, healing};
use ingraft_core::guard::{Control, ControlOutcome};
use ingraft_core::healing::{Leave, LeaveOf, Obstacle};
use ingraft_core::{Decision, Finding, Heal, Locale, Workload, WorkloadRef, standing};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::chain::NamedPod;
use super::{Known, Question, allowed};

/// What is known of the operator's flag `--heal`.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnSetting {
    /// Nobody may see the operator, or there is none.
    Unseen,
    /// It has no right to heal.
    NotPermitted,
    /// What it heals where nobody says anything.
    Heals(Heal),
}

/// A workload that requests something.
pub(super) struct Asked<'a> {
    pub(super) workload: Workload<'a>,
    pub(super) reference: &'a WorkloadRef,
    pub(super) decisions: &'a [Decision],
    pub(super) known: &'a Known,
}

impl Question<'_> {
    /// What is done about the pods of a workload; `None` if they may not be seen.
    pub(super) async fn treatment(
        &self,
        asked: &Asked<'_>,
        pods: Option<&[NamedPod]>,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Treatment> {
        let Asked { workload: Workload { document, template, .. }, reference, decisions, known } = *asked;
        let Known { snapshot, settings, operator } = known;
        let asks = standing::asks(template);
        let current: Option<Vec<_>> =
            pods.map(|pods| pods.iter().map(|pod| &pod.state).filter(|pod| pod.asks == asks).collect());
        let mut healing = healing(document, reference, decisions, current.as_deref(), snapshot, settings);
        if matches!(healing.prospect, Prospect::Due(_))
            && let Some(budgets) = self.budgets(notes).await?
            && let Some(obstacle) = budgets::exhausted(budgets, document, false)
        {
            healing.prospect = Prospect::Kept(obstacle);
        }
        let crash = self.crash(document, reference, pods.unwrap_or_default(), notes).await?;
        let sees_namespace = snapshot.namespace(self.namespace).is_some();
        Ok(Treatment { workload: reference.clone(), healing, crash, operator: *operator, sees_namespace })
    }

    /// The budgets of the namespace; `None` if they may not be seen.
    async fn budgets(&self, notes: &mut Vec<String>) -> anyhow::Result<Option<&[PodDisruptionBudget]>> {
        let read = async || {
            let found = budgets::of_namespace(self.client, self.namespace).await;
            allowed(found, ": whether a budget is in the way of a restart is not known", notes)
        };
        let budgets = self.budgets.get_or_try_init(read).await;
        Ok(budgets.context("failed to read the PodDisruptionBudgets")?.as_deref())
    }

    /// What is to be said of injected pods of a workload that do not run.
    async fn crash(
        &self,
        document: &Value,
        workload: &WorkloadRef,
        pods: &[NamedPod],
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Option<Finding>> {
        let pods: Vec<crash::NamedPod<'_>> = pods.iter().map(|pod| (pod.name.as_str(), &pod.state)).collect();
        let mut templates = None;
        if crash::is_to_be_compared(&pods, crash::healed_at(document)) {
            let revisions = pods.iter().map(|(_, pod)| pod.revision.to_string());
            let revisions: BTreeSet<String> = revisions.filter(|revision| !revision.is_empty()).collect();
            let found = workloads::templates(self.client, workload, &revisions).await;
            let unknown = ": whether pods that run without the agent are of the same template is not known";
            templates = allowed(found, unknown, notes).context("failed to read the templates of pods")?;
        }
        Ok(crash::review(workload, document, &pods, &templates.unwrap_or_else(Templates::new)))
    }
}

/// What is done about the pods of one workload.
pub(super) struct Treatment {
    workload: WorkloadRef,
    healing: Healing,
    /// What is to be said of injected pods that do not run.
    crash: Option<Finding>,
    operator: OwnSetting,
    sees_namespace: bool,
}

impl Treatment {
    /// What people should know of it.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let not_healed = match &self.healing.prospect {
            Prospect::Kept(why) => why.clone().told(&self.workload),
            _ => None,
        };
        not_healed.into_iter().chain(self.crash.clone())
    }

    /// Whether anything is going on.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self.healing.prospect, Prospect::Due(_) | Prospect::Kept(_))
            || matches!(self.healing.control, Some(Control::Open { .. }))
    }

    /// All of it, by topic.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let Healing { healed, blocked, control, .. } = &self.healing;
        let mut lines = Vec::new();
        lines.extend(self.prospect().map(|prospect| ("healing", prospect)));
        if !healed.is_empty() {
            lines.push(("healed", healed.join(", ")));
        }
        let blocked = blocked.as_ref();
        lines.extend(
            blocked.map(|cause| {
                ("blocked", format!("{cause}, until its template changes: a finding says more"))
            }),
        );
        let control = control.as_ref();
        lines.extend(control.map(|control| ("control", course(control).to_owned())));
        lines
    }

    /// What is allowed, by whom, and what comes of it; `None` where nothing could be.
    fn prospect(&self) -> Option<String> {
        let Healing { leave, prospect, .. } = &self.healing;
        let comes = match prospect {
            Prospect::Kept(Obstacle::Kind) => {
                return Some(format!("never: {}", Obstacle::Kind.reason(Locale::En)));
            }
            Prospect::Kept(why) if why.is_silent() => {
                Some(format!("a restart waits: {}", why.reason(Locale::En)))
            }
            Prospect::Kept(_) => Some("no restart: a finding says why".to_owned()),
            Prospect::Due(ailment) => {
                Some(format!("a restart is due ({}){}", ailment.as_str(), self.condition()))
            }
            Prospect::NotAllowed(level) => Some(self.how_to_allow(*level)),
            Prospect::Unseen | Prospect::Idle => match self.level() {
                None => Some(self.how_to_allow(Heal::Missed)),
                Some(Heal::Off) if leave.is_none() => Some(self.how_to_allow(Heal::Missed)),
                Some(Heal::Off) => None,
                Some(Heal::Missed | Heal::Outdated) => match self.operator {
                    OwnSetting::NotPermitted => Some(Obstacle::NotPermitted.reason(Locale::En)),
                    OwnSetting::Unseen => Some("only if the operator allows it".to_owned()),
                    OwnSetting::Heals(_) => None,
                },
            },
        };
        self.workload.restart()?;
        let said = match (leave, self.operator) {
            (Some(Leave { value, by, .. }), _) => format!("{HEAL}: {value:?}, by {}", whose(by)),
            (None, OwnSetting::Heals(level)) => format!("--heal={}, by the operator", level.as_str()),
            (None, OwnSetting::NotPermitted) => "nothing allows it".to_owned(),
            (None, OwnSetting::Unseen) => "nothing here allows it".to_owned(),
        };
        let unseen = !self.is_by_workload() && !self.sees_namespace;
        let unseen = unseen.then(|| "what the namespace says of it is not known".to_owned());
        Some([Some(said), comes, unseen].into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    /// What is allowed, as far as that is known.
    fn level(&self) -> Option<Heal> {
        let own = match self.operator {
            OwnSetting::Heals(level) => Some(level),
            OwnSetting::Unseen | OwnSetting::NotPermitted => None,
        };
        self.healing.leave.as_ref().map(|leave| leave.level).or(own)
    }

    /// Whether the workload itself says something: that is nearest.
    const fn is_by_workload(&self) -> bool {
        matches!(self.healing.leave, Some(Leave { by: LeaveOf::Workload, .. }))
    }

    /// Under which condition what is allowed is done.
    const fn condition(&self) -> &'static str {
        match self.operator {
            OwnSetting::Unseen => ", if the operator allows it",
            OwnSetting::NotPermitted | OwnSetting::Heals(_) => "",
        }
    }

    fn how_to_allow(&self, level: Heal) -> String {
        let overwrite = if self.is_by_workload() { " --overwrite" } else { "" };
        let rights = match self.operator {
            OwnSetting::Heals(_) => "",
            OwnSetting::NotPermitted => ", and apply what ingraft manifests all --heal prints",
            OwnSetting::Unseen => ", if the operator allows it (ingraft manifests all --heal)",
        };
        format!(
            "to allow it: kubectl annotate {} {HEAL}={}{overwrite}{rights}",
            self.workload,
            level.as_str()
        )
    }

    /// All of it, for programs.
    pub(super) fn json(&self, locale: Locale) -> Value {
        let Healing { leave, prospect, healed, blocked, control } = &self.healing;
        let by = match (leave, self.operator) {
            (Some(leave), _) => Some(whose(&leave.by)),
            (None, OwnSetting::Heals(_)) => Some("the operator".to_owned()),
            (None, _) => None,
        };
        let (mut due, mut needs, mut obstacle) = (None, None, None);
        match prospect {
            Prospect::Unseen | Prospect::Idle => {}
            Prospect::NotAllowed(level) => needs = Some(level.as_str()),
            Prospect::Kept(why) => obstacle = Some(why.reason(locale)),
            Prospect::Due(ailment) => due = Some(ailment.as_str()),
        }
        json!({
            "allowed": self.level().map(Heal::as_str), "by": by, "due": due, "needs": needs, "obstacle": obstacle,
            "healed": healed, "blocked": blocked, "control": control.as_ref().map(ToString::to_string),
        })
    }
}

fn whose(by: &LeaveOf) -> String {
    match by {
        LeaveOf::Workload => "the workload".to_owned(),
        LeaveOf::Namespace => "the namespace".to_owned(),
        LeaveOf::Instrumentation(reference) => format!("Instrumentation {reference}"),
    }
}

const fn course(control: &Control) -> &'static str {
    match control {
        Control::Open { .. } => {
            "goes on: the next pod starts without the agent, to see whether it crashes without it too"
        }
        Control::Over { outcome: ControlOutcome::NotOurs, .. } => "over: a pod without the agent crashed too",
        Control::Over { outcome: ControlOutcome::Unclear, .. } => {
            "over: no pod without the agent ran or crashed in time"
        }
    }
}

#[cfg(test)]
mod tests {
    use ingraft_core::OwnerKind;
    use ingraft_core::healing::Ailment;

    use super::*;

    fn said(
        kind: OwnerKind,
        leave: Option<(&str, LeaveOf)>,
        prospect: Prospect,
        operator: OwnSetting,
    ) -> Option<String> {
        let workload = WorkloadRef { kind: Some(kind), namespace: "shop".into(), name: "web".into() };
        let leave = leave.map(|(value, by)| Leave {
            level: Heal::parse(value).unwrap_or(Heal::Off),
            value: value.to_owned(),
            by,
        });
        let healing = Healing { leave, prospect, healed: Vec::new(), blocked: None, control: None };
        let sees_namespace = !matches!(operator, OwnSetting::Unseen);
        Treatment { workload, healing, crash: None, operator, sees_namespace }.prospect()
    }

    #[test]
    fn says_what_is_allowed_by_whom_and_what_comes_of_it() {
        use OwnSetting::{Heals, NotPermitted, Unseen};
        let (nobody, missed) = (None, Some(("missed", LeaveOf::Workload)));
        let base = Some(("outdated", LeaveOf::Instrumentation("shop/base".to_owned())));
        let unknown = "; what the namespace says of it is not known";
        let to_allow = "to allow it: kubectl annotate deployment/web -n shop ingraft.dev/heal";
        for (leave, prospect, operator, expected) in [
            (
                nobody.clone(),
                Prospect::NotAllowed(Heal::Outdated),
                Unseen,
                format!(
                    "nothing here allows it; {to_allow}=outdated, if the operator allows it \
                     (ingraft manifests all --heal){unknown}"
                ),
            ),
            (
                nobody.clone(),
                Prospect::Idle,
                Heals(Heal::Off),
                format!("--heal=off, by the operator; {to_allow}=missed"),
            ),
            (nobody, Prospect::Idle, Heals(Heal::Missed), "--heal=missed, by the operator".to_owned()),
            (
                missed.clone(),
                Prospect::NotAllowed(Heal::Outdated),
                Heals(Heal::Off),
                format!(
                    "ingraft.dev/heal: \"missed\", by the workload; {to_allow}=outdated --overwrite"
                ),
            ),
            (
                missed,
                Prospect::Idle,
                NotPermitted,
                "ingraft.dev/heal: \"missed\", by the workload; the operator has no right to restart workloads"
                    .to_owned(),
            ),
            (
                base,
                Prospect::Due(Ailment::Missed),
                Unseen,
                format!(
                    "ingraft.dev/heal: \"outdated\", by Instrumentation shop/base; a restart is due (missed), \
                     if the operator allows it{unknown}"
                ),
            ),
        ] {
            assert_eq!(said(OwnerKind::Deployment, leave, prospect, operator), Some(expected));
        }
        let never = "never: pods of this kind are not replaced by changing what makes them";
        let kind = Prospect::Kept(Obstacle::Kind);
        assert_eq!(said(OwnerKind::Job, None, kind, Unseen).as_deref(), Some(never));
        assert_eq!(said(OwnerKind::Job, None, Prospect::Idle, Unseen), None);
    }
}
