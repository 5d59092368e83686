//! `ingraft explain`: what is decided about a workload of a cluster, or about all of a namespace, why, and how the pods
//! that run fare.

mod chain;
mod environments;
mod namespace;
mod treatment;

use anyhow::{Context as _, anyhow};
use chain::{Chain, NamedPod};
use clap::ValueEnum;
use ingraft_cluster::api::{self, Operator, WorkloadKind};
use ingraft_cluster::{facts, workloads};
use ingraft_core::refusal::Maker;
use ingraft_core::{
    Finding, Heal, Locale, Outcome, OwnerKind, Refusal, RunningPod, Settings, Snapshot, Subject, Verdict,
    Workload, WorkloadRef, edit, owner, standing,
};
use ingraft_settings::{Installed, of_operator};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use treatment::{Asked, OwnSetting, Treatment};

use crate::cluster_args::ClusterArgs;
use crate::completions::names;
use crate::document::Change;
use crate::output::{self, FailOn};

/// Arguments of `ingraft explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A pod, deployment, statefulset, daemonset, replicaset, replicationcontroller, job, cronjob, rollout or namespace
    #[arg(value_name = "TYPE/NAME", value_parser = parse_target, add = names::workloads())]
    target: Target,
    /// Its namespace [default: that of the context]
    #[arg(short, long, add = names::namespaces())]
    namespace: Option<String>,
    /// What to print: for people, or for programs, with the changes
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
    /// Also print the environment of its containers before and after injection; values from Secrets are never printed
    #[arg(long, conflicts_with = "output")]
    env: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
enum Form {
    /// The chain from the annotation to the pods, and findings on standard error
    #[default]
    Text,
    /// The same, and the changes as an RFC 6902 patch
    Json,
}

/// What is to be explained.
#[derive(Debug, Clone)]
struct Target {
    /// `None` for a namespace.
    kind: Option<WorkloadKind>,
    /// The kind as written.
    word: String,
    name: String,
}

fn parse_target(text: &str) -> Result<Target, String> {
    let Some((word, name)) = text.split_once('/').filter(|(_, name)| !name.is_empty()) else {
        return Err("write TYPE/NAME, such as deployment/checkout".to_owned());
    };
    let kind = WorkloadKind::parse(word);
    if kind.is_none() && !["namespace", "namespaces", "ns"].contains(&word.to_lowercase().as_str()) {
        let kinds: Vec<&str> = WorkloadKind::names().chain(["namespace"]).collect();
        return Err(format!("\"{word}\" is none of {}", kinds.join(", ")));
    }
    Ok(Target { kind, word: word.to_owned(), name: name.to_owned() })
}

/// Explains one workload, or those of a namespace.
pub fn run(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    args.cluster.with_client(async |client| {
        let question =
            |namespace| Question { args, client: &client, namespace, locale, budgets: OnceCell::new() };
        if let Some(kind) = args.target.kind {
            let namespace = args.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
            return question(namespace).answer(kind).await;
        }
        namespace::answer(&question(&args.target.name)).await
    })
}

/// One call of the program.
struct Question<'a> {
    args: &'a Args,
    client: &'a Client,
    namespace: &'a str,
    locale: Locale,
    /// The PodDisruptionBudgets of the namespace, once they were needed; `None` if they may not be seen.
    budgets: OnceCell<Option<Vec<PodDisruptionBudget>>>,
}

/// What is known of the cluster.
struct Known {
    snapshot: Snapshot,
    /// Those of the operator. Where that may not be seen, it is taken to have the right to heal.
    settings: Settings,
    operator: OwnSetting,
}

/// What is decided about a workload, and its pods.
struct Judged {
    outcome: Outcome,
    reference: WorkloadRef,
    /// `None` if they may not be seen.
    pods: Option<Vec<NamedPod>>,
    /// Why its pods are left as they are.
    withheld: Option<Finding>,
    /// What is done about them, where something is requested; `None` for a pod that something else makes.
    treatment: Option<Treatment>,
}

impl Question<'_> {
    async fn answer(&self, kind: WorkloadKind) -> anyhow::Result<u8> {
        let mut notes = Vec::new();
        let object = self.object(kind).await?;
        let document = self.maker_of(&object).await;
        let workload = Workload::of(&document).context("it has no pod template")?;
        let known = self.known(&mut notes).await?;
        let snapshot = &known.snapshot;
        let pods = self.pods(&mut notes).await?;
        let judged = self.judge(&object, workload, &known, pods.as_deref(), &mut notes).await?;
        let Judged { outcome, reference, pods, withheld, treatment } = judged;
        notes.extend(refused(&reference, snapshot));
        let mut injected = workload.document.clone();
        edit::apply(&mut injected, &outcome.edits);
        let chain = Chain {
            workload: reference,
            template: workload.template,
            injected: injected.pointer(workload.pointer).unwrap_or(workload.template),
            annotations: &format!("{}/metadata/annotations", workload.pointer).replace('/', ".")[1..],
            namespace: self.namespace,
            snapshot,
            decisions: &outcome.decisions,
            pods,
            treatment,
        };
        let (text, json) = (chain.text(), chain.json(self.locale));
        let running: Vec<Finding> = withheld.into_iter().chain(chain.findings()).collect();
        let worst = outcome.findings.iter().chain(&running).map(Finding::severity).max();
        if self.args.output == Form::Json {
            self.print_json(workload, outcome, json, &notes)?;
            return Ok(FailOn::Error.status(worst));
        }
        let Target { word, name, .. } = &self.args.target;
        output::print(format!("{word}/{name} in namespace {}\n{text}", self.namespace).as_bytes())?;
        for note in &notes {
            output::note(note);
        }
        for finding in outcome.findings.iter().chain(&running) {
            output::finding(finding, &self.location(workload, finding), self.locale);
        }
        if self.args.env {
            self.print_environments(&object, workload, &outcome).await?;
        }
        Ok(FailOn::Error.status(worst))
    }

    async fn object(&self, kind: WorkloadKind) -> anyhow::Result<Value> {
        let Target { word, name, .. } = &self.args.target;
        kind.get(self.client, self.namespace, name).await.map_err(|error| match error {
            // The API server's messages are meant for people.
            kube::Error::Api(status) => anyhow!("{} (namespace {})", status.message, self.namespace),
            other => anyhow!(other).context(format!("failed to read {word}/{name}")),
        })
    }

    /// The pods of the namespace, as documents; `None` if they may not be seen.
    async fn pods(&self, notes: &mut Vec<String>) -> anyhow::Result<Option<Vec<Value>>> {
        let pods = workloads::of_namespace(self.client, &workloads::pods(), self.namespace).await;
        let pods = allowed(pods, ": how the pods that run fare is not known", notes);
        let pods = pods.context("failed to read the pods")?;
        let documents = pods.map(|pods| pods.into_iter().map(serde_json::to_value).collect());
        documents.transpose().context("failed to read the pods")
    }

    /// Decides about a workload as the operator would, who looks at its pods too. `object` is what was asked about: the
    /// workload, or a pod of it.
    async fn judge(
        &self,
        object: &Value,
        workload: Workload<'_>,
        known: &Known,
        pods: Option<&[Value]>,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Judged> {
        let Known { snapshot, settings, .. } = known;
        let (reference, pods) = self.of_object(object, snapshot, pods);
        let mut outcome = workload.inject(self.namespace, snapshot, settings);
        let states = pods.iter().flatten().map(|pod| &pod.state).collect::<Vec<_>>();
        let withheld = standing::withhold(&reference, &mut outcome.decisions, states, snapshot);
        let is_made = is_pod(object) && reference.kind.is_some();
        let treatment = if outcome.decisions.is_empty() || is_made {
            None
        } else {
            let asked = Asked { workload, reference: &reference, decisions: &outcome.decisions, known };
            Some(self.treatment(&asked, pods.as_deref(), notes).await?)
        };
        Ok(Judged { outcome, reference, pods, withheld, treatment })
    }

    /// What is counted together with an object that is a pod or makes pods, and those of the pods that are it or its own.
    fn of_object(
        &self,
        object: &Value,
        snapshot: &Snapshot,
        pods: Option<&[Value]>,
    ) -> (WorkloadRef, Option<Vec<NamedPod>>) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (name, kind) = (text("/metadata/name"), OwnerKind::parse(text("/kind")));
        let owners_of = |pod: &Value| owner::owners(pod, self.namespace, snapshot);
        let is_own = |pod: &Value| {
            is_pod(object) && pod.pointer("/metadata/uid") == object.pointer("/metadata/uid")
                || owners_of(pod).iter().any(|owner| Some(owner.kind) == kind && owner.name == name)
        };
        let named = |pod: &Value| {
            let name = pod.pointer("/metadata/name").and_then(Value::as_str)?.to_owned();
            Some(NamedPod { name, state: RunningPod::of(pod)? })
        };
        let pods = pods.map(|pods| pods.iter().filter(|pod| is_own(pod)).filter_map(named).collect());
        let of_pod = || WorkloadRef::of_pod(object, self.namespace, snapshot);
        let itself = || WorkloadRef { kind, namespace: self.namespace.into(), name: name.into() };
        (if is_pod(object) { of_pod() } else { itself() }, pods)
    }

    /// A pod is explained by what makes it, as far as that may be seen: by the Deployment rather than the ReplicaSet. What
    /// its environment was before is in what it was made from.
    async fn maker_of(&self, object: &Value) -> Value {
        let mut made = object.clone();
        let steps = match (is_pod(object), self.args.env) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        for _ in 0..steps {
            let owner = made.pointer("/metadata/ownerReferences/0");
            let text = |key: &str| owner.and_then(|owner| owner.get(key)).and_then(Value::as_str);
            let (Some(kind), Some(name)) = (text("kind").and_then(WorkloadKind::parse), text("name")) else {
                break;
            };
            let Ok(maker) = kind.get(self.client, self.namespace, name).await else { break };
            made = maker;
        }
        made
    }

    /// What the operator knows, as far as the user may see it.
    async fn known(&self, notes: &mut Vec<String>) -> anyhow::Result<Known> {
        let operator = self.operator(notes).await.context("failed to look for the operator")?;
        let installed = operator.as_ref().map(|one| of_operator(&one.container));
        let own = installed.as_ref().map_or(OwnSetting::Unseen, |installed| {
            installed.settings.heal.map_or(OwnSetting::NotPermitted, OwnSetting::Heals)
        });
        let Installed { mut settings, check_secrets } = installed.unwrap_or_default();
        if matches!(own, OwnSetting::Unseen) {
            settings.heal = Some(Heal::Off);
        }
        let known = api::known(self.client, Some(self.namespace), check_secrets).await;
        let api::Known { mut snapshot, unseen } = known.context("failed to read the cluster")?;
        notes.extend(unseen);
        if let Some(operator) = operator {
            let facts = facts::recall(self.client, &operator.namespace).await;
            let unknown = ": what the operator remembers of images, nodes and refused pods is not known";
            let facts = allowed(facts, unknown, notes).context("failed to read what probes have found")?;
            facts.unwrap_or_default().fill(&mut snapshot);
        }
        Ok(Known { snapshot, settings, operator: own })
    }

    async fn operator(&self, notes: &mut Vec<String>) -> kube::Result<Option<Operator>> {
        let assumed = ": this is what an operator with default settings, and without probes, would do";
        let found = allowed(api::operator(self.client).await, assumed, notes)?;
        if let Some(None) = found {
            notes.push(format!("there is no operator in this cluster{assumed}"));
        }
        Ok(found.flatten())
    }

    /// The field and object of a finding.
    fn location(&self, workload: Workload<'_>, finding: &Finding) -> String {
        let Target { word, name, .. } = &self.args.target;
        let pointer = if finding.subject == Subject::Pod { workload.pointer } else { "" };
        let object = finding.object(self.locale, &format!("{word}/{name}"), self.namespace);
        format!("{pointer}{} ({object})", finding.pointer)
    }

    fn print_json(
        &self,
        workload: Workload<'_>,
        outcome: Outcome,
        chain: Value,
        notes: &[String],
    ) -> anyhow::Result<()> {
        let Outcome { edits, findings, .. } = outcome;
        let change = Change { workload, namespace: self.namespace, edits, pointer: String::new() };
        let mut answer = change.patch();
        if let (Some(answer), Value::Object(chain)) = (answer.as_object_mut(), chain) {
            answer.extend(chain);
            let findings = findings.iter().map(|finding| output::finding_as_json(finding, self.locale));
            answer.insert("findings".to_owned(), findings.collect());
            answer.insert("notes".to_owned(), json!(notes));
        }
        output::print(output::json_text(&answer)?.as_bytes())
    }

    async fn print_environments(
        &self,
        object: &Value,
        workload: Workload<'_>,
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        let mut document = workload.document.clone();
        edit::apply(&mut document, &outcome.edits);
        // A pod that exists is what it is, whatever would be decided now.
        let (when, after) = if is_pod(object) {
            ("as it runs", Some(object))
        } else {
            ("if it started now", document.pointer(workload.pointer))
        };
        let after = after.unwrap_or(workload.template);
        let text = environments::environments(self.client, self.namespace, workload.template, after).await?;
        let Target { word, name, .. } = &self.args.target;
        output::print(format!("{word}/{name}, {when}\n{text}").as_bytes())
    }
}

/// The answer, if there is one; a refusal is noted with what follows from it.
fn allowed<T>(
    answer: kube::Result<T>,
    consequence: &str,
    notes: &mut Vec<String>,
) -> kube::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(kube::Error::Api(status)) if status.code == 403 => {
            notes.push(format!("{}{consequence}", status.message));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_pod(object: &Value) -> bool {
    object.get("kind").is_some_and(|kind| kind == "Pod")
}

/// What the API server has refused of a workload after it was injected.
fn refused(workload: &WorkloadRef, snapshot: &Snapshot) -> Vec<String> {
    let is_its = |refusal: &&Refusal| refusal.verdict == Verdict::Withheld && refusal.concerns(workload);
    let note = |refusal: &Refusal| {
        let Refusal { maker: Maker { kind, name, .. }, message, .. } = refusal;
        format!("pods of {kind} {name} are left as they are, because an injected one was refused: {message}")
    };
    snapshot.refusals.values().filter(is_its).map(note).collect()
}
