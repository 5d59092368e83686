//! The objects that checks look at, by kind.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::Language;
use serde_json::Value;

use super::fix::endpoint::sends_grpc;
use crate::finding::{EndpointFinding, Finding, Reason};
use crate::inject::{Decision, Outcome, Request, has_own_endpoint};
use crate::json::{string, string_at};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::variables::are_read_by;
use crate::workload::Workload;

/// Whose objects are known, which decides how far corrections go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// What one person has put together: manifests.
    #[default]
    Files,
    /// Some of the objects of a cluster, which belong to several people.
    Part,
    /// All of a cluster.
    Cluster,
}

/// Objects as documents, by kind, and what workloads request.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Whose objects they are.
    pub view: View,
    /// By kind, then by namespace and name.
    objects: BTreeMap<String, BTreeMap<(String, String), Value>>,
    complete: BTreeSet<String>,
    requesting: BTreeMap<WorkloadRef, Vec<String>>,
    /// By Instrumentation, as `namespace/name`.
    languages: BTreeMap<String, BTreeSet<Language>>,
    /// Those, as `namespace/name`, which a workload requests that says itself that it sends over gRPC.
    sending_grpc: BTreeSet<String>,
    /// The Instrumentations, as `namespace/name`, whose endpoint some workload needs, or may need.
    needed: BTreeSet<String>,
    /// Those whose endpoint is not lost on some workload that needs it, such as one with a Collector in its pods.
    suiting: BTreeSet<String>,
    /// Those whose endpoint some workload does not need, as it has one of its own.
    overridden: BTreeSet<String>,
}

impl Resources {
    /// Learns of an object. One that is known by kind, namespace and name is replaced.
    pub fn add(&mut self, object: Value) {
        let Some(kind) = string(&object, "kind").map(str::to_owned) else { return };
        let text = |pointer: &str| string_at(&object, pointer).unwrap_or_default().to_owned();
        let key = (text("/metadata/namespace"), text("/metadata/name"));
        self.objects.entry(kind).or_default().insert(key, object);
    }

    /// Learns of some objects.
    pub fn extend(&mut self, objects: impl IntoIterator<Item = Value>) {
        objects.into_iter().for_each(|object| self.add(object));
    }

    /// Learns what an object requests, if it is a workload; `namespace` is its own where it names none. Answers whether it
    /// requests anything.
    pub fn note_requests(
        &mut self,
        document: &Value,
        namespace: &str,
        snapshot: &Snapshot,
        settings: &Settings,
    ) -> bool {
        let Some(workload) = Workload::of(document) else { return false };
        let namespace = workload.namespace.unwrap_or(namespace);
        let Outcome { decisions, findings, .. } = workload.inject(namespace, snapshot, settings);
        if decisions.is_empty() {
            return false;
        }
        let request = Request { pod: workload.template, namespace, owners: &[], snapshot, settings };
        let is_needed = |decision: &&Decision| {
            let has = |container: &String| has_own_endpoint(&request, container);
            let injected = decision.injected.as_ref().filter(|_| are_read_by(decision.language));
            !injected.is_some_and(|injected| injected.containers.iter().all(has))
        };
        let (needed, overridden): (Vec<_>, Vec<_>) = decisions.iter().partition(is_needed);
        let names = |decisions: Vec<&Decision>| {
            decisions.into_iter().filter_map(|decision| decision.instrumentation.clone()).collect::<Vec<_>>()
        };
        let is_lost = |finding: &Finding| {
            matches!(
                &finding.reason,
                Reason::Endpoint(
                    EndpointFinding::EndpointIsLocal { .. } | EndpointFinding::EndpointMissing { .. }
                )
            )
        };
        let needed = names(needed);
        if !findings.iter().any(is_lost) {
            self.suiting.extend(needed.clone());
        }
        self.needed.extend(needed);
        self.overridden.extend(names(overridden));
        let kind = OwnerKind::parse(workload.kind);
        let reference = WorkloadRef { kind, namespace: namespace.into(), name: workload.name.into() };
        self.add_requesting(reference, document, decisions);
        true
    }

    /// Learns that a workload requests languages, and from which Instrumentations, where these are found.
    pub(crate) fn add_requesting(
        &mut self,
        workload: WorkloadRef,
        document: &Value,
        decisions: Vec<Decision>,
    ) {
        let sends_grpc = sends_grpc(document);
        let mut instrumentations = Vec::new();
        for Decision { language, instrumentation, .. } in decisions {
            if let Some(reference) = instrumentation {
                self.languages.entry(reference.clone()).or_default().insert(language);
                if sends_grpc {
                    self.sending_grpc.insert(reference.clone());
                }
                instrumentations.push(reference);
            }
        }
        self.requesting.insert(workload, instrumentations);
    }

    /// The languages that workloads request from an Instrumentation, which is called `namespace/name`.
    pub fn languages_of(&self, instrumentation: &str) -> impl Iterator<Item = Language> + use<'_> {
        self.languages.get(instrumentation).into_iter().flatten().copied()
    }

    /// Whether a workload that requests an Instrumentation says itself that it sends over gRPC.
    pub fn sends_grpc(&self, instrumentation: &str) -> bool {
        self.sending_grpc.contains(instrumentation)
    }

    /// Whether some workload needs the endpoint of an Instrumentation, because it has none of its own for all that is known.
    pub fn needs_endpoint_of(&self, instrumentation: &str) -> bool {
        self.needed.contains(instrumentation)
    }

    /// Whether the endpoint of an Instrumentation is not lost on some workload that needs it.
    pub fn suits_some(&self, instrumentation: &str) -> bool {
        self.suiting.contains(instrumentation)
    }

    /// Whether some workload has an endpoint of its own in place of that of an Instrumentation.
    pub fn is_overridden(&self, instrumentation: &str) -> bool {
        self.overridden.contains(instrumentation)
    }

    /// The workloads that request injection, with the Instrumentations that are found for them.
    pub fn requesting(&self) -> &BTreeMap<WorkloadRef, Vec<String>> {
        &self.requesting
    }

    /// All objects of a kind are known, as far as checks look for them: of Deployments and Pods those of operators, of Services
    /// those that endpoints name, of Events refusals of pods. One of those that is not here does not exist.
    pub fn set_complete(&mut self, kind: &str) {
        self.complete.insert(kind.to_owned());
    }

    /// Whether all objects of a kind are known, as far as checks look for them.
    pub fn is_complete(&self, kind: &str) -> bool {
        self.complete.contains(kind)
    }

    /// The known objects of a kind, by namespace and name.
    pub fn of<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.objects.get(kind).into_iter().flat_map(BTreeMap::values)
    }

    /// The known objects of a kind in a namespace.
    pub fn within<'a>(&'a self, kind: &str, namespace: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let objects = self.objects.get(kind);
        let from = (namespace.to_owned(), String::new());
        let namespace = namespace.to_owned();
        let all = objects.into_iter().flat_map(move |objects| objects.range(from.clone()..));
        all.take_while(move |((of, _), _)| *of == namespace).map(|(_, object)| object)
    }

    /// An object, if it is known.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(kind)?.get(&(namespace.to_owned(), name.to_owned()))
    }
}
