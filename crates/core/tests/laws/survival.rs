//! What the user wrote is still there after injection.

use serde_json::{Map, Value};

use crate::view::{list, text};

/// Variables that are joined with ours.
const MERGED: [&str; 2] = ["PYTHONPATH", "OTEL_RESOURCE_ATTRIBUTES"];
/// The variable that goes last, so that all it refers to stands before it (injection.md, section 5.1, step k).
const MOVED: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The annotations that we write.
const WRITTEN: [&str; 2] =
    ["ingraft.dev/injected", "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"];

/// Fails if something is lost, changed or in another order, beyond what injection is for.
pub(crate) fn check(before: &Value, after: &Value) {
    assert_eq!(without(before, &["metadata", "spec"]), without(after, &["metadata", "spec"]));
    let changed = ["containers", "initContainers", "volumes"];
    assert_eq!(without(&before["spec"], &changed), without(&after["spec"], &changed));
    check_metadata(&before["metadata"], &after["metadata"]);

    let (before, after) = (&before["spec"], &after["spec"]);
    let volumes = list(before, "volumes");
    assert_eq!(list(after, "volumes").get(..volumes.len()), Some(volumes));
    let (regular, regular_after) = (list(before, "containers"), list(after, "containers"));
    assert_eq!(regular.len(), regular_after.len(), "only init containers are added");
    regular.iter().zip(regular_after).for_each(|(before, after)| check_container(before, after));

    let mut rest = list(after, "initContainers").iter();
    for container in list(before, "initContainers") {
        let same = rest.find(|after| text(after, "name") == text(container, "name"));
        check_container(container, same.expect("init containers keep their order"));
    }
}

fn check_metadata(before: &Value, after: &Value) {
    assert_eq!(without(before, &["annotations"]), without(after, &["annotations"]));
    let kept = |value: &Value| without(value.get("annotations").unwrap_or(&Value::Null), &WRITTEN);
    assert_eq!(kept(before), kept(after));
    let names = |value: &Value| value["annotations"][WRITTEN[1]].as_str().unwrap_or_default().to_owned();
    assert!(names(after).starts_with(&names(before)), "{} becomes {}", names(before), names(after));
}

fn check_container(before: &Value, after: &Value) {
    let changed = ["env", "volumeMounts"];
    assert_eq!(without(before, &changed), without(after, &changed));
    let mounts = list(before, "volumeMounts");
    assert_eq!(list(after, "volumeMounts").get(..mounts.len()), Some(mounts));

    let after = list(after, "env");
    let mut rest = after;
    for entry in list(before, "env") {
        if text(entry, "name") == MOVED {
            let kept = after.iter().any(|candidate| survives(entry, candidate));
            assert!(kept, "{entry} is lost in {}", Value::from(after));
        } else if let Some(index) = rest.iter().position(|candidate| survives(entry, candidate)) {
            rest = &rest[index + 1..];
        } else {
            panic!("{entry} is lost or out of order in {}", Value::from(after));
        }
    }
}

/// Whether an entry is what a user's entry may become: itself, the same under another name, or joined with ours.
fn survives(user: &Value, entry: &Value) -> bool {
    let name = text(user, "name");
    let renamed = text(entry, "name") == format!("OTEL_ORIG_{name}") && user.get("valueFrom").is_some();
    let same_rest = |keys: &[&str]| without(user, keys) == without(entry, keys);
    let joined = MERGED.contains(&name)
        && user.get("valueFrom").is_none()
        && text(entry, "value").contains(text(user, "value"));
    user == entry || (renamed && same_rest(&["name"])) || (joined && same_rest(&["value"]))
}

/// An object without some of its keys.
fn without(value: &Value, keys: &[&str]) -> Map<String, Value> {
    let entries = value.as_object().into_iter().flatten();
    let kept = entries.filter(|(key, _)| !keys.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}
