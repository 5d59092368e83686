use ingraft_probe_contract::{Agent, Join, Libc, Refusal, Rule, StandDown};

use super::*;
use crate::image::Other;

fn plan() -> Plan {
    Plan::new("/f".to_owned())
}

#[test]
fn reports_everything_in_one_line() {
    let contents = Contents {
        libc: Some(Libc::Musl),
        others: vec![
            Other { name: "datadog", into: Some(Agent::Java) },
            Other { name: "datadog", into: None },
        ],
        es_modules: Some(true),
        assigned: vec!["JAVA_TOOL_OPTIONS".to_owned()],
        ..Contents::default()
    };
    let decision = Decision {
        variables: Vec::new(),
        stood_down: vec![(Agent::Java, StandDown::OtherAgent)],
        omitted: vec![("X".to_owned(), Refusal::Quote)],
    };
    let environment = Environment::from_iter([
        ("NODE_OPTIONS", "secret"),
        ("OTEL_A", "1"),
        ("OTEL_B", ""),
        ("OTEL_OWN", "1"),
        ("Y", "1"),
        ("Z", "1"),
    ]);
    let rules = vec![Rule { name: "Z".to_owned(), join: Join::default("1") }];
    let plan = Plan { env_names: vec!["OTEL_OWN".to_owned()], rules, ..plan() };
    let mut report = of(&plan, &environment, contents, decision);
    report.error = Some("write: full".to_owned());
    report.facts.runtimes = [(Agent::Java, Some("17.0.15".to_owned())), (Agent::Nodejs, None)].into();
    let arch = architecture();
    let line = render(report.clone(), 1024);
    assert_eq!(
        line,
        format!(
            "{{\"stood_down\":{{\"java\":\"other-agent\"}},\"sets\":[\"NODE_OPTIONS\",\"OTEL_A\",\"Z\"],\
             \"libc\":\"musl\",\"runtimes\":{{\"java\":\"17.0.15\",\"nodejs\":null}},\"agents\":[\"datadog\"],\
             \"esm\":true,\"entrypoint\":[\"JAVA_TOOL_OPTIONS\"],\"arch\":\"{arch}\",\
             \"omitted\":[{{\"name\":\"X\",\"why\":\"quote\"}}],\"error\":\"write: full\"}}"
        )
    );
    assert_eq!(serde_json::from_str::<Report>(&line).expect("report"), report);
}

#[test]
fn says_little_where_little_is_known() {
    let report = of(&plan(), &Environment::default(), Contents::default(), Decision::default());
    assert_eq!(render(report, 1024), format!("{{\"sets\":[],\"arch\":\"{}\"}}", architecture()));
}

#[test]
fn drops_the_least_important_and_says_so() {
    let report = || {
        let mut report = of_error("usage: x".to_owned());
        report.facts = ImageFacts {
            stood_down: [(Agent::Java, StandDown::Version)].into(),
            sets: (0..60).map(|number| format!("OTEL_VARIABLE_{number}")).collect(),
            entrypoint: vec!["JAVA_TOOL_OPTIONS".to_owned()],
            ..ImageFacts::default()
        };
        report
    };
    for limit in [1024, 512, 120] {
        let line = render(report(), limit);
        assert!(line.len() <= limit);
        assert!(line.starts_with("{\"stood_down\":{\"java\":\"version\"},"), "{line}");
        assert!(line.contains(",\"cut\":true,") && line.contains("usage: x"), "{line}");
        assert!(!line.contains("entrypoint"), "{line}");
    }
    assert_eq!(render(report(), 3), "");
}

#[test]
fn takes_no_service_for_a_setting() {
    let environment = Environment::from_iter([
        ("OTEL_COLLECTOR_SERVICE_HOST", "10.0.0.1"),
        ("OTEL_COLLECTOR_SERVICE_PORT", "4317"),
        ("OTEL_COLLECTOR_SERVICE_PORT_OTLP_GRPC", "4317"),
        ("OTEL_COLLECTOR_PORT", "tcp://10.0.0.1:4317"),
        ("OTEL_COLLECTOR_PORT_4317_TCP_ADDR", "10.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"),
        ("OTEL_SERVICE_NAME", "shop"),
    ]);
    let plan = plan();
    let found: Vec<&str> = sets(&plan, &environment).collect();
    assert_eq!(found, ["OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_SERVICE_NAME"]);
}
