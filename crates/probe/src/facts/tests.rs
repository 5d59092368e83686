use super::*;
use crate::{
    args::{self, Command},
    decide::Reason,
    envfile::Refusal,
    image::{Libc, Other},
    plan::Agent,
};

fn plan(words: &[&str]) -> Plan {
    match args::parse(["probe", "/f"].iter().chain(words).map(|word| word.as_bytes())) {
        Ok(Command::Probe(plan)) => *plan,
        other => panic!("{other:?}"),
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables)
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
        file: String::new(),
        stood_down: vec![(Agent::Java, Reason::OtherAgent)],
        omitted: vec![("X".to_owned(), Refusal::Quote)],
    };
    let environment = environment(&[
        ("NODE_OPTIONS", "secret"),
        ("OTEL_A", "1"),
        ("OTEL_B", ""),
        ("OTEL_OWN", "1"),
        ("Z", "1"),
    ]);
    let plan = plan(&["--env-names", "OTEL_OWN", "--set", "Z", "1"]);
    let mut facts = Facts::of(&plan, &environment, contents, decision);
    facts.fail("write: full".to_owned());
    facts.runtimes = vec![("java", Some("17.0.15".to_owned())), ("nodejs", None)];
    let arch = architecture();
    assert_eq!(
        facts.render(1024),
        format!(
            "{{\"v\":1,\"stood_down\":{{\"java\":\"other-agent\"}},\"error\":\"write: full\",\
             \"sets\":[\"Z\",\"NODE_OPTIONS\",\"OTEL_A\"],\"omitted\":[{{\"name\":\"X\",\"why\":\"quote\"}}],\
             \"libc\":\"musl\",\"arch\":\"{arch}\",\"runtimes\":{{\"java\":\"17.0.15\",\"nodejs\":null}},\
             \"agents\":[\"datadog\"],\"esm\":true,\"entrypoint\":[\"JAVA_TOOL_OPTIONS\"]}}"
        )
    );
}

#[test]
fn says_little_where_little_is_known() {
    let facts = Facts::of(&plan(&[]), &environment(&[]), Contents::default(), Decision::default());
    assert_eq!(facts.render(1024), format!("{{\"v\":1,\"sets\":[],\"arch\":\"{}\"}}", architecture()));
}

#[test]
fn drops_the_least_important_and_says_so() {
    let facts = || Facts {
        stood_down: vec![["java", "version"]],
        sets: (0..60).map(|number| format!("OTEL_VARIABLE_{number}")).collect(),
        entrypoint: vec!["JAVA_TOOL_OPTIONS".to_owned()],
        ..Facts::default()
    };
    for limit in [1024, 512, 120] {
        let line = facts().render(limit);
        assert!(line.len() <= limit);
        assert!(line.starts_with("{\"v\":1,\"stood_down\":{\"java\":\"version\"},"), "{line}");
        assert!(line.ends_with(",\"cut\":true}"), "{line}");
        assert!(!line.contains("entrypoint"), "{line}");
    }
    assert_eq!(facts().render(3), "");
}

#[test]
fn takes_no_service_for_a_setting() {
    let variables = [
        ("OTEL_COLLECTOR_SERVICE_HOST", "10.0.0.1"),
        ("OTEL_COLLECTOR_SERVICE_PORT", "4317"),
        ("OTEL_COLLECTOR_SERVICE_PORT_OTLP_GRPC", "4317"),
        ("OTEL_COLLECTOR_PORT", "tcp://10.0.0.1:4317"),
        ("OTEL_COLLECTOR_PORT_4317_TCP_ADDR", "10.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"),
        ("OTEL_SERVICE_NAME", "shop"),
    ];
    let found = sets(&plan(&[]), &environment(&variables));
    assert_eq!(found, ["OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_SERVICE_NAME"]);
}
