//! When a pod is left alone. A pod is injected unless a guard names what is in the way: whatever else the operator's
//! decision depends on has to be added here. `pods::standby` in `tests/apiserver` notices if it is not, for what its cases
//! contain.

use ingraft_api::annotations::{MIRROR_POD, NODEJS_ESM, RESOURCE_PREFIX, SAFE_TO_EVICT_LOCAL_VOLUMES};

use super::pod::{SERVICE_NAME, effective};
use super::{Variables, resources};
use crate::policies::cel::text;
use crate::standby::{PREFIX, Word};

/// So many containers of a pod are injected: expressions may cost only so much
/// (<https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints>).
const MOST_TARGETS: usize = 8;
/// Nothing is copied: no init container is added.
pub(super) const NO_FILES: &str = "variables.agent[0].?initContainers.orValue([]).size() == 0";

/// All of them, and the one that is true where none is in the way.
pub(super) fn guards() -> Variables {
    let guards = [
        ("fitsOwner", owner()),
        ("fitsPod", pod()),
        ("fitsAttributes", attributes()),
        ("fitsLanguage", language()),
        ("fitsTargets", targets()),
        ("fitsNames", names()),
        ("fitsContainers", containers()),
        ("fitsPulls", pulls()),
        ("fitsSecurity", security()),
        ("fitsResources", resources::fits()),
    ];
    let all: Vec<_> = guards.iter().map(|(name, _)| format!("variables.{name}")).collect();
    let mut variables: Variables = vec![(
        "variableNames",
        "variables.planPrepended.map(variable, variable.name) + variables.planEnv.map(variable, variable.name)".to_owned(),
    )];
    variables.extend(guards);
    variables.push(("fits", all.join(" && ")));
    variables
}

/// One owner at most, of which no CronJob can be the owner, and which is not blocked.
fn owner() -> String {
    "variables.owners.size() <= 1 && \
     variables.owners.all(owner, owner.kind in ['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job'] || \
     !(owner.kind.lowerAscii() in ['replicaset', 'statefulset', 'daemonset', 'job', 'deployment', 'cronjob', 'rollout'])) && \
     !variables.job.matches('-[0-9]+$') && \
     !(variables.owners.map(owner, owner.kind + '/' + owner.name) + \
     ['Deployment/' + variables.deployment, 'Rollout/' + variables.rollout])\
     .exists(owner, (request.namespace + '/' + owner) in params.spec.?skippedWorkloads.orValue([])) && \
     !(request.namespace in params.spec.?skippedNamespaces.orValue([]))"
        .to_owned()
}

/// Neither injected before, nor for Windows, nor a mirror.
fn pod() -> String {
    let evictable = format!("variables.annotations[?{}].orValue('')", text(SAFE_TO_EVICT_LOCAL_VOLUMES));
    format!(
        "!variables.injectedBefore && object.spec.?os.?name.orValue('') != 'windows' && \
         object.spec.?nodeSelector[?'kubernetes.io/os'].orValue('') != 'windows' && \
         variables.annotations[?{mirror}].orValue('') == '' && \
         !variables.newVolumes.exists(volume, volume.name in {evictable}.split(','))",
        mirror = text(MIRROR_POD),
    )
}

/// Attributes in annotations are encoded as they are, and none is what only Kubernetes knows. A service is called as an
/// annotation says, unless the Instrumentation says so too.
fn attributes() -> String {
    format!(
        "variables.annotations.all(key, !key.startsWith({prefix}) || (!key.startsWith({of_kubernetes}) && \
         variables.annotations[key].matches('^[A-Za-z0-9_.:/@+~-]+$') && !variables.annotations[key].contains('{PREFIX}'))) && \
         (!({service} in variables.annotations) || variables.planEnv.exists(variable, \
         variable.name == 'OTEL_SERVICE_NAME' && variable.?value.orValue('') == '{workload}'))",
        prefix = text(RESOURCE_PREFIX),
        of_kubernetes = text(&format!("{RESOURCE_PREFIX}k8s.")),
        service = text(SERVICE_NAME),
        workload = Word::Workload.as_str(),
    )
}

/// No ES modules.
fn language() -> String {
    let words = "variables.containers.exists(container, \
                 (container.?command.orValue([]) + container.?args.orValue([])).exists(word, word.matches('(^|\\\\s)(--import|--input-type=module)|\\\\.mjs($|\\\\s)')))";
    format!(
        "variables.language != 'nodejs' || ({esm}.lowerAscii() != 'true' && ({esm}.lowerAscii() == 'false' || !{words}))",
        esm = effective(NODEJS_ESM),
    )
}

/// Some, and not too many.
fn targets() -> String {
    format!("variables.targets.size() > 0 && variables.indices.size() <= {MOST_TARGETS}")
}

/// Nothing has the name of what is added to the pod, but volumes that can take its place.
fn names() -> String {
    "!object.spec.?volumes.orValue([]).exists(volume, variables.planVolumes.exists(ours, ours.name == volume.name && \
     !(has(ours.emptyDir) && (has(volume.emptyDir) || has(volume.ephemeral))))) && \
     !variables.containers.exists(container, \
     variables.agent[0].?initContainers.orValue([]).exists(ours, ours.name == container.name))"
        .to_owned()
}

/// Nothing in a container has to be joined, and nothing is known of its image that matters.
fn containers() -> String {
    let image = "container.?image.orValue('').split('@')[0]";
    // The colon of a port comes before a slash.
    let repository = format!(
        "({image}.lastIndexOf(':') > {image}.lastIndexOf('/') ? {image}.substring(0, {image}.lastIndexOf(':')) : {image})"
    );
    format!(
        "variables.indices.map(index, variables.containers[index]).all(container, \
         !has(container.envFrom) && \
         !(request.namespace + '/' + {repository} in params.spec.?skippedImages.orValue([])) && \
         !container.?env.orValue([]).exists(variable, variable.name in variables.variableNames || \
         variable.name.startsWith('OTEL_EXPORTER_OTLP_') || variable.name.startsWith('OTEL_TRACES_SAMPLER') || \
         (has(variable.value) && variable.value.contains('$(') && \
         variables.variableNames.exists(name, variable.value.contains('$(' + name + ')')))) && \
         !variables.planMounts.exists(ours, \
         container.?volumeMounts.orValue([]).exists(mount, mount.name != ours.name && {same}) || \
         container.?volumeDevices.orValue([]).exists(device, device.devicePath == {path})))",
        same = is_at("mount", "container.name"),
        path = path("container.name"),
    )
}

/// Where something of ours is mounted in a container.
fn path(container: &str) -> String {
    format!("ours.mountPath.replace('{}', {container})", Word::Container.as_str())
}

/// Whether a mount is at this place.
pub(super) fn is_at(mount: &str, container: &str) -> String {
    let path = path(container);
    format!(
        "({mount}.mountPath.startsWith({path}) && {mount}.mountPath.substring(({path}).size()).matches('^/*$'))"
    )
}

/// Where images of all containers are always pulled, that may be because the cluster demands it
/// (<https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#alwayspullimages>), and a policy may come
/// after what would have added it to ours.
fn pulls() -> String {
    let always = "container.?imagePullPolicy.orValue('') == 'Always'";
    format!(
        "{NO_FILES} || !variables.containers.all(container, {always}) || \
         variables.agent[0].initContainers.all(container, {always})"
    )
}

/// Nothing for Windows has to be copied.
fn security() -> String {
    format!(
        "{NO_FILES} || !has(variables.target.securityContext) || !has(variables.target.securityContext.windowsOptions)"
    )
}
