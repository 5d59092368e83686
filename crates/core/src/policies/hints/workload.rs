//! Hints about what makes pods, and about namespaces: what annotations and labels say, and what a template shows of
//! itself.
//!
//! Of languages only those are looked at that operators inject unless told otherwise: of the others it is not known
//! whether anything is to be said but that they are off.

use ingraft_api::Language;
use ingraft_api::annotations::{
    CONTAINER_NAMES, DEFAULT_CONTAINER, HEAL, INJECT, OWN_PREFIX, PREFIX, REQUIRE, RESOURCE_PREFIX, SIDECAR,
};

use super::Hint;
use crate::finding::{AnnotationFinding, ChoiceFinding, ContainerFinding, EndpointFinding};
use crate::inject::annotations::{RIGHT_ANYWHERE, known_keys};
use crate::inject::choose::SIDECARS;
use crate::inject::{OtlpProtocols, PROTOCOL, dotnet, exporter, profile};
use crate::policies::cel::{free_value, near, text, texts, value};
use crate::settings::{Heal, Settings};

/// Where the template is: stands for its JSON pointer.
const PLACE: &str = "\u{2}variables.place\u{3}";

pub(super) fn variables() -> Vec<(String, String)> {
    let map = |object: &str, map: &str| format!("variables.{object}.?metadata.?{map}.orValue({{}})");
    let is_pod = "variables.object.kind in ['Pod', 'Namespace']";
    let in_template = format!(
        "{is_pod} ? optional.none() : variables.object.kind == 'CronJob' ? \
         variables.object.?spec.?jobTemplate.?spec.?template : variables.object.?spec.?template"
    );
    let place = "variables.object.kind == 'CronJob' ? 'spec.jobTemplate.spec.template' : 'spec.template'";
    let named = |list: &str| format!("variables.pod.?spec.?{list}.orValue([])");
    let default = format!(
        "size(variables.candidates) == 0 ? [] : variables.candidates.exists(name, name == {own}) ? [{own}] : \
         [variables.candidates[0]]",
        own = own(DEFAULT_CONTAINER)
    );
    let windows = "variables.pod.?spec.?os.?name.orValue('') == 'windows' || \
                   variables.pod.?spec.?nodeSelector[?'kubernetes.io/os'].orValue('') == 'windows'";
    let requested = format!("variables.object.kind == 'Namespace' ? [] : {}", requested());
    let keys = "[variables.above, variables.labelsAbove, variables.annotations, variables.labels]";
    let variables = vec![
        ("object", "dyn(object)".to_owned()),
        ("template", in_template),
        ("place", place.to_owned()),
        // A Rollout may have none of its own.
        ("pod", format!("{is_pod} ? variables.object : variables.template.orValue({{}})")),
        ("annotations", map("pod", "annotations")),
        ("labels", map("pod", "labels")),
        ("above", format!("variables.template.hasValue() ? {} : {{}}", map("object", "annotations"))),
        ("labelsAbove", format!("variables.template.hasValue() ? {} : {{}}", map("object", "labels"))),
        (
            "ofNamespace",
            "namespaceObject == null ? {} : dyn(namespaceObject).metadata.?annotations.orValue({})"
                .to_owned(),
        ),
        ("known", texts(sorted_keys())),
        ("written", texts(RIGHT_ANYWHERE)),
        ("keys", format!("{keys}.map(map, map.map(key, key))")),
        ("misspelt", misspelt()),
        ("containers", named("containers")),
        ("names", "variables.containers.map(container, container.name)".to_owned()),
        ("initNames", format!("{}.map(container, container.name)", named("initContainers"))),
        (
            "candidates",
            format!("variables.names.filter(name, !(name in {}))", texts(SIDECARS.iter().copied())),
        ),
        ("default", default),
        ("requested", requested),
        ("isWindows", windows.to_owned()),
        ("listed", effective(CONTAINER_NAMES)),
        ("asked", "variables.isWindows ? [] : variables.requested".to_owned()),
    ];
    let mut variables: Vec<_> =
        variables.into_iter().map(|(name, expression)| (name.to_owned(), expression)).collect();
    for language in languages() {
        let field = language.field();
        variables.push((format!("{field}Named"), effective(language.inject_key())));
        variables.push((format!("{field}Listed"), listed(language)));
        variables.push((format!("{field}Targets"), targets(language)));
    }
    variables
}

pub(super) fn hints() -> Vec<Hint> {
    let mut hints = of_keys();
    hints
        .push(Hint::new(ChoiceFinding::WindowsPod, "(variables.isWindows && size(variables.requested) > 0)"));
    for language in languages() {
        hints.extend(of_language(language));
        hints.extend(of_platform(language));
        if profile(language).otlp == OtlpProtocols::Http {
            hints.push(of_protocol(language));
        }
    }
    hints.extend(of_web_server(Language::ApacheHttpd));
    hints.extend(of_dotnet());
    hints
}

fn languages() -> impl Iterator<Item = Language> {
    Language::ALL.into_iter().filter(|&language| Settings::enabled_by_default(language))
}

/// Of two keys that are equally near, the first is meant.
fn sorted_keys() -> Vec<&'static str> {
    let mut keys: Vec<_> = known_keys().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The annotation of the pod; empty where there is none.
fn own(key: &str) -> String {
    format!("variables.annotations[?{}].orValue('')", text(key))
}

/// The annotation of pod and namespace combined, as `annotations::effective` does.
fn effective(key: &str) -> String {
    let (own, outer) = (own(key), format!("variables.ofNamespace[?{}].orValue('')", text(key)));
    format!(
        "({own} == '' || {own}.lowerAscii() == 'true' && !({outer}.lowerAscii() in ['', 'false']) ? {outer} : {own})"
    )
}

/// The languages that pod and namespace request.
fn requested() -> String {
    let keys = texts(Language::ALL.map(Language::key));
    let key = format!("{} + language", text(&format!("{PREFIX}inject-")));
    format!(
        "{keys}.filter(language, !([variables.annotations[?{key}].orValue('')].map(own, \
         own == '' ? variables.ofNamespace[?{key}].orValue('') : own)[0].lowerAscii() in ['', 'false']))"
    )
}

/// The names of containers that are listed for a language.
fn listed(language: Language) -> String {
    let keys = language.container_names_keys().iter();
    let lists: Vec<_> =
        std::iter::once("variables.listed".to_owned()).chain(keys.map(|key| effective(key))).collect();
    let lists = lists.join(" + ',' + ");
    format!("({lists}).split(',').map(name, name.trim()).filter(name, name != '')")
}

/// Whether a language is requested, and Windows is not in the way.
fn asks(language: Language) -> String {
    format!("{} in variables.asked", text(language.key()))
}

/// The names of the containers that a language is injected into.
fn targets(language: Language) -> String {
    let (asks, listed) = (asks(language), format!("variables.{}Listed", language.field()));
    format!(
        "(!({asks}) ? [] : size({listed}) > 0 ? {listed} : size(variables.asked) == 1 ? variables.default : [])\
         .filter(name, name in variables.names || name in variables.initNames)"
    )
}

/// The containers that a language is injected into, init containers aside, and of which this holds.
fn containers(language: Language, holds: &str) -> String {
    let field = language.field();
    format!("variables.containers.filter(container, container.name in variables.{field}Targets && {holds})")
}

/// The entries of the variable in `container`; the last counts.
fn entries(variable: &str) -> String {
    format!("container.?env.orValue([]).filter(entry, entry.name == {})", text(variable))
}

/// Whether the last of such entries is a value that is this.
fn is_value(variable: &str, value: &str) -> String {
    let entries = entries(variable);
    format!(
        "{entries}.exists(entry, entry == {entries}[size({entries}) - 1] && !has(entry.valueFrom) && \
         entry.?value.orValue('') == {})",
        text(value)
    )
}

/// Keys that look like one of ours and are none, each with those that were probably meant.
fn misspelt() -> String {
    let known = "variables.known.filter(known, ";
    let ours = is_ours("key");
    let domain = "(key.contains('/') ? key.split('/')[0] : '')";
    let looks = format!(
        "({domain} == '' ? key.startsWith('inject-') : {domain}.contains('opentelemetry') || {})",
        near(&text(PREFIX.trim_end_matches('/')), domain, 3)
    );
    let by_name = format!(
        "{known}!(known in {}) && known.endsWith('/' + key.split('/')[size(key.split('/')) - 1]))",
        texts([INJECT, HEAL])
    );
    // Two letters make half of a short name.
    let letters =
        format!("known == {} ? {} : {}", text(HEAL), near("known", "key", 1), near("known", "key", 2));
    let meant = format!("({ours}) ? {known}{letters}) : {looks} ? {by_name} : []");
    format!(
        "[0, 1, 2, 3].map(place, variables.keys[place].filter(key, !(key in variables.known) && key != {}).map(key, \
         [key] + ({meant})).filter(keys, size(keys) > 1 || {}))",
        text(REQUIRE),
        is_ours("keys[0]"),
    )
}

fn is_ours(key: &str) -> String {
    format!("{key}.startsWith({}) || {key}.startsWith({})", text(PREFIX), text(OWN_PREFIX))
}

/// Hints about keys of annotations and labels.
fn of_keys() -> Vec<Hint> {
    // The places of maps in `keys` and `misspelt`.
    let (above, labels_above, annotations, labels) = (0, 1, 2, 3);
    let misspelt = |place, holds: &str| format!("variables.misspelt[{place}].filter(keys, {holds})");
    let meant = "size(keys) > 1";
    let known = |place| {
        format!("variables.keys[{place}].filter(key, key in variables.known && !(key in variables.written))")
    };
    let any = |keys: &str| format!("size({keys}) > 0");
    let first = |keys: &str| value(&format!("{keys}[0][0]"));
    let first_meant = |keys: &str| Some(value(&format!("{keys}[0][1]")));
    let all = |keys: &str| value(&format!("{keys}.join(', ')"));

    let mut hints = Vec::new();
    let unknown =
        format!("{} + {}", misspelt(above, "size(keys) == 1"), misspelt(annotations, "size(keys) == 1"));
    let unknown = format!("({unknown})");
    let reason = AnnotationFinding::AnnotationUnknown { key: first(&unknown), suggestion: None };
    hints.push(Hint::new(reason, format!("({})", any(&unknown))));
    let unknown = misspelt(annotations, meant);
    let reason =
        AnnotationFinding::AnnotationUnknown { key: first(&unknown), suggestion: first_meant(&unknown) };
    hints.push(Hint::new(reason, format!("({})", any(&unknown))));

    let (attributes, heal) = (format!("key.startsWith({})", text(RESOURCE_PREFIX)), text(HEAL));
    let misplaced = format!(
        "variables.keys[{above}].filter(key, key in variables.known && !(key in variables.written) && key != {heal} || \
         {attributes})"
    );
    hints.push(Hint::new(
        AnnotationFinding::AnnotationMisplaced { key: all(&misplaced), meant: None, template: PLACE },
        format!("({})", any(&misplaced)),
    ));
    let misplaced = misspelt(above, meant);
    hints.push(Hint::new(
        AnnotationFinding::AnnotationMisplaced {
            key: first(&misplaced),
            meant: first_meant(&misplaced),
            template: PLACE,
        },
        format!("({})", any(&misplaced)),
    ));

    for (place, template) in [(labels_above, PLACE), (labels, "")] {
        let label = known(place);
        hints.push(Hint::new(
            AnnotationFinding::AnnotationIsLabel { key: all(&label), meant: None, template },
            format!("({})", any(&label)),
        ));
        let label = misspelt(place, meant);
        hints.push(Hint::new(
            AnnotationFinding::AnnotationIsLabel { key: first(&label), meant: first_meant(&label), template },
            format!("({})", any(&label)),
        ));
    }

    let require = text(REQUIRE);
    let without = |map: &str| format!("variables.{map}[?{require}].orValue('') == ''");
    hints.push(Hint::new(
        AnnotationFinding::RequireMisplaced { template: PLACE },
        format!("({require} in variables.above || !({}) && {})", without("labelsAbove"), without("labels")),
    ));
    hints.push(Hint::new(
        AnnotationFinding::RequireMisplaced { template: "" },
        format!("({require} in variables.annotations)"),
    ));
    let is_namespace = "variables.object.kind == 'Namespace'";
    hints.push(Hint::new(
        AnnotationFinding::HealMisplaced,
        format!("(!({is_namespace}) && {heal} in variables.annotations)"),
    ));
    let allowed = format!("({is_namespace} ? variables.annotations : variables.above)[?{heal}].orValue('')");
    let words = texts(Heal::ALL.map(Heal::as_str));
    hints.push(Hint::new(
        AnnotationFinding::HealUnknown { value: free_value(&allowed) },
        format!("(!({allowed} in [''] + {words}))"),
    ));
    hints.push(Hint::new(
        AnnotationFinding::SidecarNotServed { value: free_value(&own(SIDECAR)) },
        format!("(!({}.lowerAscii() in ['', 'false']))", own(SIDECAR)),
    ));
    hints
}

/// Hints about what a request for a language names.
fn of_language(language: Language) -> Vec<Hint> {
    let field = language.field();
    let (asks, named, listed) =
        (asks(language), format!("variables.{field}Named"), format!("variables.{field}Listed"));
    let existing = "(variables.names + variables.initNames)";
    let reference = format!("({named}.contains('/') ? '' : request.namespace + '/') + {named}");
    let not_found = |candidates: &[&str]| ChoiceFinding::InstrumentationNotFound {
        language,
        reference: free_value(&reference),
        candidates: candidates.iter().map(|&candidate| candidate.to_owned()).collect(),
        others: Vec::new(),
    };
    // Nothing can have such a name, and nobody gives the name "yes".
    let yes = format!("{named}.trim().lowerAscii() in ['true', 'yes'] && {named}.lowerAscii() != 'true'");
    let impossible =
        format!("{named}.lowerAscii() != 'true' && !{named}.matches('^([a-z0-9.-]*/)?[a-z0-9.-]*$')");
    let enabled = texts(languages().map(Language::key));
    let several = format!("size(variables.asked.filter(language, language in {enabled})) > 1");
    // What helps is another thing where there is only one container.
    let unnamed = |count: usize, is: &str| {
        let containers = vec![value("variables.names[0]"); count];
        let condition =
            format!("({asks} && size({listed}) == 0 && {several} && size(variables.names) {is} 1)");
        Hint::new(ChoiceFinding::ContainersUnnamed { language, containers, meant: None }, condition)
    };
    let unknown = format!("{listed}.filter(name, !(name in {existing}))");
    let none = format!(
        "size({listed}) > 0 ? !{listed}.exists(name, name in {existing}) : \
         size(variables.asked) == 1 && size(variables.default) == 0"
    );
    vec![
        Hint::new(not_found(&["true"]), format!("({asks} && {yes})")),
        Hint::new(not_found(&[]), format!("({asks} && !({yes}) && {impossible})")),
        unnamed(1, "=="),
        unnamed(2, ">"),
        Hint::new(
            ChoiceFinding::ContainerNotFound {
                language,
                name: free_value(&format!("{unknown}.join(', ')")),
                containers: vec![value(&format!("{existing}.join(', ')"))],
            },
            format!("({asks} && size({unknown}) > 0)"),
        ),
        Hint::new(ChoiceFinding::NoContainer { language }, format!("({asks} && ({none}))")),
    ]
}

/// The hint about the annotation that names the platform.
fn of_platform(language: Language) -> Option<Hint> {
    let profile = profile(language);
    let platform = profile.annotations.first().filter(|_| !profile.platforms.is_empty())?;
    let (named, known) = (effective(platform), profile.platforms);
    let holds = format!(
        "(size(variables.{}Targets) > 0 && {named} != '' && !({named} in {}))",
        language.field(),
        texts(known.iter().copied())
    );
    Some(Hint::new(AnnotationFinding::PlatformUnknown { language, value: free_value(&named), known }, holds))
}

/// The hint about a container that has a language send what it cannot.
fn of_protocol(language: Language) -> Hint {
    let grpc = containers(language, &is_value(exporter::PROTOCOL, "grpc"));
    Hint::new(
        EndpointFinding::ProtocolUnsupported { language, protocol: "grpc".to_owned(), variable: PROTOCOL },
        format!("(size({grpc}) > 0)"),
    )
}

/// Hints about the containers of a web server.
fn of_web_server(language: Language) -> [Hint; 2] {
    let targets = format!("variables.{}Targets", language.field());
    let init = format!("variables.initNames.filter(name, name in {targets})");
    let regular = format!("variables.names.filter(name, name in {targets})");
    let first = format!("{regular}[0]");
    let others = format!("{regular}.filter(name, name != {first}).join(', ')");
    [
        Hint::new(
            ChoiceFinding::InitContainerUnsupported { language, container: value(&format!("{init}[0]")) },
            format!("(size({init}) > 0)"),
        ),
        Hint::new(
            ChoiceFinding::FirstContainerOnly { language, containers: vec![value(&first), value(&others)] },
            format!("(size({regular}) > 1)"),
        ),
    ]
}

/// Hints about containers that load something else of .NET.
fn of_dotnet() -> [Hint; 2] {
    let language = Language::DotNet;
    let set_otherwise = |variable: &str, ours: &str| {
        format!("size({}) > 0 && !({})", entries(variable), is_value(variable, ours))
    };
    let home = set_otherwise(dotnet::HOME, dotnet::FOLDER);
    let agents = containers(language, &home);
    let profilers = containers(
        language,
        &format!("!({home}) && {}", set_otherwise(dotnet::PROFILER, dotnet::PROFILER_ID)),
    );
    let container = |list: &str| value(&format!("{list}[0].name"));
    [
        Hint::new(
            ContainerFinding::OtherAgent { language, container: container(&agents), variable: dotnet::HOME },
            format!("(size({agents}) > 0)"),
        ),
        Hint::new(
            ContainerFinding::OtherProfiler {
                language,
                container: container(&profilers),
                variable: dotnet::PROFILER,
            },
            format!("(size({profilers}) > 0)"),
        ),
    ]
}
