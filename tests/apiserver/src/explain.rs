//! `ingraft explain`: the chain from an annotation to the pods that run.

use ingraft_core::workload::template_hash;
use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected, shared};
use crate::healing::allow_healing;
use crate::wait::until;

/// What is printed, findings first.
fn explain(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.ingraft(&[&["explain"], arguments].concat());
    [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

#[test]
fn every_step_from_the_annotation_to_the_pods_is_told() {
    let (cluster, _) = shared();
    cluster.namespace("chain", &json!({}));
    let mut web = deployment("chain", "web", &json!({INJECT_PYTHON: "base"}));
    web["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "PYTHONPATH", "value": "/app"}]);
    cluster.apply(&[web, deployment("chain", "silent", &json!({}))]);
    assert!(!is_injected(&cluster.pod_of("chain", "web")));
    let said = explain(cluster, &["deployment/web", "-n", "chain"]);
    for part in [
        "error[InstrumentationNotFound]",
        "deployment/web in namespace chain",
        "requested     instrumentation.opentelemetry.io/inject-python: \"base\", by the pod template",
        "found         no Instrumentation for python",
        "decided       python is not injected",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation("chain", "base", &spec)]);
    let said = explain(cluster, &["deploy/web", "-n", "chain"]);
    for part in [
        "found         Instrumentation chain/base, generation 1, for python",
        "decided       python into app, whenever a pod is created",
        "joined        PYTHONPATH of app",
        "added         ",
        "pods          1 missed",
        "runs without python: it was created before it could be injected",
        "healing       nothing allows it; to allow it: kubectl annotate deployment/web -n chain ingraft.dev/heal=missed, \
         and apply what ingraft manifests all --heal prints",
        "next          kubectl rollout restart deployment/web -n chain",
        "warning[PodMissed]",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let all = explain(cluster, &["namespace/chain"]);
    for part in [
        "workload      deployment/web: python from chain/base: missed",
        "next          kubectl rollout restart deployment/web -n chain",
        "others        1 request nothing",
        "warning[PodMissed]",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }

    cluster.wait_seen();
    cluster.kubectl().run(&["rollout", "restart", "deployment/web", "-n", "chain"]).unwrap();
    let pods = until("an injected pod", || cluster.pods("chain"), |pods| pods.iter().any(is_injected));
    let pod = pods.iter().find(|pod| is_injected(pod)).unwrap();
    let target = format!("pod/{}", pod["metadata"]["name"].as_str().unwrap());
    let said = explain(cluster, &[&target, "-n", "chain"]);
    assert!(said.contains("has python from chain/base, as it is now") && !said.contains("next"), "{said}");
    assert!(said.contains("healing       ingraft explain deployment/web -n chain says more"), "{said}");
    let output = cluster.ingraft(&["explain", &target, "-n", "chain", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["decisions"][0]["standing"], "injected");
    assert_eq!(answer["variables"][0]["joined"], json!(["PYTHONPATH"]));

    let silent = explain(cluster, &["deployment/silent", "-n", "chain"]);
    assert!(
        silent.contains("requested     nothing, neither by the pod template nor by the namespace"),
        "{silent}"
    );
    assert!(silent.contains("to have it instrumented, add an annotation"), "{silent}");
    let wrong = explain(cluster, &["service/web"]);
    assert!(wrong.contains("\"service\" is none of pod, deployment"), "{wrong}");
}

/// No operator runs: what is told is read from the cluster.
#[test]
fn what_is_healed_and_what_is_in_the_way_is_told() {
    let cluster = exclusive();
    allow_healing(&cluster);
    cluster.namespace_without_operator("heal-told");
    let kubectl = |arguments: &[&str]| cluster.kubectl().run(&[arguments, &["-n", "heal-told"]].concat());
    let annotate = |object: &str, annotation: &str| {
        kubectl(&["annotate", object, annotation]).unwrap();
    };
    annotate("namespace/heal-told", "ingraft.dev/heal=missed");
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    let web = deployment("heal-told", "web", &json!({INJECT_PYTHON: "base"}));
    cluster.apply(&[instrumentation("heal-told", "base", &spec), web]);
    let told = |parts: &[&str]| {
        let said = explain(&cluster, &["deployment/web", "-n", "heal-told"]);
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    };
    let pods = until("a pod", || cluster.pods("heal-told"), |pods| pods.len() == 1);
    let by_namespace = "healing       ingraft.dev/heal: \"missed\", by the namespace; ";
    told(&[
        "pods          1 missed",
        &format!("{by_namespace}a restart waits: its last rollout is under way"),
    ]);

    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    cluster.set_pod_status("heal-told", pods[0]["metadata"]["name"].as_str().unwrap(), &ready);
    let web =
        || cluster.kubectl().json(&["get", "deployment", "web", "-n", "heal-told", "-o", "json"]).unwrap();
    until("it is available", web, |web| web["status"]["availableReplicas"] == 1);
    told(&[&format!("{by_namespace}a restart is due (missed)\n")]);

    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep", "namespace": "heal-told"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    cluster.apply(&[budget]);
    let why = "warning[NotHealed]: deployment/web -n heal-told is not restarted: ";
    let budget = format!("{why}PodDisruptionBudget keep allows no further disruption now");
    told(&[&format!("{by_namespace}no restart: a finding says why"), &budget]);
    let all = explain(&cluster, &["namespace/heal-told"]);
    let of_namespace = "healing       ingraft.dev/heal: \"missed\", by the namespace\n";
    for part in [of_namespace, &format!("{by_namespace}no restart"), &budget] {
        assert!(all.contains(part), "{part}: {all}");
    }
    kubectl(&["rollout", "pause", "deployment/web"]).unwrap();
    told(&[&format!("{why}it is paused")]);

    let hash = template_hash(&web()["spec"]["template"]);
    annotate("deployment/web", "ingraft.dev/healed=missed/1a");
    annotate("deployment/web", &format!("ingraft.dev/control={hash}@7"));
    told(&["healed        missed", "control       goes on: the next pod starts without the agent"]);
    annotate("deployment/web", "ingraft.dev/heal=off");
    annotate("deployment/web", &format!("ingraft.dev/blocked={hash}=loader"));
    told(&[
        "healing       ingraft.dev/heal: \"off\", by the workload\n",
        "blocked       loader, until its template changes: a finding says more",
        "warning[InjectionBlocked]",
    ]);
    let output = cluster.ingraft(&["explain", "deployment/web", "-n", "heal-told", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["counts"], json!({"refused": 1}));
    let healing = json!({
        "allowed": "off", "by": "the workload", "due": null, "needs": null, "obstacle": null,
        "healed": ["missed"], "blocked": "loader", "control": format!("{hash}@7"),
    });
    assert_eq!(answer["healing"], healing);

    // Somebody who may see neither pods nor the operator.
    kubectl(&["annotate", "deployment/web", "ingraft.dev/blocked-"]).unwrap();
    kubectl(&["annotate", "--overwrite", "deployment/web", "ingraft.dev/heal=missed"]).unwrap();
    kubectl(&["create", "serviceaccount", "developer"]).unwrap();
    let resources = "--resource=deployments.apps,instrumentations.opentelemetry.io";
    kubectl(&["create", "role", "view", "--verb=get,list", resources]).unwrap();
    kubectl(&["create", "rolebinding", "view", "--role=view", "--serviceaccount=heal-told:developer"])
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cluster.kubeconfig_of("heal-told", "developer")).unwrap();
    let kubeconfig = file.path().to_str().unwrap();
    let said = explain(&cluster, &["deployment/web", "-n", "heal-told", "--kubeconfig", kubeconfig]);
    for part in [
        ": how the pods that run fare is not known",
        "healing       ingraft.dev/heal: \"missed\", by the workload; only if the operator allows it",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
