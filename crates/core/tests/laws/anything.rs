//! Documents of any shape.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Keys that the injector looks at, so that documents sometimes look like pods.
const KEYS: [&str; 18] = [
    "metadata",
    "spec",
    "annotations",
    "labels",
    "ownerReferences",
    "containers",
    "initContainers",
    "volumes",
    "volumeMounts",
    "env",
    "envFrom",
    "name",
    "value",
    "valueFrom",
    "securityContext",
    "resources",
    "instrumentation.opentelemetry.io/inject-python",
    "instrumentation.opentelemetry.io/container-names",
];

/// Any JSON document.
pub(crate) fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        prop_oneof![Just("true".to_owned()), Just("é$(".to_owned()), ".{0,8}"].prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop_oneof![3 => prop::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The JSON pointers of everything in a document.
pub(crate) fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    let mut below = |step: &str, value: &Value| {
        let step = step.replace('~', "~0").replace('/', "~1");
        places.extend(self::places(value).iter().map(|rest| format!("/{step}{rest}")));
    };
    match document {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value));
        }
        _ => {}
    }
    places
}
