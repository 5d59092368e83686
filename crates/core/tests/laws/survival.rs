//! What the user wrote is still there after injection.

use serde_json::{Map, Value, json};

use crate::view::{list, probe_of, text};

/// Variables that are joined with ours.
const MERGED: [&str; 8] = [
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "DOTNET_STARTUP_HOOKS",
    "JAVA_TOOL_OPTIONS",
    "LD_LIBRARY_PATH",
    "NODE_OPTIONS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "PYTHONPATH",
];
/// The variable that goes last, so that all it refers to stands before it (docs/reference/variables.md 6).
const MOVED: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The annotations that we write.
const WRITTEN: [&str; 2] =
    ["ingraft.dev/injected", "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"];
/// The container that we add beside the others (docs/reference/go.md 3).
const SIDECAR: &str = "opentelemetry-auto-instrumentation";
/// The volumes that hold a clone of a folder: what else was mounted in it is in the clone
/// (docs/reference/web-servers.md 3).
const CLONES: [&str; 2] = ["otel-apache-conf-dir", "otel-nginx-conf-dir"];

/// Fails if something is lost, changed or in another order, beyond what injection is for.
pub(crate) fn check(before: &Value, after: &Value) {
    assert_eq!(without(before, &["metadata", "spec"]), without(after, &["metadata", "spec"]));
    let changed = ["containers", "initContainers", "shareProcessNamespace", "volumes"];
    assert_eq!(without(&before["spec"], &changed), without(&after["spec"], &changed));
    check_metadata(&before["metadata"], &after["metadata"]);

    let (before, after) = (&before["spec"], &after["spec"]);
    let volumes = list(before, "volumes");
    assert_eq!(list(after, "volumes").get(..volumes.len()), Some(volumes));
    let (regular, regular_after) = (list(before, "containers"), list(after, "containers"));
    let check_container = |before: &Value, container: &Value| {
        let probe = probe_of(after, text(container, "name"));
        check_container(before, container, probe.map_or(&[], |probe| list(probe, "env")));
    };
    regular.iter().zip(regular_after).for_each(|(before, after)| check_container(before, after));
    let added: Vec<&str> = regular_after[regular.len()..].iter().map(|added| text(added, "name")).collect();
    assert!(added.is_empty() || added == [SIDECAR], "only a sidecar is added: {added:?}");

    let mut rest = list(after, "initContainers").iter();
    for container in list(before, "initContainers") {
        let same = rest.find(|after| text(after, "name") == text(container, "name"));
        check_container(container, same.expect("init containers keep their order"));
    }
    let native = rest.any(|added| text(added, "name") == SIDECAR);
    let shares = |spec: &Value| spec.get("shareProcessNamespace").cloned();
    let expected = if native || !added.is_empty() { Some(json!(true)) } else { shares(before) };
    assert_eq!(shares(after), expected, "processes are shared with a sidecar only");
}

fn check_metadata(before: &Value, after: &Value) {
    let both = ["annotations", "labels"];
    assert_eq!(without(before, &both), without(after, &both));
    let kept = |value: &Value| {
        let map = |key: &str| value.get(key).cloned().unwrap_or_default();
        (without(&map("annotations"), &WRITTEN), map("labels"))
    };
    assert_eq!(kept(before), kept(after));
    let names = |value: &Value| value["annotations"][WRITTEN[1]].as_str().unwrap_or_default().to_owned();
    assert!(names(after).starts_with(&names(before)), "{} becomes {}", names(before), names(after));
}

fn check_container(before: &Value, after: &Value, probe: &[Value]) {
    let survives = |user: &Value, entry: &Value| survives(user, entry) || is_probed(user, entry, probe);
    let changed = ["env", "volumeMounts"];
    assert_eq!(without(before, &changed), without(after, &changed));
    check_mounts(list(before, "volumeMounts"), list(after, "volumeMounts"));

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

/// Mounts stay, and in front, but for those in a folder that is cloned: exactly these are dropped.
fn check_mounts(before: &[Value], after: &[Value]) {
    let clones: Vec<&Value> = after.iter().filter(|mount| CLONES.contains(&text(mount, "name"))).collect();
    let hidden_by = |mount: &Value, clone: &Value| {
        text(mount, "name") != text(clone, "name")
            && is_within(text(mount, "mountPath"), text(clone, "mountPath"))
    };
    let (kept, dropped): (Vec<&Value>, Vec<&Value>) = before.iter().partition(|mount| after.contains(mount));
    assert_eq!(after.iter().take(kept.len()).collect::<Vec<_>>(), kept);
    for mount in dropped {
        assert!(clones.iter().any(|clone| hidden_by(mount, clone)), "{mount} is lost");
    }
    // A pod may come with a volume of that name, mounted anywhere.
    for clone in clones.iter().filter(|clone| !before.contains(clone)) {
        let left = after.iter().find(|mount| hidden_by(mount, clone));
        assert_eq!(left, None, "it hides a part of {clone}");
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    let steps = |path: &str| path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let (path, folder): (Vec<String>, Vec<String>) = (steps(path), steps(folder));
    path.starts_with(&folder)
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

/// Whether the variable comes from the file of a probe, which sees what the user wrote.
fn is_probed(user: &Value, entry: &Value, probe: &[Value]) -> bool {
    let name = text(user, "name");
    let ours = entry.pointer("/valueFrom/fileKeyRef/volumeName") == Some(&json!("ingraft-env"));
    let sees = |seen: &Value| {
        text(seen, "name") == name
            && (seen == user || seen.pointer("/valueFrom/resourceFieldRef/containerName").is_some())
    };
    ours && text(entry, "name") == name && probe.iter().any(sees)
}

/// An object without some of its keys.
fn without(value: &Value, keys: &[&str]) -> Map<String, Value> {
    let entries = value.as_object().into_iter().flatten();
    let kept = entries.filter(|(key, _)| !keys.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}
