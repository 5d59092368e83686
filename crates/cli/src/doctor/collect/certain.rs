//! Which of what is told is certain, and concerns whoever asks.

use std::collections::BTreeSet;

use ingraft_core::Reason;
use ingraft_core::doctor::{Diagnosis, ObjectRef};
use ingraft_core::finding::{ChoiceFinding, EndpointFinding, ManifestFinding};

use super::{Collected, Source};

impl Collected {
    /// Whether an object is one of those that somebody has asked about: an Instrumentation of another namespace is if workloads of
    /// this one request it.
    pub(super) fn is_concerned(&self, object: &ObjectRef) -> bool {
        let ObjectRef { kind, namespace, name } = object;
        let reference = format!("{namespace}/{name}");
        kind != "Instrumentation"
            || self.scope.as_ref().is_none_or(|scope| scope == namespace)
            || self.resources.requesting().values().any(|requested| requested.contains(&reference))
    }

    /// Whether an object that is said to be missing in one namespace is written without any: whoever applies it says which.
    pub(super) fn is_open(&self, diagnosis: &Diagnosis, sources: &[Source<'_>]) -> bool {
        let (kind, reference) = match &diagnosis.finding.reason {
            Reason::Endpoint(EndpointFinding::EndpointServiceMissing { service, .. }) => ("Service", service),
            Reason::Choice(ChoiceFinding::InstrumentationNotFound { reference, .. }) => {
                ("Instrumentation", reference)
            }
            _ => return false,
        };
        let Some((namespace, name)) = reference.split_once('/') else { return false };
        !self.names_namespace
            && namespace != self.namespace
            && sources.iter().any(|source| {
                let own = &source.reference;
                let names_it = source.object.pointer("/metadata/namespace").is_some();
                source.written.is_some()
                    && own.kind == kind
                    && own.name == name
                    && own.namespace == self.namespace
                    && !names_it
            })
    }

    /// The Instrumentations that are written and that the API server would not take, as namespace and name.
    pub(super) fn refused<'a>(&'a self, sources: &'a [Source<'_>]) -> BTreeSet<(&'a str, &'a str)> {
        let is_refused = |source: &&Source<'_>| {
            let ObjectRef { namespace, name, .. } = &source.reference;
            source.written.is_some()
                && ingraft_validate::means_instrumentation(source.object)
                && self.snapshot.instrumentations.get(namespace, name).is_none()
        };
        let refused = sources.iter().filter(is_refused);
        refused.map(|source| (source.reference.namespace.as_str(), source.reference.name.as_str())).collect()
    }
}

/// Whether something is only so because an Instrumentation is refused, whose fields say it already.
pub(super) fn follows(reason: &Reason, refused: &BTreeSet<(&str, &str)>) -> bool {
    match reason {
        Reason::Manifest(ManifestFinding::InstrumentationRefused { .. }) => true,
        Reason::Choice(ChoiceFinding::InstrumentationNotFound { reference, .. }) => {
            reference.split_once('/').is_some_and(|reference| refused.contains(&reference))
        }
        // Which namespace is meant by a name that is none, nobody can tell.
        Reason::Choice(ChoiceFinding::InstrumentationMissing { namespace, .. }) => {
            refused.iter().any(|(of, _)| of == namespace || !ingraft_validate::is_namespace(of))
        }
        _ => false,
    }
}
