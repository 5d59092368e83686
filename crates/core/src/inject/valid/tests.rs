use super::*;

#[test]
fn tells_names_of_objects() {
    for name in ["a", "a-b.c1", "1"] {
        assert!(is_object_name(name), "{name}");
    }
    for name in ["", "A", "a_b", "-a", "a-", "a..b", "a/b"] {
        assert!(!is_object_name(name), "{name}");
    }
}

#[test]
fn accepts_the_variables_that_a_container_may_have_and_no_others() {
    let pod = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "secret": {}}]}});
    let source = |source: Value| json!({"name": "A", "valueFrom": source});
    for entry in [
        json!({"name": "A"}),
        json!({"name": "a.b-c d", "value": "x"}),
        json!({"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
        source(json!({"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels['a.b/c']"}})),
        source(json!({"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}})),
        source(json!({"resourceFieldRef": {"resource": "requests.memory"}})),
        source(json!({"configMapKeyRef": {"name": "c", "key": "K.x"}})),
        source(json!({"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}})),
    ] {
        assert_eq!(variable(&entry, &pod), Ok(()), "{entry}");
    }
    for entry in [
        json!({"name": ""}),
        json!({"name": "a=b"}),
        json!({"name": "é"}),
        json!({"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
        source(json!({})),
        source(
            json!({"fieldRef": {"fieldPath": "metadata.name"}, "configMapKeyRef": {"name": "c", "key": "k"}}),
        ),
        source(json!({"fieldRef": {"fieldPath": "spec.nope"}})),
        source(json!({"fieldRef": {"apiVersion": "v9", "fieldPath": "metadata.name"}})),
        source(json!({"fieldRef": {"fieldPath": "metadata.labels['a b']"}})),
        source(json!({"resourceFieldRef": {"resource": "limits.nope"}})),
        source(json!({"resourceFieldRef": {"resource": "limits.cpu", "divisor": "3"}})),
        source(json!({"resourceFieldRef": {"resource": "limits.memory", "divisor": "1024"}})),
        source(json!({"configMapKeyRef": {"name": "c", "key": ""}})),
        source(json!({"secretKeyRef": {"name": "s", "key": "a/b"}})),
        source(json!({"secretKeyRef": {"name": "Not A Name", "key": "k"}})),
        source(json!({"fileKeyRef": {"volumeName": "w", "path": "p", "key": "k"}})),
        source(json!({"fileKeyRef": {"volumeName": "v", "path": "../p", "key": "k"}})),
        source(json!({"fileKeyRef": {"volumeName": "v", "path": "p", "key": "a=b"}})),
    ] {
        assert!(variable(&entry, &pod).is_err(), "{entry}");
    }
}

#[test]
fn tells_amounts_and_claims() {
    assert!(is_amount("cpu", &json!("500m")) && is_amount("memory", &json!(1)));
    for (resource, amount) in [("cpu", "-1"), ("gpu", "1"), ("nvidia.com/gpu", "1"), ("cpu", "x")] {
        assert!(!is_amount(resource, &json!(amount)), "{resource} {amount}");
    }
    let claim = |modes: Value, storage: &str| json!({"spec": {"accessModes": modes, "resources": {"requests": {"storage": storage}}}});
    assert!(is_claim_template(&claim(json!(["ReadWriteOnce"]), "1Gi")));
    assert!(!is_claim_template(&claim(json!(["Odd"]), "1Gi")));
    assert!(!is_claim_template(&claim(json!([]), "1Gi")));
    assert!(!is_claim_template(&claim(json!(["ReadWriteOnce"]), "-1")));
    assert!(!is_claim_template(&claim(json!(["ReadWriteOnce", "ReadWriteOncePod"]), "1Gi")));
    let with = |part: &str, key: &str, value: Value| {
        let mut template = claim(json!(["ReadWriteOnce"]), "1Gi");
        template[part][key] = value;
        is_claim_template(&template)
    };
    assert!(with("metadata", "labels", json!({"a.b/c": "d", "e": ""})));
    assert!(with("metadata", "annotations", json!({"Example.com/A": "any text"})));
    assert!(with("spec", "storageClassName", json!("fast")));
    assert!(with("spec", "selector", json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]})));
    for (part, key, value) in [
        ("metadata", "name", json!("named")),
        ("metadata", "labels", json!({"a": "b c"})),
        ("metadata", "annotations", json!({"a b": ""})),
        ("spec", "storageClassName", json!("Not A Class")),
        ("spec", "volumeMode", json!("Block")),
        ("spec", "selector", json!({"matchExpressions": [{"key": "a", "operator": "In"}]})),
        ("spec", "dataSource", json!({"kind": "PersistentVolumeClaim", "name": "x"})),
    ] {
        assert!(!with(part, key, value.clone()), "{part} {key} {value}");
    }
}

#[test]
fn tells_security_contexts_that_no_container_may_have() {
    let invalid = |context: Value| invalid_security_context(context.as_object().unwrap(), &json!({}));
    assert_eq!(invalid(json!({"runAsUser": 0, "privileged": true})), None);
    for (context, field) in [
        (json!({"seccompProfile": {"type": "Localhost"}}), "seccompProfile"),
        (json!({"seccompProfile": {"type": "Odd"}}), "seccompProfile"),
        (json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "../x"}}), "seccompProfile"),
        (json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": " x"}}), "appArmorProfile"),
        (json!({"appArmorProfile": {"type": "Localhost"}}), "appArmorProfile"),
        (json!({"runAsUser": -1}), "runAsUser"),
        (json!({"procMount": "Unmasked"}), "procMount"),
        (json!({"windowsOptions": {"hostProcess": true}}), "windowsOptions"),
        (json!({"privileged": true, "allowPrivilegeEscalation": false}), "allowPrivilegeEscalation"),
    ] {
        assert_eq!(invalid(context), Some(field));
    }
}
