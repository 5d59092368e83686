use ingraft_probe_contract::StandDown;

use super::*;
use crate::finding::Locale;

/// An image for Linux on one architecture, with these runtimes, that starts these programs.
fn reading(runtimes: &[(Agent, Option<&str>)], commands: &[&str]) -> Reading {
    let platform = Platform::parse("linux/amd64").expect("a platform");
    let runtimes = runtimes.iter().map(|(agent, version)| (*agent, version.map(str::to_owned)));
    Reading {
        image: "ghcr.io/acme/web:1.2".to_owned(),
        platforms: vec![platform.clone()],
        platform,
        facts: ImageFacts { runtimes: runtimes.collect(), libc: Some(Libc::Glibc), ..ImageFacts::default() },
        commands: commands.iter().map(|&command| command.to_owned()).collect(),
        user: "65532".to_owned(),
        ..Reading::default()
    }
}

const PYTHON: &str = "/usr/local/bin/python3.12";

fn python() -> Reading {
    reading(&[(Agent::Python, Some("3.12.4"))], &[PYTHON])
}

fn codes(reading: &Reading) -> Vec<&'static str> {
    judge(reading).findings.iter().map(Finding::code).collect()
}

fn language(reading: &Reading) -> Option<Language> {
    judge(reading).language
}

/// The names of annotations behind their prefixes, with the values.
fn annotations(reading: &Reading) -> Vec<String> {
    let annotations = judge(reading).annotations;
    annotations.iter().map(|(key, value)| format!("{}={value}", name(key))).collect()
}

#[test]
fn an_image_that_fits_has_no_findings() {
    let reading = python();
    let verdict = judge(&reading);
    assert!(verdict.fits() && verdict.findings.is_empty(), "{:?}", verdict.findings);
    assert_eq!(annotations(&reading), ["inject-python=true"]);
}

#[test]
fn what_is_started_decides_among_runtimes() {
    let both = [(Agent::Python, None), (Agent::Nodejs, None)];
    assert_eq!(language(&reading(&both, &["/usr/bin/tini", "/usr/local/bin/node"])), Some(Language::NodeJs));
    assert_eq!(language(&reading(&both, &[PYTHON, "/usr/local/bin/node"])), Some(Language::Python));
    assert_eq!(language(&reading(&both, &["/usr/sbin/nginx"])), Some(Language::Nginx));
    let unclear = reading(&both, &["/start"]);
    assert_eq!(language(&unclear), None);
    assert_eq!(codes(&unclear), ["ImageLanguageAmbiguous"]);
    assert_eq!(language(&reading(&both[..1], &["/start"])), Some(Language::Python));
    // A program of that name need not be a runtime that works.
    assert_eq!(language(&reading(&both[..1], &["/usr/local/bin/node"])), Some(Language::Python));
    let nothing = reading(&[], &["/start"]);
    assert_eq!((language(&nothing), codes(&nothing)), (None, vec!["ImageLanguageUnknown"]));
    assert!(!judge(&nothing).fits() && judge(&nothing).annotations.is_empty());
}

#[test]
fn the_c_library_chooses_the_files() {
    let musl = |agent| {
        let mut reading = reading(&[(agent, None)], &[]);
        reading.facts.libc = Some(Libc::Musl);
        annotations(&reading)
    };
    assert_eq!(musl(Agent::Python), ["inject-python=true", "otel-python-platform=musl"]);
    assert_eq!(musl(Agent::Dotnet), ["inject-dotnet=true", "otel-dotnet-auto-runtime=linux-musl-x64"]);
    assert_eq!(musl(Agent::Java), ["inject-java=true"]);
}

#[test]
fn what_probes_would_object_to_is_in_the_way() {
    for why in [StandDown::Version, StandDown::LibcUnknown, StandDown::OtherAgent] {
        let mut reading = python();
        reading.facts.stood_down.insert(Agent::Python, why);
        reading.facts.stood_down.insert(Agent::Java, StandDown::Absent);
        assert_eq!(codes(&reading), ["AgentStoodDown"], "{why:?}");
        assert!(!judge(&reading).fits());
    }
}

#[test]
fn variables_matter_where_injection_sets_them() {
    let mut reading = python();
    reading.facts.sets =
        ["PYTHONPATH", "OTEL_SERVICE_NAME", "NODE_OPTIONS", "LD_PRELOAD"].map(str::to_owned).into();
    let verdict = judge(&reading);
    assert!(verdict.fits());
    let text = verdict.findings[0].reason.text(Locale::En).message;
    assert!(text.contains(" OTEL_SERVICE_NAME, PYTHONPATH:"), "{text}");
    reading.facts.entrypoint = vec!["JAVA_TOOL_OPTIONS".to_owned()];
    assert_eq!(codes(&reading), ["ImageSetsVariables"]);
    reading.facts.entrypoint.push("PYTHONPATH".to_owned());
    assert_eq!(codes(&reading), ["EntrypointSets", "ImageSetsVariables"]);
    assert!(!judge(&reading).fits());
}

#[test]
fn agents_are_not_published_for_every_architecture() {
    let for_platforms = |looked_into: &str, others: &[&str], reading: Reading| {
        let parse = |text: &str| Platform::parse(text).expect("a platform");
        let platforms = others.iter().chain([&looked_into]).map(|other| parse(other)).collect();
        codes(&Reading { platform: parse(looked_into), platforms, ..reading })
    };
    assert_eq!(for_platforms("linux/arm64", &["linux/s390x", "windows/amd64"], python()), [""; 0]);
    assert_eq!(for_platforms("linux/arm/v7", &[], python()), ["ImageArchitectureUnsupported"]);
    assert_eq!(for_platforms("linux/amd64", &["linux/386"], python()), ["OtherArchitectureUnsupported"]);
    let dotnet = || reading(&[(Agent::Dotnet, None)], &[]);
    assert_eq!(for_platforms("linux/ppc64le", &["linux/amd64"], dotnet()), ["ImageArchitectureUnsupported"]);
    let nginx = reading(&[], &["/usr/sbin/nginx"]);
    assert_eq!(
        for_platforms("linux/arm64", &[], nginx),
        ["ImageArchitectureUnsupported", "LanguageOffByDefault"]
    );
    assert_eq!(for_platforms("windows/amd64", &[], dotnet()), ["ImageNotForLinux"]);
    assert_eq!(for_platforms("windows/amd64", &[], reading(&[], &[])), ["ImageNotForLinux"]);
}

#[test]
fn go_is_told_its_executable() {
    let go = Reading { go: Some("/app/server".to_owned()), ..reading(&[], &["/app/server"]) };
    assert_eq!(annotations(&go), ["inject-go=true", "otel-go-auto-target-exe=/app/server"]);
    assert_eq!(codes(&go), ["LanguageOffByDefault"]);
    assert!(judge(&go).fits());
}

#[test]
fn es_modules_need_a_node_that_has_hooks() {
    let node = |version| {
        let mut reading = reading(&[(Agent::Nodejs, version)], &[]);
        reading.facts.esm = Some(true);
        reading
    };
    assert_eq!(annotations(&node(Some("22.1.0"))), ["inject-nodejs=true", "nodejs-esm=true"]);
    assert_eq!(codes(&node(Some("22.1.0"))), [""; 0]);
    assert_eq!(annotations(&node(None)), ["inject-nodejs=true"]);
    assert_eq!(codes(&node(None)), ["ModulesNotHooked"]);
}

#[test]
fn what_was_not_seen_is_told() {
    let mut reading = python();
    reading.facts.cut = true;
    assert_eq!(codes(&reading), ["ImageNotWhole"]);
}

#[test]
fn a_container_is_called_like_its_image() {
    for (image, name) in [
        ("ghcr.io/acme/web:1.2", "web"),
        ("./images/web.tar.gz", "web"),
        ("/images/all.tar#ghcr.io/acme/web:1", "web"),
        ("../web.tgz", "web"),
        ("", ""),
    ] {
        assert_eq!(container(image), name, "{image}");
    }
}

#[test]
fn platforms_are_read_and_compared() {
    let parse = |text: &str| Platform::parse(text).expect("a platform");
    for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a md64", "linux/\u{1b}[31m"] {
        assert_eq!(Platform::parse(text), None, "{text}");
    }
    assert!(parse("linux/arm64/v8").is(&parse("linux/arm64")));
    assert!(parse("linux/arm64").is(&parse("linux/arm64/v8")));
    assert!(parse("linux/arm/v7").is(&parse("linux/arm")));
    assert!(!parse("linux/arm/v6").is(&parse("linux/arm/v7")));
    assert!(!parse("windows/amd64").is(&parse("linux/amd64")));
}

#[test]
fn the_answer_is_a_page_for_people_in_both_languages() {
    let mut reading = python();
    reading.facts.libc = Some(Libc::Musl);
    reading.facts.sets = ["PYTHONPATH".to_owned()].into();
    reading.digest = Some("sha256:abc".to_owned());
    reading.user = "node".to_owned();
    let english = judge(&reading).text(Locale::En);
    assert_eq!(
        english,
        "ghcr.io/acme/web:1.2
  digest       sha256:abc
  platforms    linux/amd64
  looked into  linux/amd64
  starts       /usr/local/bin/python3.12
  has          python 3.12.4
  C library    musl
  user         node: a name, so runAsNonRoot needs a number in runAsUser
  sets         PYTHONPATH
info[ImageSetsVariables]: the image sets PYTHONPATH: joined with what is injected where a probe can look (Kubernetes 1.35), hidden elsewhere
  help: to keep the values everywhere, set these in the container's env: PYTHONPATH

It can be instrumented: python. Add to the pod template:

spec:
  template:
    metadata:
      annotations:
        instrumentation.opentelemetry.io/inject-python: 'true'
        instrumentation.opentelemetry.io/otel-python-platform: 'musl'
"
    );
    let spanish = judge(&reading).text(Locale::Es);
    assert!(spanish.contains("Se puede instrumentar: python") && !spanish.contains("help:"), "{spanish}");
}

#[test]
fn names_of_files_neither_steer_a_terminal_nor_end_a_line() {
    let path = "/app/\u{1b}[31m\nx: 'y'";
    let go = Reading { go: Some(path.to_owned()), ..reading(&[], &[path]) };
    let text = judge(&go).text(Locale::En);
    assert!(!text.contains('\u{1b}') && !text.contains("\nx:"), "{text}");
}
