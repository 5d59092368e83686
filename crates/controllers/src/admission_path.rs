//! Tries whether reviews arrive (`ingraft_core::admission_path`): the leader alone, about once a minute. What that shows is
//! a condition of all Instrumentations, a metric, and a mark on the operator's PodDisruptionBudget, which has the hints
//! speak; when it changes, also an Event on the operator's Deployment and a line in the log.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Uri};
use ingraft_cluster::authority::Authority;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::admission_path::{Answer, Asked, finding, is_same, judge, pod, trial};
use ingraft_core::finding::{AdmissionFinding, BrokenLink};
use ingraft_core::policies::{ADMISSION_PATH, PARTLY_BROKEN};
use ingraft_core::{Locale, Severity};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::trials::Trials;
use crate::{NAME, events};

/// How often it is tried. Another period than that in which the registration is written again: just after that, what
/// somebody else overwrites each time would never be seen.
const PERIOD: Duration = Duration::from_secs(55);
/// What fails is tried again after this long, and counts if it fails again: one lost packet is no outage. While reviews do not
/// arrive, it is tried as often, so that it is seen soon when they do.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest that a replica may take to answer; the API server waits as long.
const ANSWER: Duration = Duration::from_secs(5);
/// Selects the operator's pods, as its Service does.
const REPLICAS: &str = "app.kubernetes.io/instance=ingraft,app.kubernetes.io/component=manager";

/// Tries whether reviews arrive.
#[derive(Debug)]
pub struct SelfTest {
    /// The operator's namespace.
    pub namespace: String,
    /// The operator's image, which whoever judges images lets in; may be empty.
    pub image: String,
    /// The language of what is told.
    pub locale: Locale,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What replicas serve with.
    pub authority: watch::Receiver<Option<Authority>>,
    /// Whether the API server trusts that: when this changes, it is tried at once.
    pub is_trusted: watch::Receiver<bool>,
    /// The port at which each replica serves reviews; `None` for an operator outside the cluster.
    pub port: Option<u16>,
    /// Where the condition is kept.
    pub trials: Trials,
    /// Whether reviews arrive; `None` where that cannot be told.
    pub is_healthy: watch::Sender<Option<bool>>,
}

impl SelfTest {
    /// Tries it for as long as this replica leads.
    pub async fn run(mut self, client: &Client) {
        // This replica may be the first to register.
        let _ = timeout(AGAIN, self.is_trusted.wait_for(|is_trusted| *is_trusted)).await;
        let (mut told, mut marked, mut is_suspected) = (None, None, false);
        loop {
            let is_trusted = *self.is_trusted.borrow();
            let found = self.try_it(client).await;
            let worked = trial(&found, self.locale).worked;
            // Where it cannot be told, hints would speak beside a replica that warns.
            let mark = (worked == Some(false)).then(|| mark_of(&found));
            let is_new = told.as_ref().is_none_or(|told| !is_same(told, &found));
            let is_first = is_new && worked != Some(true) && !is_suspected;
            is_suspected = is_first;
            if is_new && !is_first {
                self.tell(client, &found, told.is_some()).await;
                told = Some(found);
            }
            if !is_first && marked != Some(mark) && self.mark(client, mark).await {
                marked = Some(mark);
            }
            let pause = if is_first || worked == Some(false) { AGAIN } else { PERIOD };
            // Trusted by now, or not any more.
            let _ = timeout(pause, self.is_trusted.wait_for(|now| *now != is_trusted)).await;
        }
    }

    /// Has the API server try the pod, then asks each replica.
    async fn try_it(&self, client: &Client) -> AdmissionFinding {
        let pods = self.pods(client);
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let created = match serde_json::from_value::<DynamicObject>(pod(&self.image)) {
            Ok(pod) => pods.create(&params, &pod).await,
            Err(error) => Err(kube::Error::SerdeError(error)),
        };
        let said = match created {
            Ok(pod) => Ok(serde_json::to_value(pod).unwrap_or_default()),
            Err(kube::Error::Api(status)) => Err(status.message),
            Err(error) => Err(Chain(&error).to_string()),
        };
        let asked = if said.is_ok() { self.ask_all(&pods).await } else { Vec::new() };
        judge(said.as_ref().map_err(String::as_str), &asked)
    }

    fn pods(&self, client: &Client) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), &self.namespace, &ApiResource::erase::<Pod>(&()))
    }

    /// Asks each replica to which the API server sends reviews.
    async fn ask_all(&self, pods: &Api<DynamicObject>) -> Vec<Asked> {
        let authority = self.authority.borrow().clone();
        let (Some(port), Some(authority)) = (self.port, authority) else { return Vec::new() };
        let replicas = match pods.list(&ListParams::default().labels(REPLICAS)).await {
            Ok(pods) => pods.items,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "failed to list the operator's pods, so they are not asked");
                return Vec::new();
            }
        };
        let mut asked = Vec::new();
        for pod in replicas {
            if let Some(address) = address(&pod) {
                let answer = self.ask(SocketAddr::new(address, port), &authority).await;
                asked.push(Asked { replica: pod.name_any(), answer });
            }
        }
        asked
    }

    /// Asks one replica, as the API server does.
    pub async fn ask(&self, address: SocketAddr, authority: &Authority) -> Answer {
        match timeout(ANSWER, self.post(address, authority)).await {
            Err(_) => Answer::Nothing,
            Ok(Err(error)) if is_out_of_reach(&error) => Answer::Nothing,
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Answer::NotFound,
            Ok(Err(error)) => Answer::Wrong(Chain(&error).to_string()),
            Ok(Ok(review)) => {
                let patch = review.pointer("/response/patch").cloned().unwrap_or_default();
                let patch = serde_json::from_value::<ByteString>(patch).ok();
                let patch = patch.and_then(|patch| serde_json::from_slice(&patch.0).ok());
                patch.map_or_else(|| Answer::Wrong(review.to_string()), |patch| Answer::of_patch(&patch))
            }
        }
    }

    async fn post(&self, address: SocketAddr, authority: &Authority) -> kube::Result<Value> {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "self-test", "namespace": self.namespace, "operation": "CREATE", "dryRun": true,
                "object": pod(&self.image),
            },
        });
        let server =
            Uri::builder().scheme("https").authority(address.to_string()).path_and_query("/").build();
        let mut config = Config::new(server.map_err(kube::Error::HttpError)?);
        config.root_cert = Some(authority.trusted());
        config.tls_server_name = Some(format!("{NAME}.{}.svc", self.namespace));
        config.default_retry = false;
        let request = Request::post(webhook_paths::SELF_TEST)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(review.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        Client::try_from(config)?.request(request).await
    }

    /// Tells what is new. That all is well is no news unless it was not.
    async fn tell(&self, client: &Client, found: &AdmissionFinding, is_change: bool) {
        let trial = trial(found, self.locale);
        let finding = finding(found.clone());
        let (code, severity, link) = (finding.code(), finding.severity().as_str(), trial.reason.as_str());
        match finding.severity() {
            Severity::Info if !is_change => {}
            Severity::Info => tracing::info!(code, severity, link, "{}", trial.message),
            Severity::Warning | Severity::Error => tracing::warn!(code, severity, link, "{}", trial.message),
        }
        if is_change || finding.severity() > Severity::Info {
            let event = events::event(&finding, "SelfTest", &self.deployment(), self.locale);
            events::publish(client, event).await;
        }
        self.is_healthy.send_replace(trial.worked);
        self.trials.see_admission_path(trial);
    }

    /// The operator's Deployment, which may run elsewhere.
    fn deployment(&self) -> ObjectReference {
        let uid = self.store.read().deployments.get(&self.namespace, NAME).map(ToString::to_string);
        ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            name: Some(NAME.to_owned()),
            namespace: Some(self.namespace.clone()),
            uid,
            ..ObjectReference::default()
        }
    }

    /// Has hints speak, or be silent. Answers whether that is done.
    async fn mark(&self, client: &Client, mark: Option<&str>) -> bool {
        let budgets = Api::<PodDisruptionBudget>::namespaced(client.clone(), &self.namespace);
        let patch = Patch::Merge(json!({"metadata": {"annotations": {ADMISSION_PATH.0: mark}}}));
        match budgets.patch_metadata(NAME, &PatchParams::default(), &patch).await {
            Ok(_) => true,
            // An operator outside the cluster may have none.
            Err(kube::Error::Api(status)) if status.code == 404 => true,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "failed to mark PodDisruptionBudget {NAME}, will try again");
                false
            }
        }
    }
}

/// What the PodDisruptionBudget says of a way that is broken.
fn mark_of(found: &AdmissionFinding) -> &'static str {
    match found {
        AdmissionFinding::AdmissionPathBroken { link: BrokenLink::Replica(_), .. } => PARTLY_BROKEN,
        _ => ADMISSION_PATH.1,
    }
}

/// Whether nobody was spoken to.
fn is_out_of_reach(error: &kube::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let kinds = causes.filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let is_far = |kind| matches!(kind, ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut);
    kinds.into_iter().any(is_far)
}

/// The address of a replica to which the API server sends reviews: one that is ready and does not end.
fn address(pod: &DynamicObject) -> Option<IpAddr> {
    let status = pod.data.get("status")?;
    let conditions = status.get("conditions").and_then(Value::as_array);
    let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    let is_asked = pod.metadata.deletion_timestamp.is_none() && conditions?.iter().any(is_ready);
    status.get("podIP")?.as_str()?.parse().ok().filter(|_| is_asked)
}

#[cfg(test)]
mod tests;
