//! A decision about Java, and pods that were or were not injected by it, for tests.

use ingraft_api::Language;
use serde_json::{Value, json};

use super::RunningPod;
use crate::inject::{Decision, Injected};

/// What is decided while the Instrumentation means this and the agent has this image.
pub(crate) fn decision(hash: &str, image: &str) -> Decision {
    let injected = Injected {
        by: None,
        containers: vec!["app".to_owned()],
        hash: hash.to_owned(),
        image: Some(image.to_owned()),
        instrumentation: "shop/base".to_owned(),
    };
    let instrumentation = Some("shop/base".to_owned());
    Decision { language: Language::Java, instrumentation, injected: Some(injected) }
}

/// What a pod says that was injected when the Instrumentation meant this.
pub(crate) fn injected(hash: &str, instrumentation: &str, image: &str) -> Value {
    json!({"java": {"containers": ["app"], "hash": hash, "image": image, "instrumentation": instrumentation}})
}

/// A pod that was injected when the Instrumentation meant this; `None` for one that was not.
pub(crate) fn pod(hash: Option<&str>) -> RunningPod {
    let annotations =
        hash.map(|hash| json!({"ingraft.dev/injected": injected(hash, "shop/base", "java:1").to_string()}));
    RunningPod::of(&json!({"metadata": {"annotations": annotations}})).unwrap()
}
