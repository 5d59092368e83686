//! What `ingraft doctor` finds, in a cluster, in manifests, or in both together.
//!
//! ```text
//!         ┌─► examine()  each object by itself, and what is decided about its pods ─┐
//!  Scene ─┤                                                                         ├─► Diagnosis ─► fix()
//!         └─► check()    what several objects show together: one file each, checks/ ┘
//! ```

mod checks;
mod config_maps;
mod consequence;
mod fix;
pub mod image;
mod resources;
mod section;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::finding::{
    AnnotationFinding, ChoiceFinding, EndpointFinding, FieldFinding, Finding, Locale, Reason, Subject,
    visible,
};
use crate::inject::{self, Decision};
use crate::json::{string, string_at};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::review::review;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::standing::{self, RunningPod};
use crate::workload::{Workload, unused_annotations};

pub use checks::{COLLECTOR, check, collector_of, endpoint_services, order, slices, webhook_services};
pub use config_maps::named_config_maps;
pub use fix::{Fix, fix};
pub use resources::{Resources, View};
pub use section::{PODS, Section, WORKLOADS};

/// All that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What decisions depend on.
    pub snapshot: &'a Snapshot,
    /// Those of the operator.
    pub settings: &'a Settings,
    /// The objects that checks look at.
    pub resources: &'a Resources,
    /// The pods that run, by what makes them.
    pub pods: &'a BTreeMap<WorkloadRef, Vec<RunningPod>>,
}

/// The object that a diagnosis is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Its kind, as manifests write it.
    pub kind: String,
    /// Its namespace; empty for an object without one.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// An object of a kind.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// What a document is; `namespace` where it names none.
    pub fn of(object: &Value, namespace: &str) -> Self {
        let kind = string(object, "kind").unwrap_or_default();
        let own = string_at(object, "/metadata/namespace").filter(|own| !own.is_empty()).unwrap_or(namespace);
        let own = if has_no_namespace(kind) { "" } else { own };
        let name = ["/metadata/name", "/metadata/generateName"];
        let name = name.iter().find_map(|pointer| string_at(object, pointer)).unwrap_or_default();
        // No object has such names, but somebody may write them.
        let [kind, own, name] = [kind, own, name].map(visible);
        Self { kind, namespace: own, name }
    }

    /// As `kubectl` takes it: `deployment/web`.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind.to_ascii_lowercase(), self.name)
    }

    /// The same with its namespace, as options of `doctor` take it: `deployment/shop/web`.
    pub fn path(&self) -> String {
        match self.namespace.as_str() {
            "" => self.short(),
            namespace => format!("{}/{namespace}/{}", self.kind.to_ascii_lowercase(), self.name),
        }
    }
}

/// As `kubectl` takes it: `deployment/web -n shop`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " -n {}", self.namespace) }
    }
}

/// Whether objects of a kind that we look at are in no namespace.
fn has_no_namespace(kind: &str) -> bool {
    let kinds = [
        "Namespace",
        "Node",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ClusterRole",
        "ClusterRoleBinding",
        "Plan",
    ];
    kinds.contains(&kind)
}

/// What was found, and in which object.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// What.
    pub finding: Finding,
    /// The object.
    pub object: ObjectRef,
    /// The JSON pointer of the field in the object; empty for the object as a whole.
    pub pointer: String,
}

impl Diagnosis {
    /// One about an object as a whole.
    pub fn of(reason: impl Into<Reason>, object: ObjectRef) -> Self {
        Self::at(reason, object, "")
    }

    /// One about a field of an object.
    pub fn at(reason: impl Into<Reason>, object: ObjectRef, pointer: &str) -> Self {
        let finding =
            Finding { reason: reason.into(), subject: Subject::Workload, pointer: pointer.to_owned() };
        Self { finding, object, pointer: pointer.to_owned() }
    }

    /// The part of the way to telemetry that it is about.
    pub fn section(&self) -> Section {
        Section::of(&self.finding.reason)
    }

    /// The order in which diagnoses are told: the worst first, then along the way to telemetry. Two of one rank say the same.
    pub fn rank(&self) -> impl Ord + use<> {
        let Self { finding, object, pointer } = self;
        let place = (Reverse(finding.severity()), self.section(), object.clone(), pointer.clone());
        (place, finding.code(), finding.message(Locale::En))
    }

    /// What tells it from every other, also after lines were added above it.
    pub fn fingerprint(&self) -> String {
        let Self { finding, object, pointer } = self;
        let mut hasher = crate::fnv::Fnv::new();
        let message = finding.message(Locale::En);
        hasher.add(&(finding.code(), &object.kind, &object.namespace, &object.name, pointer, message));
        format!("{:016x}", hasher.number())
    }
}

/// What is wrong with one object, and with what is decided about its pods. `flaws` are what the API server would not take
/// of it; `namespace` is its own where it names none.
pub fn examine(object: &Value, namespace: &str, flaws: Vec<Finding>, scene: &Scene<'_>) -> Vec<Diagnosis> {
    let own = ObjectRef::of(object, namespace);
    let Scene { snapshot, settings, .. } = scene;
    let mut findings = unused_annotations(object, snapshot, settings);
    findings.retain(|finding| is_known(finding, &own, scene));
    let is_instrumentation = own.kind == "Instrumentation"
        && string(object, "apiVersion").is_some_and(|version| version.starts_with("opentelemetry.io/"));
    let stored = snapshot.instrumentations.get(&own.namespace, &own.name).filter(|_| is_instrumentation);
    if let Some(instrumentation) = stored {
        let reference = instrumentation.reference();
        let is_requested =
            scene.resources.requesting().values().any(|requested| requested.contains(&reference));
        let reviewed = review(instrumentation, snapshot, settings);
        // Which languages send there, and what else is in their pods, is seen at the workloads that do.
        let is_told = |finding: &Finding| {
            let of_pods = match &finding.reason {
                Reason::Endpoint(
                    EndpointFinding::EndpointPortNotForAll { .. } | EndpointFinding::EndpointIsLocal { .. },
                ) => true,
                // Pods may have it from elsewhere.
                Reason::Endpoint(EndpointFinding::EndpointMissing { .. }) => {
                    !scene.resources.needs_endpoint_of(&reference)
                }
                _ => false,
            };
            !is_requested || !of_pods
        };
        findings.extend(reviewed.into_iter().filter(is_told));
    }
    let workload = Workload::of(object);
    findings.extend(workload.iter().flat_map(|workload| of_workload(workload, &own, scene)));
    let template = workload.map_or("", |workload| workload.pointer);
    let place = |finding: Finding| place(finding, &own, template);
    let mut known: Vec<Diagnosis> = findings.into_iter().map(place).collect();
    let mut flaws: Vec<Diagnosis> = flaws.into_iter().map(place).collect();
    let is_misplaced = |known: &Diagnosis| {
        matches!(known.finding.reason, Reason::Annotation(AnnotationFinding::AnnotationMisplaced { .. }))
    };
    let is_below =
        |known: &Diagnosis, flaw: &Diagnosis| known.pointer.starts_with(&format!("{}/", flaw.pointer));
    // What is in a map whose name is misspelt stays together, and is in its place once the name is right.
    known.retain(|known| {
        let is_of = |flaw: &Diagnosis| is_below(known, flaw) && is_misspelt_metadata(flaw, object);
        !is_misplaced(known) || !flaws.iter().any(is_of)
    });
    // Some fields are known better than by their type.
    let is_known = |flaw: &Diagnosis| {
        let is_unknown = matches!(flaw.finding.reason, Reason::Field(FieldFinding::FieldUnknown { .. }));
        let is_same = |known: &Diagnosis| {
            known.pointer == flaw.pointer || (is_unknown && is_misplaced(known) && is_below(known, flaw))
        };
        known.iter().any(|known| known.object == flaw.object && is_same(known))
    };
    flaws.retain(|flaw| !is_known(flaw));
    flaws.extend(known);
    flaws
}

/// Whether an unknown field is one of those around annotations by almost its name, which no other field of the object has.
fn is_misspelt_metadata(flaw: &Diagnosis, object: &Value) -> bool {
    let Reason::Field(finding) = &flaw.finding.reason else { return false };
    let Some(meant) = finding.meant_pointer() else { return false };
    let parent = |pointer: &str| pointer.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    (meant.ends_with("/metadata") || meant.ends_with("/metadata/annotations"))
        && parent(&meant) == parent(&flaw.pointer)
        && object.pointer(&meant).is_none()
}

/// What is decided about the pods of a workload, and how those that run fare.
fn of_workload(workload: &Workload<'_>, own: &ObjectRef, scene: &Scene<'_>) -> Vec<Finding> {
    let mut outcome = workload.inject(&own.namespace, scene.snapshot, scene.settings);
    let from_maps = config_maps::review(workload, &outcome, &own.namespace, scene.snapshot, scene.resources);
    let reference = WorkloadRef {
        kind: OwnerKind::parse(&own.kind),
        namespace: own.namespace.as_str().into(),
        name: own.name.as_str().into(),
    };
    let asks = standing::asks(workload.template);
    let pods = scene.pods.get(&reference).map_or(&[][..], Vec::as_slice);
    let current = pods.iter().filter(|pod| pod.asks == asks);
    let withheld = standing::withhold(&reference, &mut outcome.decisions, current.clone(), scene.snapshot);
    let fares = outcome
        .decisions
        .iter()
        .filter_map(|decision| standing::review(&reference, decision, current.clone()));
    let fares: Vec<Finding> = fares.collect();
    let about = |finding| {
        let finding = missing_at_its_origin(finding, &outcome.decisions);
        at_its_origin(finding, workload.template, &outcome.decisions, scene.snapshot)
    };
    let findings = outcome.findings.into_iter().filter(|finding| is_known(finding, own, scene));
    let findings = findings.map(|finding| uncorrected(finding, scene));
    findings.map(about).chain(from_maps).chain(withheld).chain(fares).collect()
}

/// Whether a finding may be so: whoever may not see the Instrumentations of other namespaces does not know that one is missing.
fn is_known(finding: &Finding, own: &ObjectRef, scene: &Scene<'_>) -> bool {
    let sees_all = scene.resources.view == View::Files || scene.snapshot.instrumentations.is_complete();
    match &finding.reason {
        Reason::Choice(ChoiceFinding::InstrumentationNotFound { reference, .. }) => {
            sees_all || reference.split('/').next() == Some(own.namespace.as_str())
        }
        // It is for whoever serves it.
        Reason::Annotation(AnnotationFinding::SidecarNotServed { .. }) => {
            !checks::is_of_others(scene) && !checks::has_sidecar(scene)
        }
        _ => true,
    }
}

/// What is wrong with a port where nobody corrects it: only Ingraft does.
fn uncorrected(finding: Finding, scene: &Scene<'_>) -> Finding {
    let wrong = match &finding.reason {
        Reason::Endpoint(EndpointFinding::EndpointPortCorrected { language, endpoint, .. })
            if checks::is_of_others(scene) =>
        {
            let review = |grpc| inject::exporter::review_port(*language, grpc, endpoint);
            review(false).or_else(|| review(true))
        }
        _ => None,
    };
    match wrong {
        Some(reason) => Finding { reason: reason.into(), ..finding },
        None => finding,
    }
}

/// That a container gets no endpoint from its Instrumentation is about that.
fn missing_at_its_origin(finding: Finding, decisions: &[Decision]) -> Finding {
    let Reason::Endpoint(EndpointFinding::EndpointMissing { container: Some(container) }) = &finding.reason
    else {
        return finding;
    };
    let is_its = |decision: &&Decision| {
        let injected = decision.injected.as_ref();
        injected.is_some_and(|injected| injected.containers.iter().any(|one| **one == **container))
    };
    match decisions.iter().find(is_its).and_then(|decision| decision.instrumentation.clone()) {
        Some(reference) => Finding {
            reason: EndpointFinding::EndpointMissing { container: None }.into(),
            subject: Subject::Instrumentation(reference),
            pointer: "/spec/exporter/endpoint".to_owned(),
        },
        None => finding,
    }
}

/// A finding about a port or protocol that a container has from its Instrumentation is about that: there it can be corrected.
fn at_its_origin(finding: Finding, template: &Value, decisions: &[Decision], snapshot: &Snapshot) -> Finding {
    if finding.subject != Subject::Pod {
        return finding;
    }
    let (language, variable, endpoint) = match &finding.reason {
        Reason::Endpoint(
            EndpointFinding::EndpointPortIsGrpc { language, endpoint }
            | EndpointFinding::EndpointPortIsHttp { language, endpoint },
        ) => (*language, inject::ENDPOINT, Some(endpoint)),
        Reason::Endpoint(EndpointFinding::ProtocolUnsupported { language, .. }) => {
            (*language, inject::PROTOCOL, None)
        }
        _ => return finding,
    };
    // Where the container itself sets it, the finding is about that.
    if !template.pointer(&finding.pointer).is_none_or(Value::is_array) {
        return finding;
    }
    let decision = decisions.iter().find(|decision| decision.language == language);
    let origin = || {
        let reference = decision?.instrumentation.as_ref()?;
        let (namespace, name) = reference.split_once('/')?;
        let spec = &snapshot.instrumentations.get(namespace, name)?.spec;
        let of_exporter = || {
            (endpoint.is_some() && inject::endpoint(spec) == endpoint.map(String::as_str))
                .then(|| "/spec/exporter/endpoint".to_owned())
        };
        let pointer = inject::variable_place(spec, language, variable).or_else(of_exporter)?;
        Some((Subject::Instrumentation(reference.clone()), pointer))
    };
    match origin() {
        Some((subject, pointer)) => Finding { subject, pointer, ..finding },
        None => finding,
    }
}

/// The object and field that a finding is about, which was made while `own` was looked at, whose pods are made from what is
/// at `template`.
fn place(finding: Finding, own: &ObjectRef, template: &str) -> Diagnosis {
    let (object, pointer) = match &finding.subject {
        Subject::Pod => (own.clone(), format!("{template}{}", finding.pointer)),
        Subject::Workload => (own.clone(), finding.pointer.clone()),
        Subject::Namespace if own.kind == "Namespace" => (own.clone(), finding.pointer.clone()),
        Subject::Namespace => (ObjectRef::new("Namespace", "", &own.namespace), finding.pointer.clone()),
        Subject::Instrumentation(reference) => {
            let (namespace, name) = reference.split_once('/').unwrap_or(("", reference));
            (ObjectRef::new("Instrumentation", namespace, name), finding.pointer.clone())
        }
    };
    Diagnosis { finding, object, pointer }
}

#[cfg(test)]
mod tests;
