//! `ingraft explain namespace/NAME`: who requests injection there, and how each workload fares.

use std::fmt::Write as _;

use anyhow::Context as _;
use ingraft_api::Instrumentation;
use ingraft_api::annotations::HEAL;
use ingraft_cluster::workloads;
use ingraft_core::explanation::said;
use ingraft_core::{Decision, Finding, Severity, Snapshot, Workload};
use kube::api::{DynamicObject, TypeMeta};
use serde_json::{Value, json};

use super::chain::{Chain, word};
use super::treatment::Treatment;
use super::{Form, Judged, Known, Question, allowed};
use crate::output::{self, FailOn};

/// One workload of the namespace.
struct Line {
    /// As `kubectl` takes it.
    name: String,
    decisions: Vec<(Decision, &'static str)>,
    findings: Vec<Finding>,
    treatment: Option<Treatment>,
    next: Option<String>,
}

/// Explains a namespace.
pub(super) async fn answer(question: &Question<'_>) -> anyhow::Result<u8> {
    let mut notes = Vec::new();
    let known = question.known(&mut notes).await?;
    let snapshot = &known.snapshot;
    anyhow::ensure!(
        snapshot.namespace(question.namespace).is_some() || !notes.is_empty(),
        "there is no namespace {}",
        question.namespace
    );
    let pods = question.pods(&mut notes).await?;
    let mut lines = Vec::new();
    for document in documents(question, &mut notes).await? {
        lines.extend(explain(question, &document, &known, pods.as_deref(), &mut notes).await?);
    }
    let worst = lines.iter().flat_map(|line| &line.findings).map(Finding::severity).max();
    if question.args.output == Form::Json {
        output::print(output::json_text(&as_json(question, snapshot, &lines, &notes))?.as_bytes())?;
        return Ok(FailOn::Error.status(worst));
    }
    output::print(as_text(question, snapshot, &lines).as_bytes())?;
    for note in &notes {
        output::note(note);
    }
    for line in &lines {
        for finding in line.findings.iter().filter(|finding| finding.severity() > Severity::Info) {
            output::finding(
                finding,
                &finding.object(question.locale, &line.name, question.namespace),
                question.locale,
            );
        }
    }
    Ok(FailOn::Error.status(worst))
}

/// What makes pods there, as far as it may be seen.
async fn documents(question: &Question<'_>, notes: &mut Vec<String>) -> anyhow::Result<Vec<Value>> {
    let mut kinds = workloads::kinds().to_vec();
    kinds.extend(workloads::rollouts(question.client).await.unwrap_or_default());
    let mut documents = Vec::new();
    for kind in kinds {
        let found = workloads::of_namespace(question.client, &kind, question.namespace).await;
        let found = allowed(found, ": these are left out", notes);
        let found = found.with_context(|| format!("failed to read {}", kind.plural))?.unwrap_or_default();
        // Items of a list do not say what they are.
        let types = TypeMeta { api_version: kind.api_version.clone(), kind: kind.kind.clone() };
        let whole = found.into_iter().map(|object| DynamicObject { types: Some(types.clone()), ..object });
        let whole = whole.map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
        documents.extend(whole.with_context(|| format!("failed to read {}", kind.plural))?);
    }
    Ok(documents)
}

async fn explain(
    question: &Question<'_>,
    document: &Value,
    known: &Known,
    pods: Option<&[Value]>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Option<Line>> {
    let Some(workload) = Workload::of(document) else { return Ok(None) };
    let judged = question.judge(document, workload, known, pods, notes).await?;
    let Judged { outcome, reference, pods, withheld, treatment } = judged;
    let chain = Chain {
        workload: reference,
        template: workload.template,
        injected: workload.template,
        annotations: "",
        namespace: question.namespace,
        snapshot: &known.snapshot,
        decisions: &outcome.decisions,
        pods,
        treatment,
    };
    let running = chain.findings();
    let standing = |decision: &Decision| (decision.clone(), word(chain.standing(decision)));
    let decisions = outcome.decisions.iter().map(standing).collect();
    let next = chain.restart();
    let name = format!("{}/{}", workload.kind.to_lowercase(), workload.name);
    let findings = outcome.findings.into_iter().chain(withheld).chain(running).collect();
    let treatment = chain.treatment;
    Ok(Some(Line { name, decisions, findings, treatment, next }))
}

fn as_text(question: &Question<'_>, snapshot: &Snapshot, lines: &[Line]) -> String {
    let mut text = format!("namespace/{}\n", question.namespace);
    // Writing to a string cannot fail.
    let mut line = |topic: &str, what: &str| {
        let _ = writeln!(text, "{topic:<14}{what}");
    };
    let said = said(&Value::Null, question.namespace, snapshot);
    if said.is_empty() {
        line("requested", "nothing by the namespace itself");
    }
    for one in said {
        line("requested", &format!("{}: {:?}, for all its pods", one.key, one.by_namespace));
    }
    let leave = snapshot.namespace(question.namespace).map_or("", |namespace| namespace.annotation(HEAL));
    if !leave.is_empty() {
        line("healing", &format!("{HEAL}: {leave:?}, by the namespace"));
    }
    let found: Vec<String> =
        snapshot.instrumentations.in_namespace(question.namespace).map(|(name, _)| name.to_owned()).collect();
    line(
        "found",
        &if found.is_empty() {
            "no Instrumentation here".to_owned()
        } else {
            format!("Instrumentation {}", found.join(", "))
        },
    );
    let mut silent = 0;
    for one in lines {
        if one.decisions.is_empty() && one.findings.is_empty() {
            silent += 1;
            continue;
        }
        let fates = one.decisions.iter().map(|(decision, word)| {
            let from = decision.instrumentation.as_deref().unwrap_or("no Instrumentation");
            format!("{} from {from}: {word}", decision.language)
        });
        let fates: Vec<String> = fates.collect();
        let fates = if fates.is_empty() {
            "nothing is decided: a finding says why".to_owned()
        } else {
            fates.join("; ")
        };
        line("workload", &format!("{}: {fates}", one.name));
        let treatment = one.treatment.iter().filter(|treatment| treatment.goes_on());
        for (topic, what) in treatment.flat_map(Treatment::lines) {
            line(topic, &what);
        }
        if let Some(next) = &one.next {
            line("next", next);
        }
    }
    if silent > 0 {
        line("others", &format!("{silent} request nothing"));
    }
    text
}

fn as_json(question: &Question<'_>, snapshot: &Snapshot, lines: &[Line], notes: &[String]) -> Value {
    let said = said(&Value::Null, question.namespace, snapshot);
    let requested: Vec<Value> =
        said.into_iter().map(|one| json!({"key": one.key, "byNamespace": one.by_namespace})).collect();
    let found = snapshot.instrumentations.in_namespace(question.namespace);
    let instrumentations: Vec<String> = found.map(|(_, one)| Instrumentation::reference(one)).collect();
    let workloads: Vec<Value> = lines
        .iter()
        .map(|one| {
            let decisions: Vec<Value> = one
                .decisions
                .iter()
                .map(|(decision, word)| {
                    json!({
                        "language": decision.language.key(), "instrumentation": decision.instrumentation,
                        "injected": decision.injected, "standing": word,
                    })
                })
                .collect();
            let findings: Vec<Value> = one
                .findings
                .iter()
                .map(|finding| output::finding_as_json(finding, question.locale))
                .collect();
            let healing = one.treatment.as_ref().map(|treatment| treatment.json(question.locale));
            json!({
                "name": one.name, "decisions": decisions, "findings": findings, "healing": healing, "next": one.next,
            })
        })
        .collect();
    json!({
        "namespace": question.namespace, "requested": requested, "instrumentations": instrumentations,
        "workloads": workloads, "notes": notes,
    })
}
