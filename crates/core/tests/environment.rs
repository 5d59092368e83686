//! Laws of the simulated environment. `tests/kubelet` compares it with the kubelet itself.

use std::collections::BTreeMap;

use ingraft_core::ReferenceKind;
use ingraft_core::environment::{
    Environment, File, Inputs, Presence, ServiceVariable, Source, Sources, environment, presence,
};
use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Few, so that they meet.
const NAMES: [&str; 6] = ["A", "B", "P_A", "DB_PORT", "é$(", ""];

const KEYS: [&str; 24] = [
    "metadata",
    "uid",
    "labels",
    "spec",
    "nodeName",
    "containers",
    "status",
    "podIPs",
    "env",
    "envFrom",
    "name",
    "prefix",
    "value",
    "valueFrom",
    "configMapRef",
    "secretKeyRef",
    "key",
    "optional",
    "fieldRef",
    "fieldPath",
    "resourceFieldRef",
    "resource",
    "resources",
    "fileKeyRef",
];

/// ConfigMaps by name. Of Secrets either nothing is known, or that there are none.
#[derive(Debug, Clone)]
struct Cluster {
    config_maps: BTreeMap<String, BTreeMap<String, String>>,
    may_have_secrets: bool,
}

impl Sources for Cluster {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        match (kind, self.config_maps.get(name)) {
            (ReferenceKind::ConfigMap, Some(data)) => {
                Source::Keys(data.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))).collect())
            }
            (ReferenceKind::Secret, _) if self.may_have_secrets => Source::Unknown,
            _ => Source::Missing,
        }
    }
}

fn cluster(may_have_secrets: impl Strategy<Value = bool>) -> impl Strategy<Value = Cluster> {
    let data = btree_map("[AB._]{1,2}", "[ab$()AB]{0,8}", 0..4);
    let config_maps = btree_map(select(&NAMES[..]).prop_map(str::to_owned), data, 0..3);
    (config_maps, may_have_secrets)
        .prop_map(|(config_maps, may_have_secrets)| Cluster { config_maps, may_have_secrets })
}

/// Any JSON, with keys that sometimes make it look like a container.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        select(&NAMES[..]).prop_map(Value::from),
        "[$()A-C é]{0,8}".prop_map(Value::from),
        select(vec!["metadata.labels['A']", "limits.cpu", "status.podIPs", "100m", "']"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop_oneof![8 => select(&KEYS[..]).prop_map(str::to_owned), 1 => ".{0,4}"];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((key, inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    select(&NAMES[..5])
}

/// A container that has a typical shape, with or without sources that need not be known.
fn container(may_be_unknown: bool) -> impl Strategy<Value = Value> {
    let key = (name(), name(), any::<bool>()).prop_map(|(object, key, optional)| {
        json!({"configMapKeyRef": {"name": object, "key": key, "optional": optional}})
    });
    let secret = any::<bool>()
        .prop_map(|optional| json!({"secretKeyRef": {"name": "s", "key": "k", "optional": optional}}));
    let file = any::<bool>().prop_map(
        |optional| json!({"fileKeyRef": {"volumeName": "v", "path": "f", "key": "A", "optional": optional}}),
    );
    let field = Just(json!({"fieldRef": {"fieldPath": "metadata.name"}}));
    let others =
        if may_be_unknown { vec![secret.boxed(), file.boxed(), field.boxed()] } else { vec![file.boxed()] };
    let source = prop_oneof![3 => key, 1 => proptest::strategy::Union::new(others)];
    let value = "([ab]|\\$\\((A|B|P_A|C|DB_PORT|X)\\)|\\$){0,4}";
    let entry = prop_oneof![
        2 => (name(), value).prop_map(|(name, value)| json!({"name": name, "value": value})),
        1 => (name(), source).prop_map(|(name, source)| json!({"name": name, "valueFrom": source})),
    ];
    let kind =
        if may_be_unknown { select(vec!["configMapRef", "secretRef"]) } else { select(vec!["configMapRef"]) };
    let all = (weighted(0.3, select(vec!["P_", "é"])), kind, name(), any::<bool>()).prop_map(
        |(prefix, kind, name, optional)| json!({"prefix": prefix, kind: {"name": name, "optional": optional}}),
    );
    (vec(all, 0..4), vec(entry, 0..6)).prop_map(|(all, env)| json!({"envFrom": all, "env": env}))
}

/// Asks with all that is not of the cluster known, or with nothing of it known.
fn ask<T>(cluster: &Cluster, container: &Value, known: bool, ask: impl FnOnce(&Inputs<'_>) -> T) -> T {
    let image = [("A".to_owned(), "image".to_owned())];
    let services = [ServiceVariable { name: "DB_PORT".to_owned(), value: Some("tcp".to_owned()) }];
    ask(&Inputs {
        pod: container,
        container,
        namespace: "shop",
        sources: cluster,
        files: if known { &[File { volume: "v", path: "f", content: "A='file'" }] } else { &[] },
        services: known.then_some(&services),
        image: known.then_some(&image),
    })
}

fn presence_in(found: &Environment, name: &str) -> Presence {
    let variable = found.variables.iter().find(|variable| variable.name == name);
    match variable.and_then(|variable| variable.settings.last()) {
        Some(lowest) if lowest.certain => Presence::Yes,
        Some(_) => Presence::Maybe,
        None => Presence::No,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_document_has_an_answer_and_always_the_same(
        container in document(),
        cluster in cluster(any::<bool>()),
        known in any::<bool>(),
    ) {
        let first = ask(&cluster, &container, known, environment);
        prop_assert_eq!(&first, &ask(&cluster, &container, known, environment));
    }

    #[test]
    fn all_is_certain_where_all_is_known(container in container(false), cluster in cluster(Just(false))) {
        let found = ask(&cluster, &container, true, environment);
        prop_assert!(found.open.is_empty() || !found.missing.is_empty());
        if found.missing.is_empty() {
            for variable in &found.variables {
                prop_assert!(variable.value().is_some(), "{}: {:?}", variable.name, variable.settings);
            }
        }
    }

    #[test]
    fn only_the_last_setting_can_be_certain(
        container in container(true),
        cluster in cluster(any::<bool>()),
        known in any::<bool>(),
    ) {
        let found = ask(&cluster, &container, known, environment);
        for variable in &found.variables {
            let (_, others) = variable.settings.split_last().unwrap();
            prop_assert!(others.iter().all(|setting| !setting.certain));
        }
    }

    #[test]
    fn presence_is_that_in_the_environment(
        container in container(true),
        cluster in cluster(any::<bool>()),
        known in any::<bool>(),
    ) {
        let found = ask(&cluster, &container, known, environment);
        let of = |name: &str| ask(&cluster, &container, known, |inputs| presence(inputs, name, usize::MAX));
        for variable in &found.variables {
            prop_assert_eq!(of(&variable.name), presence_in(&found, &variable.name), "{}", variable.name);
        }
        let unnamed = if found.open.is_empty() { Presence::No } else { Presence::Maybe };
        prop_assert!(of("NOBODY") <= unnamed);
        for index in 0..container["env"].as_array().unwrap().len() {
            let mut before = container.clone();
            before["env"].as_array_mut().unwrap().truncate(index);
            for name in NAMES {
                prop_assert_eq!(
                    ask(&cluster, &container, known, |inputs| presence(inputs, name, index)),
                    ask(&cluster, &before, known, |inputs| presence(inputs, name, usize::MAX))
                );
            }
        }
    }
}
