//! The containers that are injected, and what is added to each.

use ingraft_api::annotations::{CONTAINER_NAMES, DEFAULT_CONTAINER};

use super::guards;
use super::pod::{effective, of_pod};
use super::{Variables, add, field, map};
use crate::inject::choose::SIDECARS;
use crate::policies::cel::{text, texts};
use crate::standby::{LANGUAGES, Word};

/// Which containers.
pub(super) fn targets() -> Variables {
    let of_language = LANGUAGES.map(|language| {
        let lists: Vec<_> = language.container_names_keys().iter().map(|key| effective(key)).collect();
        format!("{}: [{}]", text(language.key()), lists.join(", "))
    });
    vec![
        ("before", "object.spec.?initContainers.orValue([])".to_owned()),
        ("containers", "variables.before + object.spec.containers".to_owned()),
        ("namesBefore", "variables.before.map(container, container.name)".to_owned()),
        ("namesOfRegular", "object.spec.containers.map(container, container.name)".to_owned()),
        ("names", "variables.namesBefore + variables.namesOfRegular".to_owned()),
        (
            "lists",
            format!(
                "[{}] + (params.spec.?listsPerLanguage.orValue(false) ? {{{}}}[variables.language] : [])",
                effective(CONTAINER_NAMES),
                of_language.join(", ")
            ),
        ),
        ("listed", "variables.lists.join(',').split(',').map(name, name.trim()).filter(name, name != '')".to_owned()),
        (
            "candidates",
            format!("variables.namesOfRegular.filter(name, !(name in {}))", texts(SIDECARS.iter().copied())),
        ),
        (
            "default",
            format!(
                "variables.candidates.filter(name, name == variables.annotations[?{}].orValue('')) + variables.candidates",
                text(DEFAULT_CONTAINER)
            ),
        ),
        // Init containers in the order of the pod, then the others in the order of the list.
        (
            "targets",
            "variables.listed.size() > 0 ? variables.namesBefore.filter(name, name in variables.listed) + \
             variables.listed.filter(name, name in variables.namesOfRegular).distinct() : \
             variables.default.size() > 0 ? [variables.default[0]] : []"
                .to_owned(),
        ),
        (
            "indices",
            "lists.range(variables.names.size()).filter(index, variables.names[index] in variables.targets)"
                .to_owned(),
        ),
        ("target", "variables.containers.filter(container, container.name == variables.targets[0])[0]".to_owned()),
        (
            "paths",
            "variables.indices.map(index, index < variables.before.size() ? \
             '/spec/initContainers/' + string(index) : '/spec/containers/' + string(index - variables.before.size()))"
                .to_owned(),
        ),
    ]
}

/// What goes into each container, in the order of `indices`.
pub(super) fn values() -> Variables {
    let variable = |value: &str| {
        format!(
            "has(variable.value) ? dyn({literal}) : has(variable.valueFrom) ? dyn({source}) : dyn({empty})",
            literal = map(&[("name", "variable.name"), ("value", value)]),
            source = map(&[
                ("name", "variable.name"),
                (
                    "valueFrom",
                    &map(&[("fieldRef", &map(&[("fieldPath", "variable.valueFrom.fieldRef.fieldPath")]))])
                ),
            ]),
            empty = map(&[("name", "variable.name")]),
        )
    };
    let mount = map(&[
        ("name", "mount.name"),
        ("mountPath", &replaced("mount.mountPath", &[Word::Container])),
        ("?readOnly", &field("mount", "readOnly")),
    ]);
    let attribute_words: Vec<Word> =
        Word::ALL.into_iter().filter(|word| !matches!(word, Word::Workload | Word::Attributes)).collect();
    vec![
        ("versions", format!("variables.containers.map(container, {})", version())),
        (
            "attributes",
            format!(
                "variables.indices.map(index, (variables.telemetry[0].?attributes.orValue([]).filter(attribute, \
                 !(attribute.split('=')[0] in variables.ownAttributes.map(own, own.split('=')[0])) && \
                 !variables.absent.exists(word, attribute.contains(word)) && \
                 (!attribute.contains('{version}') || variables.versions[index] != '')).map(attribute, {replaced}) + \
                 variables.ownAttributes).sortBy(attribute, attribute.split('=')[0]).join(','))",
                version = Word::Version.as_str(),
                replaced = replaced("attribute", &attribute_words),
            ),
        ),
        ("prepended", format!("variables.planPrepended.map(variable, {})", variable("variable.value"))),
        (
            "env",
            format!(
                "variables.indices.map(index, variables.planEnv.map(variable, {}))",
                variable(&replaced("variable.value", &Word::ALL))
            ),
        ),
        (
            "mounts",
            format!(
                "variables.indices.map(index, variables.planMounts.filter(ours, \
                 !variables.containers[index].?volumeMounts.orValue([]).exists(mount, {}))\
                 .map(mount, {mount}))",
                guards::is_at("mount", "variables.names[index]"),
            ),
        ),
    ]
}

/// A text with what words stand for in the container at `index`.
fn replaced(text: &str, words: &[Word]) -> String {
    let value = |word: &Word| match word {
        Word::Container => "variables.names[index]",
        Word::Version => "variables.versions[index]",
        Word::Workload => "(variables.workload == '' ? variables.names[index] : variables.workload)",
        Word::Attributes => "variables.attributes[variables.indices.indexOf(index)]",
        word => of_pod(*word).unwrap_or_default(),
    };
    words
        .iter()
        .fold(text.to_owned(), |text, word| format!("{text}.replace('{}', {})", word.as_str(), value(word)))
}

/// The version that an image names, or a label where labels count: [`crate::image::ImageReference::version`].
fn version() -> String {
    let well_formed = "^(([^/@]*[.:][^/@]*|localhost)/)?[a-z0-9_./-]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?\
                       (@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$";
    let image = "container.?image.orValue('')";
    let name = format!("{image}.split('@')[0].split('/')");
    let last = format!("{name}[{name}.size() - 1]");
    format!(
        "variables.versionLabel != '' ? variables.versionLabel : !{image}.matches({}) ? '' : \
         (({last}.contains(':') ? [{last}.substring({last}.indexOf(':') + 1)] : []) + \
         ({image}.contains('@') ? [{image}.split('@')[1]] : [])).join('@')",
        text(well_formed)
    )
}

/// The patches for all of them.
pub(super) fn patches() -> String {
    let path = |rest: &str| format!("variables.paths[place] + '/{rest}'");
    let missing = |list: &str| {
        let add = add(&path(list), "[]");
        format!("(has(variables.containers[variables.indices[place]].{list}) ? [] : [{add}])")
    };
    let all = |items: &str, rest: &str| format!("{items}.map(item, {})", add(&path(rest), "item"));
    format!(
        "lists.range(variables.indices.size()).map(place, {} + {} + {} + \
         (variables.mounts[place].size() == 0 ? [] : {}) + {}).flatten()",
        missing("env"),
        all("variables.prepended", "env/0"),
        all("variables.env[place]", "env/-"),
        missing("volumeMounts"),
        all("variables.mounts[place]", "volumeMounts/-"),
    )
}
