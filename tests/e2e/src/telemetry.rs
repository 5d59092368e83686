//! What every example of a language with a real agent must show.

use anyhow::ensure;
use ingraft_testkit::ingraft::{ready_pod, request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, Span};

use crate::Example;

/// An attribute with everything that a list of attributes needs for itself, and a letter outside ASCII.
const TEAM: &str = "a b,c=d;é 100%";

/// What a running example has shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its pod.
    pub pod: String,
    /// The span of a request.
    pub span: Span,
}

impl Example {
    /// Starts the example in the namespace `application`, where its only Deployment is `name`, asks it for `/`, and
    /// waits for the span of a request that says where it comes from.
    ///
    /// # Errors
    /// When it does not start or answer, or its span does not come or says something else.
    pub fn sends_spans(&self, cluster: &Cluster, name: &str) -> anyhow::Result<Shown> {
        let kubectl = cluster.kubectl();
        kubectl.apply(self.text())?;
        let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
        let answer = request(kubectl, "application", &pod, 8080, "/")?;
        ensure!(answer.trim() == "hello", "{answer}");
        let span = wait_for_span(kubectl, |span| span.service() == name && span.kind == 2)?;
        for (key, value) in [
            ("k8s.namespace.name", "application"),
            ("k8s.deployment.name", name),
            ("k8s.container.name", name),
            ("k8s.pod.name", &pod),
            ("k8s.node.name", &node_of(kubectl, &pod)?),
            ("service.namespace", "application"),
            ("service.version", "1.0.0"),
            ("service.instance.id", &format!("application.{pod}.{name}")),
        ] {
            expect_resource(&span, key, value)?;
        }
        Ok(Shown { pod, span })
    }

    /// The same with an attribute that must be percent-encoded, which the SDK must have decoded.
    ///
    /// # Errors
    /// As [`Example::sends_spans`].
    pub fn sends_any_text(self, cluster: &Cluster, name: &str) -> anyhow::Result<Shown> {
        let example = self.annotation(&format!("resource.opentelemetry.io/team: \"{TEAM}\""));
        let shown = example.sends_spans(cluster, name)?;
        expect_resource(&shown.span, "team", TEAM)?;
        Ok(shown)
    }
}

/// The node that a pod of the namespace `application` runs on.
///
/// # Errors
/// When kubectl fails.
pub fn node_of(kubectl: &Kubectl, pod: &str) -> anyhow::Result<String> {
    kubectl.run(&["get", "pod", pod, "-n", "application", "-o", "jsonpath={.spec.nodeName}"])
}

/// Checks one attribute of the service that a span comes from.
///
/// # Errors
/// When it is another.
pub fn expect_resource(span: &Span, key: &str, value: &str) -> anyhow::Result<()> {
    let found = span.resource.get(key).and_then(|found| found.as_str());
    ensure!(found == Some(value), "{key} is {found:?}, not {value:?}, in {span:?}");
    Ok(())
}
