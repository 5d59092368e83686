//! The rules of docs/reference/kubelet.md, each as a row; and what follows where something is not known.

use serde_json::{Value, json};

use super::*;

/// What the cluster holds in these tests.
struct Cluster;

impl Sources for Cluster {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        match (kind, name) {
            (ReferenceKind::ConfigMap, "base") => {
                Source::Keys(vec![("X", Some("base")), ("Y", Some("y")), ("1.odd", Some("1"))])
            }
            (ReferenceKind::ConfigMap, "other") => {
                Source::Keys(vec![("X", Some("other")), ("REF", Some("$(Y)"))])
            }
            (ReferenceKind::Secret, "hidden") => Source::Keys(vec![("X", None), ("P", None)]),
            (_, "gone") => Source::Missing,
            _ => Source::Unknown,
        }
    }
}

fn link(name: &str, value: &str) -> ServiceVariable {
    ServiceVariable { name: name.to_owned(), value: Some(value.to_owned()) }
}

/// Asks with everything known but what the cluster does not tell.
fn with_inputs<T>(container: &Value, ask: impl FnOnce(Inputs<'_>) -> T) -> T {
    let image =
        [("X", "old"), ("X", "image"), ("IMAGE", "i")].map(|(name, value)| (name.into(), value.into()));
    ask(Inputs {
        pod: &json!({}),
        container,
        namespace: "shop",
        sources: &Cluster,
        files: &[
            File { volume: "v", path: "f", content: "X='file'\nEMPTY=''" },
            File { content: "X", ..MALFORMED },
        ],
        services: Some(&[link("DB_PORT", "tcp://10.0.0.1:5432"), link("X_PORT", "80")]),
        image: Some(&image),
    })
}

const MALFORMED: File<'static> = File { volume: "v", path: "malformed", content: "" };

/// The settings of a variable, the first that wins first: `?` for a value that is not known, in parentheses what is
/// not certain.
fn settings(found: &Environment, name: &str) -> String {
    let variable = found.variables.iter().find(|variable| variable.name == name);
    let settings = variable.map_or(&[][..], |variable| &variable.settings);
    let shown =
        settings.iter().map(|setting| match (setting.value.as_deref().unwrap_or("?"), setting.certain) {
            (value, true) => format!("[{value}]"),
            (value, false) => format!("({value})"),
        });
    shown.collect()
}

fn of_x(container: &Value) -> String {
    with_inputs(container, |inputs| settings(&environment(&inputs), "X"))
}

fn key(kind: &str, object: &str, key: &str, optional: bool) -> Value {
    json!({"name": "X", "valueFrom": {kind: {"name": object, "key": key, "optional": optional}}})
}

fn file(path: &str, key: &str, optional: bool) -> Value {
    let reference = json!({"volumeName": "v", "path": path, "key": key, "optional": optional});
    json!({"name": "X", "valueFrom": {"fileKeyRef": reference}})
}

#[test]
fn later_layers_replace_earlier_ones() {
    let base = json!({"configMapRef": {"name": "base"}});
    let other = json!({"configMapRef": {"name": "other"}});
    let hidden = json!({"secretRef": {"name": "hidden"}});
    for (what, container, x) in [
        ("the last of the image", json!({}), "[image]"),
        ("envFrom over image", json!({"envFrom": [base]}), "[base]"),
        ("later envFrom over earlier", json!({"envFrom": [base, other]}), "[other]"),
        ("a hidden value", json!({"envFrom": [base, hidden]}), "[?]"),
        (
            "another prefix",
            json!({"envFrom": [{"prefix": "A_", "configMapRef": {"name": "base"}}]}),
            "[image]",
        ),
        (
            "the ConfigMap of two references",
            json!({"envFrom": [{"configMapRef": {"name": "base"}, "secretRef": {"name": "hidden"}}]}),
            "[base]",
        ),
        ("an entry of nothing", json!({"envFrom": [{"prefix": "A_"}]}), "[image]"),
        (
            "an optional object that is missing",
            json!({"envFrom": [{"configMapRef": {"name": "gone", "optional": true}}]}),
            "[image]",
        ),
        ("env over envFrom", json!({"envFrom": [base], "env": [{"name": "X", "value": "env"}]}), "[env]"),
        (
            "the later of two entries",
            json!({"env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}),
            "[2]",
        ),
        ("an empty value", json!({"envFrom": [base], "env": [{"name": "X", "value": ""}]}), "[]"),
        ("no value at all", json!({"envFrom": [base], "env": [{"name": "X"}]}), "[]"),
        ("an empty source", json!({"env": [{"name": "X", "valueFrom": {}}]}), "[]"),
        ("no source", json!({"env": [{"name": "X", "valueFrom": null}]}), "[]"),
        ("an unnamed entry", json!({"env": [{"value": "env"}, {"name": "", "value": "env"}, 1]}), "[image]"),
    ] {
        assert_eq!(of_x(&container), x, "{what}");
    }
}

#[test]
fn sets_names_of_any_form() {
    let container = json!({"envFrom": [{"prefix": "a b", "configMapRef": {"name": "base"}}]});
    with_inputs(&container, |inputs| assert_eq!(settings(&environment(&inputs), "a b1.odd"), "[1]"));
}

#[test]
fn references_see_what_is_set_so_far() {
    for (what, env, x) in [
        ("envFrom", json!([{"name": "X", "value": "$(Y)"}]), "[y]"),
        ("itself below", json!([{"name": "X", "value": "$(X)+"}]), "[base+]"),
        (
            "itself in an earlier entry",
            json!([{"name": "X", "value": "$(X)1"}, {"name": "X", "value": "$(X)2"}]),
            "[base12]",
        ),
        ("a later entry", json!([{"name": "X", "value": "$(L)"}, {"name": "L", "value": "1"}]), "[$(L)]"),
        ("an earlier entry", json!([{"name": "L", "value": "1"}, {"name": "X", "value": "$(L)"}]), "[1]"),
        ("an empty variable", json!([{"name": "L"}, {"name": "X", "value": "<$(L)>"}]), "[<>]"),
        ("a service link", json!([{"name": "X", "value": "$(DB_PORT)"}]), "[tcp://10.0.0.1:5432]"),
        (
            "a variable over a service link",
            json!([{"name": "DB_PORT", "value": "1"}, {"name": "X", "value": "$(DB_PORT)"}]),
            "[1]",
        ),
        ("not the image", json!([{"name": "X", "value": "$(IMAGE)"}]), "[$(IMAGE)]"),
        ("an escaped one", json!([{"name": "X", "value": "$$(Y)"}]), "[$(Y)]"),
        (
            "one that was escaped, once more",
            json!([{"name": "L", "value": "$$(Y)"}, {"name": "X", "value": "$(L)"}]),
            "[$(Y)]",
        ),
    ] {
        assert_eq!(of_x(&json!({"envFrom": [{"configMapRef": {"name": "base"}}], "env": env})), x, "{what}");
    }
}

#[test]
fn what_comes_from_elsewhere_is_not_expanded() {
    let env = json!([key("configMapKeyRef", "other", "REF", false)]);
    assert_eq!(of_x(&json!({"envFrom": [{"configMapRef": {"name": "base"}}], "env": env})), "[$(Y)]");
}

#[test]
fn a_source_sets_what_it_holds_or_nothing() {
    for (what, entry, x) in [
        ("a key", key("configMapKeyRef", "base", "Y", false), "[y]"),
        ("a key that may be absent, but is not", key("configMapKeyRef", "base", "Y", true), "[y]"),
        ("an optional key that is absent", key("configMapKeyRef", "base", "Z", true), "[image]"),
        ("an optional object that is absent", key("secretKeyRef", "gone", "X", true), "[image]"),
        ("a hidden key", key("secretKeyRef", "hidden", "X", true), "[?]"),
        ("a required one that nobody knows", key("secretKeyRef", "unknown", "X", false), "[?]"),
        ("an optional one that nobody knows", key("secretKeyRef", "unknown", "X", true), "(?)[image]"),
        ("a file", file("f", "X", false), "[file]"),
        ("a file's empty key", file("f", "EMPTY", true), "[image]"),
        ("a file's absent key", file("f", "Z", true), "[image]"),
        ("a required file that nobody knows", file("unknown", "X", false), "[?]"),
        ("an optional file that nobody knows", file("unknown", "X", true), "(?)[image]"),
        ("a kind that nobody knows", json!({"name": "X", "valueFrom": {"newRef": {}}}), "(?)[image]"),
    ] {
        assert_eq!(of_x(&json!({"env": [entry]})), x, "{what}");
    }
}

#[test]
fn says_what_keeps_the_container_from_starting() {
    let container = json!({
        "envFrom": [{"configMapRef": {"name": "gone"}}, {"secretRef": {"name": "gone", "optional": true}}],
        "env": [
            key("configMapKeyRef", "base", "Z", false),
            key("secretKeyRef", "gone", "X", false),
            file("f", "EMPTY", false),
            file("malformed", "X", true),
        ],
    });
    let found = with_inputs(&container, |inputs| environment(&inputs));
    let key = |index, kind, object: &str, key: &str| Origin::Key {
        index,
        kind,
        object: object.to_owned(),
        key: key.to_owned(),
    };
    let file = |index, path: &str, key: &str| Origin::File {
        index,
        volume: "v".to_owned(),
        path: path.to_owned(),
        key: key.to_owned(),
    };
    let all = Origin::EnvFrom {
        index: 0,
        kind: ReferenceKind::ConfigMap,
        object: "gone".to_owned(),
        prefix: String::new(),
    };
    assert_eq!(
        found.missing,
        [
            all,
            key(0, ReferenceKind::ConfigMap, "base", "Z"),
            key(1, ReferenceKind::Secret, "gone", "X"),
            file(2, "f", "EMPTY"),
            file(3, "malformed", "X"),
        ]
    );
    assert_eq!(settings(&found, "X"), "[?]", "once it starts");
}

#[test]
fn an_object_with_unknown_keys_may_hold_any() {
    let container = json!({
        "envFrom": [
            {"configMapRef": {"name": "base"}},
            {"prefix": "X", "secretRef": {"name": "unknown"}},
            {"prefix": "OTHER_", "secretRef": {"name": "unknown", "optional": true}},
        ],
        "env": [
            {"name": "A", "value": "$(X)"},
            {"name": "B", "value": "$(XA)"},
            {"name": "C", "value": "$(OTHER_) $(OTHER_/)"},
            {"name": "XB", "valueFrom": {"configMapKeyRef": {"name": "unknown", "key": "k", "optional": true}}},
            {"name": "XC", "value": "c"},
        ],
    });
    let found = with_inputs(&container, |inputs| environment(&inputs));
    for (name, expected) in [
        ("X", "[base]"),
        ("X_PORT", "(?)[80]"),
        ("A", "[base]"),
        ("B", "[?]"),
        ("C", "[$(OTHER_) $(OTHER_/)]"),
        ("XB", "(?)(?)"),
        ("XC", "[c]"),
    ] {
        assert_eq!(settings(&found, name), expected, "{name}");
    }
    let prefixes = found.open.iter().map(|origin| match origin {
        Origin::EnvFrom { prefix, .. } => prefix.as_str(),
        _ => "",
    });
    assert_eq!(prefixes.collect::<Vec<_>>(), ["X", "OTHER_"]);
}

#[test]
fn services_and_images_that_nobody_knows_may_set_what_they_can() {
    let optional = key("configMapKeyRef", "unknown", "k", true);
    let container =
        json!({"env": [{"name": "A", "value": "$(DB_PORT)"}, {"name": "B", "value": "$(NAME)"}, optional]});
    let found =
        with_inputs(&container, |inputs| environment(&Inputs { services: None, image: None, ..inputs }));
    assert_eq!(found.open, [Origin::Image, Origin::ServiceLink]);
    assert_eq!(settings(&found, "A"), "[?]");
    assert_eq!(settings(&found, "B"), "[$(NAME)]");
    assert_eq!(settings(&found, "X"), "(?)(?)");
}

#[test]
fn shows_the_fields_of_the_pod() {
    let new = json!({"metadata": {"labels": {"a/b": "label"}, "annotations": {"n": "note"}}});
    let running = json!({
        "metadata": {"name": "web-1", "uid": "u", "labels": {"a/b": "label"}},
        "spec": {"nodeName": "n1", "serviceAccountName": "sa"},
        "status": {
            "hostIP": "10.0.0.1",
            "hostIPs": [{"ip": "10.0.0.1"}],
            "podIP": "10.1.0.1",
            "podIPs": [{"ip": "10.1.0.1"}, {"ip": "fd00::1"}],
        },
    });
    for (path, of_new, of_running) in [
        ("metadata.name", "[?]", "[web-1]"),
        ("metadata.namespace", "[shop]", "[shop]"),
        ("metadata.uid", "[?]", "[u]"),
        ("metadata.labels['a/b']", "[label]", "[label]"),
        ("metadata.labels['c']", "[?]", "[]"),
        ("metadata.annotations['n']", "[note]", "[]"),
        ("metadata.labels", "[?]", "[?]"),
        ("spec.nodeName", "[?]", "[n1]"),
        ("spec.host", "[?]", "[n1]"),
        ("spec.serviceAccountName", "[?]", "[sa]"),
        ("status.hostIP", "[?]", "[10.0.0.1]"),
        ("status.hostIPs", "[?]", "[10.0.0.1]"),
        ("status.podIP", "[?]", "[10.1.0.1]"),
        ("status.podIPs", "[?]", "[10.1.0.1,fd00::1]"),
        ("spec.hostname", "[?]", "[?]"),
    ] {
        let container = json!({"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]});
        for (pod, expected) in [(&new, of_new), (&running, of_running)] {
            let found = with_inputs(&container, |inputs| environment(&Inputs { pod, ..inputs }));
            assert_eq!(settings(&found, "X"), expected, "{path}");
        }
    }
}

#[test]
fn shows_resources_in_units_of_the_divisor() {
    let resources = json!({
        "limits": {"cpu": "1500m", "memory": "1.5Gi", "ephemeral-storage": "0"},
        "requests": {"cpu": 2, "hugepages-2Mi": "4Mi"},
    });
    let container = |env: Value| json!({"name": "c", "resources": resources, "env": env});
    let pod = json!({
        "metadata": {"uid": "u"},
        "spec": {
            "nodeName": "n",
            "resources": {"limits": {"memory": "3Gi", "cpu": "3"}},
            "containers": [container(json!([])), {"name": "bare"}],
            "initContainers": [{"name": "init"}],
        },
    });
    for (of, resource, divisor, expected) in [
        ("", "limits.cpu", "", "[2]"),
        ("", "limits.cpu", "1m", "[1500]"),
        ("c", "limits.cpu", "0", "[2]"),
        ("", "limits.memory", "1Mi", "[1536]"),
        ("", "limits.memory", "1G", "[2]"),
        ("", "requests.cpu", "1", "[2]"),
        ("", "requests.memory", "", "[0]"),
        ("", "requests.hugepages-2Mi", "1Ki", "[4096]"),
        ("", "limits.ephemeral-storage", "", "[?]"),
        ("bare", "limits.memory", "1Gi", "[3]"),
        ("bare", "limits.ephemeral-storage", "", "[?]"),
        ("init", "limits.memory", "1Gi", "[0]"),
        ("nobody", "limits.memory", "", "[?]"),
        ("", "limits.pods", "", "[?]"),
        ("", "limits", "", "[?]"),
        ("", "limits.cpu", "much", "[?]"),
    ] {
        let mut reference = json!({"containerName": of, "resource": resource});
        if !divisor.is_empty() {
            reference["divisor"] = divisor.into();
        }
        let asking = container(json!([{"name": "X", "valueFrom": {"resourceFieldRef": reference}}]));
        let found = with_inputs(&asking, |inputs| environment(&Inputs { pod: &pod, ..inputs }));
        assert_eq!(settings(&found, "X"), expected, "{of} {resource} / {divisor}");
    }
}

#[test]
fn knows_whether_something_is_set_before_an_entry() {
    use Presence::{Maybe, No, Yes};

    let container = json!({
        "envFrom": [{"prefix": "A_", "secretRef": {"name": "unknown"}}, {"secretRef": {"name": "hidden"}}],
        "env": [
            {"name": "B", "value": "$(A_X)"},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "unknown", "key": "k", "optional": true}}},
        ],
    });
    for (name, before, expected) in [
        ("IMAGE", 0, Yes),
        ("DB_PORT", 0, Yes),
        ("P", 0, Yes),
        ("A_X", 0, Maybe),
        ("B", 0, No),
        ("B", 1, Yes),
        ("C", 1, No),
        ("C", 2, Maybe),
        ("C", usize::MAX, Maybe),
        ("D", 2, No),
    ] {
        with_inputs(&container, |inputs| {
            assert_eq!(presence(&inputs, name, before), expected, "{name} before {before}");
        });
    }
    with_inputs(&container, |inputs| {
        assert_eq!(presence(&Inputs { image: None, ..inputs }, "D", 2), Maybe);
        assert_eq!(presence(&Inputs { image: Some(&[]), ..inputs }, "IMAGE", 2), No);
    });
}

struct ManyKeys(Vec<String>);

impl Sources for ManyKeys {
    fn source(&self, _: ReferenceKind, _: &str) -> Source<'_> {
        Source::Keys(self.0.iter().map(|key| (key.as_str(), Some("v"))).collect())
    }
}

/// A kubelet would try to make a text of 2^64 letters.
#[test]
fn keeps_no_more_text_than_a_process_can_get() {
    let doubling = (0..64).map(|_| json!({"name": "X", "value": "$(X)$(X)"}));
    let env: Vec<Value> = std::iter::once(json!({"name": "X", "value": "x"})).chain(doubling).collect();
    assert_eq!(of_x(&json!({"env": env})), "[?]");

    let many: Vec<String> = (0..1000).map(|number| format!("K{number}")).collect();
    let many = ManyKeys(many);
    let sources =
        (0..1000).map(|number| json!({"prefix": format!("P{number}_"), "configMapRef": {"name": "m"}}));
    let container = json!({"envFrom": sources.collect::<Vec<_>>()});
    let found = with_inputs(&container, |inputs| environment(&Inputs { sources: &many, ..inputs }));
    assert!(found.variables.len() < 80_000 && !found.open.is_empty(), "{}", found.variables.len());
}
