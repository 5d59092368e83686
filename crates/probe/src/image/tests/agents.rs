use super::*;

fn others(tree: &Tree) -> Vec<(&'static str, Option<Agent>)> {
    tree.contents().others.into_iter().map(|other| (other.name, other.into)).collect()
}

#[test]
fn knows_agents_by_their_variables() {
    for (name, value, expected) in [
        ("JAVA_TOOL_OPTIONS", "-Xmx1g -javaagent:/dd/dd-java-agent.jar=x", ("datadog", Agent::Java)),
        ("_JAVA_OPTIONS", "-javaagent:/newrelic/newrelic.jar", ("newrelic", Agent::Java)),
        ("JDK_JAVA_OPTIONS", "-javaagent:/elastic-apm-agent-1.50.0.jar", ("elastic", Agent::Java)),
        ("JAVA_OPTS", "-javaagent:/opt/appdynamics/javaagent.jar", ("appdynamics", Agent::Java)),
        ("CATALINA_OPTS", "'-javaagent:/x/opentelemetry-javaagent.jar'", ("opentelemetry", Agent::Java)),
        ("JAVA_TOOL_OPTIONS", "-javaagent:/s/splunk-otel-javaagent.jar", ("splunk", Agent::Java)),
        (
            "JAVA_TOOL_OPTIONS",
            "-agentpath:/opt/dynatrace/x/liboneagentloader.so=y",
            ("dynatrace", Agent::Java),
        ),
        ("NODE_OPTIONS", "--require dd-trace/init", ("datadog", Agent::Nodejs)),
        ("NODE_OPTIONS", "--require=newrelic", ("newrelic", Agent::Nodejs)),
        ("NODE_OPTIONS", "-r elastic-apm-node/start.js", ("elastic", Agent::Nodejs)),
        (
            "NODE_OPTIONS",
            "--import @opentelemetry/auto-instrumentations-node/register",
            ("opentelemetry", Agent::Nodejs),
        ),
        ("NODE_OPTIONS", "-r @splunk/otel/instrument", ("splunk", Agent::Nodejs)),
        ("PYTHONPATH", "/app:/datadog-lib/", ("datadog", Agent::Python)),
        ("PYTHONPATH", "/x/ddtrace/bootstrap", ("datadog", Agent::Python)),
        (
            "PYTHONPATH",
            "/x/opentelemetry/instrumentation/auto_instrumentation:/y",
            ("opentelemetry", Agent::Python),
        ),
        ("DOTNET_STARTUP_HOOKS", "/h/ElasticApmAgentStartupHook.dll", ("elastic", Agent::Dotnet)),
    ] {
        let expected = vec![(expected.0, Some(expected.1))];
        assert_eq!(others(&Tree::new().env(name, value)), expected, "{name}={value}");
    }
    assert_eq!(others(&Tree::new().env("LD_PRELOAD", "/opt/x/liboneagentproc.so")), [("dynatrace", None)]);
    let file = Tree::new().file("etc/ld.so.preload", "/opt/datadog-packages/inject/launcher.preload.so\n");
    assert_eq!(others(&file), [("datadog", None)]);
}

#[test]
fn knows_agents_by_the_command() {
    let argv = |words: &[&str]| others(&Tree::new().argv(words));
    assert_eq!(argv(&["ddtrace-run", "python", "app.py"]), [("datadog", Some(Agent::Python))]);
    assert_eq!(argv(&["/v/bin/opentelemetry-instrument", "x"]), [("opentelemetry", Some(Agent::Python))]);
    assert_eq!(
        argv(&["sh", "-c", "java -javaagent:/newrelic.jar -jar a.jar"]),
        [("newrelic", Some(Agent::Java))]
    );
    assert_eq!(argv(&["node", "-r", "dd-trace/init", "app.js"]), [("datadog", Some(Agent::Nodejs))]);
}

#[test]
fn knows_profilers() {
    let profiler = |class, path| {
        let tree = Tree::new().env("CORECLR_ENABLE_PROFILING", "1");
        others(&tree.env("CORECLR_PROFILER", class).env("CORECLR_PROFILER_PATH", path))
    };
    let into = Some(Agent::Dotnet);
    let opentelemetry = "{918728DD-259F-4A6A-AC2B-B85E1B658318}";
    assert_eq!(profiler("{846F5F1C-F9AE-4B07-969E-05C26BC060D8}", "/x.so"), [("datadog", into)]);
    assert_eq!(profiler("{0}", "/opt/libNewRelicProfiler.so"), [("newrelic", into)]);
    assert_eq!(profiler("{0}", "/x.so"), [("unknown", into)]);
    assert_eq!(profiler(opentelemetry, "/x.so"), [("opentelemetry", into)]);
    assert_eq!(profiler(opentelemetry, "/otel-auto-instrumentation-dotnet/linux/x.so"), []);
    let off = Tree::new().env("CORECLR_ENABLE_PROFILING", "0").env("CORECLR_PROFILER", "{0}");
    assert_eq!(others(&off), []);
}

#[test]
fn leaves_ours_and_what_is_not_activated_alone() {
    let tree = Tree::new()
        .env("JAVA_TOOL_OPTIONS", "-javaagent:/otel-auto-instrumentation-java-app/javaagent.jar -javaagent:/x/jacoco.jar")
        .env("JAVA_OPTS", "-javaagent:/opentelemetry-demo/jmx_prometheus_javaagent.jar")
        .env("NODE_OPTIONS", "--require /otel-auto-instrumentation-nodejs/autoinstrumentation.js --max-old-space-size=9")
        .env("PYTHONPATH", "/opentelemetry-demo/src:/otel-auto-instrumentation-python/opentelemetry/instrumentation/auto_instrumentation")
        .env("LD_PRELOAD", "/usr/lib/libjemalloc.so.2")
        .file("usr/lib/python3/site-packages/ddtrace/__init__.py", "")
        .argv(&["python", "ddtrace.py"]);
    assert_eq!(others(&tree), []);
}

#[test]
fn sees_what_python_runs_at_its_start() {
    let folder = || Tree::new().env("PYTHONPATH", "/opt/newrelic/x");
    assert_eq!(others(&folder()), []);
    assert_eq!(
        others(&folder().file("opt/newrelic/x/sitecustomize.py", "")),
        [("newrelic", Some(Agent::Python))]
    );
}
