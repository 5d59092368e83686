//! In which language the program of a container is written, as probes have found, or else as its command, the name of its
//! image or a variable says, and for which C library.

mod command;
mod image;
mod variable;

use command::Run;
use image::{content, libc};
use ingraft_api::Language;
use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};
use ingraft_probe_contract::Libc;
use serde_json::Value;

use super::Request;
use super::choose::Choice;
use super::pod::{Container, Pod};
use super::profile;
use crate::defaults;
use crate::facts::agent;
use crate::finding::{ContainerFinding, Findings};
use crate::json::list;

/// What is in an image, and the languages that can be injected there.
type Content = (&'static str, &'static [Language]);

const JAVA: Content = ("java", &[Language::Java]);
const NODEJS: Content = ("nodejs", &[Language::NodeJs]);
const PYTHON: Content = ("python", &[Language::Python]);
const DOTNET: Content = ("dotnet", &[Language::DotNet]);

/// Notices a language that a container does not seem to run. It is injected all the same.
pub(crate) fn review(pod: &Pod<'_>, choice: &Choice<'_>, findings: &mut Findings) {
    let language = choice.language;
    for container in choice.containers.iter().filter_map(|name| pod.container(name)) {
        let (found, field) = match pod.image(container) {
            Some(facts) if agent(language).is_some_and(|agent| !facts.runtimes.contains_key(&agent)) => {
                (facts.runtimes.keys().map(|found| found.name().to_owned()).collect(), "image".to_owned())
            }
            None => match by_name(container, language, |name| sets(choice, name)) {
                Some((what, field)) => (vec![what.to_owned()], field),
                None => continue,
            },
            Some(_) => continue,
        };
        if !found.is_empty() {
            let container_name = container.name.to_owned();
            let reason = ContainerFinding::LanguageSeemsWrong { language, container: container_name, found };
            findings.pod(reason, container.pointer(&field));
        }
    }
}

/// Whether the Instrumentation sets a variable in containers of the language.
fn sets(choice: &Choice<'_>, name: &str) -> bool {
    let spec = &choice.instrumentation.spec;
    let common = spec.env.as_deref().unwrap_or_default();
    common.iter().chain(defaults::block(spec, choice.language).env).any(|entry| entry.name == name)
}

/// Notices images of Alpine, which have musl, where nothing says that the agent's files are to be those for it; and where the
/// annotation says another C library than the image's name.
pub(crate) fn review_libc(
    request: &Request<'_>,
    language: Language,
    containers: &[String],
    findings: &mut Findings,
) {
    let Some((key, for_musl)) = musl(language) else { return };
    let pod = Pod::read(request, false);
    let named = pod.effective_annotation(key);
    let of_named = if named == for_musl { Libc::Musl } else { Libc::Glibc };
    for container in containers.iter().filter_map(|name| pod.container(name)) {
        if pod.image(container).is_some_and(|facts| facts.libc.is_some()) {
            continue;
        }
        let name = container.name.to_owned();
        match libc(container.image()) {
            Some(Libc::Musl) if named.is_empty() => {
                let reason = ContainerFinding::MuslNotNamed { language, container: name };
                findings.pod(reason, container.pointer("image"));
            }
            Some(libc) if !named.is_empty() && libc != of_named => {
                let mut others = profile(language).platforms.iter().copied();
                let Some(meant) = others.find(|platform| (*platform == for_musl) == (libc == Libc::Musl))
                else {
                    continue;
                };
                let value = named.to_owned();
                let reason = ContainerFinding::PlatformSeemsWrong { language, container: name, value, meant };
                pod.report(findings, key, reason);
            }
            _ => {}
        }
    }
}

/// Whether the name of an image says that it has musl.
pub(crate) fn has_musl(image: &str) -> bool {
    libc(image) == Some(Libc::Musl)
}

/// The annotation that has a language's agent be the one for musl, and its value, where there is another for glibc.
pub(crate) const fn musl(language: Language) -> Option<(&'static str, &'static str)> {
    match language {
        Language::Python => Some((PYTHON_PLATFORM, "musl")),
        Language::DotNet => Some((DOTNET_RUNTIME, "linux-musl-x64")),
        _ => None,
    }
}

/// What a container runs, and the field that says so, if a language cannot be injected there: its command, or else the name of
/// its image, or else a variable that only one language reads. Where one leaves it open, nothing is said.
fn by_name(
    container: Container<'_>,
    language: Language,
    is_injected: impl Fn(&str) -> bool,
) -> Option<(&'static str, String)> {
    let ((what, languages), field) = match shown(container) {
        (Run::Only(content), field) => (content, field.to_owned()),
        (Run::Among(_), _) => return None,
        (Run::Unknown, _) => {
            let (content, index) = variable::read_by(list(container.json, "env"), is_injected)?;
            (content, format!("env/{index}/name"))
        }
    };
    (language != Language::Sdk && !languages.contains(&language)).then_some((what, field))
}

/// Whether the command of a container, or the name of its image, says that a language may be injected there.
pub(crate) fn may_run(container: &Value, language: Language) -> bool {
    let named = match shown(Container { json: container, ..Container::new("") }).0 {
        Run::Only(content) => vec![content],
        Run::Among(named) => named,
        Run::Unknown => Vec::new(),
    };
    named.iter().any(|(_, languages)| languages.contains(&language))
}

/// The language of a container, by its command or else by the name of its image.
pub(crate) fn language_of(container: &Value) -> Option<Language> {
    match shown(Container { json: container, ..Container::new("") }).0 {
        Run::Only((_, &[language])) => Some(language),
        _ => None,
    }
}

/// The only one of some containers that has a language, as a probe has found, or else its command or the name of its image
/// says.
pub(crate) fn only_one<'a>(
    pod: &Pod<'a>,
    containers: impl Iterator<Item = Container<'a>>,
    language: Language,
) -> Option<&'a str> {
    let has = |container: &Container<'_>| match pod.image(*container) {
        Some(facts) => agent(language).is_some_and(|agent| facts.runtimes.contains_key(&agent)),
        None => language_of(container.json) == Some(language),
    };
    let mut having = containers.filter(has);
    having.next().filter(|_| having.next().is_none()).map(|container| container.name)
}

/// What a container runs by its command, or else by the name of its image, and which field says so.
fn shown(container: Container<'_>) -> (Run, &'static str) {
    match (started(container), content(container.image())) {
        ((Run::Only(content), "args"), Some(other)) if content != other => {
            (Run::Among(vec![content, other]), "args")
        }
        ((Run::Unknown, _), Some(content)) => (Run::Only(content), "image"),
        (of_command, _) => of_command,
    }
}

/// What a container's command runs, or its arguments if these are a whole command line, and which field has it.
fn started(container: Container<'_>) -> (Run, &'static str) {
    let words: Vec<&str> = container.words().collect();
    let run = command::run(&words);
    match (list(container.json, "command"), run) {
        ([], Run::Only(content)) if command::is_whole(&words, content) => (Run::Only(content), "args"),
        // The image says what the arguments are for.
        ([], _) => (Run::Unknown, "args"),
        (_, run) => (run, "command"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn one_container_that_has_a_language_is_meant() {
        let containers = json!([
            {"name": "a", "image": "python:3.12"}, {"name": "b", "image": "b", "command": ["node", "a.js"]},
            {"name": "c", "image": "openjdk:21"}, {"name": "d", "image": "openjdk:21"},
        ]);
        let json = json!({"spec": {"containers": containers}});
        let (snapshot, settings) = (Snapshot::default(), Settings::default());
        let request =
            Request { pod: &json, namespace: "shop", owners: &[], snapshot: &snapshot, settings: &settings };
        let pod = Pod::read(&request, false);
        for (language, expected) in [
            (Language::Python, Some("a")),
            (Language::NodeJs, Some("b")),
            (Language::Java, None),
            (Language::DotNet, None),
        ] {
            assert_eq!(only_one(&pod, pod.regular(), language), expected, "{language}");
        }
    }

    #[test]
    fn an_image_of_alpine_is_told_where_nothing_names_its_library() {
        let of_image = |image: &str, language: Language, annotations: Value| {
            let container = json!({"name": "app", "image": image});
            let pod = json!({"metadata": {"annotations": annotations}, "spec": {"containers": [container]}});
            let (snapshot, settings) = (Snapshot::default(), Settings::default());
            let request = Request {
                pod: &pod,
                namespace: "shop",
                owners: &[],
                snapshot: &snapshot,
                settings: &settings,
            };
            let mut findings = Findings::default();
            review_libc(&request, language, &["app".to_owned()], &mut findings);
            findings.into_vec().iter().map(|found| found.pointer.clone()).collect::<Vec<_>>()
        };
        let told = |language, annotations| of_image("app:1-alpine", language, annotations);
        assert_eq!(told(Language::Python, json!({})), ["/spec/containers/0/image"]);
        let platform = "/metadata/annotations/instrumentation.opentelemetry.io~1otel-python-platform";
        assert_eq!(told(Language::Python, json!({PYTHON_PLATFORM: "glibc"})), [platform]);
        assert_eq!(told(Language::Python, json!({PYTHON_PLATFORM: "musl"})), [""; 0]);
        let musl = || json!({PYTHON_PLATFORM: "musl"});
        assert_eq!(of_image("python:3.12-slim", Language::Python, musl()), [platform]);
        assert_eq!(of_image("app:1-slim", Language::Python, musl()), [""; 0]);
        assert_eq!(told(Language::DotNet, json!({PYTHON_PLATFORM: "musl"})), ["/spec/containers/0/image"]);
        assert_eq!(told(Language::Java, json!({})), [""; 0]);
    }

    #[test]
    fn a_command_says_more_than_the_name_of_an_image_and_that_more_than_variables() {
        let found = |fields: &Value, language| {
            let is_injected = |name: &str| name == "FLASK_APP";
            let found = by_name(Container { json: fields, ..Container::new("app") }, language, is_injected);
            found.map_or(String::new(), |(what, field)| format!("{what} {field}"))
        };
        let of_node = |command: Value| json!({"image": "node:20", "command": command});
        let jar = json!(["java", "-jar", "a.jar"]);
        let env = json!([{"name": "PYTHONUNBUFFERED"}]);
        for (container, language, expected) in [
            (of_node(jar.clone()), Language::Java, ""),
            (of_node(json!(["/usr/bin/java", "-jar", "a.jar"])), Language::NodeJs, "java command"),
            (of_node(json!(["sh", "-c", "exec python3.12 a.py"])), Language::Python, ""),
            (of_node(json!(["sh", "-c", "cd /app && java -jar a.jar"])), Language::Java, ""),
            (of_node(json!(["sh", "-c", "java -version; ./run"])), Language::Python, ""),
            (of_node(json!(["/app/server"])), Language::Java, "nodejs image"),
            (of_node(json!(["python-app"])), Language::NodeJs, ""),
            (of_node(json!([])), Language::Java, "nodejs image"),
            (of_node(json!(["java"])), Language::Sdk, ""),
            (json!({"image": "app", "args": jar}), Language::Python, "java args"),
            (json!({"image": "app", "args": ["gunicorn", "app:app"]}), Language::Java, "python args"),
            (json!({"image": "app", "args": ["java"]}), Language::Python, ""),
            (json!({"image": "app", "args": ["python", "generate"]}), Language::Java, ""),
            (json!({"image": "node", "args": jar}), Language::Python, ""),
            (json!({"image": "app", "env": env}), Language::NodeJs, "python env/0/name"),
            (json!({"image": "app", "env": env}), Language::Python, ""),
            (json!({"image": "node", "env": env}), Language::NodeJs, ""),
            (json!({"image": "app", "env": [{"name": "FLASK_APP"}]}), Language::NodeJs, ""),
        ] {
            assert_eq!(found(&container, language), expected, "{container} {language}");
        }
    }
}
