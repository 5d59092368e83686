//! Agents that will be loaded besides ours, by what activates them. One that is merely installed does nothing.

use ingraft_probe_contract::Agent;

use super::{Image, Other, path};

/// Our own payloads lie below such folders, so what names them is no other agent.
const OURS: &str = "/otel-auto-instrumentation-";

/// Parts of files' and modules' names, in lower case, and whose they are. The more special come first: most vendors
/// now ship OpenTelemetry under their own name.
const VENDORS: [(&str, &str); 25] = [
    ("dd-java-agent", "datadog"),
    ("dd-trace", "datadog"),
    ("ddtrace", "datadog"),
    ("datadog", "datadog"),
    ("newrelic", "newrelic"),
    ("oneagent", "dynatrace"),
    ("dynatrace", "dynatrace"),
    ("elastic-apm", "elastic"),
    ("elastic-otel", "elastic"),
    ("elastic_apm", "elastic"),
    ("elasticapm", "elastic"),
    ("appdynamics", "appdynamics"),
    ("appagent", "appdynamics"),
    ("appdprofiler", "appdynamics"),
    ("splunk-otel", "splunk"),
    ("splunk/otel", "splunk"),
    ("libsplunk", "splunk"),
    ("applicationinsights", "azure"),
    ("instana", "instana"),
    ("skywalking", "skywalking"),
    ("pinpoint-bootstrap", "pinpoint"),
    ("glowroot", "glowroot"),
    ("opentelemetry", "opentelemetry"),
    ("otel-javaagent", "opentelemetry"),
    ("otelinject", "opentelemetry"),
];

/// Names of files that say nothing, so that the folder tells.
const GENERIC: [&str; 3] = ["javaagent.jar", "agent.jar", "apm-agent.jar"];

/// Folders that hold nothing but what Python runs at its start.
const BOOTSTRAPS: [&str; 4] = ["bootstrap", "auto_instrumentation", "datadog-lib", "wrapper"];

/// The first program of a Python application that activates an agent.
const LAUNCHERS: [(&str, &str); 7] = [
    ("ddtrace-run", "datadog"),
    ("newrelic-admin", "newrelic"),
    ("elasticapm-run", "elastic"),
    ("opentelemetry-instrument", "opentelemetry"),
    ("splunk-py-trace", "splunk"),
    ("splk-py-trace", "splunk"),
    ("pyagent", "appdynamics"),
];

/// Every .NET process has one profiler at most, and these are known.
const PROFILERS: [(&str, &str); 5] = [
    ("{846f5f1c-f9ae-4b07-969e-05c26bc060d8}", "datadog"),
    ("{36032161-ffc0-4b61-b559-f6c5d41bae5a}", "newrelic"),
    ("{57e1aa68-2229-41aa-9931-a6e93bbc64d8}", "appdynamics"),
    ("{fa65fe15-f085-4681-9b20-95e04f6c03cc}", "elastic"),
    ("{918728dd-259f-4a6a-ac2b-b85e1b658318}", "opentelemetry"),
];

/// Every other agent, each once.
pub(super) fn find(image: &Image<'_>) -> Vec<Other> {
    let mut found = Vec::new();
    let mut add = |name: Option<&'static str>, into: Option<Agent>| {
        let other = name.map(|name| Other { name, into });
        found.extend(other.filter(|other| !found.contains(other)));
    };
    for name in preloaded(image).iter().filter_map(|library| vendor(library)) {
        add(Some(name), None);
    }
    java(image).for_each(|file| add(vendor_of_file(file), Some(Agent::Java)));
    nodejs(image).for_each(|module| add(vendor(module), Some(Agent::Nodejs)));
    for folder in variable(image, "PYTHONPATH").split(':') {
        add(vendor(folder).filter(|_| is_bootstrap(image, folder)), Some(Agent::Python));
    }
    for word in image.argv.iter().take(4) {
        add(named(&LAUNCHERS, path::name(word)), Some(Agent::Python));
    }
    for hook in variable(image, "DOTNET_STARTUP_HOOKS").split(':') {
        add(vendor(hook), Some(Agent::Dotnet));
    }
    add(profiler(image), Some(Agent::Dotnet));
    found
}

/// Libraries that the loader puts into every process.
fn preloaded(image: &Image<'_>) -> Vec<String> {
    let file = image.files.text("/etc/ld.so.preload", 4096).unwrap_or_default();
    let lists = [variable(image, "LD_PRELOAD"), &file];
    lists.iter().flat_map(|list| list.split([' ', ':', '\n'])).map(str::to_owned).collect()
}

/// Files of agents that options name, in variables of the JVM, of usual start scripts, and on the command line.
fn java<'i>(image: &'i Image<'_>) -> impl Iterator<Item = &'i str> {
    let variables = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS"];
    let options = variables.into_iter().flat_map(|name| variable(image, name).split_whitespace());
    options
        .chain(image.argv.iter().flat_map(|word| word.split_whitespace()))
        .map(|option| option.trim_start_matches(['"', '\'']))
        .filter_map(|option| {
            option.strip_prefix("-javaagent:").or_else(|| option.strip_prefix("-agentpath:"))
        })
        .filter_map(|file| file.split('=').next())
}

/// Modules that Node.js loads before the application.
fn nodejs<'i>(image: &'i Image<'_>) -> impl Iterator<Item = &'i str> {
    let is_option =
        |word: &str| matches!(word, "-r" | "--require" | "--import" | "--loader" | "--experimental-loader");
    let variable = variable(image, "NODE_OPTIONS").split_whitespace();
    let words = variable.chain(image.argv.iter().flat_map(|word| word.split_whitespace()));
    let mut follows = false;
    words.filter_map(move |word| {
        let is_module = std::mem::replace(&mut follows, is_option(word));
        match word.split_once('=') {
            _ if is_module => Some(word),
            Some((option, module)) if is_option(option) => Some(module),
            _ => None,
        }
    })
}

/// The .NET profiler, if one is switched on that is not ours.
fn profiler(image: &Image<'_>) -> Option<&'static str> {
    let class = image.environment.text("CORECLR_PROFILER")?;
    let paths = ["CORECLR_PROFILER_PATH", "CORECLR_PROFILER_PATH_64", "CORECLR_PROFILER_PATH_ARM64"];
    let paths = paths.map(|name| variable(image, name));
    if variable(image, "CORECLR_ENABLE_PROFILING") != "1" || paths.iter().any(|path| path.contains(OURS)) {
        return None;
    }
    let known = paths.iter().find_map(|path| vendor(path));
    known.or_else(|| named(&PROFILERS, &class.to_ascii_lowercase())).or(Some("unknown"))
}

fn variable<'i>(image: &'i Image<'_>, name: &str) -> &'i str {
    image.environment.text(name).unwrap_or_default()
}

fn named(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == text).map(|(_, vendor)| *vendor)
}

/// Whether Python runs something of the folder at its start: a folder of modules activates nothing. Volumes of others
/// are not mounted here, so the name has to do where the file can't be seen.
fn is_bootstrap(image: &Image<'_>, folder: &str) -> bool {
    BOOTSTRAPS.contains(&path::name(folder.trim_end_matches('/')))
        || image.files.is_file(&path::join(folder, "sitecustomize.py"))
}

/// Whose a file is, by its name, or by its path if the name says nothing.
fn vendor_of_file(file: &str) -> Option<&'static str> {
    let name = path::name(file);
    if file.contains(OURS) { None } else { vendor(if GENERIC.contains(&name) { file } else { name }) }
}

/// Whose a file or module is, if anybody's but ours.
fn vendor(text: &str) -> Option<&'static str> {
    if text.contains(OURS) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    VENDORS.iter().find(|(part, _)| text.contains(part)).map(|(_, vendor)| *vendor)
}
