//! What people see from outside: the dashboard and the alerts, over a real Prometheus that scrapes the operator, and the
//! log.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ingraft_cluster::documents;
use ingraft_testkit::{Background, Progress, dashboard_check, ensure_prometheus, free_ports};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, instrumentation, is_injected, pod, shared};
use crate::http::Sender;
use crate::operator::Operator;
use crate::wait::{until, until_some};

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

/// The alerts.
fn rules() -> Vec<Value> {
    let documents = documents::read("rules.yaml", &read("deploy/prometheus/rules.yaml")).unwrap();
    documents[0].value["groups"][0]["rules"].as_array().unwrap().clone()
}

/// The queries of the dashboard, for one minute.
fn dashboard_queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/ingraft.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() > 10, "{queries:?}");
    let minute = |query: String| query.replace("$__rate_interval", "1m").replace("$__range", "1m");
    queries.into_iter().map(minute).collect()
}

/// What alerts compare: each expression is a value, a comparison and a number.
fn compared() -> Vec<String> {
    let value = |rule: &Value| {
        let expression = rule["expr"].as_str().unwrap();
        let end = expression.rfind(" < ").or_else(|| expression.rfind(" > "));
        expression[..end.expect(expression)].to_owned()
    };
    rules().iter().map(value).collect()
}

/// Runs a program. Returns what it said, on both outputs.
fn run(command: &mut Command, input: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), input).unwrap();
    let input = Stdio::from(std::fs::File::open(file.path()).unwrap());
    let output = command.stdin(input).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn promtool(arguments: &[&str], input: &str) -> String {
    ensure_prometheus(Progress::stderr()).unwrap();
    run(Command::new("promtool").args(arguments).current_dir(file("deploy/prometheus")), input)
}

/// A Prometheus that scrapes an operator every second; it ends with this value.
struct Prometheus {
    _process: Background,
    _folder: TempDir,
    url: String,
}

impl Prometheus {
    fn scraping(operator: &Operator) -> Self {
        ensure_prometheus(Progress::stderr()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [file("deploy/prometheus/rules.yaml").canonicalize().unwrap()],
            "scrape_configs": [{
                "job_name": "ingraft", "static_configs": [{"targets": [operator.metrics_address()]}],
            }],
        });
        // JSON is YAML.
        let path = folder.path().join("prometheus.yaml");
        std::fs::write(&path, config.to_string()).unwrap();
        let [port] = free_ports().unwrap();
        let mut command = Command::new("prometheus");
        command.args([
            format!("--config.file={}", path.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]);
        let process = Background::start("prometheus", command, folder.path()).unwrap();
        Self { _process: process, _folder: folder, url: format!("http://127.0.0.1:{port}/api/v1") }
    }

    /// What is answered to a request, if Prometheus is up.
    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let answer = Sender::trusting("").unwrap().query(&format!("{}{path}", self.url), query).ok()?;
        serde_json::from_str(&answer.body).ok()
    }

    /// How many series a query finds.
    fn series(&self, query: &str) -> usize {
        let answer = self.get("/query", &[("query", query)]).unwrap_or_default();
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    }
}

/// Has pods of a namespace injected, refused and warned of.
fn decide(cluster: &Cluster, namespace: &str) {
    let ask = |name: &str, value: &str| pod(namespace, name, &json!({INJECT_PYTHON: value}));
    let (created, said) = cluster.create(true, &[ask("right", "base"), ask("wrong", "bsae")]);
    assert!(created.iter().any(is_injected) && said.contains("InstrumentationNotFound"), "{said}");
}

#[test]
fn every_query_of_dashboard_and_alerts_has_data() {
    let (cluster, operator) = shared();
    cluster.namespace("monitored", &json!({}));
    cluster.apply(&[instrumentation("monitored", "base", &json!({}))]);
    cluster.wait_seen();
    decide(cluster, "monitored");
    let prometheus = Prometheus::scraping(operator);
    let injected = "ingraft_admission_findings_total{code=\"Injected\", language=\"python\"}";
    until("a scrape", || prometheus.series(injected), |series| *series == 1);
    // Only what grows between two scrapes has a rate.
    decide(cluster, "monitored");
    for query in dashboard_queries().into_iter().chain(compared()) {
        until(&query, || prometheus.series(&query), |series| *series > 0);
    }
    let state = || prometheus.get("/rules", &[]).unwrap_or_default();
    let is_evaluated = |state: &Value| {
        let rules = state["data"]["groups"][0]["rules"].as_array();
        rules.is_some_and(|rules| !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok"))
    };
    let state = until("all rules are evaluated", state, is_evaluated);
    let rules = state["data"]["groups"][0]["rules"].as_array().unwrap();
    for name in ["IngraftNobodyLeads", "IngraftNotTrusted", "IngraftCertificateEnds", "IngraftWatchSilent"] {
        let rule = rules.iter().find(|rule| rule["name"] == name).unwrap();
        assert_eq!(rule["state"], "inactive", "the operator is well: {rule}");
    }
}

#[test]
fn metrics_follow_the_conventions_and_each_is_documented() {
    let (_, operator) = shared();
    let (mut served, page) = (operator.metrics().unwrap(), read("docs/metrics.md"));
    let types: Vec<String> =
        served.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
    for metric in &types {
        let (name, kind) = metric.split_once(' ').unwrap();
        let suffix = if kind == "counter" { "_total" } else { "" };
        assert!(
            page.contains(&format!("\n| `{name}{suffix}` | {kind} | ")),
            "docs/metrics.md lacks {metric}"
        );
        // The older format, which promtool reads, has the suffix of counters everywhere, and no units.
        for what in ["TYPE", "HELP"] {
            served = served.replace(&format!("# {what} {name} "), &format!("# {what} {name}{suffix} "));
        }
    }
    let older = served.lines().filter(|line| !line.starts_with("# UNIT") && *line != "# EOF");
    let older: String = older.flat_map(|line| [line, "\n"]).collect();
    assert_eq!(promtool(&["check", "metrics"], &older), "");
}

#[test]
fn alerts_fire_when_they_should_and_say_what_to_do() {
    promtool(&["check", "rules", "--lint-fatal", "rules.yaml"], "");
    promtool(&["test", "rules", "rules_test.yaml"], "");
    let tested = read("deploy/prometheus/rules_test.yaml");
    for rule in rules() {
        let (name, annotations) = (rule["alert"].as_str().unwrap(), &rule["annotations"]);
        assert!(tested.contains(&format!("alertname=\"{name}\"")), "{name} is not tested");
        assert!(annotations["summary"].is_string() && annotations["description"].is_string(), "{rule}");
        assert!(rule["labels"]["severity"].is_string(), "{rule}");
    }
}

#[test]
fn the_dashboard_is_valid_by_grafanas_schema() {
    let check = || Command::new(dashboard_check(Progress::stderr()).unwrap());
    let dashboard = read("deploy/grafana/ingraft.json");
    run(&mut check(), &dashboard);
    let wrong = dashboard.replacen("\"legendFormat\"", "\"legend\"", 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), wrong).unwrap();
    let output = check().stdin(std::fs::File::open(file.path()).unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("unexpected field 'legend'"), "{said}");
}

#[test]
fn the_log_tells_each_decision_about_a_workload_once() {
    let (cluster, operator) = shared();
    cluster.namespace("logged", &json!({}));
    cluster.apply(&[instrumentation("logged", "base", &json!({}))]);
    cluster.wait_seen();
    let mut web = deployment("logged", "web", &json!({INJECT_PYTHON: "base"}));
    web["spec"]["replicas"] = 3.into();
    cluster.apply(&[web]);
    until("its pods", || cluster.pods("logged"), |pods| pods.len() == 3);
    let entries = || -> Vec<Value> {
        let log = operator.log().unwrap();
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        entries.filter(|entry| entry["k8s.namespace.name"] == "logged").collect()
    };
    let of = |code: &str| entries().into_iter().filter(|entry| entry["code"] == code).collect::<Vec<_>>();
    let injected = until_some("the decision", || Some(of("Injected")).filter(|entries| !entries.is_empty()));
    assert_eq!(injected.len(), 1, "one for the Deployment, not one for each pod: {injected:#?}");
    for (field, value) in [
        ("level", "INFO"),
        ("message", "python from logged/base into app"),
        ("severity", "info"),
        ("language", "python"),
        ("workload", "deployment/web"),
    ] {
        assert_eq!(injected[0][field], value, "{}", injected[0]);
    }
    assert_eq!(of("EndpointMissing").len(), 1, "{:#?}", entries());
}
