//! The pod that sends, from its creation to its end; or a container in one that runs.

use std::time::Duration;

use anyhow::{Context as _, bail};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::workloads;
use ingraft_core::finding::{Caveat, Unsent};
use ingraft_core::trace::{Line, Order, Progress, lines, progress};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Between two looks at the pod.
const LOOK: Duration = Duration::from_millis(500);
/// The most that the program takes, and a little more.
const PROGRAM: Duration = Duration::from_secs(35);
/// So often it is tried to delete the pod.
const DELETIONS: usize = 3;

/// What came of it.
#[derive(Debug)]
pub struct Sent {
    /// What the program has told.
    pub lines: Result<Vec<Line>, Unsent>,
    /// The node; empty where it did not run.
    pub node: String,
    /// What is left behind.
    pub caveat: Option<Caveat>,
}

fn pods(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &workloads::pods())
}

/// Sends from a pod of its own, which is deleted whatever happens.
pub async fn from_pod(
    client: &Client,
    order: &Order<'_>,
    document: Value,
    limit: Duration,
    interrupted: impl Future<Output = ()>,
) -> anyhow::Result<Sent> {
    let pods = pods(client, order.namespace);
    let pod: DynamicObject = serde_json::from_value(document).context("failed to write the pod")?;
    // Not given up half way: what was asked for would come into being after it was deleted.
    let watched = match pods.create(&PostParams::default(), &pod).await {
        Ok(_) => {
            tokio::select! {
                watched = watch(&pods, order.name, order.name, limit) => Some(watched),
                () = interrupted => None,
            }
        }
        Err(kube::Error::Api(status)) => {
            let lines = Err(Unsent::Refused { said: status.message });
            return Ok(Sent { lines, node: String::new(), caveat: None });
        }
        // Whether it was created is not known.
        Err(error) => {
            let left = remove(&pods, order).await;
            let error = anyhow::Error::new(error).context(format!("failed to create pod {}", order.name));
            return Err(left.map_or(error, |left| anyhow::anyhow!("{}", left.text(ingraft_core::Locale::En))));
        }
    };
    let caveat = remove(&pods, order).await;
    let Some((lines, node)) = watched else {
        match caveat {
            Some(caveat) => bail!("interrupted; {}", caveat.text(ingraft_core::Locale::En)),
            None => bail!("interrupted; pod {} was deleted", order.name),
        }
    };
    Ok(Sent { lines, node, caveat })
}

/// Sends from a container in a pod that runs, which stays there.
pub async fn from_container(
    client: &Client,
    order: &Order<'_>,
    pod: &str,
    container: Value,
    limit: Duration,
    interrupted: impl Future<Output = ()>,
) -> anyhow::Result<Sent> {
    let pods = pods(client, order.namespace);
    // https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
    let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container]}}));
    match pods.patch_subresource("ephemeralcontainers", pod, &PatchParams::default(), &patch).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) => {
            let lines = Err(Unsent::Refused { said: status.message });
            return Ok(Sent { lines, node: String::new(), caveat: None });
        }
        Err(error) => return Err(error).context(format!("failed to add a container to pod {pod}")),
    }
    let caveat = Caveat::ContainerStays { container: order.name.to_owned(), pod: pod.to_owned() };
    let watched = tokio::select! {
        watched = watch(&pods, pod, order.name, limit) => watched,
        () = interrupted => bail!("interrupted; {}", caveat.text(ingraft_core::Locale::En)),
    };
    let (lines, node) = watched;
    Ok(Sent { lines, node, caveat: Some(caveat) })
}

/// Looks at a container until it has ended, or does not start in time. Returns what it has told, and its node.
async fn watch(
    pods: &Api<DynamicObject>,
    name: &str,
    container: &str,
    limit: Duration,
) -> (Result<Vec<Line>, Unsent>, String) {
    let (start, mut node) = (Instant::now(), String::new());
    let mut since = None;
    loop {
        sleep(LOOK).await;
        let pod = match pods.get_opt(name).await {
            Ok(Some(pod)) => serde_json::to_value(pod).unwrap_or_default(),
            Ok(None) => return (Err(Unsent::Deleted), node),
            Err(kube::Error::Api(status)) if status.code < 500 => {
                return (Err(Unsent::Refused { said: status.message }), node);
            }
            Err(error) if start.elapsed() > limit + PROGRAM => {
                return (Err(Unsent::Ended { why: Chain(&error).to_string() }), node);
            }
            Err(_) => continue,
        };
        if let Some(found) = pod.pointer("/spec/nodeName").and_then(Value::as_str) {
            found.clone_into(&mut node);
        }
        let result = match progress(&pod, container) {
            Progress::Told(text) => told(&text),
            Progress::Ended(why) => Err(Unsent::Ended { why }),
            Progress::Stuck(why) => Err(Unsent::Stuck { why }),
            Progress::Waits(why) if start.elapsed() > limit => {
                Err(Unsent::NotStarted { seconds: limit.as_secs(), why })
            }
            Progress::Runs if since.get_or_insert_with(Instant::now).elapsed() > PROGRAM => {
                Err(Unsent::Ended { why: format!("> {} s", PROGRAM.as_secs()) })
            }
            Progress::Waits(_) | Progress::Runs => continue,
        };
        return (result, node);
    }
}

/// The lines of a text, or the text where it has none: another program's complaint.
fn told(text: &str) -> Result<Vec<Line>, Unsent> {
    let lines = lines(text);
    let why = || text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
    if lines.is_empty() { Err(Unsent::Ended { why: why() }) } else { Ok(lines) }
}

/// Deletes the pod. Says so if it stays.
async fn remove(pods: &Api<DynamicObject>, order: &Order<'_>) -> Option<Caveat> {
    let params = DeleteParams::default().grace_period(0);
    let mut said = String::new();
    for _ in 0..DELETIONS {
        match pods.delete(order.name, &params).await {
            Ok(_) => return None,
            Err(kube::Error::Api(status)) if status.code == 404 => return None,
            Err(kube::Error::Api(status)) => said = status.message,
            Err(error) => said = Chain(&error).to_string(),
        }
        sleep(LOOK).await;
    }
    let (pod, namespace) = (order.name.to_owned(), order.namespace.to_owned());
    Some(Caveat::PodStays { pod, namespace, said })
}
