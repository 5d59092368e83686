//! What an Instrumentation means where it says nothing.
//!
//! Defaults are computed whenever an Instrumentation is used, so an object that was stored while the defaulting
//! webhook was away means the same. [`crate::defaulting`] writes them down for people to read.

use std::collections::BTreeMap;

use ingraft_api::instrumentation::AgentBlock;
use ingraft_api::{InstrumentationSpec, Language};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value};

/// The size limit of the volume for an agent's files.
pub(crate) const VOLUME_LIMIT: &str = "200Mi";

/// The block of a language, without what says nothing.
pub(crate) fn block(spec: &InstrumentationSpec, language: Language) -> AgentBlock<'_> {
    let block = language.block(spec);
    AgentBlock {
        image: block.image.map(str::trim).filter(|image| !image.is_empty()),
        volume_claim_template: block.volume_claim_template.filter(|template| says_something(template)),
        ..block
    }
}

/// Whether a document holds more than empty objects. The reference stores an empty skeleton of a volume claim
/// template in every object, which must count as absent (docs/reference/instrumentation.md 6).
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(object) => object.values().any(says_something),
        _ => true,
    }
}

/// Default limits of the containers of all languages, cpu and memory (docs/reference/instrumentation.md 4 to 6).
pub(crate) const LIMITS: [&str; 2] = ["500m", "256Mi"];

/// Limits and requests of a language's containers: what the Instrumentation says, or else the defaults, each map by
/// itself. `requests` are the language's own, cpu and memory.
pub(crate) fn requirements(
    requests: [&str; 2],
    chosen: Option<&ResourceRequirements>,
) -> [Map<String, Value>; 2] {
    let map = |chosen: Option<&BTreeMap<String, Quantity>>, [cpu, memory]: [&str; 2]| match chosen {
        Some(chosen) => {
            chosen.iter().map(|(name, quantity)| (name.clone(), quantity.0.as_str().into())).collect()
        }
        None => Map::from_iter([("cpu".to_owned(), cpu.into()), ("memory".to_owned(), memory.into())]),
    };
    [
        map(chosen.and_then(|chosen| chosen.limits.as_ref()), LIMITS),
        map(chosen.and_then(|chosen| chosen.requests.as_ref()), requests),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_an_empty_volume_claim_template_as_absent() {
        assert!(!says_something(&json!({"metadata": {}, "spec": {"resources": {}}})));
        assert!(says_something(&json!({"spec": {"accessModes": ["ReadWriteOnce"]}})));
    }
}
