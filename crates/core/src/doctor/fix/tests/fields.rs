use super::*;
use crate::doctor::ObjectRef;
use crate::finding::{FieldFinding, FieldProblem, FieldType};

/// The `spec` of an Instrumentation in which a field is wrong, once that is corrected; `None` where it is left to people.
fn corrected(spec: &Value, pointer: &str, finding: FieldFinding) -> Option<Value> {
    let mut object = instrumentation(spec);
    let (snapshot, settings) = (Snapshot::default(), Settings::default());
    let (resources, pods) = (Resources::default(), BTreeMap::new());
    let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &pods };
    let diagnosis = Diagnosis::at(finding, ObjectRef::of(&object, "shop"), pointer);
    let Fix::Edits(edits) = fix(&diagnosis, &object, &scene)? else { return None };
    apply(&mut object, &edits);
    Some(object["spec"].clone())
}

fn refused(problem: FieldProblem) -> FieldFinding {
    FieldFinding::FieldRefused { field: String::new(), entry: None, problem }
}

#[test]
fn a_word_of_a_list_is_corrected_in_its_place() {
    let of = |words: &Value| {
        let allowed = ["tracecontext", "baggage", "b3"].map(str::to_owned).to_vec();
        let value = words[0].as_str().unwrap().to_owned();
        let finding = refused(FieldProblem::NotAllowed { value, allowed });
        corrected(&json!({"propagators": words}), "/spec/propagators/0", finding)
    };
    let written = |words: &Value| Some(json!({"propagators": words}));
    assert_eq!(of(&json!(["traceContext", "b3"])), written(&json!(["tracecontext", "b3"])));
    assert_eq!(of(&json!(["trace-context"])), written(&json!(["tracecontext"])));
    assert_eq!(of(&json!(["bagage"])), written(&json!(["baggage"])));
    assert_eq!(of(&json!(["bagage", "baggage"])), None);
    assert_eq!(of(&json!(["w3c"])), None);
}

#[test]
fn what_is_of_another_type_is_written_as_it_was_meant() {
    let of = |spec: &Value, pointer: &str, expected: FieldType| {
        let (found, value) = (FieldType::Null, String::new());
        corrected(spec, pointer, refused(FieldProblem::WrongType { expected, found, value }))
    };
    let url = "http://otel.obs:4318";
    for (spec, pointer, expected, right) in [
        (
            json!({"env": {"A": "b"}}),
            "/spec/env",
            FieldType::List,
            json!({"env": [{"name": "A", "value": "b"}]}),
        ),
        (
            json!({"propagators": "b3, jaeger"}),
            "/spec/propagators",
            FieldType::List,
            json!({"propagators": ["b3", "jaeger"]}),
        ),
        (json!({"exporter": url}), "/spec/exporter", FieldType::Map, json!({"exporter": {"endpoint": url}})),
        (
            json!({"sampler": "always_on"}),
            "/spec/sampler",
            FieldType::Map,
            json!({"sampler": {"type": "always_on"}}),
        ),
        (
            json!({"exporter": {"endpoint": [url]}}),
            "/spec/exporter/endpoint",
            FieldType::Text,
            json!({"exporter": {"endpoint": url}}),
        ),
    ] {
        assert_eq!(of(&spec, pointer, expected), Some(right), "{spec}");
    }
    for (spec, pointer, expected) in [
        // How a number is written only the text says.
        (json!({"env": {"A": 8080}}), "/spec/env", FieldType::List),
        (json!({"exporter": "endpoint:http://otel.obs:4318"}), "/spec/exporter", FieldType::Map),
        (json!({"sampler": "often"}), "/spec/sampler", FieldType::Map),
        (json!({"exporter": {"endpoint": [url, url]}}), "/spec/exporter/endpoint", FieldType::Text),
    ] {
        assert_eq!(of(&spec, pointer, expected), None, "{spec}");
    }
}

#[test]
fn a_field_that_is_above_or_below_goes_there() {
    let of = |spec: &Value, pointer: &str, meant: &str| {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        let (suggestion, known) = (Some(meant.to_owned()), Vec::new());
        corrected(spec, pointer, FieldFinding::FieldUnknown { field, suggestion, known })
    };
    let (exporter, url) = (json!({"exporter": {"endpoint": "a"}}), json!({"exporter": {"url": "a"}}));
    assert_eq!(of(&url, "/spec/exporter/url", "spec.exporter.endpoint"), Some(exporter.clone()));
    assert_eq!(
        of(&json!({"endpoint": "a"}), "/spec/endpoint", "spec.exporter.endpoint"),
        Some(exporter.clone())
    );
    let mut python = json!({"python": exporter});
    let moved = json!({"python": {}, "exporter": {"endpoint": "a"}});
    assert_eq!(of(&python, "/spec/python/exporter", "spec.exporter"), Some(moved));
    python["exporter"] = json!({"tls": {}});
    assert_eq!(of(&python, "/spec/python/exporter", "spec.exporter"), None);
}
