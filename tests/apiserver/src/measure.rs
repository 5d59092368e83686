//! What the operator costs, as the API server sees it.

use ingraft_testkit::{Progress, programs};
use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, exclusive, instrumentation, is_injected, pod};
use crate::operator::Operator;

/// So many pods are injected in one go.
const PODS: usize = 200;

#[test]
#[ignore = "a measurement, in need of an idle machine and a release build: run it alone with --ignored --nocapture"]
fn measures_start_memory_and_time_per_pod() {
    let Some(cluster) = exclusive() else { return };
    let release = programs::release("ingraft-operator", "ingraft-operator", Progress::stderr()).unwrap();
    cluster.namespace_without_operator("measured");
    cluster.apply(&[instrumentation(
        "measured",
        "only",
        &json!({"exporter": {"endpoint": "http://c:4318"}}),
    )]);
    for round in 0..3 {
        report(&cluster, &format!("debug {round}"), cluster.operator("debug"));
        report(&cluster, &format!("release {round}"), cluster.other_operator(&release, "release"));
    }
}

fn report(cluster: &Cluster, what: &str, mut operator: Operator) {
    let start = operator.wait_ready();
    let before = operator.resident().unwrap();
    let asks = json!({INJECT_PYTHON: "true"});
    let pods: Vec<Value> = (0..PODS).map(|index| pod("measured", &format!("pod-{index}"), &asks)).collect();
    // The first call finds the connection and the webhook's address.
    let (first, said) = cluster.create(true, &pods[..1]);
    assert!(first.iter().any(is_injected), "{said}");
    let measured = || {
        let label = ["name=\"pods.ingraft.dev\"", "operation=\"CREATE\""];
        let seconds = "apiserver_admission_webhook_admission_duration_seconds";
        let own =
            |part: &str| operator.metric(&format!("ingraft_admission_duration_seconds_{part}"), &[]).unwrap();
        [
            cluster.metric(&format!("{seconds}_sum"), &label),
            cluster.metric(&format!("{seconds}_count"), &label),
            own("sum"),
            own("count"),
        ]
    };
    let earlier = measured();
    let (accepted, said) = cluster.create(true, &pods);
    assert_eq!(accepted.iter().filter(|pod| is_injected(pod)).count(), PODS, "{said}");
    let later = measured();
    let [sum, count, own_sum, own_count] = std::array::from_fn(|index| later[index] - earlier[index]);
    println!(
        "{what}: ready after {start:.0?}; {count} calls, {:.2} ms each as the API server has it, {:.3} ms as the \
         operator has it; {before} KiB after the start, {} KiB after {PODS} injections",
        sum / count * 1e3,
        own_sum / own_count * 1e3,
        operator.resident().unwrap(),
    );
}
