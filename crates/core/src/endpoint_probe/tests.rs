use serde_json::{Value, json};

use super::*;
use crate::finding::TlsFault;
use crate::{Namespace, Node};

/// An Instrumentation of namespace `shop` in a cluster with a Collector in `shop`, and one in `obs`.
fn try_spec(spec: &Value, languages: &[Language], choice: ProbeEndpoints) -> Result<Probe, Untried> {
    let mut snapshot = Snapshot::default();
    for (namespace, name, ports) in [
        ("shop", "collector", vec![4317, 4318, 8080]),
        ("obs", "central", vec![4318]),
        ("shop", "alias", vec![]),
    ] {
        snapshot.services.insert(namespace.into(), name.into(), ports);
        snapshot.namespaces.insert(String::new(), namespace.into(), Namespace::default());
    }
    let labels = [(HOSTNAME.into(), "worker.example.com".into())].into();
    snapshot.nodes.insert(String::new(), "worker-1".into(), Node { labels, ..Node::default() });
    probe(&instrumentation(spec), &languages.iter().copied().collect(), &snapshot, choice)
}

fn instrumentation(spec: &Value) -> Instrumentation {
    let metadata = json!({"name": "base", "namespace": "shop", "generation": 2});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn of(endpoint: &str) -> Value {
    json!({"exporter": {"endpoint": endpoint}})
}

fn target(endpoint: &str) -> Target {
    try_spec(&of(endpoint), &[], ProbeEndpoints::All).unwrap().target
}

#[test]
fn what_cannot_be_tried_says_why() {
    let missing = |service: &str| Untried::ServiceMissing { service: service.to_owned() };
    let undeclared = |service: &str, port| Untried::PortNotDeclared { service: service.to_owned(), port };
    for (endpoint, why) in [
        ("", Untried::NoEndpoint),
        ("collector:4317", Untried::NotAUrl),
        ("http://col lector:4317", Untried::NotAUrl),
        ("http://collector:4318/a\r\nX: y", Untried::NotAUrl),
        ("http://a\r\nX.b:4318", Untried::NotAUrl),
        ("http://[fe80::1%eth0]:4318", Untried::NotAUrl),
        ("http://$(OTEL_NODE_IP):4317", Untried::PodDecides),
        ("http://collector:$(PORT)", Untried::PodDecides),
        ("http://localhost:4317", Untried::Local),
        ("http://127.0.0.1:4317", Untried::Local),
        ("http://[::ffff:127.0.0.1]:4317", Untried::AddressForbidden),
        ("http://169.254.169.254", Untried::AddressForbidden),
        ("http://[fd00:ec2::254]", Untried::AddressForbidden),
        ("http://worker-1:4317", Untried::Node),
        ("http://worker.example.com:4317", Untried::Node),
        ("http://colector:4317", missing("shop/colector")),
        ("http://central.shop:4318", missing("shop/central")),
        ("http://a.b.svc.cluster.local:4318", missing("b/a")),
        ("http://collector:22", undeclared("shop/collector", 22)),
        ("http://collector.shop", undeclared("shop/collector", 80)),
        ("http://alias.shop:4317", undeclared("shop/alias", 4317)),
    ] {
        for choice in [ProbeEndpoints::Cluster, ProbeEndpoints::All] {
            assert_eq!(try_spec(&of(endpoint), &[], choice), Err(why.clone()), "{endpoint}");
        }
    }
    for endpoint in ["https://otlp.example.com", "http://10.0.0.1:4317", "http://a.b:4318"] {
        assert_eq!(
            try_spec(&of(endpoint), &[], ProbeEndpoints::Cluster),
            Err(Untried::Outside),
            "{endpoint}"
        );
        assert!(try_spec(&of(endpoint), &[], ProbeEndpoints::All).is_ok(), "{endpoint}");
    }
}

#[test]
fn what_tls_needs_of_a_secret_is_never_read() {
    let with = |scheme: &str, tls: Value| {
        let endpoint = format!("{scheme}://collector:4317");
        let spec = json!({"exporter": {"endpoint": endpoint, "tls": tls}});
        try_spec(&spec, &[], ProbeEndpoints::Cluster).map(|probe| probe.target.tls)
    };
    let secret = json!({"secretName": "ca", "ca_file": "ca.crt"});
    assert_eq!(with("https", secret.clone()), Err(Untried::SecretNeeded));
    assert_eq!(with("http", secret), Ok(false), "there is no TLS");
    assert_eq!(with("https", json!({"cert_file": "/tls.crt"})), Err(Untried::SecretNeeded));
    assert_eq!(with("https", json!({"configMapName": "ca", "ca_file": "ca.crt"})), Ok(true));
}

#[test]
fn a_service_is_found_from_wherever_the_operator_runs() {
    for (endpoint, name, is_foreign) in [
        ("http://collector:4317", "collector.shop.svc", false),
        ("http://collector.shop.svc.cluster.local.:4317", "collector.shop.svc", false),
        ("http://central:4318", "central.obs.svc", true),
        ("http://central.obs:4318", "central.obs.svc", true),
        ("http://user:secret@otlp.example.com:4318", "otlp.example.com", false),
    ] {
        let probe = try_spec(&of(endpoint), &[], ProbeEndpoints::All).unwrap();
        assert_eq!((probe.target.name(), probe.is_foreign), (name, is_foreign), "{endpoint}");
    }
}

#[test]
fn the_protocol_is_what_agents_send() {
    use Language::{Java, Nginx, Python, Sdk};
    let at = |port: u16, languages: &[Language]| {
        let (endpoint, mut spec) = (format!("http://otlp.example.com:{port}"), json!({}));
        spec["exporter"]["endpoint"] = endpoint.into();
        try_spec(&spec, languages, ProbeEndpoints::All).unwrap().target.protocol
    };
    assert_eq!([at(4317, &[Python]), at(4318, &[Nginx])], [Protocol::Grpc, Protocol::Http]);
    assert_eq!([at(443, &[Java, Python]), at(443, &[Nginx])], [Protocol::Http, Protocol::Grpc]);
    for languages in [&[][..], &[Sdk], &[Java, Nginx], &[Java, Sdk]] {
        assert_eq!(at(443, languages), Protocol::Any, "{languages:?}");
    }
    for (value, protocol) in [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::Http)] {
        let mut spec = of("http://collector:8080");
        spec["env"] = json!([{"name": PROTOCOL, "value": value}]);
        assert_eq!(try_spec(&spec, &[Java], ProbeEndpoints::All).unwrap().target.protocol, protocol);
    }
}

#[test]
fn others_are_sent_nothing_that_people_wrote() {
    let request = |endpoint: &str| String::from_utf8(target(endpoint).opening()).unwrap();
    let own = request("http://u:p@collector:4318/otlp/?a=b");
    assert!(own.starts_with("POST /otlp/v1/traces HTTP/1.1\r\nHost: collector:4318\r\n"), "{own}");
    assert!(own.contains("\r\nContent-Length: 0\r\n") && own.ends_with("\r\n\r\n"), "{own}");
    let foreign = request("http://central.obs:4318/admin/stop");
    assert!(foreign.starts_with("POST /v1/traces HTTP/1.1\r\nHost: central.obs:4318\r\n"), "{foreign}");
    assert!(request("http://[2001:db8::1]:4318").contains("\r\nHost: [2001:db8::1]:4318\r\n"));
    assert!(target("http://collector:4317").opening().starts_with(b"PRI * HTTP/2.0\r\n"));
}

#[test]
fn an_answer_shows_the_protocol() {
    let settings: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0";
    let alert: &[u8] = b"\x15\x03\x01\0\x02\x02\x46\0\0";
    let not_found = Outcome::Failed(Step::NotFound);
    for (port, answer, expected) in [
        (4317, settings, Some(Outcome::Answers)),
        (4317, b"HTTP/1.1 400 Bad Request", None),
        (4317, alert, None),
        (4318, b"HTTP/1.1 200 OK", Some(Outcome::Answers)),
        (4318, b"HTTP/1.1 401 Unauthorized", Some(Outcome::Answers)),
        (4318, b"HTTP/1.1 404 Not Found", Some(not_found)),
        (4318, b"HTTP/1.0 400 Bad Request", None),
        (4318, settings, None),
        (8080, settings, Some(Outcome::Answers)),
        (8080, b"HTTP/1.1 404 Not Found", Some(Outcome::Answers)),
        (8080, alert, None),
    ] {
        let target = target(&format!("http://collector:{port}"));
        let expected = expected.unwrap_or(Outcome::Failed(Step::WrongProtocol(target.protocol)));
        assert_eq!(target.judge(answer), Some(expected), "{port}, {answer:?}");
        for length in 0..9 {
            assert_eq!(target.judge(&answer[..length]), None, "{length} bytes do not tell");
        }
    }
}

#[test]
fn a_target_fails_when_it_has_failed_twice_in_a_row() {
    let (refused, silent) = (Outcome::Failed(Step::Refused), Outcome::Failed(Step::TimedOut));
    let mut history = History::default();
    let mut see = |outcome: &Outcome| {
        history.see(outcome.clone());
        history.shown().cloned()
    };
    assert_eq!(see(&refused), None);
    assert_eq!(see(&silent), Some(silent.clone()));
    assert_eq!(see(&refused), Some(refused.clone()));
    assert_eq!(see(&Outcome::Answers), Some(Outcome::Answers));
    assert_eq!(see(&refused), Some(Outcome::Answers));
    assert_eq!(see(&Outcome::Answers), Some(Outcome::Answers));
    assert_eq!(see(&refused), Some(Outcome::Answers), "not in a row");
    assert_eq!(see(&refused), Some(refused));
}

#[test]
fn a_failure_of_dns_says_nothing_of_the_endpoint() {
    let (spec, fails) = (of("http://collector:4318"), Outcome::Untried(Untried::ResolverFails));
    let mut history = History::default();
    history.see(Outcome::Answers);
    history.see(fails.clone());
    assert_eq!(history.shown(), Some(&Outcome::Answers), "one packet was lost");
    history.see(fails);
    let probe = try_spec(&spec, &[], ProbeEndpoints::Cluster);
    let (_, trial) = tell(&instrumentation(&spec), &probe, history.shown(), Locale::En);
    assert_eq!((trial.worked, trial.reason.as_str()), (None, "ResolverFails"));
}

#[test]
fn of_a_foreign_service_is_said_only_whether_it_answers() {
    let said = |endpoint: &str, step| {
        let (spec, shown) = (of(endpoint), Outcome::Failed(step));
        let probe = try_spec(&spec, &[], ProbeEndpoints::Cluster);
        let (finding, trial) = tell(&instrumentation(&spec), &probe, Some(&shown), Locale::En);
        assert_eq!(trial.worked == Some(false), finding.code() == "EndpointUnreachable");
        (trial.reason, trial.message)
    };
    let foreign = [Step::Refused, Step::TimedOut, Step::TlsFailed(TlsFault::OtherHost)];
    let foreign = foreign.map(|step| said("http://central.obs:4318", step));
    assert_eq!(foreign[0].0, "Unreachable");
    assert!(foreign.iter().all(|one| *one == foreign[0]), "{foreign:?}");
    let path = said("http://central.obs:4318/otlp", Step::NotFound).0;
    assert_eq!(path, "Reachable", "what people wrote is not sent to others");
    let steps = [Step::Refused, Step::TimedOut, Step::NotFound, Step::TlsFailed(TlsFault::OtherHost)];
    let own = steps.map(|step| said("http://collector:4318", step).0);
    assert_eq!(own, ["Refused", "TimedOut", "NotFound", "TlsFailed"]);
}

#[test]
fn a_new_leader_goes_on_with_what_was_found_of_the_same_generation() {
    let spec = of("http://collector:4318");
    let (mut one, probe) = (instrumentation(&spec), try_spec(&spec, &[], ProbeEndpoints::Cluster));
    let told = |one: &Instrumentation, shown: Option<&Outcome>| {
        let trial = tell(one, &probe, shown, Locale::En).1;
        (trial.worked, trial.reason)
    };
    assert_eq!(told(&one, None), (None, "Pending".to_owned()));
    let condition = |status: &str, generation: i64| {
        json!({"conditions": [{
            "type": CONDITION, "status": status, "reason": "Refused", "message": "as it was",
            "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]})
    };
    for (status, generation, expected) in [
        ("False", 2, (Some(false), "Refused")),
        ("True", 2, (Some(true), "Refused")),
        ("False", 1, (None, "Pending")),
        ("Unknown", 2, (None, "Pending")),
    ] {
        one.status = serde_json::from_value(condition(status, generation)).unwrap();
        assert_eq!(told(&one, None), (expected.0, expected.1.to_owned()), "{status} {generation}");
    }
    assert_eq!(told(&one, Some(&Outcome::Answers)), (Some(true), "Reachable".to_owned()));
}
