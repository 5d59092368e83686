//! In which language the program of an image is written, as probes have found, or else as the name of the image says.

use ingraft_api::Language;

use super::choose::Choice;
use super::pod::{Container, Pod};
use crate::facts::agent;
use crate::finding::{ContainerFinding, Findings};
use crate::image::ImageReference;

/// What is in an image, and the languages that can be injected there.
type Content = (&'static str, &'static [Language]);

const JAVA: Content = ("java", &[Language::Java]);
const NODEJS: Content = ("nodejs", &[Language::NodeJs]);
const PYTHON: Content = ("python", &[Language::Python]);
const DOTNET: Content = ("dotnet", &[Language::DotNet]);

/// Notices a language that an image does not seem to have. It is injected all the same.
pub(crate) fn review(pod: &Pod<'_>, choice: &Choice<'_>, findings: &mut Findings) {
    let language = choice.language;
    for container in choice.containers.iter().filter_map(|name| pod.container(name)) {
        let found = match pod.image(container) {
            Some(facts) if agent(language).is_some_and(|agent| !facts.runtimes.contains_key(&agent)) => {
                facts.runtimes.keys().map(|found| found.name().to_owned()).collect()
            }
            None => by_name(container, language).map(str::to_owned).into_iter().collect::<Vec<_>>(),
            Some(_) => continue,
        };
        if !found.is_empty() {
            let container_name = container.name.to_owned();
            let reason = ContainerFinding::LanguageSeemsWrong { language, container: container_name, found };
            findings.pod(reason, container.pointer("image"));
        }
    }
}

/// What is in a container's image by its name, if a language cannot be injected there.
fn by_name(container: Container<'_>, language: Language) -> Option<&'static str> {
    let (what, languages) = content(container.image())?;
    (language != Language::Sdk && !languages.contains(&language)).then_some(what)
}

/// What is in an image whose publisher names it after a language: those of Docker
/// (<https://docs.docker.com/docker-hub/repos/manage/trusted-content/official-images/>) and of .NET
/// (<https://mcr.microsoft.com/catalog?search=dotnet>), from whichever registry, and distroless ones
/// (<https://github.com/GoogleContainerTools/distroless>). Others may call anything `node`.
fn content(image: &str) -> Option<Content> {
    let image = ImageReference::parse(image);
    let (folder, name) = image.path().rsplit_once('/').unwrap_or_else(|| ("library", image.path()));
    match (folder.rsplit('/').next()?, name) {
        (
            "library",
            "amazoncorretto" | "eclipse-temurin" | "gradle" | "ibmjava" | "jetty" | "maven" | "openjdk"
            | "sapmachine" | "tomcat",
        ) => Some(JAVA),
        ("library", "node") => Some(NODEJS),
        ("library", "python" | "pypy") => Some(PYTHON),
        ("library", "golang") => Some(("go", &[Language::Go])),
        ("library", "nginx") | ("nginxinc", "nginx-unprivileged") => Some(("nginx", &[Language::Nginx])),
        ("library", "httpd") => Some(("apache-httpd", &[Language::ApacheHttpd])),
        // Some of its tags contain httpd.
        ("library", "php") => Some(("php", &[Language::ApacheHttpd])),
        ("library", "ruby") => Some(("ruby", &[])),
        ("dotnet", "aspnet" | "runtime" | "runtime-deps" | "sdk") => Some(DOTNET),
        ("distroless", name) if name.starts_with("java") => Some(JAVA),
        ("distroless", name) if name.starts_with("nodejs") => Some(NODEJS),
        ("distroless", name) if name.starts_with("python3") => Some(PYTHON),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn knows_images_that_are_named_after_a_language() {
        for (image, expected) in [
            ("python:3.12-slim", Some("python")),
            ("docker.io/library/node:20", Some("nodejs")),
            ("registry.example.com:5000/node:20", Some("nodejs")),
            ("mirror.example.com/hub/library/golang@sha256:a", Some("go")),
            ("eclipse-temurin:21-jre", Some("java")),
            ("mcr.microsoft.com/dotnet/aspnet:8.0", Some("dotnet")),
            ("gcr.io/distroless/java21-debian12", Some("java")),
            ("nginxinc/nginx-unprivileged", Some("nginx")),
            ("php:8.3-fpm", Some("php")),
            ("calico/node:v3", None),
            ("my-python-and-java:1", None),
            ("shop/python:1", None),
            ("example.com/shop/api:1", None),
            ("gcr.io/distroless/static", None),
            ("", None),
        ] {
            assert_eq!(content(image).map(|(what, _)| what), expected, "{image}");
        }
    }
}
