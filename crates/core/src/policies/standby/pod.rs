//! What a pod requests, what the plan has for it, who owns it, and what is added to the pod as a whole.

use ingraft_api::Language;
use ingraft_api::annotations::{INJECT, INJECTED, RESOURCE_PREFIX, SAFE_TO_EVICT_LOCAL_VOLUMES, STANDBY};
use ingraft_api::plan::FORMAT;

use super::{Variables, add, field, first, map};
use crate::inject::injected_annotation::POLICY;
use crate::inject::new_container::TOKEN;
use crate::inject::resource::NODE_NAME;
use crate::policies::cel::{text, texts};
use crate::standby::{self, LANGUAGES, Word};

/// So many bytes the annotations of a pod may have:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/>.
pub(super) const LONGEST_ANNOTATIONS: usize = 256 * 1024;
/// A variable that whatever is planned begins with.
const NODE_IP: &str = "OTEL_NODE_IP";
/// The annotation that says what a pod's service is called.
pub(super) const SERVICE_NAME: &str = "resource.opentelemetry.io/service.name";

/// The effective value of an annotation, pod and namespace combined, as [`ingraft_api::annotations::effective`] has it.
pub(super) fn effective(key: &str) -> String {
    let of = |map: &str| format!("variables.{map}[?{}].orValue('')", text(key));
    let (pod, namespace) = (of("annotations"), of("ofNamespace"));
    format!(
        "({pod} == '' || ({pod}.lowerAscii() == 'true' && {namespace} != '' && {namespace}.lowerAscii() != 'false') ? \
         {namespace} : {pod})"
    )
}

/// What is requested.
pub(super) fn asks() -> Variables {
    let keys = Language::ALL.map(|language| (language.key(), language.inject_key()));
    let keys = keys.into_iter().chain([("", INJECT)]);
    let entries = keys.map(|(language, key)| format!("{}: {}", text(language), effective(key)));
    let values = format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
    vec![
        ("annotations", "object.metadata.?annotations.orValue({})".to_owned()),
        // As the API server counts, which takes characters apart.
        (
            "sizeOfAnnotations",
            "variables.annotations.map(key, bytes(key).size() + bytes(variables.annotations[key]).size()).sum()".to_owned(),
        ),
        // What says so may have been pasted from a pod that was.
        (
            "injectedBefore",
            format!(
                "{injected} in variables.annotations && (object.spec.?initContainers.orValue([]) + object.spec.containers)\
                 .exists(container, container.?env.orValue([]).exists(variable, variable.name == '{NODE_IP}'))",
                injected = text(INJECTED),
            ),
        ),
        ("ofNamespace", "namespaceObject.metadata.?annotations.orValue({})".to_owned()),
        ("values", values),
        (
            "asked",
            "variables.values.map(key, key).filter(key, !(variables.values[key].lowerAscii() in ['', 'false']))".to_owned(),
        ),
    ]
}

/// What the entry for a language is called: other platforms than the usual one have entries of their own.
fn entry() -> String {
    let platforms =
        LANGUAGES.into_iter().filter_map(|language| Some((language, standby::platforms(language)?)));
    platforms.fold("variables.language".to_owned(), |otherwise, (language, (key, all))| {
        let (language, value) = (text(language.key()), effective(key));
        let usual = texts(["", all.first().copied().unwrap_or_default()]);
        format!("variables.language == {language} && !({value} in {usual}) ? {language} + '/' + {value} : {otherwise}")
    })
}

/// What the plan has for the pod.
pub(super) fn planned() -> Variables {
    let part = |parts: &str, name: &str| {
        format!(
            "variables.planned.size() == 0 ? [] : params.spec.?{parts}[?variables.planned[0].{name}].optMap(it, [it]).orValue([])"
        )
    };
    let both = |one: &str, other: &str, list: &str| {
        format!("variables.{one}[0].?{list}.orValue([]) + variables.{other}[0].?{list}.orValue([])")
    };
    let languages = texts(LANGUAGES.map(Language::key));
    vec![
        // While a replica runs, every pod that is created comes here: most end at the mark that they do not have.
        (
            "on",
            format!(
                "params.spec.?format.orValue(0) == {FORMAT} && (params.spec.?token.orValue('') == '' || variables.annotations[?{}].orValue('') == params.spec.token) && \
                 !params.spec.?paused.orValue(false) && variables.asked.size() == 1 && variables.asked[0] in {languages}",
                text(STANDBY)
            ),
        ),
        ("language", "variables.asked[0]".to_owned()),
        ("entry", entry()),
        ("value", "variables.values[variables.language]".to_owned()),
        (
            "reference",
            "variables.value.lowerAscii() == 'true' ? params.spec.?sole[?request.namespace].orValue('') : \
             variables.value.contains('/') ? variables.value : request.namespace + '/' + variables.value"
                .to_owned(),
        ),
        // The types of variables have no parameters, and an optional without makes the API server panic where it stands in a
        // map (github.com/google/cel-go 0.29.2, homogeneousAggregateLiteralValidator): they are lists instead.
        (
            "planned",
            "params.spec.?instrumentations[?variables.reference][?variables.entry].optMap(it, [it]).orValue([])"
                .to_owned(),
        ),
        ("agent", part("agents", "agent")),
        ("telemetry", part("telemetry", "telemetry")),
        ("planPrepended", "variables.agent[0].?prepended.orValue([])".to_owned()),
        // Where a pod is bound to a node, nothing has to ask for its name.
        ("nodeName", "object.spec.?nodeName.orValue('')".to_owned()),
        (
            "planEnv",
            format!(
                "({}).filter(variable, variables.nodeName == '' || variable.name != {})",
                both("agent", "telemetry", "env"),
                text(NODE_NAME)
            ),
        ),
        ("planMounts", both("agent", "telemetry", "mounts")),
        ("planVolumes", both("telemetry", "agent", "volumes")),
        (
            "newVolumes",
            "variables.planVolumes.filter(ours, \
             !object.spec.?volumes.orValue([]).exists(volume, volume.name == ours.name))"
                .to_owned(),
        ),
    ]
}

/// Who owns the pod, as [`crate::owner::owners`] finds it.
pub(super) fn owner() -> Variables {
    let label = |key: &str| format!("object.metadata.?labels[?{}].orValue('')", text(key));
    let (hash, rollout) = (label("pod-template-hash"), label("rollouts-pod-template-hash"));
    let without = |hash: &str| {
        format!(
            "({hash} != '' && variables.set.endsWith('-' + {hash}) && variables.set.size() > {hash}.size() + 1 ? \
             variables.set.substring(0, variables.set.size() - {hash}.size() - 1) : '')"
        )
    };
    let of_label =
        |key: &str| format!("(variables.telemetry[0].?usesLabels.orValue(false) ? {} : '')", label(key));
    let named = |kind: &str| {
        format!(
            "variables.owners.exists(owner, owner.kind == '{kind}') ? string(variables.owners[0].name) : ''"
        )
    };
    vec![
        ("owners", "object.metadata.?ownerReferences.orValue([])".to_owned()),
        ("set", named("ReplicaSet")),
        ("statefulSet", named("StatefulSet")),
        ("daemonSet", named("DaemonSet")),
        ("job", named("Job")),
        ("rollout", format!("{rollout} != '' ? {} : ''", without(&rollout))),
        ("deployment", format!("{rollout} == '' ? {} : ''", without(&hash))),
        // Encoded as they are: the guards see to that.
        (
            "ownAttributes",
            format!(
                "variables.annotations.filter(key, key.startsWith({prefix}) && key != {name})\
                 .map(key, key.substring({length}) + '=' + variables.annotations[key]) + \
                 (variables.nodeName == '' ? [] : ['k8s.node.name=' + variables.nodeName])",
                prefix = text(RESOURCE_PREFIX),
                name = text(SERVICE_NAME),
                length = RESOURCE_PREFIX.len(),
            ),
        ),
        ("versionLabel", of_label("app.kubernetes.io/version")),
        (
            "nameLabels",
            format!("[{}, {}]", of_label("app.kubernetes.io/instance"), of_label("app.kubernetes.io/name")),
        ),
        (
            "workload",
            format!(
                "(([variables.annotations[?{}].orValue('')] + variables.nameLabels + [variables.deployment, variables.rollout, variables.set, variables.statefulSet, variables.daemonSet, \
             variables.job, string(object.metadata.?name.orValue(''))]).filter(name, name != '') + [''])[0]",
                text(SERVICE_NAME)
            ),
        ),
        ("absent", absent()),
    ]
}

/// The variable that holds what a word stands for, where that is the same for all containers.
pub(super) fn of_pod(word: Word) -> Option<&'static str> {
    match word {
        Word::Namespace => Some("request.namespace"),
        Word::Deployment => Some("variables.deployment"),
        Word::ReplicaSet => Some("variables.set"),
        Word::StatefulSet => Some("variables.statefulSet"),
        Word::DaemonSet => Some("variables.daemonSet"),
        Word::Job => Some("variables.job"),
        Word::Container | Word::Version | Word::Workload | Word::Attributes => None,
    }
}

/// The words that stand for nothing of this pod.
fn absent() -> String {
    let pairs = Word::ALL.into_iter().filter_map(|word| Some((word, of_pod(word)?)));
    let items = pairs.map(|(word, value)| format!("({value} == '' ? ['{}'] : [])", word.as_str()));
    items.collect::<Vec<_>>().join(" + ")
}

/// What is added to the pod as a whole.
pub(super) fn additions() -> Variables {
    let token = format!(
        "variables.target.?volumeMounts.orValue([]).filter(mount, \
         mount.mountPath == {folder} && mount.name.startsWith({volume})).map(mount, {mount})",
        folder = text(TOKEN.0),
        volume = text(TOKEN.1),
        mount = map(&[
            ("name", "mount.name"),
            ("mountPath", "mount.mountPath"),
            ("?readOnly", &field("mount", "readOnly")),
        ]),
    );
    let container = map(&[
        ("name", "container.name"),
        ("image", "container.image"),
        ("?imagePullPolicy", &field("container", "imagePullPolicy")),
        ("command", "container.command"),
        ("?resources", &first("variables.resources")),
        ("?securityContext", &first("variables.securityContext")),
        (
            "volumeMounts",
            &format!(
                "[{}] + variables.tokenMounts",
                map(&[("name", "container.volume"), ("mountPath", "container.mountPath")])
            ),
        ),
    ]);
    let of = |object: &str, fields: &[&str]| {
        let fields: Vec<_> = fields.iter().map(|field| (*field, format!("it.{field}"))).collect();
        format!("volume.?{object}.optMap(it, dyn({}))", map(&fields))
    };
    let volume = map(&[
        ("name", "volume.name"),
        ("?emptyDir", &of("emptyDir", &["sizeLimit"])),
        ("?secret", &of("secret", &["secretName", "optional"])),
        ("?configMap", &of("configMap", &["name", "optional"])),
    ]);
    let evict = text(SAFE_TO_EVICT_LOCAL_VOLUMES);
    vec![
        ("tokenMounts", token),
        (
            "initContainers",
            format!("variables.agent[0].?initContainers.orValue([]).map(container, {container})"),
        ),
        ("volumes", format!("variables.newVolumes.map(volume, {volume})")),
        (
            "evictable",
            format!(
                "variables.newVolumes.exists(volume, has(volume.emptyDir)) ? \
                 (variables.annotations[?{evict}].orValue('').split(',').filter(name, name != '') + \
                 variables.newVolumes.filter(volume, has(volume.emptyDir)).map(volume, volume.name)).join(',') : ''"
            ),
        ),
        (
            "injected",
            format!(
                "'{{\"' + variables.language + '\":{{\"by\":\"{POLICY}\",\"containers\":[' + \
             variables.targets.map(name, '\"' + name + '\"').join(',') + '],\"hash\":\"' + variables.planned[0].hash + '\"' + \
             variables.agent[0].?initContainers.orValue([]).filter(container, container == variables.agent[0].initContainers[0])\
             .map(container, ',\"image\":\"' + container.image + '\"').join('') + \
             ',\"instrumentation\":\"' + variables.reference + '\"}}}}'"
            ),
        ),
        (
            "fitsAnnotations",
            format!(
                "variables.sizeOfAnnotations + {injected}.size() + variables.injected.size() + {evict}.size() + \
                 variables.evictable.size() <= {LONGEST_ANNOTATIONS}",
                injected = text(INJECTED),
            ),
        ),
    ]
}

/// The patches that add volumes at the end.
pub(super) fn volumes() -> String {
    format!("{} + variables.volumes.map(item, {})", list("volumes"), add("'/spec/volumes/-'", "item"))
}

/// The patches that add init containers: directly before the first target if that is one, or else at the end.
pub(super) fn init_containers() -> String {
    let place = "(variables.targets[0] in variables.namesBefore ? \
                 string(variables.namesBefore.indexOf(variables.targets[0]) + number) : '-')";
    format!(
        "{} + lists.range(variables.initContainers.size()).map(number, {})",
        list("initContainers"),
        add(&format!("'/spec/initContainers/' + {place}"), "variables.initContainers[number]"),
    )
}

/// The patch after which there is a list in the pod's spec, if something is added and there is none.
fn list(name: &str) -> String {
    let empty = add(&format!("'/spec/{name}'"), "[]");
    format!("(variables.{name}.size() == 0 || has(object.spec.{name}) ? [] : [{empty}])")
}
