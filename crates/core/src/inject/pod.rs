//! The pod as it was received, read once: every later step takes what it needs from here.

use std::cell::OnceCell;

use ingraft_api::annotations::{MIRROR_POD, SIDECAR, effective};
use serde_json::Value;

use super::probe::obstacle;
use super::{Request, WithoutInjection};
use crate::destination;
use crate::endpoint::Endpoint;
use crate::environment::{Entry, Inputs, Presence, Source, Sources, presence};
use crate::finding::{EndpointFinding, Findings, Obstacle, Reason};
use crate::guard;
use crate::json::{annotation, annotation_pointer, list, string, string_at};
use crate::node::Placement;
use crate::owner::Owner;
use crate::settings::Settings;
use crate::snapshot::{Namespace, PodSecurity, ROOT_CA, ReferenceKind, Snapshot};
use crate::{ImageFacts, LimitRange, Refusal, Verdict};

/// A pod in its namespace, with what is known of the cluster that it can refer to.
#[derive(Debug)]
pub(crate) struct Pod<'a> {
    pub(crate) json: &'a Value,
    /// The name of the namespace.
    pub(crate) namespace: &'a str,
    /// Nearest first.
    pub(crate) owners: &'a [Owner],
    /// Init containers, then the others; entries that are not containers are skipped.
    pub(crate) containers: Vec<Container<'a>>,
    /// For each container, what probes have found in its image. Most pods end before anybody asks.
    images: OnceCell<Vec<Option<ImageFacts>>>,
    /// What keeps any container of the pod from having a probe.
    obstacle: OnceCell<Option<Obstacle>>,
    /// Another webhook has just taken the probes' references away.
    is_stripped: bool,
    surroundings: Option<&'a Namespace>,
    snapshot: &'a Snapshot,
    settings: &'a Settings,
}

impl<'a> Pod<'a> {
    pub(crate) fn read(request: &Request<'a>, is_stripped: bool) -> Self {
        let Request { pod, namespace, owners, snapshot, settings } = *request;
        let init = Container::all(pod, "initContainers");
        Self {
            json: pod,
            namespace,
            owners,
            containers: init.chain(Container::all(pod, "containers")).collect(),
            images: OnceCell::new(),
            obstacle: OnceCell::new(),
            is_stripped,
            surroundings: snapshot.namespace(namespace),
            snapshot,
            settings,
        }
    }

    /// A namespace as if it were a pod: what its annotations request is what its pods request.
    pub(crate) fn of_namespace(
        document: &'a Value,
        name: &'a str,
        snapshot: &'a Snapshot,
        settings: &'a Settings,
    ) -> Self {
        let request = Request { pod: document, namespace: name, owners: &[], snapshot, settings };
        // What is stored may be about to change.
        Self { surroundings: None, ..Self::read(&request, false) }
    }

    /// The pod's `spec`; null where there is none.
    pub(crate) fn spec(&self) -> &'a Value {
        self.json.get("spec").unwrap_or(&Value::Null)
    }

    /// The pod's own value of an annotation; empty where there is none.
    pub(crate) fn annotation(&self, key: &str) -> &'a str {
        annotation(self.json, key)
    }

    /// The namespace's value of an annotation; empty where there is none.
    pub(crate) fn namespace_annotation(&self, key: &str) -> &'a str {
        self.surroundings.map_or("", |namespace| namespace.annotation(key))
    }

    /// The value of an annotation, pod and namespace combined.
    pub(crate) fn effective_annotation(&self, key: &str) -> &'a str {
        effective(self.annotation(key), self.namespace_annotation(key))
    }

    /// Adds a finding about an annotation, of the pod or of the namespace, whichever counts.
    pub(crate) fn report(&self, findings: &mut Findings, key: &str, reason: impl Into<Reason>) {
        let own = self.annotation(key);
        if !own.is_empty() && self.effective_annotation(key) == own {
            findings.pod(reason, annotation_pointer(key));
        } else {
            findings.namespace(reason, annotation_pointer(key));
        }
    }

    /// What the namespace enforces.
    pub(crate) fn security(&self) -> PodSecurity {
        self.surroundings.map(Namespace::pod_security).unwrap_or_default()
    }

    /// A field of the pod's own security context.
    pub(crate) fn security_context(&self, key: &str) -> Option<&'a Value> {
        self.spec().get("securityContext")?.get(key)
    }

    /// The containers that are not init containers.
    pub(crate) fn regular(&self) -> impl Iterator<Item = Container<'a>> {
        self.containers.iter().copied().filter(|container| !container.is_init())
    }

    /// The init containers.
    pub(crate) fn init(&self) -> impl Iterator<Item = Container<'a>> {
        self.containers.iter().copied().filter(|container| container.is_init())
    }

    pub(crate) fn container(&self, name: &str) -> Option<Container<'a>> {
        self.containers.iter().copied().find(|container| container.name == name)
    }

    /// Whether it is the API server's copy of a static pod, which nobody can change.
    pub(crate) fn is_mirror(&self) -> bool {
        !self.annotation(MIRROR_POD).is_empty()
    }

    /// Whether it says that it is for Windows: <https://kubernetes.io/docs/concepts/windows/user-guide/>.
    pub(crate) fn is_windows(&self) -> bool {
        ["/os/name", "/nodeSelector/kubernetes.io~1os"]
            .iter()
            .any(|field| string_at(self.spec(), field) == Some("windows"))
    }

    /// Whether the pod is to end.
    pub(crate) fn ends(&self) -> bool {
        !matches!(string(self.spec(), "restartPolicy"), None | Some("" | "Always"))
    }

    /// What probes have found in the image of a container.
    pub(crate) fn image(&self, container: Container<'_>) -> Option<&ImageFacts> {
        let images = self.images.get_or_init(|| {
            let nodes = Placement::of(self.spec()).nodes(&self.snapshot.nodes);
            let architectures = nodes.map(|node| node.class.architecture.as_str()).collect();
            let image =
                |known: &Container<'_>| self.snapshot.image(self.namespace, known.json, &architectures);
            self.containers.iter().map(image).collect()
        });
        let place = self.containers.iter().position(|known| known.name == container.name)?;
        images.get(place)?.as_ref()
    }

    /// Why a container cannot have a probe (docs/reference/merging.md 14).
    pub(crate) fn obstacle(&self, container: Container<'_>) -> Option<Obstacle> {
        let of_pod = || {
            self.obstacle.get_or_init(|| obstacle::of_pod(self.spec(), self.snapshot, self.settings)).clone()
        };
        let of_container = || obstacle::of_security_context(container.json.get("securityContext"));
        let stripped = self.is_stripped.then_some(Obstacle::Stripped);
        stripped
            .or_else(|| obstacle::of_halts(&self.snapshot.halts, self.namespace, container.image()))
            .or_else(of_pod)
            .or_else(of_container)
    }

    /// Whether the configuration in the image of a container could not be cloned lately.
    pub(crate) fn has_no_clone(&self, container: Container<'_>) -> bool {
        self.snapshot.halts.has_no_clone(self.namespace, container.image())
    }

    /// Whether a ConfigMap or Secret, and a key in it, exists in the namespace: `None` where that is not known.
    pub(crate) fn exists(&self, kind: ReferenceKind, name: &str, key: Option<&str>) -> Option<bool> {
        match (self.source(kind, name), key) {
            (Source::Missing, _) => Some(false),
            (Source::Keys(keys), Some(key)) => Some(keys.iter().any(|(known, _)| *known == key)),
            (Source::Keys(_), None) => Some(true),
            (Source::Unknown, Some(_)) => None,
            (Source::Unknown, None) => self.objects(kind).get(self.namespace, name).map(|_| true),
        }
    }

    /// The refusal because of which pods like this one are left as they are.
    pub(crate) fn refusal(&self, owner: &str, fingerprint: &str) -> Option<&'a Refusal> {
        let refusal = self.snapshot.refusals.get(owner)?;
        (refusal.verdict == Verdict::Withheld && refusal.fingerprint == fingerprint).then_some(refusal)
    }

    /// Why pods of its workload are left as they are, because injected ones crash.
    pub(crate) fn guard(&self) -> Option<WithoutInjection> {
        guard::hold(self.json, self.namespace, self.snapshot)
    }

    /// What the namespace demands of the resources of containers.
    pub(crate) fn limit_ranges(&self) -> impl Iterator<Item = &'a LimitRange> {
        self.snapshot.limit_ranges.in_namespace(self.namespace).map(|(_, range)| range)
    }

    /// The ports of a Service, if it is known.
    pub(crate) fn service_ports(&self, namespace: &str, name: &str) -> Option<&'a [u16]> {
        self.snapshot.services.get(namespace, name).map(Vec::as_slice)
    }

    /// What is wrong with an endpoint, seen from the pod.
    pub(crate) fn review_endpoint(&self, url: &str) -> Option<EndpointFinding> {
        let Some(endpoint) = Endpoint::parse(url) else {
            let is_known = !url.is_empty() && !url.contains("$(");
            return is_known.then(|| EndpointFinding::EndpointNotAUrl { endpoint: url.to_owned() });
        };
        if endpoint.is_local() {
            let is_alone = !self.may_have_collector(endpoint.port_or_default());
            return is_alone.then(|| EndpointFinding::EndpointIsLocal { endpoint: url.to_owned() });
        }
        if endpoint.is_short() {
            let namespace = destination::namespace_of(endpoint.host, self.namespace, self.snapshot);
            if namespace != self.namespace {
                let (host, namespace) = (endpoint.host.to_owned(), namespace.to_owned());
                return Some(EndpointFinding::EndpointWithoutNamespace { host, namespace });
            }
        }
        destination::review(url, self.namespace, self.snapshot)
    }

    /// Whether a Collector may listen in the pod, or on its node if that is where its network is: one that somebody is to add,
    /// or another container, unless that says at which ports it listens.
    fn may_have_collector(&self, port: u16) -> bool {
        let is_added = !matches!(self.effective_annotation(SIDECAR), "" | "false");
        let is_of_node = self.spec().get("hostNetwork") == Some(&Value::Bool(true));
        let may_listen = |container: &Container<'_>| {
            let ports = list(container.json, "ports");
            let is_it = |entry: &Value| entry.get("containerPort") == Some(&port.into());
            ports.is_empty() || ports.iter().any(is_it)
        };
        is_added || is_of_node || (self.containers.len() > 1 && self.containers.iter().any(may_listen))
    }

    /// Whether a container's `envFrom` sets a variable, by the rules of the kubelet.
    pub(crate) fn env_from_sets(&self, container: Container<'_>, variable: &str) -> Presence {
        if !container.has_env_from() {
            return Presence::No;
        }
        let inputs = Inputs {
            pod: self.json,
            container: container.json,
            namespace: self.namespace,
            sources: self,
            files: &[],
            services: Some(&[]),
            image: Some(&[]),
        };
        presence(&inputs, variable, 0)
    }

    fn objects(&self, kind: ReferenceKind) -> &'a crate::Objects<crate::Keys> {
        match kind {
            ReferenceKind::ConfigMap => &self.snapshot.config_maps,
            ReferenceKind::Secret => &self.snapshot.secrets,
        }
    }
}

impl Sources for Pod<'_> {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        if kind == ReferenceKind::ConfigMap && name == ROOT_CA {
            return Source::Keys(vec![("ca.crt", None)]);
        }
        match self.objects(kind).known(self.namespace, name) {
            Some(None) => Source::Missing,
            Some(Some(Some(keys))) => Source::Keys(keys.iter().map(|key| (key.as_str(), None)).collect()),
            Some(Some(None)) | None => Source::Unknown,
        }
    }
}

/// A container of the pod, and its place there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) json: &'a Value,
    pub(crate) name: &'a str,
    /// `containers` or `initContainers`.
    pub(crate) list: &'static str,
    /// Its place in that list.
    pub(crate) index: usize,
}

impl<'a> Container<'a> {
    fn all(pod: &'a Value, list_key: &'static str) -> impl Iterator<Item = Self> {
        let containers = pod.get("spec").map_or(&[][..], |spec| list(spec, list_key));
        containers.iter().enumerate().filter_map(move |(index, json)| {
            Some(Self { json, name: string(json, "name")?, list: list_key, index })
        })
    }

    /// A container that is not in the pod yet.
    pub(crate) fn new(name: &'a str) -> Self {
        Self { json: &Value::Null, name, list: "containers", index: 0 }
    }

    pub(crate) fn image(self) -> &'a str {
        string(self.json, "image").unwrap_or_default()
    }

    pub(crate) fn is_init(self) -> bool {
        self.list == "initContainers"
    }

    /// The JSON pointer of a field of the container.
    pub(crate) fn pointer(self, field: &str) -> String {
        format!("/spec/{}/{}/{field}", self.list, self.index)
    }

    /// Whether it has a variable from a source that says that it may be absent.
    pub(crate) fn has_optional(self, variable: &str) -> bool {
        let entry = list(self.json, "env").iter().rfind(|entry| string(entry, "name") == Some(variable));
        let is_optional =
            |entry| matches!(entry, Entry::Key { optional: true, .. } | Entry::File { optional: true, .. });
        entry.is_some_and(|entry| is_optional(Entry::of(entry)))
    }

    pub(crate) fn has_env_from(self) -> bool {
        !list(self.json, "envFrom").is_empty()
    }

    /// The words of `command` and `args`.
    pub(crate) fn words(self) -> impl Iterator<Item = &'a str> {
        ["command", "args"].into_iter().flat_map(move |key| list(self.json, key)).filter_map(Value::as_str)
    }
}
