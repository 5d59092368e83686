//! Whether an image can be instrumented, and how, from what it shows before it runs.
//!
//! ```text
//!  Reading (platforms, facts as probes report them, user …) ─► judge() ─► Verdict: language, annotations, findings
//! ```

mod told;

use std::fmt;

use ingraft_api::Language;
use ingraft_api::annotations::{GO_TARGET_EXE, NODEJS_ESM};
use ingraft_probe_contract::{Agent, ImageFacts, Libc};

use crate::facts;
use crate::finding::{ContainerFinding, Finding, ImageFinding, ProbeFinding, Reason, Severity};
use crate::image::ImageReference;
use crate::inject::{musl, nodejs, profile};

/// What an image is for: `linux/arm64`, `linux/arm/v7`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The architecture, as image registries name it.
    pub architecture: String,
    /// Which one of them; empty where there is one only.
    pub variant: String,
}

impl Platform {
    /// Reads `os/architecture` or `os/architecture/variant`.
    ///
    /// ```
    /// use ingraft_core::doctor::image::Platform;
    /// let platform = Platform::parse("linux/arm/v7").expect("it is one");
    /// assert_eq!((platform.to_string().as_str(), platform.variant.as_str()), ("linux/arm/v7", "v7"));
    /// assert_eq!(Platform::parse("arm64"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let allowed =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match *parts.iter().all(allowed).then_some(&parts[..])? {
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => return None,
        };
        Some(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.to_owned() })
    }

    /// Whether an image for this platform is one for another, which may say less. `arm64` is `arm64/v8`.
    pub fn is(&self, wanted: &Self) -> bool {
        let variant = |platform: &Self| match (platform.architecture.as_str(), platform.variant.as_str()) {
            ("arm64", "v8") => String::new(),
            (_, variant) => variant.to_owned(),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (variant(wanted).is_empty() || variant(self) == variant(wanted))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

/// What was read of an image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The image, as it was named.
    pub image: String,
    /// The digest of what the name stood for, where a registry or an archive tells.
    pub digest: Option<String>,
    /// What there are images for under this name.
    pub platforms: Vec<Platform>,
    /// That of the one which was looked into.
    pub platform: Platform,
    /// What a probe would report of it.
    pub facts: ImageFacts,
    /// Programs that it starts.
    pub commands: Vec<String>,
    /// The first of these that Go has built.
    pub go: Option<String>,
    /// The user that it runs as; empty for root.
    pub user: String,
}

/// What is said of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'r> {
    /// What it was read from.
    pub reading: &'r Reading,
    /// What can be instrumented in it, and the versions, where known.
    pub found: Vec<(Language, Option<String>)>,
    /// That which the application is written in.
    pub language: Option<Language>,
    /// The annotations to write.
    pub annotations: Vec<(&'static str, String)>,
    /// What is worth knowing, or in the way, the worst first.
    pub findings: Vec<Finding>,
}

impl Verdict<'_> {
    /// Whether a language was found, and nothing is in the way.
    pub fn fits(&self) -> bool {
        self.language.is_some() && self.findings.iter().all(|finding| finding.severity() == Severity::Info)
    }
}

/// Says whether an image can be instrumented, and how.
pub fn judge(reading: &Reading) -> Verdict<'_> {
    let found = found(reading);
    let language = language(reading, &found);
    let mut reasons: Vec<Reason> = Vec::new();
    let linux = reading.platform.os == "linux";
    if !linux {
        let platform = reading.platform.to_string();
        reasons.push(ImageFinding::ImageNotForLinux { platform }.into());
    }
    match language {
        Some(language) => reasons.extend(of_language(reading, language)),
        None if !linux => {}
        None if found.is_empty() => reasons.push(ImageFinding::ImageLanguageUnknown.into()),
        None => {
            let found = found.iter().map(|(language, _)| language.key().to_owned()).collect();
            reasons.push(ImageFinding::ImageLanguageAmbiguous { found }.into());
        }
    }
    if reading.facts.cut {
        reasons.push(ImageFinding::ImageNotWhole.into());
    }
    let mut findings: Vec<Finding> = reasons.into_iter().map(|reason| Finding::pod(reason, "")).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    let annotations = language.map(|language| annotations(reading, language)).unwrap_or_default();
    Verdict { reading, found, language, annotations, findings }
}

/// What can be instrumented, whether the application uses it or not.
fn found(reading: &Reading) -> Vec<(Language, Option<String>)> {
    let runtimes = reading.facts.runtimes.iter();
    let runtimes = runtimes.filter_map(|(agent, version)| Some((facts::language(*agent)?, version.clone())));
    let mut found: Vec<_> = runtimes.collect();
    let servers = reading.commands.iter().filter_map(|command| server(command));
    for language in servers.chain(reading.go.iter().map(|_| Language::Go)) {
        if found.iter().all(|(known, _)| *known != language) {
            found.push((language, None));
        }
    }
    found
}

/// What is started decides; else the only one that is there.
fn language(reading: &Reading, found: &[(Language, Option<String>)]) -> Option<Language> {
    let is_found = |language: &Language| found.iter().any(|(known, _)| known == language);
    let mut started =
        reading.commands.iter().filter_map(|command| runtime(command).or_else(|| server(command)));
    let started = started.find(is_found).or_else(|| reading.go.as_ref().map(|_| Language::Go));
    match found {
        _ if started.is_some() => started,
        [(only, _)] => Some(*only),
        _ => None,
    }
}

/// The language of a runtime's program.
fn runtime(program: &str) -> Option<Language> {
    let is_version = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match name(program) {
        "java" => Some(Language::Java),
        "node" | "nodejs" => Some(Language::NodeJs),
        "dotnet" => Some(Language::DotNet),
        name if name.strip_prefix("python").is_some_and(is_version) => Some(Language::Python),
        _ => None,
    }
}

/// The language that stands for a web server's program, or for what starts it in official images.
fn server(program: &str) -> Option<Language> {
    match name(program) {
        "nginx" | "nginx-debug" => Some(Language::Nginx),
        "httpd" | "httpd-foreground" | "apache2" | "apache2ctl" | "apache2-foreground" => {
            Some(Language::ApacheHttpd)
        }
        _ => None,
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A name for the container that will run it: that of the image, or of the archive that holds it.
fn container(image: &str) -> &str {
    let image = image.rsplit_once('#').map_or(image, |(_, name)| name);
    let name = ImageReference::parse(image).name();
    name.split_once(".t").map_or(name, |(name, _)| name)
}

/// What speaks against the language, and what is worth knowing.
fn of_language(reading: &Reading, language: Language) -> Vec<Reason> {
    let Reading { facts, platform, platforms, .. } = reading;
    let profile = profile(language);
    let container = || container(&reading.image).to_owned();
    let mut reasons: Vec<Reason> = Vec::new();
    let agent = facts::agent(language);
    let version = agent.and_then(|agent| facts.runtimes.get(&agent).cloned().flatten());
    if let Some(&why) = agent.and_then(|agent| facts.stood_down.get(&agent)) {
        let (agents, version) = (facts.agents.clone(), version.clone());
        reasons.push(
            ProbeFinding::AgentStoodDown { language, container: container(), why, agents, version }.into(),
        );
    }
    let known = profile.architectures;
    let lacks = |platform: &&Platform| !known.contains(&platform.architecture.as_str());
    if platform.os == "linux" && lacks(&platform) {
        let platform = platform.to_string();
        reasons.push(ImageFinding::ImageArchitectureUnsupported { language, platform, known }.into());
    }
    let others = platforms.iter().filter(|other| *other != platform && other.os == "linux").filter(lacks);
    let others: Vec<String> = others.map(Platform::to_string).collect();
    if !others.is_empty() {
        reasons
            .push(ImageFinding::OtherArchitectureUnsupported { language, platforms: others, known }.into());
    }
    let matters =
        |name: &&String| name.starts_with("OTEL_") || profile.loading_variables.contains(&name.as_str());
    let replaced: Vec<String> = facts.entrypoint.iter().filter(matters).cloned().collect();
    if !replaced.is_empty() {
        reasons.push(ProbeFinding::EntrypointSets { container: container(), variables: replaced }.into());
    }
    let variables: Vec<String> = facts.sets.iter().filter(matters).cloned().collect();
    if !variables.is_empty() {
        reasons.push(ImageFinding::ImageSetsVariables { variables }.into());
    }
    if agent == Some(Agent::Nodejs)
        && facts.esm == Some(true)
        && !version.is_some_and(|version| nodejs::knows_hooks(&version))
    {
        reasons.push(ContainerFinding::ModulesNotHooked { container: container() }.into());
    }
    if !profile.enabled {
        reasons.push(ImageFinding::LanguageOffByDefault { language }.into());
    }
    reasons
}

/// The annotations that request the language as it is in the image.
fn annotations(reading: &Reading, language: Language) -> Vec<(&'static str, String)> {
    let facts = &reading.facts;
    let is_musl = facts.libc == Some(Libc::Musl);
    let version = || facts.runtimes.get(&Agent::Nodejs).cloned().flatten();
    let more = match language {
        Language::Python | Language::DotNet if is_musl => {
            musl(language).map(|(key, value)| (key, value.to_owned()))
        }
        Language::NodeJs
            if facts.esm == Some(true) && version().is_some_and(|version| nodejs::knows_hooks(&version)) =>
        {
            Some((NODEJS_ESM, "true".to_owned()))
        }
        Language::Go => reading.go.clone().map(|program| (GO_TARGET_EXE, program)),
        _ => None,
    };
    [(language.inject_key(), "true".to_owned())].into_iter().chain(more).collect()
}

#[cfg(test)]
mod tests;
