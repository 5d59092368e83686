//! What the Collector counts that takes the span, read from the telemetry of its pods through the API server.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Request;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::fetched_sources::FetchedSources;
use ingraft_core::ReferenceKind;
use ingraft_core::finding::Uncounted;
use ingraft_core::trace::{Count, METRICS_PORT, NamedService, Place, accepted_spans, service};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::source::Source;

/// The most that one pod may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// So many pods are asked.
const MOST: usize = 20;
/// It may take a moment until a span is counted.
const PAUSE: Duration = Duration::from_millis(500);
const TRIES: usize = 6;

/// What takes the span.
#[derive(Debug)]
pub struct Collector {
    /// Namespace and name of the Service, and the pods behind it; or why they are not known.
    found: Result<Found, Uncounted>,
}

#[derive(Debug)]
struct Found {
    namespace: String,
    service: String,
    pods: Vec<Pod>,
}

/// What each pod has counted.
type Counts = Result<BTreeMap<String, f64>, Uncounted>;

impl Collector {
    /// Looks for the Service that the endpoint names.
    pub async fn find(client: &Client, place: &Place<'_>, source: &Source, namespace: &str) -> Self {
        let sources = config_maps(client, &source.pod, namespace).await;
        let named = place.endpoint(namespace, &sources).and_then(|endpoint| service(&endpoint, namespace));
        let found = match named {
            Some(named) => Found::read(client, named).await,
            None => Err(Uncounted::NoService),
        };
        Self { found }
    }

    /// Its namespace, and the labels of a pod of it, if it is known.
    pub fn labels(&self) -> Option<(&str, Value)> {
        let found = self.found.as_ref().ok()?;
        let labels = found.pods.first()?.metadata.labels.as_ref()?;
        Some((&found.namespace, serde_json::to_value(labels).ok()?))
    }

    /// What its pods have counted so far.
    pub async fn counts(&self, client: &Client) -> Counts {
        let found = self.found.as_ref().map_err(Clone::clone)?;
        let (mut counts, mut first) = (BTreeMap::new(), None);
        for pod in found.pods.iter().take(MOST) {
            match count(client, &found.namespace, &pod.name_any()).await {
                Ok(count) => drop(counts.insert(pod.name_any(), count)),
                Err(why) => first = first.or(Some(why)),
            }
        }
        match first {
            Some(why) if counts.is_empty() => Err(why),
            _ => Ok(counts),
        }
    }

    /// How many more it has counted than before, as soon as it is any.
    pub async fn rise(&self, client: &Client, before: Counts) -> Count {
        let (found, before) = match (&self.found, before) {
            (Ok(found), Ok(before)) => (found, before),
            (Err(why), _) => return Count::Unknown(why.clone()),
            (_, Err(why)) => return Count::Unknown(why),
        };
        let service = format!("{}/{}", found.namespace, found.service);
        for _ in 0..TRIES {
            match self.counts(client).await {
                Ok(after) => match rise(&before, &after) {
                    0 => sleep(PAUSE).await,
                    by => return Count::Rose { service, by },
                },
                Err(why) => return Count::Unknown(why),
            }
        }
        Count::Rose { service, by: 0 }
    }
}

/// The sum of what those have counted that were asked both times. One that was started anew begins at zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is a whole number, and not negative"
)]
fn rise(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> u64 {
    let more = after.iter().filter_map(|(pod, count)| Some((count - before.get(pod)?).max(0.0)));
    more.sum::<f64>().round() as u64
}

impl Found {
    async fn read(client: &Client, named: NamedService) -> Result<Self, Uncounted> {
        let NamedService { namespace, name: service, is_certain } = named;
        let found = Api::<Service>::namespaced(client.clone(), &namespace).get_opt(&service).await;
        let found = found.map_err(|error| if is_certain { refused(&error) } else { Uncounted::NoService })?;
        let found = found.ok_or(Uncounted::NoService)?;
        let selector = found.spec.and_then(|spec| spec.selector).unwrap_or_default();
        let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let nobody = Uncounted::NoPods { service: format!("{namespace}/{service}") };
        if selector.is_empty() {
            return Err(nobody);
        }
        let selected = ListParams::default().labels(&selector.join(",")).fields("status.phase=Running");
        let pods = Api::<Pod>::namespaced(client.clone(), &namespace).list(&selected).await;
        let pods = pods.map_err(|error| refused(&error))?.items;
        if pods.is_empty() { Err(nobody) } else { Ok(Self { namespace, service, pods }) }
    }
}

async fn count(client: &Client, namespace: &str, pod: &str) -> Result<f64, Uncounted> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{METRICS_PORT}/proxy/metrics");
    let said = |said: String| Uncounted::Refused { said };
    let request = Request::get(path).body(Vec::new()).map_err(|error| said(error.to_string()))?;
    let late = || said(format!("pod {namespace}/{pod} does not answer within {} s", LIMIT.as_secs()));
    let page = timeout(LIMIT, client.request_text(request)).await.map_err(|_| late())?;
    let page = page.map_err(|error| refused(&error))?;
    accepted_spans(&page).ok_or_else(|| Uncounted::NoCollector { pod: format!("{namespace}/{pod}") })
}

fn refused(error: &kube::Error) -> Uncounted {
    let said = match error {
        kube::Error::Api(status) => status.message.trim().to_owned(),
        other => Chain(other).to_string(),
    };
    Uncounted::Refused { said }
}

/// The ConfigMaps that the environments of a pod name, as far as they may be read: an endpoint may be in one.
async fn config_maps(client: &Client, pod: &Value, namespace: &str) -> FetchedSources {
    let mut sources = FetchedSources::default();
    let lists = ["/spec/containers", "/spec/initContainers"];
    let containers = lists.iter().filter_map(|list| pod.pointer(list)).filter_map(Value::as_array).flatten();
    for container in containers {
        for (list, pointer) in [("envFrom", "/configMapRef/name"), ("env", "/valueFrom/configMapKeyRef/name")]
        {
            let entries = container.get(list).and_then(Value::as_array).into_iter().flatten();
            for name in entries.filter_map(|entry| entry.pointer(pointer)?.as_str()) {
                // Without it the endpoint is not known before the program tells it.
                drop(sources.fetch(client, namespace, ReferenceKind::ConfigMap, name).await);
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_count_that_were_asked_both_times() {
        let counts =
            |all: &[(&str, f64)]| all.iter().map(|(pod, count)| ((*pod).to_owned(), *count)).collect();
        let before = counts(&[("a", 5.0), ("b", 7.0), ("c", 9.0)]);
        assert_eq!(rise(&before, &counts(&[("a", 6.0), ("b", 7.0), ("d", 100.0)])), 1);
        assert_eq!(rise(&before, &counts(&[("a", 0.0), ("b", 9.0)])), 2);
        assert_eq!(rise(&before, &counts(&[])), 0);
    }
}
