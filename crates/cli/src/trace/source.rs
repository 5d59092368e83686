//! Where the settings come from: a pod of the workload that runs, or else the template as it would be injected.

use anyhow::{Context as _, anyhow, bail};
use ingraft_cluster::api::{self, Operator};
use ingraft_cluster::{facts, workloads};
use ingraft_core::finding::Caveat;
use ingraft_core::trace::{Origin, Place};
use ingraft_core::{LimitRange, OwnerKind, RunningPod, Snapshot, Workload, WorkloadRef, edit, owner};
use ingraft_settings::{Installed, of_operator};
use k8s_openapi::api::core::v1::Container;
use kube::Client;
use serde_json::Value;

use super::{Request, unseen};

/// The settings, and the program that reads them.
#[derive(Debug)]
pub struct Source {
    /// A pod that runs, or a template as it would be injected.
    pub pod: Value,
    /// Which.
    pub origin: Origin,
    /// The name of what makes the pods, where that is not what was asked about.
    pub workload: Option<String>,
    /// The image with the program.
    pub image: String,
    /// What is started, where that is not what the image says.
    pub command: Vec<String>,
    /// When the image is pulled, if it is said.
    pub pull_policy: Option<String>,
    /// What limits the answer.
    pub caveats: Vec<Caveat>,
    snapshot: Snapshot,
}

impl Source {
    /// Reads the workload, its pods, and what the operator knows.
    pub async fn read(client: &Client, request: &Request<'_>) -> anyhow::Result<Self> {
        let Request { kind, word, name, namespace, .. } = *request;
        let object = kind.get(client, namespace, name).await.map_err(|error| match error {
            // The API server's messages are meant for people.
            kube::Error::Api(status) => anyhow!("{} (namespace {namespace})", status.message),
            other => anyhow!(other).context(format!("failed to read {word}")),
        })?;
        let (operator, refusal) =
            allowed(api::operator(client).await).context("failed to look for the operator")?;
        let operator = operator.flatten();
        let (image, command, pull_policy) = program(request.image, operator.as_ref(), refusal.as_deref())?;
        let installed = operator.as_ref().map(|one| of_operator(&one.container)).unwrap_or_default();
        let known = api::known(client, Some(namespace), installed.check_secrets).await;
        let api::Known { mut snapshot, unseen: hidden } = known.context("failed to read the cluster")?;
        let pods = workloads::of_namespace(client, &workloads::pods(), namespace).await;
        let (pods, of_pods) = allowed(pods).context("failed to read the pods")?;
        let mut caveats: Vec<Caveat> = of_pods.map(unseen).into_iter().collect();
        let documents: Result<Vec<Value>, _> = pods.into_iter().flatten().map(serde_json::to_value).collect();
        let documents = documents.context("failed to read the pods")?;
        let own = running(&object, &documents, namespace, &snapshot);
        let workload =
            is_pod(&object).then(|| WorkloadRef::of_pod(&object, namespace, &snapshot).name.into_string());
        let (pod, origin) = if let Some(pod) = own {
            let name = text(pod, "/metadata/name").to_owned();
            (pod.clone(), Origin::Pod { name })
        } else {
            caveats.extend(refusal.into_iter().chain(hidden).map(unseen));
            if let Some(operator) = &operator {
                let (memory, refusal) = allowed(facts::recall(client, &operator.namespace).await)?;
                memory.unwrap_or_default().fill(&mut snapshot);
                caveats.extend(refusal.map(unseen));
            }
            caveats.push(Caveat::OfTemplate);
            (template(&object, namespace, &snapshot, &installed)?, Origin::Template)
        };
        Ok(Self { pod, origin, workload, image, command, pull_policy, caveats, snapshot })
    }

    /// What the namespace demands of containers.
    pub fn limit_ranges<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a LimitRange> {
        self.snapshot.limit_ranges.in_namespace(namespace).map(|(_, range)| range)
    }
}

/// The image of the program, what is started, and when it is pulled: as the operator's own pods have it.
fn program(
    chosen: Option<&str>,
    operator: Option<&Operator>,
    refusal: Option<&str>,
) -> anyhow::Result<(String, Vec<String>, Option<String>)> {
    if let Some(image) = chosen {
        return Ok((image.to_owned(), Vec::new(), None));
    }
    let Some(operator) = operator else {
        match refusal {
            Some(refusal) => {
                bail!("the image of the operator is not known ({refusal}): name one with --trace-image")
            }
            None => bail!(
                "there is no operator in this cluster, whose image has the program: name one with --trace-image"
            ),
        }
    };
    let Container { image, command, image_pull_policy, .. } = operator.container.clone();
    let image = image.filter(|image| !image.is_empty());
    let image = image.context("the operator has no image: name one with --trace-image")?;
    Ok((image, command.unwrap_or_default(), image_pull_policy))
}

/// The template of what was asked about, as its next pods would be.
fn template(
    object: &Value,
    namespace: &str,
    snapshot: &Snapshot,
    installed: &Installed,
) -> anyhow::Result<Value> {
    let workload = Workload::of(object).context("it has no pod template")?;
    let outcome = workload.inject(namespace, snapshot, &installed.settings);
    let mut injected = workload.document.clone();
    edit::apply(&mut injected, &outcome.edits);
    Ok(injected.pointer(workload.pointer).unwrap_or(workload.template).clone())
}

/// A pod that runs, was injected, and is what was asked about, or is made by it: the newest of those that are ready, if
/// there are any.
fn running<'a>(object: &Value, pods: &'a [Value], namespace: &str, snapshot: &Snapshot) -> Option<&'a Value> {
    let (name, kind) = (text(object, "/metadata/name"), OwnerKind::parse(text(object, "/kind")));
    let is_own = |pod: &&Value| {
        if is_pod(object) {
            return pod.pointer("/metadata/uid") == object.pointer("/metadata/uid");
        }
        let owners = owner::owners(pod, namespace, snapshot);
        owners.iter().any(|owner| Some(owner.kind) == kind && owner.name == name)
    };
    let own = pods.iter().filter(is_own).filter(|pod| text(pod, "/status/phase") == "Running");
    let injected = own.filter(|pod| Place::find(pod).is_some());
    let states = injected.filter_map(|pod| {
        Some((RunningPod::of(pod)?.is_ready, text(pod, "/metadata/creationTimestamp"), pod))
    });
    states.max_by_key(|(is_ready, since, _)| (*is_ready, *since)).map(|(.., pod)| pod)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_pod(object: &Value) -> bool {
    text(object, "/kind") == "Pod"
}

/// The answer, or what the API server says that refuses it.
pub fn allowed<T>(answer: kube::Result<T>) -> kube::Result<(Option<T>, Option<String>)> {
    match answer {
        Ok(answer) => Ok((Some(answer), None)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok((None, Some(status.message))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, owner: &str, phase: &str, ready: &str, since: &str) -> Value {
        json!({
            "kind": "Pod",
            "metadata": {
                "name": name, "uid": name, "creationTimestamp": since,
                "annotations": {"ingraft.dev/injected": r#"{"java": {"containers": ["web"]}}"#},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": owner}],
            },
            "spec": {"containers": [{"name": "web"}]},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
        })
    }

    #[test]
    fn takes_the_newest_pod_that_is_ready() {
        let pods = [
            pod("other", "other", "Running", "True", "2026-01-09"),
            pod("old", "web", "Running", "True", "2026-01-01"),
            pod("new", "web", "Running", "True", "2026-01-02"),
            pod("unready", "web", "Running", "False", "2026-01-03"),
            pod("waiting", "web", "Pending", "True", "2026-01-04"),
        ];
        let snapshot = Snapshot::default();
        let object = json!({"kind": "StatefulSet", "metadata": {"name": "web"}});
        let name = |object: &Value| {
            running(object, &pods, "shop", &snapshot).map(|pod| text(pod, "/metadata/name").to_owned())
        };
        assert_eq!(name(&object).as_deref(), Some("new"));
        assert_eq!(name(&pods[3]).as_deref(), Some("unready"));
        assert_eq!(name(&pods[4]), None);
        assert_eq!(name(&json!({"kind": "StatefulSet", "metadata": {"name": "none"}})), None);
    }

    #[test]
    fn without_an_operator_an_image_must_be_named() {
        assert_eq!(program(Some("a:1"), None, None).unwrap().0, "a:1");
        for refusal in [None, Some("deployments.apps is forbidden")] {
            let error = program(None, None, refusal).unwrap_err().to_string();
            assert!(error.contains("--trace-image"), "{error}");
        }
    }
}
