//! What the containers of a template set that works against the agent which they get.

use ingraft_api::Language;
use serde_json::Value;

use crate::environment::refers_to;
use crate::finding::{ContainerFinding, Findings, InstrumentationFinding};
use crate::inject::command::name_of;
use crate::json::{annotation, annotation_pointer, label, list, string};
use crate::variables::{self, Variable};

/// Reviews the containers into which a language is injected.
pub(super) fn review(pod: &Value, language: Language, containers: &[String], advice: &mut Findings) {
    let Some(spec) = pod.get("spec") else { return };
    let reads = variables::are_read_by(language);
    for key in ["initContainers", "containers"] {
        for (index, container) in list(spec, key).iter().enumerate() {
            let name = string(container, "name").unwrap_or_default();
            if !reads || !containers.iter().any(|one| one == name) {
                continue;
            }
            let pointer = format!("/spec/{key}/{index}");
            if let Some(annotation) = requests_other_agent(pod, language) {
                let (container, shown) = (name.to_owned(), annotation.to_owned());
                let reason = ContainerFinding::AgentTwice { language, container, shown };
                advice.pod(reason, annotation_pointer(annotation));
            }
            review_variables(container, language, &pointer, advice);
            if let Some((at, shown)) = other_agent(language, container) {
                // What follows are settings of the agent, and may be credentials.
                let option = if shown.starts_with("-javaagent:") { shown.split('=').next() } else { None };
                let (container, shown) = (name.to_owned(), option.unwrap_or(shown).to_owned());
                let reason = ContainerFinding::AgentTwice { language, container, shown };
                advice.pod(reason, format!("{pointer}{at}"));
            }
        }
    }
}

fn review_variables(container: &Value, language: Language, pointer: &str, advice: &mut Findings) {
    let env: Vec<_> = list(container, "env").iter().map(Variable::of).collect();
    let words: Vec<_> = words(container).map(|(_, word)| word).collect();
    for (place, reason) in variables::review(&env, &words, Some(language)) {
        advice.pod(reason, format!("{pointer}/env{place}"));
    }
    for (place, variable) in env.iter().enumerate() {
        let mut later = env.iter().skip(place + 1);
        let is_joined = |value: &str| refers_to(value, variable.name);
        let again = later.find(|later| later.name == variable.name);
        if variable.name.starts_with("OTEL_")
            && again.is_some_and(|again| !again.value.is_some_and(is_joined))
        {
            let field = format!("{}.env", string(container, "name").unwrap_or_default());
            let variable = variable.name.to_owned();
            let reason = InstrumentationFinding::VariableTwice { field, variable };
            advice.pod(reason, format!("{pointer}/env/{place}"));
        }
    }
}

/// The annotation of a pod by which Datadog's webhook injects its agent for a language:
/// <https://docs.datadoghq.com/tracing/guide/local_sdk_injection/>.
fn requests_other_agent(pod: &Value, language: Language) -> Option<&'static str> {
    let key = match language {
        Language::Java => "admission.datadoghq.com/java-lib.version",
        Language::NodeJs => "admission.datadoghq.com/js-lib.version",
        Language::Python => "admission.datadoghq.com/python-lib.version",
        Language::DotNet => "admission.datadoghq.com/dotnet-lib.version",
        _ => return None,
    };
    let is_off = label(pod, "admission.datadoghq.com/enabled") == "false";
    (!is_off && !annotation(pod, key).is_empty()).then_some(key)
}

/// Parts of the names of agents that trace, as they stand in files and modules. Others, such as that of JMX for Prometheus,
/// go well with ours.
const AGENTS: [&str; 17] = [
    "opentelemetry",
    "otel-javaagent",
    "splunk-otel",
    "@splunk/otel",
    "elastic-otel",
    "elastic-apm",
    "dd-java-agent",
    "dd-trace",
    "newrelic",
    "applicationinsights",
    "skywalking",
    "pinpoint-bootstrap",
    "glowroot",
    "appdynamics",
    "dynatrace",
    "oneagent",
    "instana",
];

/// Programs that start a Python application with an agent.
const LAUNCHERS: [&str; 6] = [
    "opentelemetry-instrument",
    "ddtrace-run",
    "newrelic-admin",
    "elasticapm-run",
    "splunk-py-trace",
    "splk-py-trace",
];

/// The words of `command` and `args`, with the JSON pointer of each in the container.
fn words(container: &Value) -> impl Iterator<Item = (String, &str)> {
    ["command", "args"].into_iter().flat_map(|key| {
        let words = list(container, key).iter().enumerate();
        words.filter_map(move |(place, word)| Some((format!("/{key}/{place}"), word.as_str()?)))
    })
}

/// What loads another agent for a language into a container, and where it stands.
fn other_agent(language: Language, container: &Value) -> Option<(String, &str)> {
    let variables: &[&str] = match language {
        Language::Java => {
            &["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS"]
        }
        Language::NodeJs => &["NODE_OPTIONS"],
        _ => &[],
    };
    let env = list(container, "env").iter().enumerate().filter_map(|(place, entry)| {
        let is_one = variables.contains(&string(entry, "name")?);
        Some((format!("/env/{place}/value"), string(entry, "value").filter(|_| is_one)?))
    });
    let env = env.map(|(at, text)| (at, text, Some(true)));
    let is_of_image = list(container, "command").is_empty();
    let words = words(container).enumerate().map(|(place, (at, text))| {
        // Without a command the image says which program gets the options.
        (at, text, (place == 0).then(|| is_of_image && text.starts_with('-')))
    });
    // Whether options are those of Node.js.
    let (mut is_node, mut follows) = (false, false);
    for (at, text, begins) in env.chain(words) {
        is_node = begins.unwrap_or(is_node);
        // A shell gets several words as one.
        for word in text.split_whitespace().map(|word| word.trim_matches(['"', '\''])) {
            let is_module = std::mem::replace(&mut follows, is_node && is_load_option(word));
            let loads = match language {
                Language::Java => word.strip_prefix("-javaagent:").is_some_and(is_java_agent),
                Language::NodeJs => {
                    let module = word.split_once('=').filter(|(option, _)| is_node && is_load_option(option));
                    (is_module && is_module_of_agent(word))
                        || module.is_some_and(|(_, module)| is_module_of_agent(module))
                }
                Language::Python => LAUNCHERS.contains(&name_of(word)),
                _ => false,
            };
            if loads {
                return Some((at, word));
            }
            let ends = word.ends_with([';', '&', '|']);
            is_node = !ends && (is_node || PROGRAMS_OF_NODE.contains(&name_of(word)));
        }
    }
    None
}

/// Programs that take the options of Node.js.
const PROGRAMS_OF_NODE: [&str; 5] = ["node", "nodejs", "nodemon", "ts-node", "tsx"];

/// Whether what follows is a module that Node.js loads first.
fn is_load_option(word: &str) -> bool {
    matches!(word, "-r" | "--require" | "--import" | "--loader" | "--experimental-loader")
}

/// Whether what `-javaagent:` names is an agent of somebody else. Ours lie in folders that begin so, as do those of the
/// OpenTelemetry Operator.
fn is_java_agent(option: &str) -> bool {
    let path = option.split('=').next().unwrap_or_default();
    // Where the file could be of anybody, its folder says whose it is.
    let shown = if matches!(name_of(path), "javaagent.jar" | "agent.jar") { path } else { name_of(path) };
    !path.contains("/otel-auto-instrumentation-") && is_agent(shown)
}

/// Whether a module is, or belongs to, an agent of somebody else.
fn is_module_of_agent(module: &str) -> bool {
    let shown = match module.rsplit_once("/node_modules/") {
        Some((_, package)) => package,
        None if module.starts_with(['.', '/']) => name_of(module),
        None => module,
    };
    !module.contains("/otel-auto-instrumentation-") && is_agent(shown)
}

fn is_agent(name: &str) -> bool {
    AGENTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_agent_that_another_webhook_brings_is_told() {
        let pod = |labels: Value| {
            let annotations = json!({"admission.datadoghq.com/java-lib.version": "v1"});
            json!({"metadata": {"labels": labels, "annotations": annotations}})
        };
        let on = pod(json!({}));
        assert_eq!(
            requests_other_agent(&on, Language::Java),
            Some("admission.datadoghq.com/java-lib.version")
        );
        assert_eq!(requests_other_agent(&on, Language::Python), None);
        let off = pod(json!({"admission.datadoghq.com/enabled": "false"}));
        assert_eq!(requests_other_agent(&off, Language::Java), None);
    }

    #[test]
    fn another_agent_is_told_where_it_is_loaded() {
        let java = |container: Value| (Language::Java, container);
        let node = |container: Value| (Language::NodeJs, container);
        let python = |container: Value| (Language::Python, container);
        let set = |name: &str, value: &str| json!({"env": [{"name": name, "value": value}]});
        for ((language, container), expected) in [
            (
                java(set("JAVA_TOOL_OPTIONS", "-Xmx1g -javaagent:/o/opentelemetry-javaagent.jar")),
                Some("/env/0/value"),
            ),
            (java(json!({"command": ["java", "-javaagent:/dd-java-agent.jar"]})), Some("/command/1")),
            (
                java(
                    json!({"command": ["sh", "-c"], "args": ["exec java -javaagent:/x/newrelic.jar -jar a.jar"]}),
                ),
                Some("/args/0"),
            ),
            (java(set("JAVA_TOOL_OPTIONS", "-javaagent:/jmx_prometheus_javaagent.jar=8080:c.yaml")), None),
            (
                java(set(
                    "JAVA_TOOL_OPTIONS",
                    " -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar",
                )),
                None,
            ),
            (java(json!({"command": ["java", "-jar", "opentelemetry-demo.jar"]})), None),
            (
                node(set("NODE_OPTIONS", "--require @opentelemetry/auto-instrumentations-node/register")),
                Some("/env/0/value"),
            ),
            (
                node(json!({"command": ["node", "--import=dd-trace/initialize.mjs", "a.js"]})),
                Some("/command/1"),
            ),
            (node(json!({"command": ["node", "-r", "./tracing.js"]})), None),
            (node(json!({"args": ["opentelemetry-demo.js"]})), None),
            (node(json!({"args": ["-r", "dd-trace/init", "a.js"]})), Some("/args/1")),
            (
                node(json!({"command": ["node", "-r", "/app/node_modules/@splunk/otel/instrument.js"]})),
                Some("/command/2"),
            ),
            (node(json!({"command": ["node", "-r", "/opt/opentelemetry/polyfill.js"]})), None),
            (node(json!({"command": ["sh", "-c", "cp -r opentelemetry /tmp && exec node a.js"]})), None),
            (node(json!({"command": ["sh", "-c", "node build.js; cp -r opentelemetry /tmp"]})), None),
            (
                java(set(
                    "JAVA_TOOL_OPTIONS",
                    "-javaagent:/opt/opentelemetry/jmx_prometheus_javaagent.jar=1:c",
                )),
                None,
            ),
            (
                node(json!({
                    "env": [{"name": "NODE_OPTIONS", "value": "--enable-source-maps"}],
                    "command": ["sh", "-c", "cp -r opentelemetry /tmp"],
                })),
                None,
            ),
            (
                java(set("JAVA_TOOL_OPTIONS", "-javaagent:/opt/appdynamics/javaagent.jar")),
                Some("/env/0/value"),
            ),
            (python(json!({"command": ["opentelemetry-instrument", "flask", "run"]})), Some("/command/0")),
            (python(json!({"command": ["/venv/bin/ddtrace-run", "python"]})), Some("/command/0")),
            (python(json!({"command": ["python", "-m", "flask"]})), None),
        ] {
            assert_eq!(
                other_agent(language, &container).map(|(at, _)| at).as_deref(),
                expected,
                "{container}"
            );
        }
    }

    #[test]
    fn a_variable_that_is_set_twice_is_told_unless_it_is_joined() {
        let told = |second: &str| {
            let entry = |value: &str| json!({"name": "OTEL_SERVICE_NAME", "value": value});
            let container = json!({"name": "app", "env": [entry("a"), entry(second)]});
            let pod = json!({"spec": {"containers": [container]}});
            let mut advice = Findings::default();
            review(&pod, Language::Java, &["app".to_owned()], &mut advice);
            advice
                .into_vec()
                .iter()
                .map(|found| format!("{} {}", found.code(), found.pointer))
                .collect::<Vec<_>>()
        };
        assert_eq!(told("b"), ["VariableTwice /spec/containers/0/env/0"]);
        assert_eq!(told("$(OTEL_SERVICE_NAME)-b"), [""; 0]);
    }
}
