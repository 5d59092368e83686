//! The laws of injection, for pods and Instrumentations that nobody thought of.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

#[path = "laws/anything.rs"]
mod anything;
#[path = "laws/survival.rs"]
mod survival;
#[path = "laws/view.rs"]
mod view;
#[path = "laws/world.rs"]
mod world;

use std::collections::BTreeSet;

use ingraft_core::environment::expand;
use ingraft_core::{Edit, Snapshot};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use view::{containers, counts, list, references, text};
use world::{World, world};

/// 256 cases each, or as many as `PROPTEST_CASES` says; failures are remembered beside this file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// A language that was refused because of a variable may be accepted once another Instrumentation has set that.
    #[test]
    fn injecting_twice_is_injecting_once(world in world()) {
        let mut refused = world.outcome().findings.into_iter().map(|finding| finding.code());
        if refused.any(|code| ["VariableNotMergeable", "VariableOfImage"].contains(&code)) {
            return Ok(());
        }
        let once = world.injected();
        let again = World { pod: once, ..world };
        prop_assert_eq!(again.outcome().edits, Vec::<Edit>::new());
    }

    #[test]
    fn what_the_user_wrote_survives(world in world()) {
        survival::check(&world.pod, &world.injected());
    }

    #[test]
    fn equal_input_gives_equal_bytes(world in world()) {
        let bytes = || serde_json::to_vec(&world.outcome().edits).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn nobody_who_did_not_ask_is_touched(mut world in world()) {
        world.snapshot.namespaces = Snapshot::default().namespaces;
        let annotations = world.pod.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            annotations.retain(|key, _| !key.contains("/inject"));
        }
        prop_assert_eq!(world.outcome().edits, Vec::<Edit>::new());
    }

    #[test]
    fn no_variable_is_made_to_stand_twice(world in world()) {
        let after = world.injected();
        for (before, after) in containers(&world.pod).zip_by_name(&after) {
            let (before, after) = (counts(list(before, "env"), "name"), counts(list(after, "env"), "name"));
            for (name, count) in after {
                prop_assert!(count <= before.get(name).copied().unwrap_or(0).max(1), "{name} stands {count} times");
            }
        }
    }

    #[test]
    fn what_we_add_is_used(world in world()) {
        let after = world.injected();
        let (own, spec) = (containers(&world.pod), &after["spec"]);
        let is_new = |list_key: &str, item: &Value| {
            !list(&world.pod["spec"], list_key).iter().any(|known| text(known, "name") == text(item, "name"))
        };
        // Volumes that containers of the user, the sidecar, a probe, or a clone mount.
        let users = list(spec, "initContainers").iter().chain(list(spec, "containers")).filter(|container| {
            let name = text(container, "name");
            let uses_program = ["ingraft-probe-0", "otel-agent-source-container-clone"];
            own.has(name)
                || name == "opentelemetry-auto-instrumentation"
                || uses_program.iter().any(|prefix| name.starts_with(prefix))
        });
        let mounted: BTreeSet<&str> =
            users.flat_map(|user| list(user, "volumeMounts")).map(|mount| text(mount, "name")).collect();
        for volume in list(spec, "volumes").iter().filter(|volume| is_new("volumes", volume)) {
            prop_assert!(mounted.contains(text(volume, "name")), "nobody uses {volume}");
        }
        for added in list(spec, "initContainers").iter().filter(|added| is_new("initContainers", added)) {
            let serves = |mount: &Value| mounted.contains(text(mount, "name"));
            prop_assert!(list(added, "volumeMounts").iter().any(serves), "nobody uses {added}");
        }
    }

    #[test]
    fn no_variable_has_value_and_source(world in world()) {
        let after = world.injected();
        for container in containers(&after).values() {
            for entry in list(container, "env") {
                let both = !text(entry, "value").is_empty() && entry.get("valueFrom").is_some();
                prop_assert!(!both, "the API server refuses {entry}");
            }
        }
    }

    #[test]
    fn what_we_refer_to_stands_before(world in world()) {
        let after = world.injected();
        let by_users = json!([world.pod, world.instrumentations()]).to_string();
        let by_users: BTreeSet<&str> = references(&by_users).collect();
        let ours = |name: &&str| name.starts_with("OTEL_") && !by_users.contains(name);
        for container in containers(&after).values() {
            let mut defined = BTreeSet::new();
            for entry in list(container, "env") {
                for name in references(text(entry, "value")).filter(ours) {
                    prop_assert!(defined.contains(name), "{name} is not defined before {entry}");
                }
                defined.insert(text(entry, "name"));
            }
        }
    }

    /// A probe does not have the variables that it decides about, so what it writes cannot refer to them.
    #[test]
    fn what_a_probe_writes_is_complete(world in world()) {
        let after = world.injected();
        for app in containers(&after).values() {
            let from_file =
                |entry: &&Value| entry.pointer("/valueFrom/fileKeyRef/volumeName") == Some(&json!("ingraft-env"));
            let decided: Vec<&str> =
                list(app, "env").iter().filter(from_file).map(|entry| text(entry, "name")).collect();
            for word in view::probe_words(&after["spec"], text(app, "name")) {
                let mut unknown = None;
                expand(word, |name| {
                    unknown = unknown.take().or_else(|| decided.contains(&name).then(|| name.to_owned()));
                    None
                });
                prop_assert_eq!(unknown, None, "is not known when the probe says {}", word);
            }
        }
    }

    #[test]
    fn mounts_refer_to_volumes(world in world()) {
        let after = world.injected();
        let volumes = counts(list(&after["spec"], "volumes"), "name");
        for container in containers(&after).values() {
            for mount in list(container, "volumeMounts") {
                prop_assert!(volumes.contains_key(text(mount, "name")), "there is no volume for {mount}");
            }
        }
    }

    #[test]
    fn names_and_paths_are_unique(world in world()) {
        let after = world.injected();
        let spec = &after["spec"];
        let both = [list(spec, "initContainers"), list(spec, "containers")].concat();
        for (items, key) in [(both.as_slice(), "name"), (list(spec, "volumes"), "name")] {
            prop_assert!(counts(items, key).values().all(|count| *count == 1), "{items:?}");
        }
        for container in &both {
            let mounts = list(container, "volumeMounts");
            prop_assert!(counts(mounts, "mountPath").values().all(|count| *count == 1), "{mounts:?}");
        }
    }

    #[test]
    fn the_edits_are_a_patch_that_anyone_can_apply(world in world()) {
        let outcome = world.outcome();
        let patch: json_patch::Patch = serde_json::from_value(json!(outcome.edits)).unwrap();
        let mut patched = world.pod.clone();
        json_patch::patch(&mut patched, &patch).unwrap();
        prop_assert_eq!(patched, world.injected());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_document_gets_an_answer(pod in anything::document(), world in world()) {
        World { pod, ..world }.outcome();
    }

    #[test]
    fn any_damage_to_a_pod_gets_an_answer_that_can_be_carried_out(
        world in world(), place in any::<prop::sample::Index>(), with in anything::document(),
    ) {
        let mut pod = world.pod.clone();
        let places = anything::places(&pod);
        *pod.pointer_mut(&places[place.index(places.len())]).unwrap() = with;
        let damaged = World { pod, ..world };
        let patch: json_patch::Patch = serde_json::from_value(json!(damaged.outcome().edits)).unwrap();
        let mut patched = damaged.pod.clone();
        json_patch::patch(&mut patched, &patch).unwrap();
        prop_assert_eq!(patched, damaged.injected());
    }
}
