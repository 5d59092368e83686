//! `ingraft explain`: what is decided about one workload of a cluster, and which environment its containers get.

mod environments;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use ingraft_cluster::api::{self, Operator, WorkloadKind};
use ingraft_cluster::facts;
use ingraft_core::refusal::Maker;
use ingraft_core::{Finding, Locale, Outcome, Refusal, Snapshot, Subject, Verdict, Workload, edit};
use ingraft_settings::{Installed, of_operator};
use kube::Client;
use serde_json::{Value, json};

use crate::cluster_args::ClusterArgs;
use crate::document::Change;
use crate::output::{self, FailOn};

/// Arguments of `ingraft explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workload: pod, deployment, statefulset, daemonset, replicaset, replicationcontroller, job, cronjob or
    /// rollout
    #[arg(value_name = "TYPE/NAME", value_parser = parse_target)]
    workload: Target,
    /// Its namespace [default: that of the context]
    #[arg(short, long)]
    namespace: Option<String>,
    /// What to print: findings for people, or findings and changes for programs
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
    /// Findings on standard error
    #[default]
    Text,
    /// Findings, and the changes as an RFC 6902 patch
    Json,
}

/// What is to be explained.
#[derive(Debug, Clone)]
struct Target {
    kind: WorkloadKind,
    /// The kind as written.
    word: String,
    name: String,
}

fn parse_target(text: &str) -> Result<Target, String> {
    let Some((word, name)) = text.split_once('/').filter(|(_, name)| !name.is_empty()) else {
        return Err("write TYPE/NAME, such as deployment/checkout".to_owned());
    };
    let kind = WorkloadKind::parse(word).ok_or_else(|| {
        let kinds: Vec<&str> = WorkloadKind::names().collect();
        format!("\"{word}\" is none of {}", kinds.join(", "))
    })?;
    Ok(Target { kind, word: word.to_owned(), name: name.to_owned() })
}

/// Explains one workload.
pub fn run(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    args.cluster.with_client(async |client| {
        let namespace = args.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
        let question = Question { args, client: &client, namespace, locale };
        question.answer().await
    })
}

/// One call of the program.
struct Question<'a> {
    args: &'a Args,
    client: &'a Client,
    namespace: &'a str,
    locale: Locale,
}

/// What is known of the cluster, and what limits that.
struct Known {
    snapshot: Snapshot,
    installed: Installed,
    notes: Vec<String>,
}

impl Question<'_> {
    async fn answer(&self) -> anyhow::Result<u8> {
        let object = self.object().await?;
        let template = self.template_of(&object).await;
        let workload = Workload::of(&template).context("it has no pod template")?;
        let Known { snapshot, installed, mut notes } = self.known().await?;
        notes.extend(self.withheld(&snapshot));
        let outcome = workload.inject(self.namespace, &snapshot, &installed.settings);
        let worst = outcome.findings.iter().map(Finding::severity).max();
        if self.args.output == Form::Json {
            self.print_json(workload, outcome, &notes)?;
            return Ok(FailOn::Error.status(worst));
        }
        for note in &notes {
            output::note(note);
        }
        for finding in &outcome.findings {
            output::finding(finding, &self.location(workload, finding), self.locale);
        }
        if self.args.env {
            self.print_environments(&object, workload, &outcome).await?;
        }
        Ok(FailOn::Error.status(worst))
    }

    /// What the API server has refused of this workload after it was injected.
    fn withheld(&self, snapshot: &Snapshot) -> Vec<String> {
        let Target { name, .. } = &self.args.workload;
        let refusals = snapshot
            .refusals
            .values()
            .filter(|refusal| refusal.verdict == Verdict::Withheld && refusal.concerns(self.namespace, name));
        let note = |refusal: &Refusal| {
            let Refusal { maker: Maker { kind, name, .. }, message, .. } = refusal;
            format!(
                "pods of {kind} {name} are left as they are, because an injected one was refused: {message}"
            )
        };
        refusals.map(note).collect()
    }

    async fn object(&self) -> anyhow::Result<Value> {
        let Target { kind, word, name } = &self.args.workload;
        kind.get(self.client, self.namespace, name).await.map_err(|error| match error {
            // The API server's messages are meant for people.
            kube::Error::Api(status) => anyhow!("{} (namespace {})", status.message, self.namespace),
            other => anyhow!(other).context(format!("failed to read {word}/{name}")),
        })
    }

    /// A pod is explained by what it was made from.
    async fn template_of(&self, object: &Value) -> Value {
        let is_pod = is_pod(object);
        let owner = object.pointer("/metadata/ownerReferences/0").filter(|_| is_pod);
        let text = |key: &str| owner.and_then(|owner| owner.get(key)).and_then(Value::as_str);
        if let (Some(kind), Some(name)) = (text("kind").and_then(WorkloadKind::parse), text("name")) {
            let owner = kind.get(self.client, self.namespace, name).await;
            return owner.unwrap_or_else(|_| object.clone());
        }
        object.clone()
    }

    /// What the operator knows, as far as the user may see it.
    async fn known(&self) -> anyhow::Result<Known> {
        let mut notes = Vec::new();
        let operator = self.operator(&mut notes).await.context("failed to look for the operator")?;
        let installed = operator.as_ref().map(|one| of_operator(&one.container)).unwrap_or_default();
        let known = api::known(self.client, self.namespace, installed.check_secrets).await;
        let api::Known { mut snapshot, unseen } = known.context("failed to read the cluster")?;
        notes.extend(unseen);
        if let Some(operator) = operator {
            let facts = facts::recall(self.client, &operator.namespace).await;
            let unknown = ": what the operator remembers of images, nodes and refused pods is not known";
            let facts =
                allowed(facts, unknown, &mut notes).context("failed to read what probes have found")?;
            facts.unwrap_or_default().fill(&mut snapshot);
        }
        Ok(Known { snapshot, installed, notes })
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
        let Target { word, name, .. } = &self.args.workload;
        let pointer = if finding.subject == Subject::Pod { workload.pointer } else { "" };
        let object = finding.object(self.locale, &format!("{word}/{name}"), self.namespace);
        format!("{pointer}{} ({object})", finding.pointer)
    }

    fn print_json(&self, workload: Workload<'_>, outcome: Outcome, notes: &[String]) -> anyhow::Result<()> {
        let Outcome { edits, findings, .. } = outcome;
        let change = Change { workload, namespace: self.namespace, edits, pointer: String::new() };
        let mut answer = change.patch();
        if let Some(answer) = answer.as_object_mut() {
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
        let Target { word, name, .. } = &self.args.workload;
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
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            notes.push(format!("{}{consequence}", status.message));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_pod(object: &Value) -> bool {
    object.get("kind").is_some_and(|kind| kind == "Pod")
}
