mod facts;

use ingraft_probe_contract::{Agent, StandDown};
use serde_json::{Value, json};

use super::*;
use crate::edit::apply;
use crate::json::list;
use crate::probe_report::ProbeReport;
use crate::{Facts, Halt, ImageFacts, Node, NodeClass, Request, Settings, Snapshot, inject};

const IMAGE: &str = "example.com/app:1";

fn snapshot(kubelet: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"exporter": {"endpoint": "http://c.obs:4318"}}});
    let instrumentation = serde_json::from_value(object).unwrap();
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    let class = NodeClass { kubelet: kubelet.into(), architecture: "amd64".into(), ..NodeClass::default() };
    snapshot.proofs.prove(&class, 1);
    snapshot.nodes.insert(String::new(), "node".into(), Node { class, ..Node::default() });
    snapshot
}

fn pod(env: &Value) -> Value {
    json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-java": "true"}},
        "spec": {"containers": [{"name": "app", "image": IMAGE, "env": env, "command": ["java", "-jar", "/a.jar"]}]},
    })
}

/// The pod after injection, and the codes of what was found.
fn injected(pod: &Value, snapshot: &Snapshot) -> (Value, Vec<&'static str>) {
    let mut settings = Settings::default();
    settings.probe_image = "example.com/ingraft:1".to_owned();
    let request = Request { pod, namespace: "shop", owners: &[], snapshot, settings: &settings };
    let outcome = inject(&request);
    let mut after = pod.clone();
    apply(&mut after, &outcome.edits);
    (after, outcome.findings.iter().map(Finding::code).collect())
}

fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    crate::json::named(list(container, "env"), name).unwrap_or(&Value::Null)
}

fn init_containers(pod: &Value) -> Vec<&str> {
    list(&pod["spec"], "initContainers").iter().filter_map(|container| string(container, "name")).collect()
}

#[test]
fn a_probe_decides_what_only_the_start_shows() {
    let optional = json!({"configMapKeyRef": {"name": "c", "key": "k", "optional": true}});
    let original = json!({"name": "JAVA_TOOL_OPTIONS", "valueFrom": optional});
    let limit = json!({"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}});
    let (pod, codes) = injected(&pod(&json!([original, limit])), &snapshot("v1.35.4"));
    assert_eq!(codes, ["Injected"]);
    assert_eq!(
        init_containers(&pod),
        ["opentelemetry-auto-instrumentation-java", "ingraft-probe-copier", "ingraft-probe-0"]
    );
    let source =
        json!({"volumeName": "ingraft-env", "path": "app.env", "key": "JAVA_TOOL_OPTIONS", "optional": true});
    let app = &pod["spec"]["containers"][0];
    assert_eq!(variable(app, "JAVA_TOOL_OPTIONS")["valueFrom"], json!({"fileKeyRef": source}));
    let probe = &pod["spec"]["initContainers"][2];
    assert_eq!(variable(probe, "JAVA_TOOL_OPTIONS"), &original, "the probe sees what the application would");
    assert_eq!(variable(probe, "MEMORY")["valueFrom"]["resourceFieldRef"]["containerName"], "app");
    assert_eq!(probe["image"], IMAGE);
    let command: Vec<&str> = list(probe, "command").iter().filter_map(Value::as_str).collect();
    assert_eq!(command[..3], ["/ingraft-env/ingraft-probe", "probe", "/ingraft-env/app.env"]);
    assert!(command.ends_with(&["--argv", "java", "-jar", "/a.jar"]), "{command:?}");
    let agent = command.iter().position(|word| *word == "--agent").unwrap();
    assert_eq!(command[agent..agent + 4], ["--agent", "java", "--join", "JAVA_TOOL_OPTIONS"]);

    // Another pass finds everything in place.
    let (again, codes) = injected(&pod, &snapshot("v1.35.4"));
    assert_eq!((again, codes), (pod, vec!["AlreadyInjected"]));
}

#[test]
fn facts_make_the_probe_unnecessary() {
    let mut snapshot = snapshot("v1.35.4");
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", ImageFacts::default());
    let (pod, codes) = injected(&pod(&json!([])), &snapshot);
    assert_eq!(codes, ["Injected"]);
    assert_eq!(init_containers(&pod), ["opentelemetry-auto-instrumentation-java"]);
    let value = variable(&pod["spec"]["containers"][0], "JAVA_TOOL_OPTIONS")["value"].as_str().unwrap();
    assert!(value.contains("-javaagent:"), "{value}");
}

#[test]
fn an_agent_that_a_probe_found_not_to_work_is_left_out() {
    let mut snapshot = snapshot("v1.35.4");
    let stood_down = [(Agent::Java, StandDown::Version)].into();
    let facts = ImageFacts { stood_down, ..ImageFacts::default() };
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", facts);
    let original = pod(&json!([]));
    let (pod, codes) = injected(&original, &snapshot);
    assert_eq!((pod, codes), (original.clone(), vec!["AgentStoodDown"]));

    // What another agent supports is not known.
    let spec =
        json!({"exporter": {"endpoint": "http://c.obs:4318"}, "java": {"image": "example.com/java:1"}});
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": spec});
    snapshot.instrumentations.insert("shop".into(), "base".into(), serde_json::from_value(object).unwrap());
    assert_eq!(injected(&original, &snapshot).1, ["Injected"]);
}

#[test]
fn where_no_probe_is_possible_the_pod_is_that_of_the_reference() {
    let (pod, codes) = injected(&pod(&json!([])), &snapshot("v1.34.1"));
    assert_eq!(codes, ["Injected", "EnvironmentUnknown"]);
    assert_eq!(init_containers(&pod), ["opentelemetry-auto-instrumentation-java"]);
    assert!(pod["metadata"].get("labels").is_none());
}

/// An application may need what its image sets more than an agent: a node that is not proven must not take it away.
#[test]
fn what_the_image_is_known_to_set_is_not_hidden() {
    let mut snapshot = snapshot("v1.35.4");
    let sets = ["JAVA_TOOL_OPTIONS".to_owned()].into();
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", ImageFacts { sets, ..ImageFacts::default() });
    assert!(init_containers(&injected(&pod(&json!([])), &snapshot).0).contains(&"ingraft-probe-0"));
    let class = NodeClass { kubelet: "v1.36.0".into(), architecture: "amd64".into(), ..NodeClass::default() };
    snapshot.nodes.insert(String::new(), "new".into(), Node { class, ..Node::default() });
    let (after, codes) = injected(&pod(&json!([])), &snapshot);
    assert_eq!((after, codes), (pod(&json!([])), vec!["VariableOfImage"]));
    let own = json!([{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g"}]);
    assert_eq!(
        injected(&pod(&own), &snapshot).1,
        ["Injected"],
        "the pod's own value hides the image's already"
    );
}

fn web_server() -> Value {
    json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-apache-httpd": "true"}},
        "spec": {"containers": [{
            "name": "app", "image": IMAGE, "securityContext": {"privileged": true, "runAsUser": 33},
            "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://c.obs:4318"}],
        }]},
    })
}

fn no_shell() -> ImageFacts {
    ImageFacts { no_shell: true, ..ImageFacts::default() }
}

#[test]
fn the_program_clones_where_it_would_probe() {
    let mut snapshot = snapshot("v1.35.4");
    let (after, codes) = injected(&web_server(), &snapshot);
    assert!(codes.contains(&"Injected"), "{codes:?}");
    let clone = "otel-agent-source-container-clone";
    let expected = ["ingraft-probe-copier", "ingraft-probe-0", clone, "otel-agent-attach-apache"];
    assert_eq!(init_containers(&after), expected, "the program comes before whoever needs it");
    let clone = &after["spec"]["initContainers"][2];
    let words = ["/ingraft-env/ingraft-probe", "clone", "/usr/local/apache2/conf"];
    assert_eq!(list(clone, "command")[..3], words.map(Value::from));
    assert_eq!(
        clone["securityContext"],
        json!({"runAsUser": 33}),
        "it reads as the server does, without privileges"
    );
    assert_eq!(injected(&after, &snapshot).0, after);

    // Without variables to look for there is no probe, and the program is there all the same.
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", no_shell());
    let (after, _) = injected(&web_server(), &snapshot);
    assert_eq!(init_containers(&after), [expected[0], expected[2], expected[3]]);
}

/// Without the folder of its libraries, which the probe may not pass on, the module would keep nginx from starting.
#[test]
fn a_module_is_attached_only_if_its_libraries_are_found() {
    let nginx = |env: Value| {
        let mut pod = web_server();
        pod["metadata"]["annotations"] = json!({"instrumentation.opentelemetry.io/inject-nginx": "true"});
        pod["spec"]["containers"][0]["env"] = env;
        let mut settings = Settings::default();
        settings.probe_image = "example.com/ingraft:1".to_owned();
        settings.set_enabled(ingraft_api::Language::Nginx, true);
        let snapshot = snapshot("v1.35.4");
        let (namespace, settings) = ("shop", &settings);
        let request = Request { pod: &pod, namespace, owners: &[], snapshot: &snapshot, settings };
        let edits = inject(&request).edits;
        apply(&mut pod, &edits);
        let attach = crate::json::named(list(&pod["spec"], "initContainers"), "otel-agent-attach-nginx");
        list(attach.unwrap(), "args")[2..].to_vec()
    };
    assert_eq!(nginx(json!([])), ["nginx.conf", "/ingraft-env/app.env", "LD_LIBRARY_PATH"]);
    let own = json!([{"name": "LD_LIBRARY_PATH", "value": "/own"}]);
    assert_eq!(nginx(own), ["nginx.conf"], "it is joined in the pod's own list");
}

#[test]
fn a_server_whose_configuration_cannot_be_cloned_is_left_alone() {
    let mut old = snapshot("v1.34.1");
    assert_eq!(list(&injected(&web_server(), &old).0["spec"]["initContainers"][0], "command")[0], "/bin/sh");
    old.facts.learn("shop", IMAGE, "sha256:a", "amd64", no_shell());
    assert_eq!(injected(&web_server(), &old), (web_server(), vec!["CloneImpossible"]));

    let mut new = snapshot("v1.35.4");
    let status = json!([{"name": "otel-agent-source-container-clone", "imageID": "sha256:a",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}}}]);
    let mut waiting = injected(&web_server(), &snapshot("v1.34.1")).0;
    waiting["status"] = json!({"initContainerStatuses": status});
    let failure = crate::probe_report::failure(&waiting, "shop", "").unwrap();
    assert_eq!(failure.finding.code(), "CloneFailed");
    let message = failure.finding.message(crate::Locale::En);
    assert!(message.ends_with("StartError: no such file, exit code 128"), "{message}");
    new.halts.note(failure.halt);
    assert_eq!(injected(&web_server(), &new), (web_server(), vec!["CloneImpossible"]));
    waiting["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(crate::probe_report::failure(&waiting, "shop", ""), None, "what is removed ends as it may");
}

#[test]
fn a_module_that_is_not_attached_is_told() {
    let (mut pod, _) = injected(&web_server(), &snapshot("v1.34.1"));
    let ended = |message: &str| {
        let state = json!({"terminated": {"exitCode": 0, "message": message}});
        json!({"initContainerStatuses": [{"name": "otel-agent-attach-apache", "state": state}]})
    };
    pod["status"] = ended("");
    assert_eq!(crate::probe_report::not_attached(&pod), []);
    pod["status"] = ended("the server starts without instrumentation: there is no httpd.conf in /conf\n");
    let findings = crate::probe_report::not_attached(&pod);
    assert_eq!(findings.iter().map(Finding::code).collect::<Vec<_>>(), ["ModuleNotAttached"]);
    assert!(findings[0].message(crate::Locale::En).ends_with("there is no httpd.conf in /conf"));
}

/// The clone needs neither a probe nor a reference.
#[test]
fn a_clone_survives_that_probes_are_taken_back() {
    let snapshot = snapshot("v1.35.4");
    let (mut stripped, _) = injected(&web_server(), &snapshot);
    for entry in stripped["spec"]["containers"][0]["env"].as_array_mut().unwrap() {
        if entry.pointer("/valueFrom/fileKeyRef").is_some() {
            entry["valueFrom"] = json!({});
        }
    }
    let (after, codes) = injected(&stripped, &snapshot);
    assert!(codes.contains(&"ReferencesRemoved"), "{codes:?}");
    let names = ["ingraft-probe-copier", "otel-agent-source-container-clone", "otel-agent-attach-apache"];
    assert_eq!(init_containers(&after), names);
    assert!(crate::json::named(list(&after["spec"], "volumes"), VOLUME).is_some());
}

#[test]
fn the_language_is_taken_from_facts() {
    let mut pod = pod(&json!([]));
    pod["metadata"]["annotations"] = json!({"ingraft.dev/inject": "true"});
    let mut snapshot = snapshot("v1.35.4");
    let (looking, codes) = injected(&pod, &snapshot);
    assert_eq!(codes, ["LanguageUnknown"]);
    assert_eq!(init_containers(&looking), ["ingraft-probe-copier", "ingraft-probe-0"]);
    let runtimes = [(Agent::Java, None)].into();
    let facts = ImageFacts { runtimes, ..ImageFacts::default() };
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", facts);
    let (injected, codes) = injected(&pod, &snapshot);
    assert_eq!(codes, ["Injected"]);
    assert_eq!(init_containers(&injected), ["opentelemetry-auto-instrumentation-java"]);
}

#[test]
fn only_reports_of_our_own_probes_count() {
    let pod = |copier: &str, command: &str| {
        json!({
            "spec": {"initContainers": [
                {"name": "ingraft-probe-copier", "image": copier},
                {"name": "ingraft-probe-0", "image": IMAGE, "command": [command, "probe", "/ingraft-env/app.env", "--env-names", "OWN"]},
            ]},
            "status": {"initContainerStatuses": [{
                "name": "ingraft-probe-0", "imageID": "sha256:a",
                "state": {"terminated": {"message": "{\"sets\":[\"X\"],\"arch\":\"amd64\"}"}},
            }]},
        })
    };
    let reports = |pod: &Value| crate::probe_report::reports(pod, "example.com/ingraft:1");
    let found = reports(&pod("example.com/ingraft:1", "/ingraft-env/ingraft-probe"));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].container.as_str(), found[0].image.as_str()), ("app", IMAGE));
    let facts = &found[0].said.as_ref().unwrap().facts;
    assert!(facts.may_set("X") && !facts.may_set("Y"));
    assert!(facts.may_set("OWN"), "the pod's own value hides the image's, so this was not seen");
    assert!(reports(&pod("example.com/other:1", "/ingraft-env/ingraft-probe")).is_empty());
    assert!(reports(&pod("example.com/ingraft:1", "/bin/sh")).is_empty());
}

#[test]
fn a_probe_that_says_nothing_is_an_error() {
    let pod = |status: &Value| {
        json!({
            "spec": {"initContainers": [
                {"name": "ingraft-probe-copier", "image": "i"},
                {"name": "ingraft-probe-0", "image": IMAGE, "command": ["/ingraft-env/ingraft-probe", "probe", "/ingraft-env/app.env"]},
            ]},
            "status": {"initContainerStatuses": [{"name": "ingraft-probe-0", "imageID": "sha256:a", "state": status}]},
        })
    };
    let codes = |status: &Value| -> Vec<&'static str> {
        let reports = crate::probe_report::reports(&pod(status), "i");
        reports.iter().flat_map(ProbeReport::review).map(|finding| finding.code()).collect()
    };
    assert!(codes(&json!({"running": {}})).is_empty());
    assert_eq!(codes(&json!({"terminated": {"exitCode": 0}})), ["ProbeFailed"]);
    assert_eq!(codes(&json!({"terminated": {"exitCode": 0, "message": "{"}})), ["ProbeFailed"]);
    let said = |message: &str| json!({"terminated": {"exitCode": 0, "message": message}});
    assert_eq!(codes(&said(r#"{"error":"usage: x","sets":[],"arch":"amd64","cut":true}"#)), ["ProbeFailed"]);
    assert!(codes(&said(r#"{"sets":["A"],"arch":"amd64"}"#)).is_empty());
    assert_eq!(
        codes(&said(
            r#"{"stood_down":{"java":"value"},"sets":[],"omitted":[{"name":"X","why":"quote"}],"arch":"amd64"}"#
        )),
        ["AgentStoodDown", "VariableNotJoined"]
    );
}

/// Whatever happens to the file, to the probe or to references to it, a value in the pod's own list stays there. An
/// agent that it loads is loaded whole, and what the probe finds about it is for the next pods.
#[test]
fn a_value_in_the_pod_does_not_depend_on_the_probe() {
    for (own, joined) in [("-Xmx1g", "-Xmx1g -javaagent:"), ("", "-javaagent:")] {
        let own = json!([{"name": "JAVA_TOOL_OPTIONS", "value": own}]);
        let (pod, _) = injected(&pod(&own), &snapshot("v1.35.4"));
        let app = variable(&pod["spec"]["containers"][0], "JAVA_TOOL_OPTIONS");
        assert!(app["value"].as_str().unwrap().trim_start().starts_with(joined), "{app}");
        let [copier, probe] = [1, 2].map(|index| &pod["spec"]["initContainers"][index]);
        assert_eq!(variable(probe, "JAVA_TOOL_OPTIONS"), &own[0], "the probe sees no agent of ours");
        let command =
            |container| list(container, "command").iter().filter_map(Value::as_str).collect::<Vec<_>>();
        assert_eq!(command(copier)[1..], ["install", "/ingraft-env", "app.env"]);
        let probe_command = command(probe);
        let agent = probe_command.iter().position(|word| *word == "--agent").unwrap();
        assert_eq!(probe_command[agent..agent + 3], ["--agent", "java", "--argv"]);

        let mut ended = pod.clone();
        let message = r#"{"stood_down":{"java":"version"},"sets":[],"arch":"amd64"}"#;
        ended["status"] = json!({"initContainerStatuses": [{
            "name": "ingraft-probe-0", "imageID": "sha256:a", "state": {"terminated": {"message": message}},
        }]});
        let reports = crate::probe_report::reports(&ended, "example.com/ingraft:1");
        let codes: Vec<&str> = reports[0].review().iter().map(Finding::code).collect();
        assert_eq!(codes, ["AgentUnsuitable"]);
    }
}

/// An Instrumentation's variables come after all that the container sets, also where only its start shows that.
#[test]
fn what_the_container_sets_comes_before_the_instrumentation() {
    let env = json!([
        {"name": "JAVA_TOOL_OPTIONS", "value": "-Xss1m"},
        {"name": "OTEL_LOGS_EXPORTER", "value": "none"},
        {"name": "NODE_OPTIONS", "value": "--title=a"},
        {"name": "TEAM", "value": "shop"},
        // The probe does not know the name of the service: only the container's own list can refer to it.
        {"name": "OTEL_TEAM", "value": "$(OTEL_SERVICE_NAME)-team"},
    ]);
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"env": env}});
    let mut snapshot = snapshot("v1.35.4");
    snapshot.instrumentations.insert("shop".into(), "base".into(), serde_json::from_value(object).unwrap());
    let (pod, _) = injected(&pod(&json!([])), &snapshot);
    let app = &pod["spec"]["containers"][0];
    for name in ["JAVA_TOOL_OPTIONS", "OTEL_LOGS_EXPORTER", "NODE_OPTIONS"] {
        assert_eq!(variable(app, name)["valueFrom"]["fileKeyRef"]["key"], name);
    }
    assert_eq!(variable(app, "TEAM")["value"], "shop");
    assert_eq!(variable(app, "OTEL_TEAM")["value"], "$(OTEL_SERVICE_NAME)-team");
    let command: Vec<&str> =
        list(&pod["spec"]["initContainers"][2], "command").iter().filter_map(Value::as_str).collect();
    let rule = |name: &str| {
        let place = command.iter().position(|word| *word == name).unwrap();
        (command[place - 1], command[place + 1], command.get(place + 3).copied().unwrap_or_default())
    };
    assert_eq!((rule("OTEL_LOGS_EXPORTER").0, rule("OTEL_LOGS_EXPORTER").1), ("--default", "none"));
    assert_eq!((rule("NODE_OPTIONS").0, rule("NODE_OPTIONS").1), ("--default", "--title=a"));
    let (kind, prefix, alone) = rule("JAVA_TOOL_OPTIONS");
    assert_eq!((kind, prefix), ("--join", ""));
    assert!(alone.starts_with("-Xss1m -javaagent:"), "{alone}");
}

/// A service name, and sampler and argument, say the same in two ways.
#[test]
fn the_probe_knows_what_says_the_same() {
    let (pod, _) = injected(&pod(&json!([])), &snapshot("v1.35.4"));
    let command: Vec<&str> =
        list(&pod["spec"]["initContainers"][2], "command").iter().filter_map(Value::as_str).collect();
    let name = command.iter().position(|word| *word == "OTEL_SERVICE_NAME").unwrap();
    assert_eq!(command[name - 1], "--default-unless");
    assert_eq!(command[name + 2..name + 4], ["OTEL_RESOURCE_ATTRIBUTES", "service.name"]);
}

/// What keeps the copier or a probe from running keeps the pod from starting.
#[test]
fn a_copier_or_probe_that_does_not_start_is_noticed() {
    let pod = |name: &str, state: &Value| {
        json!({
            "spec": {"initContainers": [
                {"name": "ingraft-probe-copier", "image": "i"},
                {"name": "ingraft-probe-0", "image": IMAGE, "command": ["/ingraft-env/ingraft-probe", "probe", "/ingraft-env/app.env"]},
                {"name": "other", "image": IMAGE},
            ]},
            "status": {"initContainerStatuses": [{"name": name, "state": state}]},
        })
    };
    let halt = |name: &str, state: Value| {
        crate::probe_report::failure(&pod(name, &state), "shop", "i").map(|failure| failure.halt)
    };
    let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "m"}});
    let copier = Some(Halt::Copier("shop".to_owned()));
    assert_eq!(halt("ingraft-probe-copier", waiting("ImagePullBackOff")), copier);
    assert_eq!(halt("ingraft-probe-copier", waiting("CrashLoopBackOff")), copier);
    let ended = json!({"terminated": {"exitCode": 255, "reason": "Error"}});
    assert_eq!(halt("ingraft-probe-copier", ended), None, "the kubelet tries again");
    assert_eq!(halt("ingraft-probe-copier", waiting("PodInitializing")), None);
    assert_eq!(halt("ingraft-probe-copier", json!({"terminated": {"exitCode": 0}})), None);
    assert_eq!(halt("ingraft-probe-0", waiting("RunContainerError")), Some(Halt::of_probe("shop", IMAGE)));
    for reason in ["ErrImagePull", "CreateContainerConfigError"] {
        assert_eq!(halt("ingraft-probe-0", waiting(reason)), None, "the application would wait too");
    }
    assert_eq!(halt("other", waiting("CrashLoopBackOff")), None);

    let mut snapshot = snapshot("v1.35.4");
    snapshot.halts.note(Halt::of_probe("shop", IMAGE));
    let (after, codes) = injected(&super::tests::pod(&json!([])), &snapshot);
    assert_eq!(codes, ["Injected", "ProbeNotPossible"]);
    assert!(!init_containers(&after).contains(&"ingraft-probe-copier"));
}
