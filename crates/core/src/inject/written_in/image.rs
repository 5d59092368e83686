//! What the reference of an image says.

use ingraft_api::Language;
use ingraft_probe_contract::Libc;

use super::{Content, DOTNET, JAVA, NODEJS, PYTHON};
use crate::image::ImageReference;

/// What is in an image whose publisher names it after a language, from whichever registry: those of Docker
/// (<https://docs.docker.com/docker-hub/repos/manage/trusted-content/official-images/>) and of .NET
/// (<https://mcr.microsoft.com/catalog?search=dotnet>), distroless ones
/// (<https://github.com/GoogleContainerTools/distroless>), and some others. Whose name nobody gives to anything else may be
/// in any folder.
pub(super) fn content(image: &str) -> Option<Content> {
    let image = ImageReference::parse(image);
    let (path, name) = image.path().rsplit_once('/').unwrap_or_else(|| ("library", image.path()));
    let folder = path.rsplit('/').next()?;
    // Who mirrors Docker's may leave their folder out.
    let is_mirror = ["mirror", "docker"].iter().any(|word| folder.contains(word));
    let folder = if is_mirror { "library" } else { folder };
    if folder.starts_with("bitnami") {
        return of_bitnami(name);
    }
    let is_of_red_hat = ["ubi7", "ubi8", "ubi9", "ubi10"].contains(&folder);
    match (folder, name) {
        ("library", "gradle" | "ibmjava" | "jetty" | "maven" | "sapmachine")
        | ("azul", "prime")
        | ("graalvm", "jdk" | "graalvm-ce" | "graalvm-community" | "jdk-community")
        | ("jboss" | "wildfly", "wildfly") => Some(JAVA),
        ("library", "node") => Some(NODEJS),
        ("pytorch", "pytorch") => Some(PYTHON),
        ("tiangolo", name) if name.starts_with("uvicorn-gunicorn") => Some(PYTHON),
        ("astral-sh", "uv") if image.tag_or_latest().starts_with("python") => Some(PYTHON),
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
        (_, name) if is_of_red_hat => {
            [("openjdk-", JAVA), ("nodejs-", NODEJS), ("python-", PYTHON), ("dotnet-", DOTNET)]
                .into_iter()
                .find_map(|(start, content)| name.starts_with(start).then_some(content))
        }
        _ => of_any_folder(image).filter(|_| !is_of_several(image)),
    }
}

/// What is in an image with a name that nobody gives to anything else. A node is often something else.
fn of_any_folder(image: ImageReference<'_>) -> Option<Content> {
    match image.name() {
        "amazoncorretto"
        | "eclipse-temurin"
        | "ibm-semeru-runtimes"
        | "openjdk"
        | "tomcat"
        | "zulu-openjdk"
        | "zulu-openjdk-alpine" => Some(JAVA),
        "python" | "pypy" => Some(PYTHON),
        _ => None,
    }
}

/// Whether a tag names another language than the image.
fn is_of_several(image: ImageReference<'_>) -> bool {
    let is_java = of_any_folder(image) == Some(JAVA);
    let others = if is_java { ["node", "python"] } else { ["node", "jdk"] };
    others.iter().any(|other| image.tag_or_latest().contains(other))
}

/// What is in an image of <https://github.com/bitnami/containers>.
fn of_bitnami(name: &str) -> Option<Content> {
    match name {
        "java" | "tomcat" | "wildfly" => Some(JAVA),
        "node" => Some(NODEJS),
        "python" => Some(PYTHON),
        "aspnet-core" | "dotnet" | "dotnet-sdk" => Some(DOTNET),
        _ => None,
    }
}

/// The C library in an image: musl by a tag such as `3.13-alpine3.22` or its name, glibc by a tag that those who name images
/// after a language use.
pub(super) fn libc(reference: &str) -> Option<Libc> {
    let image = ImageReference::parse(reference);
    let has = |is_it: fn(&str) -> bool| image.tag_or_latest().split('-').any(is_it);
    let is_of_debian =
        |word: &str| ["bookworm", "bullseye", "buster", "jammy", "noble", "slim", "trixie"].contains(&word);
    if has(|word| word.starts_with("alpine")) || image.name() == "alpine" {
        Some(Libc::Musl)
    } else {
        (content(reference).is_some() && has(is_of_debian)).then_some(Libc::Glibc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_the_c_library() {
        for (image, expected) in [
            ("python:3.12-alpine", Some(Libc::Musl)),
            ("registry.example.com:5000/python:3.12-alpine3.20", Some(Libc::Musl)),
            ("mcr.microsoft.com/dotnet/aspnet:8.0-alpine", Some(Libc::Musl)),
            ("python:alpine@sha256:a", Some(Libc::Musl)),
            ("alpine", Some(Libc::Musl)),
            ("python:3.12-slim", Some(Libc::Glibc)),
            ("python:3.12-slim-bookworm", Some(Libc::Glibc)),
            ("mcr.microsoft.com/dotnet/aspnet:8.0-jammy", Some(Libc::Glibc)),
            ("python:3.12", None),
            ("example.com/shop/api:1-slim", None),
            ("alpine/python:3.12", None),
            ("python:not_alpine", None),
        ] {
            assert_eq!(libc(image), expected, "{image}");
        }
    }

    #[test]
    fn names_tell_the_language() {
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
            ("registry.example.com/mirror/python:3.12", Some("python")),
            ("registry.example.com/docker-hub/node:22", Some("nodejs")),
            ("shop/python:1", Some("python")),
            ("ci/python:3.12-node", None),
            ("bitnami/node:22", Some("nodejs")),
            ("docker.io/bitnamilegacy/tomcat:10", Some("java")),
            ("bitnami/redis", None),
            ("registry.access.redhat.com/ubi9/python-312:1", Some("python")),
            ("registry.access.redhat.com/ubi8/nodejs-20:1", Some("nodejs")),
            ("registry.access.redhat.com/ubi8/openjdk-17:1", Some("java")),
            ("ubi9/ubi-minimal", None),
            ("azul/zulu-openjdk:21", Some("java")),
            ("quay.io/wildfly/wildfly:30", Some("java")),
            ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", Some("python")),
            ("ghcr.io/astral-sh/uv:0.5", None),
            ("tiangolo/uvicorn-gunicorn-fastapi:python3.11", Some("python")),
            ("calico/node:v3", None),
            ("kindest/node:v1.31", None),
            ("my-python-and-java:1", None),
            ("example.com/shop/api:1", None),
            ("gcr.io/distroless/static", None),
            ("", None),
        ] {
            assert_eq!(content(image).map(|(what, _)| what), expected, "{image}");
        }
    }
}
