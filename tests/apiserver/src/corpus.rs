//! Pods of every kind that the API server may hold.

use serde_json::{Value, json};

use crate::cluster::pod;

/// A change to a pod: what it is about, and how it is made.
pub(crate) type Change = (&'static str, fn(&mut Value));

/// A pod that passes Pod Security *restricted*, with two containers.
pub(crate) fn base() -> Value {
    let mut pod = pod("default", "base", &json!({}));
    pod["metadata"]["labels"] = json!({"app": "web"});
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    pod["spec"] = json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {"name": "app", "image": "example.com/app:1.2.0", "securityContext": context},
            {"name": "helper", "image": "example.com/helper", "securityContext": context},
        ],
    });
    pod
}

/// Appends to a list that may be absent.
fn add(list: &mut Value, items: Value) {
    let Value::Array(items) = items else { panic!("no list: {items}") };
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().extend(items);
}

fn env(pod: &mut Value, variables: Value) {
    add(&mut pod["spec"]["containers"][0]["env"], variables);
}

fn volume(pod: &mut Value, volume: &Value, mount_path: &str) {
    let mount = json!({"name": volume["name"], "mountPath": mount_path});
    add(&mut pod["spec"]["containers"][0]["volumeMounts"], json!([mount]));
    add(&mut pod["spec"]["volumes"], json!([volume]));
}

fn init(pod: &mut Value, name: &str, restart_policy: Value) {
    let mut container = json!({"name": name, "image": "example.com/init:1"});
    if let Some(context) = pod["spec"]["containers"][0].get("securityContext") {
        container["securityContext"] = context.clone();
    }
    if !restart_policy.is_null() {
        container["restartPolicy"] = restart_policy;
    }
    add(&mut pod["spec"]["initContainers"], json!([container]));
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    pod["metadata"]["annotations"][key] = value.into();
}

fn resources(pod: &mut Value, resources: &Value) {
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container["resources"] = resources.clone();
    }
}

fn context(pod: &mut Value, context: &Value) {
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container["securityContext"] = context.clone();
    }
}

const LISTED: &str = "instrumentation.opentelemetry.io/container-names";
const PAYLOAD: &str = "opentelemetry-auto-instrumentation-python";
const FOLDER: &str = "/otel-auto-instrumentation-python";

/// The variables that are there already.
pub(crate) const ENVIRONMENT: &[Change] = &[
    ("PYTHONPATH", |pod| env(pod, json!([{"name": "PYTHONPATH", "value": "/app/lib"}]))),
    ("PYTHONPATH from a ConfigMap", |pod| {
        env(
            pod,
            json!([{"name": "PYTHONPATH", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]),
        );
    }),
    ("PYTHONPATH from an optional Secret", |pod| {
        let source = json!({"secretKeyRef": {"name": "s", "key": "k", "optional": true}});
        env(pod, json!([{"name": "PYTHONPATH", "valueFrom": source}]));
    }),
    ("PYTHONPATH from a file", |pod| {
        volume(pod, &json!({"name": "files", "emptyDir": {}}), "/files");
        let source = json!({"fileKeyRef": {"volumeName": "files", "path": "env", "key": "PYTHONPATH", "optional": true}});
        env(pod, json!([{"name": "PYTHONPATH", "valueFrom": source}]));
    }),
    ("PYTHONPATH from a ConfigMap, and the name for it taken", |pod| {
        env(
            pod,
            json!([
                {"name": "OTEL_ORIG_PYTHONPATH", "value": "x"},
                {"name": "PYTHONPATH", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ]),
        );
    }),
    ("PYTHONPATH twice, the second from a Secret", |pod| {
        env(
            pod,
            json!([
                {"name": "PYTHONPATH", "value": "/a"},
                {"name": "PYTHONPATH", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ]),
        );
    }),
    ("PYTHONPATH twice, the first from a Secret", |pod| {
        env(
            pod,
            json!([
                {"name": "PYTHONPATH", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "PYTHONPATH", "value": "/a"},
            ]),
        );
    }),
    ("attributes", |pod| env(pod, json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "team=a,"}]))),
    ("attributes from a ConfigMap", |pod| {
        let source = json!({"configMapKeyRef": {"name": "c", "key": "k"}});
        env(pod, json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "valueFrom": source}]));
    }),
    ("attributes from a field, used by another", |pod| {
        env(
            pod,
            json!([
                {"name": "OTEL_RESOURCE_ATTRIBUTES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "COPY", "value": "$(OTEL_RESOURCE_ATTRIBUTES)"},
            ]),
        );
    }),
    ("addresses from elsewhere", |pod| {
        env(
            pod,
            json!([
                {"name": "OTEL_POD_IP", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "OTEL_NODE_IP"},
                {"name": "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "value": "x"},
            ]),
        );
    }),
    ("envFrom", |pod| {
        let sources = json!([{"configMapRef": {"name": "c", "optional": true}}, {"prefix": "P_", "secretRef": {"name": "s"}}]);
        add(&mut pod["spec"]["containers"][0]["envFrom"], sources);
    }),
    ("odd names", |pod| {
        env(pod, json!([{"name": "my.var-1"}, {"name": "with space", "value": "$(MY) $$(X)"}]));
    }),
];

/// The volumes and mounts that are there already.
pub(crate) const VOLUMES: &[Change] = &[
    ("the payload's volume", |pod| volume(pod, &json!({"name": PAYLOAD, "emptyDir": {}}), FOLDER)),
    ("the payload's volume, as a ConfigMap", |pod| {
        volume(pod, &json!({"name": PAYLOAD, "configMap": {"name": "c"}}), "/elsewhere");
    }),
    ("the payload's volume, of a host", |pod| {
        volume(pod, &json!({"name": PAYLOAD, "hostPath": {"path": "/srv"}}), "/elsewhere");
    }),
    ("the payload's folder", |pod| volume(pod, &json!({"name": "mine", "emptyDir": {}}), FOLDER)),
    ("the payload's folder with a slash", |pod| {
        volume(pod, &json!({"name": "mine", "emptyDir": {}}), "/otel-auto-instrumentation-python/");
    }),
    ("a folder in the payload's folder", |pod| {
        volume(pod, &json!({"name": "mine", "emptyDir": {}}), "/otel-auto-instrumentation-python/mine");
    }),
    ("a device in the payload's place", |pod| {
        add(
            &mut pod["spec"]["volumes"],
            json!([{"name": "disk", "persistentVolumeClaim": {"claimName": "d"}}]),
        );
        let device = json!([{"name": "disk", "devicePath": FOLDER}]);
        add(&mut pod["spec"]["containers"][0]["volumeDevices"], device);
    }),
    ("the folder of TLS material", |pod| {
        volume(pod, &json!({"name": "mine", "emptyDir": {}}), "/otel-auto-instrumentation-secret-tls");
    }),
    ("the volume of TLS material", |pod| {
        volume(pod, &json!({"name": "otel-auto-secret-tls", "emptyDir": {}}), "/mine");
    }),
    ("many kinds of volumes", |pod| {
        volume(pod, &json!({"name": "image", "image": {"reference": "example.com/files:1"}}), "/image");
        volume(
            pod,
            &json!({"name": "claim", "ephemeral": {"volumeClaimTemplate": {"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}),
            "/claim",
        );
        let sources = json!([{"serviceAccountToken": {"path": "token", "audience": "a"}}, {"downwardAPI": {"items": []}}]);
        volume(pod, &json!({"name": "projected", "projected": {"sources": sources}}), "/projected");
        pod["spec"]["containers"][0]["volumeMounts"][2]["subPathExpr"] = "$(POD)".into();
        env(pod, json!([{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]));
    }),
];

/// Security contexts of containers and pod.
pub(crate) const SECURITY: &[Change] = &[
    ("no security context", |pod| {
        for container in pod["spec"]["containers"].as_array_mut().unwrap() {
            container.as_object_mut().unwrap().remove("securityContext");
        }
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
    }),
    ("everything on the container", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(
            pod,
            &json!({
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "readOnlyRootFilesystem": true,
                "seccompProfile": {"type": "RuntimeDefault"}, "seLinuxOptions": {"level": "s0:c1,c2"},
                "appArmorProfile": {"type": "RuntimeDefault"}, "privileged": false,
            }),
        );
    }),
    ("different contexts", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(
            pod,
            &json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}),
        );
        pod["spec"]["containers"][1]["securityContext"]["runAsUser"] = 7.into();
    }),
    ("root", |pod| {
        pod["spec"]["securityContext"] = json!({"runAsUser": 0, "runAsNonRoot": false, "fsGroup": 0});
        context(pod, &json!({}));
    }),
    ("non-root, and the container root", |pod| context(pod, &json!({"runAsUser": 0, "runAsNonRoot": false}))),
    ("privileged", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(pod, &json!({"privileged": true}));
    }),
    ("all capabilities", |pod| {
        context(pod, &json!({"capabilities": {"add": ["SYS_ADMIN", "CAP_SYS_ADMIN", "NET_ADMIN"]}}));
    }),
    ("users of its own and an unmasked /proc", |pod| {
        pod["spec"]["hostUsers"] = false.into();
        context(pod, &json!({"procMount": "Unmasked"}));
    }),
    ("everything on the pod", |pod| {
        pod["spec"]["securityContext"] = json!({
            "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "supplementalGroups": [1],
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "Localhost", "localhostProfile": "p"},
            "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}], "supplementalGroupsPolicy": "Strict",
        });
    }),
];

/// What containers and pod may use.
pub(crate) const RESOURCES: &[Change] = &[
    ("Guaranteed", |pod| {
        resources(
            pod,
            &json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}),
        );
    }),
    ("Guaranteed by limits, and small", |pod| {
        resources(pod, &json!({"limits": {"cpu": "10m", "memory": "7Mi"}}));
    }),
    ("Guaranteed by numbers", |pod| {
        resources(pod, &json!({"limits": {"cpu": 1, "memory": 134_217_728}, "requests": {"cpu": "1000m"}}));
    }),
    ("Guaranteed, odd notations", |pod| {
        resources(
            pod,
            &json!({"limits": {"cpu": "0.5", "memory": "1e8"}, "requests": {"cpu": "500m", "memory": "100M"}}),
        );
    }),
    ("Guaranteed with more", |pod| {
        let more = json!({"cpu": "1", "memory": "64Mi", "ephemeral-storage": "1Gi", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "1"});
        resources(pod, &json!({"limits": more, "requests": more}));
    }),
    ("Burstable", |pod| {
        resources(pod, &json!({"limits": {"memory": "32Mi"}, "requests": {"cpu": "1m", "memory": "8Mi"}}));
    }),
    ("requests only", |pod| resources(pod, &json!({"requests": {"cpu": "4", "memory": "8Gi"}}))),
    ("zero", |pod| resources(pod, &json!({"limits": {"cpu": "0", "memory": "0"}}))),
    ("of the pod", |pod| {
        pod["spec"]["resources"] =
            json!({"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "50m"}});
    }),
    ("of the pod, Guaranteed", |pod| {
        let same = json!({"cpu": "100m", "memory": "64Mi"});
        pod["spec"]["resources"] = json!({"limits": same, "requests": same});
        pod["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "90m", "memory": "50Mi"}});
    }),
    ("claims and a policy for resizing", |pod| {
        pod["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimName": "gpu"}]);
        pod["spec"]["containers"][0]["resources"] = json!({"claims": [{"name": "gpu"}]});
        pod["spec"]["containers"][0]["resizePolicy"] =
            json!([{"resourceName": "cpu", "restartPolicy": "NotRequired"}]);
    }),
];

/// Which containers there are, and which are targets.
pub(crate) const TARGETS: &[Change] = &[
    ("an init container", |pod| {
        init(pod, "before", json!(null));
        init(pod, "setup", json!(null));
        annotate(pod, LISTED, "setup");
    }),
    ("a native sidecar", |pod| {
        init(pod, "setup", json!(null));
        init(pod, "sidecar", json!("Always"));
        annotate(pod, LISTED, "sidecar");
    }),
    ("all", |pod| {
        init(pod, "setup", json!(null));
        init(pod, "sidecar", json!("Always"));
        annotate(pod, LISTED, " helper, sidecar ,setup,app,nobody,app");
    }),
    ("the payload's name, as an init container", |pod| init(pod, PAYLOAD, json!(null))),
    ("the payload's name, as a container", |pod| {
        pod["spec"]["containers"][1]["name"] = PAYLOAD.into();
    }),
    ("a mesh proxy first", |pod| {
        pod["spec"]["containers"][0]["name"] = "istio-proxy".into();
    }),
    ("two ports and probes", |pod| {
        let container = &mut pod["spec"]["containers"][0];
        container["ports"] =
            json!([{"containerPort": 80, "name": "http"}, {"containerPort": 80, "protocol": "UDP"}]);
        container["livenessProbe"] = json!({"httpGet": {"port": "http"}});
        container["startupProbe"] = json!({"exec": {"command": ["true"]}});
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 5}}});
    }),
];

/// The pod as a whole.
pub(crate) const WHOLE: &[Change] = &[
    ("the network of the host", |pod| {
        pod["spec"]["hostNetwork"] = true.into();
        pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 4318, "hostPort": 4318}]);
    }),
    ("processes of the host", |pod| {
        pod["spec"]["hostPID"] = true.into();
        pod["spec"]["hostIPC"] = true.into();
    }),
    ("shared processes", |pod| pod["spec"]["shareProcessNamespace"] = true.into()),
    ("never restarted", |pod| {
        pod["spec"]["restartPolicy"] = "Never".into();
        pod["spec"]["activeDeadlineSeconds"] = 60.into();
    }),
    ("restarted on failure", |pod| pod["spec"]["restartPolicy"] = "OnFailure".into()),
    ("rules of restart", |pod| {
        pod["spec"]["containers"][0]["restartPolicy"] = "Never".into();
        let rules = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
        pod["spec"]["containers"][0]["restartPolicyRules"] = rules;
    }),
    ("for Linux", |pod| pod["spec"]["os"] = json!({"name": "linux"})),
    ("for Windows", |pod| {
        pod["spec"] = json!({
            "os": {"name": "windows"},
            "containers": [{"name": "app", "image": "example.com/app:1"}],
            "securityContext": {"windowsOptions": {"runAsUserName": "NT AUTHORITY\\Local service"}, "runAsNonRoot": true},
        });
    }),
    ("gates", |pod| {
        pod["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
        pod["spec"]["readinessGates"] = json!([{"conditionType": "example.com/ready"}]);
    }),
    ("on a node", |pod| pod["spec"]["nodeName"] = "node-1".into()),
    ("own names and addresses", |pod| {
        pod["spec"]["dnsPolicy"] = "None".into();
        pod["spec"]["dnsConfig"] = json!({"nameservers": ["192.0.2.1"]});
        pod["spec"]["hostname"] = "web".into();
        pod["spec"]["subdomain"] = "shop".into();
        pod["spec"]["hostAliases"] = json!([{"ip": "192.0.2.1", "hostnames": ["a.test"]}]);
    }),
    ("without a token", |pod| {
        pod["spec"]["automountServiceAccountToken"] = false.into();
        pod["spec"]["enableServiceLinks"] = false.into();
    }),
    ("without a name", |pod| {
        pod["metadata"].as_object_mut().unwrap().remove("name");
        pod["metadata"]["generateName"] = "web-".into();
    }),
    ("of a ReplicaSet", |pod| {
        pod["metadata"]["labels"]["pod-template-hash"] = "5d9f".into();
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9f",
            "uid": "00000000-0000-0000-0000-000000000001", "controller": true}]);
    }),
    ("attributes in annotations", |pod| {
        annotate(pod, "resource.opentelemetry.io/team", "año, \"x\"=;\\");
        annotate(pod, "resource.opentelemetry.io/service.name", "$(POD) $$");
    }),
    ("claims to be injected", |pod| {
        annotate(pod, "ingraft.dev/injected", "[}");
        annotate(pod, "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes", ",a,");
    }),
    ("almost too many annotations", |pod| annotate(pod, "example.com/large", &"x".repeat(261_900))),
];

/// Every change, with the axis that it belongs to: of one axis a pod gets at most one.
pub(crate) fn changes() -> Vec<(usize, Change)> {
    let axes = [ENVIRONMENT, VOLUMES, SECURITY, RESOURCES, TARGETS, WHOLE];
    axes.iter()
        .enumerate()
        .flat_map(|(axis, changes)| changes.iter().map(move |change| (axis, *change)))
        .collect()
}
