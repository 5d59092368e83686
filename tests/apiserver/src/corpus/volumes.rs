//! The volumes and mounts that are there already.

use serde_json::{Value, json};

use super::{Change, add, env, volume};

/// The names of our volumes, and where targets mount them.
const OURS: [(&str, &str); 7] = [
    ("kernel-debug", "/sys/kernel/debug"),
    ("opentelemetry-auto-instrumentation-dotnet", "/otel-auto-instrumentation-dotnet"),
    ("opentelemetry-auto-instrumentation-java", "/otel-auto-instrumentation-java-app"),
    ("opentelemetry-auto-instrumentation-nodejs", "/otel-auto-instrumentation-nodejs"),
    ("opentelemetry-auto-instrumentation-python", "/otel-auto-instrumentation-python"),
    ("otel-apache-agent", "/opt/opentelemetry-webserver/agent"),
    ("otel-nginx-conf-dir", "/etc/nginx"),
];

/// Mounts one more volume at several paths.
fn mine(pod: &mut Value, paths: impl Iterator<Item = String>) {
    add(&mut pod["spec"]["volumes"], json!([{"name": "mine", "emptyDir": {}}]));
    let mounts = paths.map(|path| json!({"name": "mine", "mountPath": path})).collect();
    add(&mut pod["spec"]["containers"][0]["volumeMounts"], mounts);
}

pub(crate) const VOLUMES: &[Change] = &[
    ("our volumes", |pod| {
        for (name, path) in OURS {
            volume(pod, &json!({"name": name, "emptyDir": {}}), path);
        }
    }),
    ("our volumes, as ConfigMaps", |pod| {
        for (name, _) in OURS {
            volume(pod, &json!({"name": name, "configMap": {"name": "c"}}), &format!("/elsewhere/{name}"));
        }
    }),
    ("our volumes, of a host", |pod| {
        for (name, path) in OURS {
            volume(pod, &json!({"name": name, "hostPath": {"path": path}}), &format!("/elsewhere/{name}"));
        }
    }),
    ("our folders", |pod| mine(pod, OURS.iter().map(|(_, path)| (*path).to_owned()))),
    ("our folders with a slash", |pod| mine(pod, OURS.iter().map(|(_, path)| format!("{path}/")))),
    ("folders in our folders", |pod| mine(pod, OURS.iter().map(|(_, path)| format!("{path}/mine")))),
    ("devices in our places", |pod| {
        let claim = json!([{"name": "disk", "persistentVolumeClaim": {"claimName": "d"}}]);
        add(&mut pod["spec"]["volumes"], claim);
        let devices =
            OURS.iter().map(|(_, path)| json!({"name": "disk", "devicePath": path})).take(1).collect();
        add(&mut pod["spec"]["containers"][0]["volumeDevices"], devices);
    }),
    ("the folder of the clone", |pod| {
        mine(pod, ["/opt/opentelemetry-webserver/source-conf".to_owned()].into_iter());
    }),
    ("the configuration of web servers", |pod| {
        mine(pod, ["/etc/nginx", "/usr/local/apache2/conf/"].map(str::to_owned).into_iter());
    }),
    ("files of the configuration of web servers", |pod| {
        let files =
            ["/etc/nginx/nginx.conf", "/etc/nginx/conf.d/a.conf", "/usr/local/apache2/conf/httpd.conf"];
        mine(pod, files.map(str::to_owned).into_iter());
        for mount in pod["spec"]["containers"][0]["volumeMounts"].as_array_mut().unwrap() {
            mount["subPath"] = "file".into();
        }
    }),
    ("folders around the configuration of web servers", |pod| {
        let folders = ["/etc", "/etc/nginx-cache", "/srv/etc/nginx", "/usr/local/apache2"];
        mine(pod, folders.map(str::to_owned).into_iter());
    }),
    ("mounts that only some containers may have", |pod| {
        volume(pod, &json!({"name": "host", "hostPath": {"path": "/srv"}}), "/host");
        let container = &mut pod["spec"]["containers"][0];
        container["securityContext"] = json!({"privileged": true});
        container["volumeMounts"][0]["mountPropagation"] = "Bidirectional".into();
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
