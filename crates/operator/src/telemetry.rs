//! Logs on standard output: one JSON object a line, with OpenTelemetry's names for what it is about, or lines for people
//! where that is a terminal.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging.
pub fn init(level: LevelFilter) {
    subscriber(level, std::io::stdout().is_terminal(), std::io::stdout).init();
}

/// What writes logs. On a terminal there are colours, unless `NO_COLOR` is set.
fn subscriber(
    level: LevelFilter,
    is_terminal: bool,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Box<dyn Subscriber + Send + Sync> {
    let format = fmt().with_max_level(level).with_writer(writer);
    if is_terminal {
        return Box::new(format.with_target(false).finish());
    }
    Box::new(format.json().flatten_event(true).with_current_span(false).with_span_list(false).finish())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use ingraft_cluster::report::{Report, Reports};
    use ingraft_core::finding::{ChoiceFinding, EndpointFinding};
    use ingraft_core::{Finding, Locale, Owner, OwnerKind};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged meanwhile, line by line.
    fn logged(is_terminal: bool, during: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(LevelFilter::INFO, is_terminal, move || writer.clone());
        tracing::subscriber::with_default(subscriber, during);
        let text = written.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    /// A pod of the Deployment `web`: one container was injected, and where telemetry goes is unknown.
    fn report(pod: &str) -> Report {
        let owner = |kind, name: &str| Owner { kind, name: name.to_owned(), uid: None };
        let injected = ChoiceFinding::Injected {
            language: ingraft_api::Language::Python,
            instrumentation: "shop/base".to_owned(),
            containers: vec!["app".to_owned()],
        };
        Report {
            namespace: "shop".to_owned(),
            pod: pod.to_owned(),
            pod_uid: None,
            owners: vec![owner(OwnerKind::ReplicaSet, "web-6f5c8"), owner(OwnerKind::Deployment, "web")],
            findings: vec![
                Finding::pod(injected, "/metadata/annotations"),
                Finding::pod(EndpointFinding::EndpointMissing { container: None }, ""),
            ],
        }
    }

    #[test]
    fn each_decision_about_a_workload_is_one_line_that_programs_read() {
        let lines = logged(false, || {
            let (reports, _events) = Reports::new(Locale::En);
            reports.log_dry_run(&report("web-6f5c8-a"));
            reports.log(&report("web-6f5c8-b"));
            reports.log(&report("web-6f5c8-c"));
        });
        let entries: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen = |entry: &Value| (entry["code"].clone(), entry["dry_run"].clone());
        let expected = [
            (json!("Injected"), json!(true)),
            (json!("EndpointMissing"), json!(true)),
            (json!("Injected"), Value::Null),
            (json!("EndpointMissing"), Value::Null),
        ];
        assert_eq!(entries.iter().map(seen).collect::<Vec<_>>(), expected, "{lines:#?}");
        for (field, value) in [
            ("level", "INFO"),
            ("message", "python from shop/base into app"),
            ("code", "Injected"),
            ("severity", "info"),
            ("language", "python"),
            ("k8s.namespace.name", "shop"),
            ("workload", "deployment/web"),
            ("k8s.pod.name", "web-6f5c8-b"),
            ("pointer", "/metadata/annotations"),
        ] {
            assert_eq!(entries[2][field], value, "{}", lines[2]);
        }
        assert_eq!((&entries[3]["level"], &entries[3]["severity"]), (&json!("WARN"), &json!("warning")));
        assert_eq!((entries[3].get("language"), entries[3].get("pointer")), (None, None));
    }

    #[test]
    fn on_a_terminal_lines_are_for_people() {
        let lines = logged(true, || {
            let (reports, _events) = Reports::new(Locale::En);
            reports.log(&report("web-6f5c8-a"));
        });
        assert!(lines[0].contains("\u{1b}[") && !lines[0].contains('{'), "{lines:?}");
        assert!(lines[0].contains("python from shop/base into app"), "{lines:?}");
    }
}
