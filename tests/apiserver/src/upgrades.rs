//! Default images in stored Instrumentations when an operator with other defaults starts.

use serde_json::{Value, json};

use crate::cluster::{exclusive, instrumentation};
use crate::wait::until;

const OLD: &str = "example.com/agents/java:2.1.0";
const NEW: &str = "example.com/agents/java:2.30.0";
const KEY: &str = "instrumentation.opentelemetry.io/default-auto-instrumentation-java-image";

fn flag(image: &str) -> String {
    format!("--auto-instrumentation-java-image={image}")
}

#[test]
fn a_default_image_is_upgraded_and_a_chosen_one_never() {
    let cluster = exclusive();
    let mut old = cluster.operator_with("old", &[&flag(OLD)]);
    old.wait_ready();
    cluster.namespace("upgrades", &json!({}));
    cluster.apply(&[
        instrumentation("upgrades", "default", &json!({})),
        // A user wrote what happens to be the default.
        instrumentation("upgrades", "chosen", &json!({"java": {"image": OLD}})),
        instrumentation("upgrades", "changed", &json!({})),
    ]);
    assert_eq!(cluster.instrumentation("upgrades", "default")["spec"]["java"]["image"], OLD);
    cluster.apply(&[instrumentation(
        "upgrades",
        "changed",
        &json!({"java": {"image": "example.com/own:1"}}),
    )]);
    old.terminate().unwrap();
    assert!(old.wait_ended());

    let mut new = cluster.operator_with("new", &[&flag(NEW)]);
    new.wait_ready();
    let image = |name: &str| cluster.instrumentation("upgrades", name)["spec"]["java"]["image"].clone();
    until("the default image is upgraded", || image("default"), |image| image == NEW);
    assert_eq!(cluster.instrumentation("upgrades", "default")["metadata"]["annotations"][KEY], NEW);
    assert_eq!(image("chosen"), OLD);
    assert_eq!(image("changed"), "example.com/own:1");
}

#[test]
fn an_upgrade_that_changes_telemetry_is_blocked_and_told() {
    let cluster = exclusive();
    let before = "example.com/agents/java:1.33.0";
    let mut old = cluster.operator_with("old", &[&flag(before)]);
    old.wait_ready();
    cluster.namespace("blocked", &json!({}));
    cluster.apply(&[instrumentation("blocked", "stays", &json!({}))]);
    old.terminate().unwrap();
    assert!(old.wait_ended());

    let mut new = cluster.operator_with("new", &[&flag(NEW)]);
    new.wait_ready();
    let object = || cluster.instrumentation("blocked", "stays");
    let told = |object: &Value| object["status"]["upgradeBlockedVersions"]["java"].is_string();
    let stays = until("the status tells", object, told);
    assert_eq!(stays["spec"]["java"]["image"], before);
    until("an Event", || cluster.events("blocked", "UpgradeBlocked").len(), |events| *events > 0);
    new.terminate().unwrap();
    assert!(new.wait_ended());

    // With the old default again nothing is blocked.
    let mut old = cluster.operator_with("old-again", &[&flag(before)]);
    old.wait_ready();
    until("the status is empty", object, |object| !told(object));
}
