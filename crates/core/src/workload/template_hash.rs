//! What tells one pod template from another.

use ingraft_api::annotations::{OWN_PREFIX, PREFIX};
use serde_json::Value;

use crate::fnv::Fnv;

/// The annotation by which `kubectl rollout restart` has pods created anew.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// What controllers add to a copy of a template: its own hash, and how it is to be patched in.
const ADDED: [&str; 4] =
    ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash", "$patch"];

/// Changes with what a workload says of its pods, but for our own annotations and restarts: so it is the same for a
/// workload, for a ReplicaSet or ControllerRevision made of it, and before and after somebody requested injection.
pub fn template_hash(template: &Value) -> String {
    let mut hasher = Fnv::new();
    add(template, &mut hasher);
    hasher.text()
}

/// Adds a value; the order of keys and what says nothing make no difference.
fn add(value: &Value, hasher: &mut Fnv) {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<(&String, &Value)> =
                entries.iter().filter(|(key, value)| !is_ignored(key) && !says_nothing(value)).collect();
            entries.sort_by_key(|(key, _)| *key);
            hasher.add_bytes(b"{");
            for (key, value) in entries {
                hasher.add(key);
                add(value, hasher);
            }
            hasher.add_bytes(b"}");
        }
        Value::Array(items) => {
            hasher.add_bytes(b"[");
            for item in items {
                add(item, hasher);
            }
            hasher.add_bytes(b"]");
        }
        other => hasher.add(other),
    }
}

fn is_ignored(key: &str) -> bool {
    key.starts_with(PREFIX) || key.starts_with(OWN_PREFIX) || key == RESTARTED_AT || ADDED.contains(&key)
}

/// Whether a value is absent, or has nothing but what is ignored.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(entries) => entries.iter().all(|(key, value)| is_ignored(key) || says_nothing(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]}]},
        })
    }

    #[test]
    fn is_the_same_for_what_is_made_of_it_and_for_our_own_annotations() {
        let hash = template_hash(&template());
        let mut asked = template();
        asked["metadata"]["annotations"] = json!({
            "instrumentation.opentelemetry.io/inject-java": "true", "ingraft.dev/inject": "true",
            "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z",
        });
        assert_eq!(template_hash(&asked), hash);
        let mut copied = template();
        copied["metadata"]["labels"]["pod-template-hash"] = "6f5c8".into();
        copied["metadata"]["creationTimestamp"] = Value::Null;
        copied["$patch"] = "replace".into();
        assert_eq!(template_hash(&copied), hash);
    }

    #[test]
    fn changes_with_everything_else() {
        let hash = template_hash(&template());
        let mut others = vec![template(); 4];
        others[0]["spec"]["containers"][0]["image"] = "app:2".into();
        others[1]["metadata"]["annotations"] = json!({"team": "shop"});
        others[2]["spec"]["containers"][0]["env"][0] = json!({"name": "A1", "value": ""});
        others[3]["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        for other in others {
            assert_ne!(template_hash(&other), hash, "{other}");
        }
        let mut empty = template();
        empty["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        let mut absent = template();
        absent["spec"]["volumes"] = json!([{"name": "tmp"}]);
        assert_eq!(template_hash(&empty), template_hash(&absent), "an empty map is not told from none");
    }
}
