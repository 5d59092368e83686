mod admission;
mod cluster;
mod crashes;
mod credentials;
mod delivery;
mod endpoints;
mod healing;
mod image;
mod reachability;
mod running;
mod standby;
mod variables;

use std::collections::BTreeSet;

use ingraft_api::Language;
use ingraft_api::annotations::PREFIX;
use ingraft_probe_contract::{Refusal, StandDown};
use proptest::prelude::*;

use super::*;
use crate::owner::{OwnerKind, WorkloadRef};
use crate::snapshot::PodSecurity;

fn text(value: &str) -> String {
    value.to_owned()
}

fn texts<const N: usize>(values: [&str; N]) -> Vec<String> {
    values.map(str::to_owned).to_vec()
}

/// One of every finding at least, and of every variant of its text. Values hold a digit, which no sentence does.
fn samples() -> Vec<Reason> {
    let mut samples = Vec::new();
    choices(&mut samples);
    containers(&mut samples);
    probes(&mut samples);
    endpoints::add(&mut samples);
    reachability::add_samples(&mut samples);
    delivery::add(&mut samples);
    instrumentations(&mut samples);
    fields(&mut samples);
    running::add(&mut samples);
    variables::add(&mut samples);
    standby::add(&mut samples);
    cluster::add(&mut samples);
    healing::add(&mut samples);
    image::add(&mut samples);
    crashes::add(&mut samples);
    admission::samples(&mut samples);
    samples
}

fn workload(kind: OwnerKind) -> WorkloadRef {
    WorkloadRef { kind: Some(kind), namespace: "shop-1".into(), name: "web-1".into() }
}

fn choices(samples: &mut Vec<Reason>) {
    use ChoiceFinding as F;
    let language = Language::Python;
    let container = text("app-1");
    let containers = texts(["app-1", "app-2"]);
    let instrumentation = text("shop-1/base-1");
    let namespace = text("shop-1");
    samples.extend(
        [
            F::Injected {
                language,
                instrumentation: instrumentation.clone(),
                containers: containers.clone(),
            },
            F::NotInjected {
                language,
                instrumentation: text("shop-1/base-1"),
                containers: texts(["app-1"]),
                mode: "observe",
            },
            F::AlreadyInjected { language },
            F::InstrumentationMissing { language, namespace: namespace.clone(), elsewhere: Vec::new() },
            F::InstrumentationMissing {
                language,
                namespace: namespace.clone(),
                elsewhere: texts(["a-1/b-1"]),
            },
            F::InstrumentationMissing {
                language,
                namespace: namespace.clone(),
                elsewhere: texts(["a-1/b-1", "a-2/b-2"]),
            },
            F::InstrumentationNotFound {
                language,
                reference: instrumentation.clone(),
                candidates: Vec::new(),
                others: Vec::new(),
            },
            F::InstrumentationNotFound {
                language,
                reference: instrumentation.clone(),
                candidates: Vec::new(),
                others: texts(["b-1", "b-2"]),
            },
            F::InstrumentationNotFound {
                language,
                reference: instrumentation,
                candidates: texts(["b-1"]),
                others: Vec::new(),
            },
            F::InstrumentationAmbiguous { language, namespace, names: texts(["b-1", "b-2"]) },
            F::LanguageDisabled { language },
            F::LanguageUnknown { container: container.clone(), found: Vec::new() },
            F::LanguageUnknown { container: container.clone(), found: texts(["java-1", "go-1"]) },
            F::ContainersUnnamed { language, containers: containers.clone(), meant: None },
            F::ContainersUnnamed { language, containers: containers.clone(), meant: Some(text("app-2")) },
            F::ContainersUnnamed { language, containers: texts(["app-1"]), meant: None },
            F::ContainerNotFound { language, name: text("ap-1"), containers: containers.clone() },
            F::NoContainer { language },
            F::OneContainerOnly { language, containers: containers.clone() },
            F::FirstContainerOnly { language, containers },
            F::InitContainerUnsupported { language, container },
            F::WindowsPod,
            F::InternalError,
        ]
        .map(Reason::from),
    );
}

fn containers(samples: &mut Vec<Reason>) {
    let language = Language::DotNet;
    let container = text("app-1");
    let name = text("name-1");
    let variable = text("VARIABLE_1");
    let variables = texts(["VARIABLE_1", "VARIABLE_2"]);
    for why in [CloneObstacle::NoShell, CloneObstacle::LocalhostProfile, CloneObstacle::Failed] {
        samples.push(ContainerFinding::CloneImpossible { container: text("app-1"), why }.into());
    }
    samples.push(ContainerFinding::CloneFailed { container: text("clone-1"), why: text("error-1") }.into());
    let why = text("error-1");
    samples.push(ContainerFinding::ModuleNotAttached { container: text("attach-1"), why }.into());
    let taken = [Taken::MountPath, Taken::Volume, Taken::Container];
    samples
        .extend(taken.map(|what| ContainerFinding::NameTaken { language, what, name: name.clone() }.into()));
    samples.extend([
        AnnotationFinding::AnnotationUnknown { key: text("key-1"), suggestion: Some(text("key-2")) }.into(),
        AnnotationFinding::AnnotationUnknown { key: text("key-1"), suggestion: None }.into(),
        AnnotationFinding::AnnotationAlone { key: text("key-1"), about: Some(language) }.into(),
        AnnotationFinding::AnnotationAlone { key: text("key-1"), about: None }.into(),
        ContainerFinding::LivenessProbeMayKill { language, container: text("app-1"), seconds: 30 }.into(),
        AnnotationFinding::AnnotationNotText {
            key: text("key-1"),
            value: text("17"),
            meant: Some(text("17")),
        }
        .into(),
        AnnotationFinding::RequireMisplaced { template: "/spec-1" }.into(),
        AnnotationFinding::PlatformUnknown { language, value: text("arm-1"), known: &["amd-1", "amd-2"] }
            .into(),
        AnnotationFinding::SidecarNotServed { value: text("a-1") }.into(),
        AnnotationFinding::GoTargetMissing { container: container.clone() }.into(),
        ContainerFinding::PodSecurityForbids { language, level: PodSecurity::Baseline }.into(),
        ContainerFinding::ProcessesHidden { language, field: "hostPID", value: true }.into(),
        ContainerFinding::OtherAgent { language, container: container.clone(), variable: "HOME_1" }.into(),
        ContainerFinding::StrictPodRefused {
            workload: text("deployment/web-1"),
            namespace: text("shop-1"),
            retry: text("retry-1"),
        }
        .into(),
        ContainerFinding::OtherProfiler { language, container: container.clone(), variable: "HOME_1" }.into(),
        ContainerFinding::InjectionWithheld { message: text("message-1") }.into(),
        ContainerFinding::ModulesNotHooked { container: container.clone() }.into(),
        ContainerFinding::LanguageSeemsWrong {
            language,
            container: container.clone(),
            found: texts(["go-1"]),
        }
        .into(),
        ContainerFinding::LanguageSeemsWrong { language, container: text("app-1"), found: texts(["nodejs"]) }
            .into(),
        VariableFinding::VariablesNotSeen { container: container.clone(), variables }.into(),
        VariableFinding::VariableNotMergeable {
            container: container.clone(),
            variable: variable.clone(),
            optional: true,
        }
        .into(),
        VariableFinding::VariableNotMergeable {
            container: container.clone(),
            variable: variable.clone(),
            optional: false,
        }
        .into(),
        VariableFinding::VariableOfImage { container: container.clone(), variable: variable.clone() }.into(),
        VariableFinding::VariableHides { container: container.clone(), variable: variable.clone() }.into(),
        VariableFinding::VariableMayHide { container: container.clone(), variable: variable.clone() }.into(),
        VariableFinding::ReferenceLeftOut { container, variable, reference: text("REFERENCE_1") }.into(),
        AnnotationFinding::is_label("key-1", None, "/spec/template").into(),
        AnnotationFinding::is_label("key-1", Some(text("key-2")), "").into(),
        AnnotationFinding::misplaced("key-1", None, "/spec/template").into(),
        AnnotationFinding::misplaced("key-1", Some(text("key-2")), "/spec/template").into(),
        ManifestFinding::KindMissing.into(),
        ManifestFinding::AnnotationWithoutPods { key: text("key-1"), kind: text("Kind1") }.into(),
        ManifestFinding::TemplateUnknown { kind: text("Kind1") }.into(),
        ManifestFinding::InstrumentationRefused { instrumentation: text("shop-1/base-1") }.into(),
    ]);
}

fn probes(samples: &mut Vec<Reason>) {
    use ProbeFinding as F;
    let container = text("app-1");
    for why in [
        StandDown::Absent,
        StandDown::Version,
        StandDown::LibcUnknown,
        StandDown::LibcMismatch,
        StandDown::OtherAgent,
        StandDown::Value,
    ] {
        for (language, version) in [(Language::Python, Some(text("2.7"))), (Language::Java, None)] {
            let (container, agents) = (container.clone(), texts(["agent-1"]));
            samples.push(F::AgentStoodDown { language, container, why, agents, version }.into());
        }
        let (language, container, agents) = (Language::Python, container.clone(), texts(["agent-1"]));
        let version = Some(text("2.7"));
        samples.push(F::AgentUnsuitable { language, container, why, agents, version }.into());
    }
    for why in [
        Refusal::Quote,
        Refusal::CarriageReturn,
        Refusal::Line,
        Refusal::Size,
        Refusal::Encoding,
        Refusal::Name,
    ] {
        let (container, variable) = (container.clone(), text("VARIABLE_1"));
        samples.push(F::VariableNotJoined { container, variable, why }.into());
    }
    for why in [
        Obstacle::SwitchedOff,
        Obstacle::NoNode,
        Obstacle::NoNodeFits,
        Obstacle::OldNode,
        Obstacle::VirtualNode,
        Obstacle::Unproven(text("v1.35.1, amd64")),
        Obstacle::Runtime(text("name-1")),
        Obstacle::NeverRestarted,
        Obstacle::LocalhostProfile,
        Obstacle::Stripped,
        Obstacle::Failed,
        Obstacle::Taken,
    ] {
        let (container, variables) = (container.clone(), texts(["VARIABLE_1"]));
        samples.push(if why.is_particular() {
            F::ProbeNotPossible { container, variables, why }.into()
        } else {
            F::EnvironmentUnknown { container, variables, why }.into()
        });
    }
    samples.push(F::ReferencesRemoved.into());
    samples.push(F::ProbeNotStarted { container: container.clone(), why: text("error-1") }.into());
    samples.push(F::EntrypointSets { container: container.clone(), variables: texts(["VARIABLE_1"]) }.into());
    samples.push(F::ProbeFailed { container, error: text("error-1") }.into());
}

fn instrumentations(samples: &mut Vec<Reason>) {
    use InstrumentationFinding as F;
    let language = Language::Java;
    for allowed in [
        Allowed::VariableName,
        Allowed::ValueOrSource,
        Allowed::OneSource,
        Allowed::PodField,
        Allowed::ContainerResource,
        Allowed::ObjectKey,
        Allowed::FileKey,
        Allowed::ObjectName,
        Allowed::ClaimTemplate,
        Allowed::Size,
        Allowed::Amounts,
        Allowed::AttributeKey,
        Allowed::PullPolicy,
        Allowed::SecurityContext,
        Allowed::PodSecurity(PodSecurity::Restricted),
        Allowed::Extension,
        Allowed::Directive,
        Allowed::NotDotNetHome,
        Allowed::Folder,
        Allowed::File,
    ] {
        samples.push(F::ignored("/spec/env/2", "value-1", allowed).into());
        samples.push(F::FieldUnusable { language, field: "spec.x1", value: text("value-1"), allowed }.into());
    }
    let (from, to) = (text("java:1.32.0"), text("java:2.1.0"));
    samples.extend(
        [
            F::SamplerTypeMissing,
            F::SamplerArgumentUnused { kind: "always_on", argument: text("0.25") },
            F::VariableTwice { field: text("spec.env"), variable: text("VARIABLE_1") },
            F::FieldOverridden { field: "spec.x1", variable: "VARIABLE_1" },
            F::AgentOfOtherLanguage { language, image: text("python:0.1") },
            F::InstrumentationUnreadable { error: text("error-1") },
            F::ignored("/spec/volumeClaimTemplate", "", Allowed::ClaimTemplate),
            F::UpgradeBlocked { language, from, to, version: "2.0.0" },
        ]
        .map(Reason::from),
    );
}

fn fields(samples: &mut Vec<Reason>) {
    use FieldFinding as F;
    use FieldType as T;
    let wrong = |expected, found| FieldProblem::WrongType { expected, found, value: text("a-1=b-1") };
    let value = || text("value-1");
    for problem in [
        FieldProblem::Missing,
        wrong(T::Text, T::Integer),
        wrong(T::Number, T::Text),
        wrong(T::Boolean, T::Null),
        wrong(T::Integer, T::List),
        wrong(T::Map, T::Text),
        wrong(T::List, T::Map),
        wrong(T::IntegerOrText, T::List),
        wrong(T::NumberOrText, T::List),
        FieldProblem::NotAllowed { value: value(), allowed: texts(["a-1"]) },
        FieldProblem::NotAllowed { value: value(), allowed: texts(["a-1", "a-2"]) },
        FieldProblem::NotAQuantity { value: value() },
        FieldProblem::NotMatching { value: value(), pattern: text("^a-1$") },
        FieldProblem::NotAName { value: value(), has_dots: true },
        FieldProblem::NotAName { value: value(), has_dots: false },
        FieldProblem::TooLong { limit: 63 },
        FieldProblem::Rule { value: Some(text("25%")), message: text("message-1") },
        FieldProblem::Rule { value: None, message: text("message-1") },
    ] {
        let (field, entry) = (text("spec.env[2]"), Some(text("name-1")));
        samples.push(F::FieldRefused { field, entry, problem }.into());
    }
    for suggestion in [Some(text("spec.node-1")), None] {
        let (field, known) = (text("spec.node-2"), texts(["java-1", "go-1"]));
        samples.push(F::FieldUnknown { field, suggestion, known }.into());
    }
}

fn codes() -> Vec<&'static str> {
    Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter()).map(|code| code.name).collect()
}

#[test]
fn every_code_is_one_word_in_one_family() {
    let codes = codes();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "two families have the same code");
    for code in codes {
        assert!(code.starts_with(|c: char| c.is_ascii_uppercase()), "{code}");
        assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
    }
}

#[test]
fn every_finding_has_a_sample() {
    let samples: BTreeSet<&str> = samples().iter().map(Reason::code).collect();
    let missing: Vec<&str> = codes().into_iter().filter(|code| !samples.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_finding_about_one_language_names_it() {
    let samples = samples();
    for reason in &samples {
        let shown = format!("{reason:?}");
        let field = |language: &Language| shown.contains(&format!(" language: {language:?}"));
        assert_eq!(reason.language(), Language::ALL.into_iter().find(field), "{shown}");
    }
    let languages: Vec<Option<Language>> = samples.iter().map(Reason::language).collect();
    assert!(languages.contains(&Some(Language::Python)) && languages.contains(&None));
}

/// What must be the same in every language: values, fields, commands.
fn values(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c.is_whitespace() || ",;()\"'".contains(c));
    let words = words.map(|word| word.trim_matches([':', '.', '?']));
    words.filter(|word| word.chars().any(|c| c.is_ascii_digit() || "/_=<-".contains(c))).collect()
}

#[test]
fn both_languages_show_the_same_values_in_other_words() {
    for reason in samples() {
        let [english, spanish] = Locale::ALL.map(|locale| reason.text(locale));
        assert_ne!(english.message, spanish.message);
        assert_eq!(
            values(&english.message),
            values(&spanish.message),
            "{}\n{}",
            english.message,
            spanish.message
        );
        let [english, spanish] = [english, spanish].map(|text| text.help.unwrap_or_default());
        assert!(english.is_empty() || english != spanish, "{english}");
        assert_eq!(values(&english), values(&spanish), "{english}\n{spanish}");
    }
}

#[test]
fn sentences_have_no_full_stop_and_everything_but_good_news_a_remedy() {
    for reason in samples() {
        for locale in Locale::ALL {
            let Text { message, help } = reason.text(locale);
            assert!(!message.ends_with('.'), "{message}");
            let is_good = reason.severity() == Severity::Info;
            let is_plain = reason.code() == "FieldRefused";
            assert!(help.is_some() || is_good || is_plain, "{message}");
            assert!(help.is_none_or(|help| !help.ends_with(['.', ' '])), "{message}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_long_is_cut_between_characters(value in "\\PC{0,1500}") {
        let finding = Finding::pod(EndpointFinding::EndpointNotAUrl { endpoint: value }, "");
        for locale in Locale::ALL {
            let (warning, note) = (finding.warning(locale), finding.event_note(locale));
            prop_assert!(warning.chars().count() <= 120);
            prop_assert!(warning.starts_with("EndpointNotAUrl: "));
            prop_assert!(note.len() <= 1024);
            prop_assert!(note.ends_with('…') || note.ends_with(":4318"));
        }
    }
}

#[test]
fn every_warning_has_its_remedy() {
    let mut without = Vec::new();
    for reason in samples().into_iter().filter(|reason| reason.severity() > Severity::Info) {
        for locale in Locale::ALL {
            let Some(help) = reason.text(locale).help else { continue };
            let warning = Finding::pod(reason.clone(), "").warning(locale);
            if ![help.clone(), help.replace(PREFIX, "…/")].iter().any(|help| warning.ends_with(help)) {
                without.push(format!("{}: {help}", reason.code()));
            }
        }
    }
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn a_warning_is_cut_where_there_is_room() {
    let warning = |reason: Reason| Finding::pod(reason, "/spec/containers/0/image").warning(Locale::En);
    let seems_wrong = |container: &str| {
        let (container, found) = (container.to_owned(), texts(["nodejs"]));
        warning(ContainerFinding::LanguageSeemsWrong { language: Language::Python, container, found }.into())
    };
    assert_eq!(
        seems_wrong("app"),
        "LanguageSeemsWrong: \"app\" seems to run nodejs, not python; write instrumentation.opentelemetry.io/inject-nodejs"
    );
    assert_eq!(
        seems_wrong("py-otel-server"),
        "LanguageSeemsWrong: \"py-otel-server\" seems to run nodejs, not python; write …/inject-nodejs"
    );
    assert_eq!(
        warning(ReferenceFinding::TlsHalfAPair.into()),
        "TlsHalfAPair: only one of cert_file and key_file is set; set both, or neither"
    );
}
