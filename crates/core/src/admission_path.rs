//! Whether reviews arrive: the leader has the API server try to create a pod of ours, and reads from the answer which link
//! is broken on the way from the API server to a replica.
//!
//! ```text
//!  leader ─ dry run ─► API server ─► zz-ingraft-operator   fails open, as for every pod: marks the pod, or says nothing
//!                                 └► zz-ingraft-self-test  fails closed: marks the pod, or the error names the link
//!  leader ─────────────────────────► each replica in turn, over its own address
//! ```
//!
//! Both registrations have the same way to go, so the error of one stands for both, and what marks are missing tells when
//! only one of them is broken. The pod exists nowhere: it is only ever tried. Reviews of it are told by a label, the
//! operator's namespace and by being a dry run.

use ingraft_api::annotations::PREFIX;
use serde_json::{Value, json};

use crate::edit::{Edit, set_entries};
use crate::finding::{AdmissionFinding, BrokenLink, Finding, Locale, PathObstacle, Subject};
use crate::instrumentation_status::Trial;
use crate::json::{annotation, annotation_pointer, label};

/// The label of the pod.
pub const LABEL: (&str, &str) = ("ingraft.dev/self-test", "true");
/// The registration that fails closed, and its webhook.
pub const SELF_TEST: (&str, &str) = ("zz-ingraft-self-test", "self-test.ingraft.dev");
/// The type of the condition.
const CONDITION: &str = "AdmissionPathHealthy";
/// So much is quoted of an error, in characters.
const LONGEST_QUOTE: usize = 400;

/// What errors of a connection contain, and the link that each means: the first that fits. They come from Go's standard
/// library and from
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/staging/src/k8s.io/apiserver/pkg/util/proxy/proxy.go>; the tests
/// have whole ones.
const SIGNS: [(&str, BrokenLink); 18] = [
    ("no endpoints available", BrokenLink::NoEndpoints),
    ("service \"", BrokenLink::ServiceMissing),
    ("connection refused", BrokenLink::Refused),
    ("connection reset by peer", BrokenLink::Reset),
    ("lookup ", BrokenLink::HostUnknown),
    ("has expired or is not yet valid", BrokenLink::CertificateExpired),
    ("unknown authority", BrokenLink::UnknownAuthority),
    ("unable to load root certificates", BrokenLink::UnknownAuthority),
    ("certificate is valid for", BrokenLink::WrongName),
    ("certificate is not valid for any names", BrokenLink::WrongName),
    ("cannot validate certificate for", BrokenLink::WrongName),
    ("no route to host", BrokenLink::Unreachable),
    ("network is unreachable", BrokenLink::Unreachable),
    ("deadline exceeded", BrokenLink::TimedOut),
    ("timeout", BrokenLink::TimedOut),
    ("HTTP response to HTTPS client", BrokenLink::WrongAnswer),
    ("does not look like a TLS handshake", BrokenLink::WrongAnswer),
    ("remote error: tls", BrokenLink::WrongAnswer),
];
/// What the API server says when whoever answers does not know the path:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go>
/// (`NewGenericServerResponse`).
const NOT_FOUND: &str = "the server could not find the requested resource";

/// Who sends the pod to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// The one for all pods.
    Pods,
    /// The one for this pod alone.
    SelfTest,
}

impl Registration {
    /// The annotation that says which replica has answered it.
    const fn mark(self) -> &'static str {
        match self {
            Self::Pods => "ingraft.dev/pods-answered-by",
            Self::SelfTest => "ingraft.dev/self-test-answered-by",
        }
    }
}

/// The pod that is tried. It passes Pod Security at its strictest, no mesh is to care about it, and it is sent to us
/// because of an annotation that requests nothing.
pub fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "ingraft-self-test",
            "labels": {
                "app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/component": "self-test",
                "sidecar.istio.io/inject": "false", LABEL.0: LABEL.1,
            },
            "annotations": {format!("{PREFIX}inject-sdk"): "false", "linkerd.io/inject": "disabled"},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            // As the user that the image names, or that OpenShift assigns.
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "self-test", "image": if image.is_empty() { "ingraft-self-test" } else { image },
                "resources": {
                    "requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "10m", "memory": "16Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// Whether a pod of the operator's namespace that is only tried is the one of the self-test.
pub fn is_tested(pod: &Value) -> bool {
    label(pod, LABEL.0) == LABEL.1
}

/// The answer to a review of it.
pub fn mark(pod: &Value, registration: Registration, replica: &str) -> Vec<Edit> {
    set_entries(pod, "/metadata/annotations", vec![(registration.mark().to_owned(), replica.into())])
}

/// What one replica has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name of its pod.
    pub replica: String,
    /// What it answered.
    pub answer: Answer,
}

/// What came of asking a replica over its own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The patch that was expected.
    Right,
    /// Nothing, or nothing in time. A NetworkPolicy that lets in nobody but the API server looks the same.
    Nothing,
    /// That it does not know the path, as a release without the self-test.
    NotFound,
    /// Something else, or an error.
    Wrong(String),
}

impl Answer {
    /// Of the patch in a replica's answer to a review of the pod.
    pub fn of_patch(patch: &Value) -> Self {
        let mark = annotation_pointer(Registration::SelfTest.mark());
        let is_right = |edits: &Vec<Value>| edits.iter().any(|edit| edit["path"] == mark);
        if patch.as_array().is_some_and(is_right) { Self::Right } else { Self::Wrong(patch.to_string()) }
    }
}

/// What the API server has said to the pod, which is the pod as it would be created or the message of an error, and what
/// the replicas have answered to which it sends reviews.
pub fn judge(said: Result<&Value, &str>, replicas: &[Asked]) -> AdmissionFinding {
    let pod = match said {
        Ok(pod) => pod,
        Err(message) => return refused(message),
    };
    let is_marked = |registration: Registration| !annotation(pod, registration.mark()).is_empty();
    match (is_marked(Registration::Pods), is_marked(Registration::SelfTest)) {
        (true, true) => of_replicas(replicas),
        // Reviews arrive, but what would be in their way would not be told.
        (true, false) => AdmissionFinding::AdmissionPathUnknown { why: PathObstacle::Unregistered },
        (false, true) => broken(BrokenLink::PodsNotSent, ""),
        (false, false) => broken(BrokenLink::NothingSent, ""),
    }
}

fn of_replicas(replicas: &[Asked]) -> AdmissionFinding {
    let mut obstacle = None;
    for Asked { replica, answer } in replicas {
        match answer {
            Answer::Right => {}
            // The clock that judges certificates is the API server's, not this replica's.
            Answer::Wrong(error) if !(error.contains("expired") || error.contains("not valid yet")) => {
                return broken(BrokenLink::Replica(replica.clone()), error);
            }
            Answer::Wrong(_) | Answer::Nothing => {
                obstacle.get_or_insert_with(|| PathObstacle::SilentReplica(replica.clone()));
            }
            Answer::NotFound => {
                obstacle.get_or_insert(PathObstacle::EarlierRelease);
            }
        }
    }
    obstacle
        .map_or(AdmissionFinding::AdmissionPathHealthy, |why| AdmissionFinding::AdmissionPathUnknown { why })
}

/// Of an error of the API server. What it says of our webhook names the link; anybody else's refusal comes before or after
/// it, and tells nothing of it.
fn refused(message: &str) -> AdmissionFinding {
    let webhook = format!("webhook \"{}\"", SELF_TEST.1);
    let Some((_, said)) = message.split_once(&webhook) else {
        let why = PathObstacle::Refused(quoted(message));
        return AdmissionFinding::AdmissionPathUnknown { why };
    };
    // failed calling webhook "NAME": failed to call webhook: Post "URL": ERROR
    let connection = said.split_once(": Post \"").and_then(|(_, url)| url.split_once("\": "));
    let Some((_, error)) = connection else {
        if said.contains(NOT_FOUND) {
            return AdmissionFinding::AdmissionPathUnknown { why: PathObstacle::EarlierRelease };
        }
        return broken(BrokenLink::WrongAnswer, said.trim_start_matches(": "));
    };
    let fits = |(sign, _): &&(&str, BrokenLink)| error.contains(sign);
    let link = SIGNS.iter().find(fits).map_or(BrokenLink::Other, |(_, link)| link.clone());
    broken(link, error)
}

fn broken(link: BrokenLink, said: &str) -> AdmissionFinding {
    AdmissionFinding::AdmissionPathBroken { link, said: quoted(said) }
}

/// As much of an error as leaves room for the remedy.
fn quoted(said: &str) -> String {
    said.chars().take(LONGEST_QUOTE).collect()
}

/// What was found, about the operator's Deployment.
pub fn finding(reason: AdmissionFinding) -> Finding {
    Finding { reason: reason.into(), subject: Subject::Workload, pointer: String::new() }
}

/// Whether two results say the same: words may hold the time, or the number of a port.
pub fn is_same(one: &AdmissionFinding, other: &AdmissionFinding) -> bool {
    use AdmissionFinding::{AdmissionPathBroken, AdmissionPathUnknown};
    match (one, other) {
        (AdmissionPathBroken { link: one, .. }, AdmissionPathBroken { link: other, .. }) => one == other,
        (AdmissionPathUnknown { why: one }, AdmissionPathUnknown { why: other }) => {
            one.as_str() == other.as_str()
        }
        _ => one == other,
    }
}

/// The condition that it makes.
pub fn trial(reason: &AdmissionFinding, locale: Locale) -> Trial {
    let (worked, word) = match reason {
        AdmissionFinding::AdmissionPathHealthy => (Some(true), "Healthy"),
        AdmissionFinding::AdmissionPathBroken { link, .. } => (Some(false), link.as_str()),
        AdmissionFinding::AdmissionPathUnknown { why } => (None, why.as_str()),
    };
    let message = finding(reason.clone()).event_note(locale);
    Trial { condition: CONDITION, worked, reason: word.to_owned(), message, generation: None }
}

#[cfg(test)]
mod tests;
