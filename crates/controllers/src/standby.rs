//! Keeps the plan by which the API server injects pods while no replica runs (`ingraft_core::standby`). The leader alone
//! does. What is published has been in a trial pod that the API server accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http::header::CONTENT_TYPE;
use http::request::Builder;
use ingraft_api::annotations::STANDBY_TOKEN;
use ingraft_api::plan::{FORMAT, GROUP, NAME as PLAN, PLURAL, PlanSpec, VERSION};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_core::policies::ADMISSION_PATH;
use ingraft_core::standby::{Compiler, TRIAL, leave_out, parts, trial_pod};
use ingraft_core::{Finding, Settings, Severity, Subject};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Client, Resource as _};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::fleet::{self, Fleet};
use crate::repeats::Repeats;
use crate::{FIELD_MANAGER, NAME, events};

/// Changes of the cluster are collected for this long.
const PAUSE: Duration = Duration::from_secs(5);
/// What failed is tried again after this long at the latest.
const AGAIN: Duration = Duration::from_mins(1);
/// So many parts are tried with one pod.
const AT_ONCE: usize = 50;
/// So much of what the API server says is told.
const LONGEST_MESSAGE: usize = 300;

/// Keeps the plan.
#[derive(Debug)]
pub struct Standby {
    /// The operator's namespace.
    pub namespace: String,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What the person who runs Ingraft chose.
    pub settings: Settings,
    /// The workloads, of which some request a language that is not planned.
    pub fleet: Arc<Mutex<Fleet>>,
}

impl Standby {
    /// Keeps it for as long as this replica leads.
    pub async fn keep(&self, client: &Client) {
        let mut changes = self.store.subscribe();
        let stored = stored(client).await;
        // A new one each time: an API server that goes by a budget of the past marks pods in vain (docs/standby.md).
        let token = token();
        // What an earlier leader has published was accepted; its name says what it is.
        let accepted = stored.agents.into_keys().chain(stored.telemetry.into_keys());
        let mut tried: BTreeMap<String, Option<String>> = accepted.map(|name| (name, None)).collect();
        let mut is_published = false;
        let (mut findings, mut told, mut shown) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut repeats = Repeats::default();
        let mut again = Instant::now();
        loop {
            let is_new = changes.has_changed().unwrap_or(false);
            // A trial that failed for want of an answer is tried again.
            if is_new || !is_published || Instant::now() >= again {
                changes.mark_unchanged();
                again = Instant::now() + AGAIN;
                let (mut plan, not_planned) = self.compile(&token).await;
                findings = not_planned;
                findings.extend(self.leave_out_refused(client, &mut plan, &mut tried, &mut repeats).await);
                self.log(&findings, &mut told);
                // Also where nothing is new: somebody else may have changed it.
                is_published = match self.publish(client, &plan, &token).await {
                    Ok(()) => true,
                    Err(error) => {
                        let error = Chain(&error).to_string();
                        if repeats.is_due(&error) {
                            tracing::warn!(
                                error,
                                "failed to write plans.ingraft.dev/{PLAN} and its mark on poddisruptionbudget/{NAME}, will try \
                                 again; both come with the manifests that `ingraft manifests --standby` prints"
                            );
                        }
                        false
                    }
                };
            }
            for event in self.news(&findings, &mut shown) {
                events::publish(client, event).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes the plan. Reviews are answered in between.
    async fn compile(&self, token: &str) -> (PlanSpec, Vec<Finding>) {
        let mut compiler = Compiler::new(&self.settings, token);
        let names: Vec<(String, String)> = {
            let snapshot = self.store.read();
            let entries = snapshot.instrumentations.entries();
            entries.map(|(namespace, name, _)| (namespace.to_owned(), name.to_owned())).collect()
        };
        for (namespace, name) in &names {
            {
                let snapshot = self.store.read();
                if let Some(instrumentation) = snapshot.instrumentations.get(namespace, name) {
                    compiler.add(instrumentation, &snapshot);
                }
            }
            yield_now().await;
        }
        compiler.finish(&self.store.read())
    }

    /// Logs what was not found the last time.
    fn log(&self, findings: &[Finding], told: &mut BTreeSet<String>) {
        let said = self.said(findings.iter());
        for (text, finding) in said.iter().filter(|(text, _)| !told.contains(*text)) {
            tell(finding, text);
        }
        *told = said.into_keys().collect();
    }

    /// The Events that are due: about an Instrumentation from which a workload requests a language that is not planned.
    fn news(&self, findings: &[Finding], shown: &mut BTreeSet<String>) -> Vec<Event> {
        let (snapshot, fleet) = (self.store.read(), fleet::lock(&self.fleet));
        let requested = fleet.languages();
        let concerns = |finding: &&Finding| {
            let Subject::Instrumentation(reference) = &finding.subject else { return false };
            let languages = requested.get(reference.as_str()).zip(finding.reason.language());
            languages.is_some_and(|(requested, language)| requested.contains(&language))
        };
        let said = self.said(findings.iter().filter(concerns));
        let due = said.iter().filter(|(text, _)| !shown.contains(*text));
        let news = due.filter_map(|(_, finding)| {
            let Subject::Instrumentation(reference) = &finding.subject else { return None };
            let (namespace, name) = reference.split_once('/')?;
            let object = snapshot.instrumentations.get(namespace, name)?.object_ref(&());
            Some(events::event(finding, "Plan", &object, self.settings.locale))
        });
        let news = news.collect();
        *shown = said.into_keys().collect();
        news
    }

    /// Findings by what is said of them.
    fn said<'a>(&self, findings: impl Iterator<Item = &'a Finding>) -> BTreeMap<String, &'a Finding> {
        let said = |finding: &Finding| {
            let about = match &finding.subject {
                Subject::Instrumentation(reference) => format!("{reference}: "),
                _ => String::new(),
            };
            format!("{about}{}", finding.message(self.settings.locale))
        };
        findings.map(|finding| (said(finding), finding)).collect()
    }

    /// Tries what has not been tried, and leaves out what the API server refuses.
    async fn leave_out_refused(
        &self,
        client: &Client,
        plan: &mut PlanSpec,
        tried: &mut BTreeMap<String, Option<String>>,
        repeats: &mut Repeats,
    ) -> Vec<Finding> {
        let names: BTreeSet<String> = parts(plan).map(str::to_owned).collect();
        tried.retain(|name, _| names.contains(name));
        let new: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !tried.contains_key(*name)).collect();
        let mut untried: BTreeMap<String, Option<String>> = BTreeMap::new();
        for some in new.chunks(AT_ONCE) {
            let trial = self.try_parts(client, plan, some, repeats).await;
            if !matches!(trial, Trial::Refused(_)) {
                note(some, &trial, tried, &mut untried);
                continue;
            }
            // One of them.
            for one in some.chunks(1) {
                note(one, &self.try_parts(client, plan, one, repeats).await, tried, &mut untried);
            }
        }
        let refused = names.into_iter().filter_map(|name| match tried.get(&name) {
            Some(None) => None,
            Some(refused) => Some((name, refused.clone())),
            None => untried.remove(&name).map(|why| (name, why)),
        });
        leave_out(plan, &refused.collect())
    }

    /// What the API server says of a pod with these parts.
    async fn try_parts(
        &self,
        client: &Client,
        plan: &PlanSpec,
        names: &[&str],
        repeats: &mut Repeats,
    ) -> Trial {
        let pod = trial_pod(plan, names.iter().copied(), &self.settings.probe_image);
        let said = |status: &Status| status.message.chars().take(LONGEST_MESSAGE).collect();
        match self.try_pod(client, &pod).await {
            Ok(_) => Trial::Accepted,
            Err(kube::Error::Api(status)) if is_valid_anyway(&status) => Trial::Accepted,
            Err(kube::Error::Api(status)) if is_about_the_pod(&status) => Trial::Refused(said(&status)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 422) => {
                Trial::Untried(Some(said(&status)))
            }
            Err(error) => {
                let error = Chain(&error).to_string();
                if repeats.is_due("trial") {
                    tracing::warn!(
                        error,
                        "failed to try a part of the plan with a dry run of a pod ({TRIAL}…) in this namespace; what \
                         needs that part is not injected while no replica runs"
                    );
                }
                Trial::Untried(None)
            }
        }
    }

    /// Has the API server try a pod. A field that it does not know is an error, as it is in a pod that a policy has changed.
    async fn try_pod(&self, client: &Client, pod: &Value) -> kube::Result<Value> {
        let path = format!("/api/v1/namespaces/{}/pods?dryRun=All&fieldValidation=Strict", self.namespace);
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        client.request(body(request, pod)?).await
    }

    /// Writes the plan, then the token by which pods are marked.
    async fn publish(&self, client: &Client, plan: &PlanSpec, token: &str) -> kube::Result<()> {
        write(client, plan).await?;
        annotate(client, &self.namespace, &json!({STANDBY_TOKEN: token})).await
    }
}

/// The plan that is there, as far as it can be read.
async fn stored(client: &Client) -> PlanSpec {
    let request = Request::get(format!("/apis/{GROUP}/{VERSION}/{PLURAL}/{PLAN}")).body(Vec::new());
    let Ok(request) = request else { return PlanSpec::default() };
    let plan: Value = client.request(request).await.unwrap_or_default();
    let spec = plan.get("spec").cloned().and_then(|spec| serde_json::from_value::<PlanSpec>(spec).ok());
    spec.filter(|spec| spec.format == FORMAT).unwrap_or_default()
}

/// What came of a trial.
enum Trial {
    Accepted,
    /// What the API server said.
    Refused(String),
    /// Somebody refused it for other reasons, or nobody answered: it is tried again.
    Untried(Option<String>),
}

/// Remembers what came of a trial of parts.
fn note(
    names: &[&str],
    trial: &Trial,
    tried: &mut BTreeMap<String, Option<String>>,
    untried: &mut BTreeMap<String, Option<String>>,
) {
    let names = names.iter().map(|name| (*name).to_owned());
    match trial {
        Trial::Accepted => tried.extend(names.map(|name| (name, None))),
        Trial::Refused(error) => tried.extend(names.map(|name| (name, Some(error.clone())))),
        Trial::Untried(why) => untried.extend(names.map(|name| (name, why.clone()))),
    }
}

/// Whether a pod is refused by what is asked about valid pods only: a quota or a policy of this namespace
/// (<https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go>,
/// `create`: `BeforeCreate` validates, then `createValidation` asks whoever validates).
fn is_valid_anyway(status: &Status) -> bool {
    let of_others = ["exceeded quota", "violates PodSecurity", "ValidatingAdmissionPolicy '"];
    of_others.iter().any(|words| status.message.contains(words))
}

/// Whether the API server says that a pod is no valid pod. What others demand of pods in this namespace says nothing of the plan.
fn is_about_the_pod(status: &Status) -> bool {
    let of_others = ["denied the request", "denied request", "failed calling webhook"];
    matches!(status.code, 400 | 422) && !of_others.iter().any(|words| status.message.contains(words))
}

/// Takes away by which pods are marked, for as long as the process runs: an earlier release may still lead, or somebody else has
/// chosen otherwise. Without it the API server injects nothing. Where nobody tests it, the way of reviews is not broken either.
pub async fn end_standby(client: &Client, namespace: &str, is_tested: bool) {
    let mut annotations = json!({STANDBY_TOKEN: null});
    if !is_tested && let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(ADMISSION_PATH.0.to_owned(), Value::Null);
    }
    let mut repeats = Repeats::default();
    loop {
        match annotate(client, namespace, &annotations).await {
            Ok(()) => repeats.clear(),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                let error = Chain(&error).to_string();
                if repeats.is_due(&error) {
                    tracing::warn!(
                        error,
                        "failed to end standby injection on poddisruptionbudget/{NAME}, will try again"
                    );
                }
            }
        }
        sleep(AGAIN).await;
    }
}

/// Writes annotations of the operator's PodDisruptionBudget.
async fn annotate(client: &Client, namespace: &str, annotations: &Value) -> kube::Result<()> {
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    budgets.patch_metadata(NAME, &PatchParams::default(), &patch).await.map(drop)
}

/// Writes all of the plan but `paused`. What others have added to it goes, which an apply would leave.
async fn write(client: &Client, plan: &PlanSpec) -> kube::Result<()> {
    let spec = serde_json::to_value(plan).map_err(kube::Error::SerdeError)?;
    let fields = spec.as_object().into_iter().flatten();
    let changes: Vec<Value> = fields
        .map(|(field, value)| json!({"op": "add", "path": format!("/spec/{field}"), "value": value}))
        .collect();
    let plans = format!("/apis/{GROUP}/{VERSION}/{PLURAL}");
    // A definition of an earlier release must not drop fields unnoticed.
    let parameters = format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict");
    let change = Request::patch(format!("{plans}/{PLAN}?{parameters}"))
        .header(CONTENT_TYPE, "application/json-patch+json");
    let written = client.request::<Value>(body(change, &changes)?).await;
    match written {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let create =
                Request::post(format!("{plans}?{parameters}")).header(CONTENT_TYPE, "application/json");
            client.request::<Value>(body(create, &plan.document())?).await.map(drop)
        }
        written => written.map(drop),
    }
}

fn body(request: Builder, body: &impl Serialize) -> kube::Result<Request<Vec<u8>>> {
    let body = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
    request.body(body).map_err(kube::Error::HttpError)
}

/// A text that nobody guesses: <https://doc.rust-lang.org/std/hash/struct.RandomState.html> takes its keys from the system.
fn token() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

fn tell(finding: &Finding, text: &str) {
    let code = finding.code();
    match finding.severity() {
        Severity::Info => tracing::info!(code, "{text}"),
        Severity::Warning | Severity::Error => tracing::warn!(code, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of Kubernetes 1.37.
    #[test]
    fn what_is_refused_after_validation_is_valid() {
        for (code, message, is_valid, is_about) in [
            (422, "Pod \"t\" is invalid: spec.containers[0].name: Required value", false, true),
            (400, "strict decoding error: unknown field \"spec.x\"", false, true),
            (
                403,
                "pods \"t\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2",
                true,
                false,
            ),
            (
                403,
                "pods \"t\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
                true,
                false,
            ),
            (
                422,
                "pods \"t\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
                true,
                false,
            ),
            // It may have been asked before, as a mutating one.
            (400, "admission webhook \"w\" denied the request: no", false, false),
            (403, "pods is forbidden: User \"u\" cannot create resource \"pods\"", false, false),
        ] {
            let status = Status { code, message: message.to_owned(), ..Status::default() };
            assert_eq!(
                (is_valid_anyway(&status), is_about_the_pod(&status)),
                (is_valid, is_about),
                "{message}"
            );
        }
    }
}
