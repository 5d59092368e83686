//! Containers with everything that is easy to get wrong: references to themselves, to later variables and to nobody,
//! escapes, empty values, duplicates, prefixes, odd names, optional sources, Services that set the same names.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::case::{CONTAINER, Case, NAMESPACE, Texts};

/// Names of variables. Few, so that they meet; some that only newer API servers accept, some that none does.
pub(crate) const NAMES: [&str; 14] = [
    "A",
    "B",
    "X",
    "JAVA_TOOL_OPTIONS",
    "P_A",
    "P_X",
    "DB_PORT",
    "DB_SERVICE_PORT",
    "KUBERNETES_SERVICE_HOST",
    "a.b",
    "1A",
    "odd name",
    "$(A",
    "é",
];

const KEYS: [&str; 8] = ["A", "B", "X", "JAVA_TOOL_OPTIONS", "a.b", "1A", "-", "_PORT"];

const OBJECTS: [&str; 4] = ["one", "two", "three", "gone"];

const FILES: [&str; 2] = ["f", "d/g"];

const PIECES: [&str; 24] = [
    "$",
    "$$",
    "$(",
    ")",
    "(",
    "$()",
    "$(A)",
    "$(B)",
    "$(X)",
    "$$(A)",
    "$$$(X)",
    "$(JAVA_TOOL_OPTIONS)",
    "$(P_A)",
    "$(DB_PORT)",
    "$(KUBERNETES_SERVICE_HOST)",
    "$(a.b)",
    "$(odd name)",
    "$(NOBODY)",
    "${A}",
    "-Xmx1g",
    "é",
    "\n",
    "'",
    " ",
];

fn one<T: Copy>(random: &mut Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

fn with_chance(random: &mut Rng, percent: u8) -> bool {
    random.u8(..100) < percent
}

pub(crate) fn case(random: &mut Rng) -> Case {
    let config_maps = texts(random, &OBJECTS[..3], &KEYS, text);
    let secrets = texts(random, &OBJECTS[..3], &KEYS, text);
    let files = BTreeMap::from([("v", FILES.into_iter().map(|path| (path, file(random))).collect())]);
    let env: Vec<Value> = (0..random.usize(..9)).map(|_| entry(random, &config_maps, &secrets)).collect();
    let env_from: Vec<Value> = (0..random.usize(..4)).map(|_| all_keys(random)).collect();
    let container =
        |name: &str, resources: Value| json!({"name": name, "image": "i", "resources": resources});
    let mut app = container(CONTAINER, resources(random));
    app["env"] = env.into();
    app["envFrom"] = env_from.into();
    let ipv6 = with_chance(random, 30);
    let addresses = |first: &str, second: &str| -> Vec<Value> {
        [first, second].iter().take(1 + usize::from(ipv6)).map(|ip| json!({"ip": ip})).collect()
    };
    let mut pod = json!({
        "metadata": {
            "name": "web-1",
            "namespace": NAMESPACE,
            "uid": "9c1d",
            "labels": {"app": "web", "example.com/tier": "$(A)"},
            "annotations": {"Note": "é \"x\""},
        },
        "spec": {
            "nodeName": "n1",
            "enableServiceLinks": random.bool(),
            "containers": [container("other", resources(random)), app],
            "initContainers": [container("init", resources(random))],
        },
        "status": {
            "hostIP": "192.0.2.1",
            "hostIPs": addresses("192.0.2.1", "2001:db8::1"),
            "podIP": "10.1.0.1",
            "podIPs": addresses("10.1.0.1", "fd00::1:1"),
        },
    });
    if random.bool() {
        pod["spec"]["serviceAccountName"] = "web".into();
    }
    if with_chance(random, 20) {
        pod["spec"]["resources"] = resources(random);
    }
    let node = json!({
        "metadata": {"name": "n1"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "192.0.2.1"},
                {"type": if ipv6 { "InternalIP" } else { "Hostname" }, "address": "2001:db8::1"},
            ],
            "allocatable": {"cpu": "7", "memory": "16Gi", "ephemeral-storage": "100Gi"},
        },
    });
    let image = (0..random.usize(..4)).map(|_| (one(random, &NAMES).to_owned(), text(random))).collect();
    Case { pod, config_maps, secrets, services: services(random), node, files, image }
}

fn texts(
    random: &mut Rng,
    holders: &[&'static str],
    keys: &[&'static str],
    text: fn(&mut Rng) -> String,
) -> Texts {
    let mut data = || {
        let number = random.usize(..4);
        (0..number).map(|_| (one(random, keys), text(random))).collect()
    };
    holders.iter().map(|holder| (*holder, data())).collect()
}

fn text(random: &mut Rng) -> String {
    (0..random.usize(..5)).map(|_| one(random, &PIECES)).collect()
}

/// A file with variables, rarely malformed, rarely with a line about as long as one can be.
fn file(random: &mut Rng) -> String {
    const ODD: [&str; 9] =
        ["", "# comment", " \t", "A= 'x'", "A=x", "A ='x'", "='x'", "rubbish", "export A='x' # y"];
    let mut content = String::new();
    for _ in 0..random.usize(..4) {
        if with_chance(random, 15) {
            content.push_str(one(random, &ODD));
        } else {
            let key = one(random, &KEYS);
            let long = with_chance(random, 4);
            let value = if long { "y".repeat(65_530 + random.usize(..4) - key.len()) } else { text(random) };
            let quoted = if with_chance(random, 95) { value.replace('\'', "\"") } else { value };
            content.extend([key, "='", &quoted, "'"]);
            content.push_str(one(random, &["", "", "", "", " # note", "\r", " x"]));
        }
        content.push_str(one(random, &["\n", "\n", "\n", "\r\n", ""]));
    }
    content
}

/// A kind, an object and a key, and whether they exist, as most do.
fn key(
    random: &mut Rng,
    config_maps: &Texts,
    secrets: &Texts,
) -> (&'static str, &'static str, &'static str, bool) {
    let (kind, objects) = one(random, &[("configMapKeyRef", config_maps), ("secretKeyRef", secrets)]);
    let object = one(random, &OBJECTS);
    let keys: Vec<&str> = objects.get(object).into_iter().flatten().map(|(key, _)| *key).collect();
    let key =
        if keys.is_empty() || with_chance(random, 20) { one(random, &KEYS) } else { one(random, &keys) };
    (kind, object, key, keys.contains(&key))
}

/// References to what is missing are mostly optional: one that is not ends the case.
fn optional(random: &mut Rng, exists: bool) -> Value {
    if !exists && with_chance(random, 95) {
        return true.into();
    }
    one(random, &[Some(true), Some(false), None]).into()
}

fn all_keys(random: &mut Rng) -> Value {
    let name = one(random, &OBJECTS);
    let reference = json!({"name": name, "optional": optional(random, name != "gone")});
    let mut entry = match random.u8(..10) {
        0 => json!({}),
        1 => {
            json!({"configMapRef": reference, "secretRef": {"name": one(random, &OBJECTS), "optional": true}})
        }
        2..6 => json!({"configMapRef": reference}),
        _ => json!({"secretRef": reference}),
    };
    if random.bool() {
        entry["prefix"] = one(random, &["", "P_", "DB", "odd ", "$("]).into();
    }
    entry
}

fn entry(random: &mut Rng, config_maps: &Texts, secrets: &Texts) -> Value {
    let mut entry = json!({"name": one(random, &NAMES)});
    match random.u8(..20) {
        0 => {}
        1 => entry["value"] = Value::Null,
        2 => entry["valueFrom"] = json!({}),
        3..12 => entry["value"] = text(random).into(),
        _ => {
            entry["valueFrom"] = source(random, config_maps, secrets);
            // Not valid, but the kubelet has a rule for it.
            if with_chance(random, 5) {
                entry["value"] = text(random).into();
            }
        }
    }
    entry
}

fn source(random: &mut Rng, config_maps: &Texts, secrets: &Texts) -> Value {
    match random.u8(..10) {
        0 | 1 => field(random),
        2 | 3 => json!({"resourceFieldRef": resource(random)}),
        4 => json!({"fileKeyRef": {
            "volumeName": "v",
            "path": one(random, &FILES),
            "key": one(random, &KEYS),
            "optional": with_chance(random, 95),
        }}),
        _ => {
            let (kind, object, key, exists) = key(random, config_maps, secrets);
            json!({kind: {"name": object, "key": key, "optional": optional(random, exists)}})
        }
    }
}

fn field(random: &mut Rng) -> Value {
    const PATHS: [&str; 15] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels['app']",
        "metadata.labels['example.com/tier']",
        "metadata.labels['absent']",
        "metadata.annotations['Note']",
        "metadata.annotations['absent']",
        "spec.nodeName",
        "spec.host",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    json!({"fieldRef": {"apiVersion": "v1", "fieldPath": one(random, &PATHS)}})
}

fn resource(random: &mut Rng) -> Value {
    let name = one(random, &["cpu", "memory", "ephemeral-storage", "hugepages-2Mi"]);
    let divisors: &[&str] =
        if name == "cpu" { &["0", "1", "1m"] } else { &["0", "1", "1k", "1M", "1G", "1Ki", "1Mi", "1Gi"] };
    let kind = one(random, &["limits", "requests"]);
    let mut reference = json!({"resource": format!("{kind}.{name}")});
    if random.bool() {
        reference["divisor"] = one(random, divisors).into();
    }
    if random.bool() {
        reference["containerName"] = one(random, &["", CONTAINER, "other", "init"]).into();
    }
    reference
}

fn resources(random: &mut Rng) -> Value {
    const AMOUNTS: [(&str, &[&str]); 4] = [
        ("cpu", &["0", "1", "100m", "1500m", "0.035", "0.29", "2.0001", "1n", "3e1"]),
        ("memory", &["0", "64Mi", "1.1Gi", "1G", "123456789", "100m", "1e6", "1.5Ki"]),
        ("ephemeral-storage", &["1Gi", "0", "5G"]),
        ("hugepages-2Mi", &["2Mi", "4Mi"]),
    ];
    let mut some = || -> Value {
        let mut amounts = serde_json::Map::new();
        for (name, choices) in AMOUNTS {
            if with_chance(random, 70) {
                amounts.insert(name.to_owned(), one(random, choices).into());
            }
        }
        amounts.into()
    };
    json!({"limits": some(), "requests": some()})
}

fn services(random: &mut Rng) -> Vec<Value> {
    const NAMES: [(&str, &str); 8] = [
        (NAMESPACE, "db"),
        (NAMESPACE, "db-service"),
        (NAMESPACE, "a"),
        (NAMESPACE, "kubernetes"),
        ("default", "kubernetes"),
        ("default", "db"),
        ("other", "a"),
        ("other", "kubernetes"),
    ];
    let mut services = Vec::new();
    for (namespace, name) in NAMES {
        if with_chance(random, 70) {
            continue;
        }
        let ports: Vec<Value> = (0..=random.usize(..2)).map(|index| port(random, index)).collect();
        let address = one(random, &["10.0.0.1", "10.0.0.2", "fd00::2", "None", ""]);
        services.push(json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": address, "ports": ports},
        }));
    }
    random.shuffle(&mut services);
    services
}

fn port(random: &mut Rng, index: usize) -> Value {
    let mut port = json!({"port": 80 + index, "name": one(random, &["", "web", "80-tcp"])});
    if random.bool() {
        port["protocol"] = one(random, &["TCP", "UDP", "SCTP"]).into();
    }
    port
}
