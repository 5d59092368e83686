//! Looks into pods.

use std::collections::BTreeMap;

use serde_json::Value;

/// The items of the list under a key.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text under a key; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// How often each text stands under a key of the items.
pub(crate) fn counts<'a>(items: &'a [Value], key: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(text(item, key)).or_default() += 1;
    }
    counts
}

/// The names in `$(NAME)`.
pub(crate) fn references(value: &str) -> impl Iterator<Item = &str> {
    value.split("$(").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name)
}

/// What the probe of a container is told, apart from the command of the container itself.
pub(crate) fn probe_words<'p>(spec: &'p Value, container: &str) -> impl Iterator<Item = &'p str> {
    let probe = probe_of(spec, container).unwrap_or(&Value::Null);
    list(probe, "command").iter().filter_map(Value::as_str).take_while(|word| *word != "--argv")
}

/// The probe of a container.
pub(crate) fn probe_of<'p>(spec: &'p Value, container: &str) -> Option<&'p Value> {
    let file = format!("/ingraft-env/{container}.env");
    let is_probe = |init: &&Value| list(init, "command").iter().any(|word| *word == file.as_str());
    list(spec, "initContainers").iter().find(is_probe)
}

/// The containers and init containers of a pod, by name.
pub(crate) struct Containers<'a>(BTreeMap<&'a str, &'a Value>);

pub(crate) fn containers(pod: &Value) -> Containers<'_> {
    let of = |key| list(&pod["spec"], key).iter().map(|container| (text(container, "name"), container));
    Containers(of("initContainers").chain(of("containers")).collect())
}

impl<'a> Containers<'a> {
    pub(crate) fn values(&self) -> impl Iterator<Item = &'a Value> {
        self.0.values().copied()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Each container with the one of the same name in another pod, which must have it.
    pub(crate) fn zip_by_name<'b>(&self, pod: &'b Value) -> Vec<(&'a Value, &'b Value)> {
        let others = containers(pod);
        self.0.iter().map(|(name, container)| (*container, *others.0.get(name).expect(name))).collect()
    }
}
