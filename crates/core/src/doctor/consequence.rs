//! What is only so because of something else that is told too, and ends with it.

use super::Diagnosis;
use crate::finding::{EndpointFinding, FieldFinding, ManifestFinding, Reason, VariableFinding};
use crate::review::ENDPOINT_VARIABLES;

impl Diagnosis {
    /// Whether it is only so because of another one.
    pub fn follows_from(&self, cause: &Self) -> bool {
        self.object == cause.object
            && match (&self.finding.reason, &cause.finding.reason) {
                // The field, or what it is in, is there by another name, or in another place.
                (Reason::Endpoint(EndpointFinding::EndpointMissing { .. }), Reason::Field(cause)) => cause
                    .meant_pointer()
                    .and_then(|meant| self.pointer.strip_prefix(&meant).map(str::to_owned))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                // The variable is.
                (
                    Reason::Endpoint(EndpointFinding::EndpointMissing { .. }),
                    Reason::Variable(VariableFinding::VariableMisspelt { meant, .. }),
                ) => ENDPOINT_VARIABLES.contains(&meant.as_str()),
                // It is no object of another kind.
                (
                    Reason::Manifest(
                        ManifestFinding::TemplateUnknown { .. }
                        | ManifestFinding::AnnotationWithoutPods { .. },
                    ),
                    Reason::Field(FieldFinding::FieldRefused { .. }),
                ) => ["/apiVersion", "/kind"].contains(&cause.pointer.as_str()),
                // Whoever listens there is to be found first.
                (
                    Reason::Endpoint(
                        EndpointFinding::EndpointPortIsGrpc { .. }
                        | EndpointFinding::EndpointPortIsHttp { .. }
                        | EndpointFinding::EndpointPortNotForAll { .. },
                    ),
                    Reason::Endpoint(EndpointFinding::EndpointIsLocal { .. }),
                ) => self.pointer == cause.pointer,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::ObjectRef;
    use crate::finding::FieldProblem;

    #[test]
    fn the_port_of_a_local_endpoint_does_not_matter() {
        let own = || ObjectRef::new("Instrumentation", "shop", "base");
        let endpoint = || "http://localhost:4317".to_owned();
        let local = |pointer| {
            Diagnosis::at(EndpointFinding::EndpointIsLocal { endpoint: endpoint() }, own(), pointer)
        };
        let language = ingraft_api::Language::Python;
        let port = EndpointFinding::EndpointPortIsGrpc { language, endpoint: endpoint() };
        let port = Diagnosis::at(port, own(), "/spec/exporter/endpoint");
        assert!(port.follows_from(&local("/spec/exporter/endpoint")));
        assert!(!port.follows_from(&local("/spec/env/0/value")));
    }

    #[test]
    fn what_a_misspelt_name_explains_follows_from_it() {
        let own = || ObjectRef::new("Instrumentation", "shop", "base");
        let missing = EndpointFinding::EndpointMissing { container: None };
        let missing = Diagnosis::at(missing, own(), "/spec/exporter/endpoint");
        let unknown = |pointer: &str, meant: &str| {
            let (field, meant) = (pointer.to_owned(), Some(meant.to_owned()));
            Diagnosis::at(
                FieldFinding::FieldUnknown { field, suggestion: meant, known: Vec::new() },
                own(),
                pointer,
            )
        };
        assert!(missing.follows_from(&unknown("/spec/exporter/endpont", "spec.exporter.endpoint")));
        assert!(missing.follows_from(&unknown("/spec/endpoint", "spec.exporter.endpoint")));
        assert!(missing.follows_from(&unknown("/spec/exporters", "spec.exporter")));
        assert!(!missing.follows_from(&unknown("/spec/exporte", "spec.exporters")));
        assert!(!missing.follows_from(&unknown("/spec/propagator", "spec.propagators")));
        let misspelt = |variable: &str, meant: &str| {
            let (variable, meant) = (variable.to_owned(), meant.to_owned());
            Diagnosis::at(VariableFinding::VariableMisspelt { variable, meant }, own(), "/spec/env/0/name")
        };
        let endpoint = misspelt("OTEL_EXPORTER_OLTP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
        assert!(missing.follows_from(&endpoint));
        assert!(!missing.follows_from(&misspelt("OTEL_PROPAGATOR", "OTEL_PROPAGATORS")));
    }

    #[test]
    fn what_a_wrong_kind_explains_follows_from_it() {
        let own = || ObjectRef::new("Deployment", "shop", "web");
        let unknown = ManifestFinding::TemplateUnknown { kind: "Deployment".to_owned() };
        let unknown = Diagnosis::at(unknown, own(), "/spec/template");
        let refused = |pointer: &str| {
            let (value, allowed) = ("app/v1".to_owned(), vec!["apps/v1".to_owned()]);
            let problem = FieldProblem::NotAllowed { value, allowed };
            let field = pointer.trim_start_matches('/').to_owned();
            Diagnosis::at(FieldFinding::FieldRefused { field, entry: None, problem }, own(), pointer)
        };
        assert!(unknown.follows_from(&refused("/apiVersion")));
        assert!(!unknown.follows_from(&refused("/spec/replicas")));
    }
}
