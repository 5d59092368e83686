//! The rules in the definition of Instrumentation: they refuse what the reference's webhook refuses
//! (docs/reference/instrumentation.md 8), and nothing else.

use serde_json::{Value, json};

use crate::cluster::{instrumentation, shared};

fn sampler(kind: &str, argument: &str) -> Value {
    json!({"sampler": {"type": kind, "argument": argument}})
}

fn volume(language: &str, template: &Value) -> Value {
    json!({language: {"volumeClaimTemplate": template, "volumeLimitSize": "1Gi"}})
}

#[test]
fn the_schema_accepts_and_refuses_as_the_reference_does() {
    let (cluster, _) = shared();
    cluster.namespace("rules", &json!({}));
    let answer = |spec: &Value| {
        let object = instrumentation("rules", "rule", spec).to_string();
        let arguments = ["create", "--dry-run=server", "-f", "-"];
        cluster.kubectl().run_with_input(&arguments, &object).map_err(|error| format!("{error:#}"))
    };
    let accepted = [
        sampler("traceidratio", "0.5"),
        sampler("parentbased_traceidratio", "1e-3"),
        sampler("traceidratio", "NaN"),
        sampler("traceidratio", "0x1p-2"),
        sampler("traceidratio", ""),
        sampler("always_on", "whatever"),
        sampler("jaeger_remote", "endpoint=http://a:1,pollingIntervalMs=5,initialSamplingRate=0.2,other=x"),
        json!({"sampler": {"type": "traceidratio"}}),
        json!({"sampler": {"argument": "5"}}),
        json!({"sampler": {"type": null, "argument": null}, "python": null, "env": null, "exporter": null}),
        json!({"java": {"resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}}, "volumeLimitSize": 5}}),
        volume("java", &json!({"metadata": {}, "spec": {"resources": {}}})),
        json!({"nodejs": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}}),
    ];
    for spec in accepted {
        assert_eq!(answer(&spec).map(drop), Ok(()), "{spec}");
    }
    let ratio = "argument must be a number from 0 to 1";
    let refused = [
        (sampler("traceidratio", "1.5"), ratio),
        (sampler("parentbased_traceidratio", "-1"), ratio),
        (sampler("traceidratio", "x"), ratio),
        (sampler("jaeger_remote", "endpoint="), "argument must be a list"),
        (sampler("jaeger_remote", "a"), "argument must be a list"),
        (sampler("jaeger_remote", "a=b=c"), "argument must be a list"),
        (sampler("jaeger_remote", "pollingIntervalMs=x"), "pollingIntervalMs must be a whole number"),
        (
            sampler("jaeger_remote", "initialSamplingRate=2"),
            "initialSamplingRate must be a number from 0 to 1",
        ),
        (sampler("parentbased_jaeger_remote", ""), "Unsupported value"),
        (json!({"propagators": ["tracecontext", "w3c"]}), "Unsupported value"),
        (json!({"env": [{"value": "x"}]}), "Required value"),
        (json!({"nginx": {"configFile": "/etc/$(x)"}}), "should match"),
        (json!({"java": {"extensions": [{"image": "x"}]}}), "Required value"),
        (volume("java", &json!({"spec": {"accessModes": ["ReadWriteOnce"]}})), "exclude each other"),
        (volume("apacheHttpd", &json!({"spec": {"storageClassName": "fast"}})), "exclude each other"),
    ];
    for (spec, reason) in refused {
        let error = answer(&spec).map(drop).expect_err(&spec.to_string());
        assert!(error.contains(reason), "{spec}: {error}");
    }
}

#[test]
fn applying_an_instrumentation_warns_of_what_loses_telemetry() {
    let (cluster, _) = shared();
    cluster.namespace("warnings", &json!({}));
    for (endpoint, code) in [
        ("http://localhost:4317", "EndpointIsLocal"),
        ("collector:4318", "EndpointNotAUrl"),
        ("http://collector:4318", "EndpointWithoutNamespace"),
        ("http://collector.obs:4317", "EndpointPortNotForAll"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let object = instrumentation("warnings", "warned", &json!({"exporter": {"endpoint": endpoint}}));
        std::fs::write(file.path(), object.to_string()).unwrap();
        let path = file.path().to_str().unwrap();
        let output = cluster.kubectl().output(&["create", "--dry-run=server", "-f", path]).unwrap();
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.contains(&format!("Warning: {code}: ")), "{warnings}");
    }
}
