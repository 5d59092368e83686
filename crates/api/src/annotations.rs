//! Every annotation key that Ingraft reads or writes, and the parsed form of the values.
//!
//! Source of keys and rules: docs/reference/selection.md 1 to 12, which states what the OpenTelemetry Operator does:
//! <https://github.com/open-telemetry/opentelemetry-operator#opentelemetry-auto-instrumentation-injection>.

/// The prefix of all keys that ask for or configure instrumentation.
pub const PREFIX: &str = "instrumentation.opentelemetry.io/";

/// The prefix of keys that the OpenTelemetry Operator does not have.
pub const OWN_PREFIX: &str = "ingraft.dev/";

/// Targets for every requested language: a comma list of container names.
pub const CONTAINER_NAMES: &str = "instrumentation.opentelemetry.io/container-names";

/// The C library that the Python payload is for: `glibc` (default) or `musl`.
pub const PYTHON_PLATFORM: &str = "instrumentation.opentelemetry.io/otel-python-platform";

/// The C library that the .NET payload is for: `linux-x64` (glibc, default) or `linux-musl-x64`.
pub const DOTNET_RUNTIME: &str = "instrumentation.opentelemetry.io/otel-dotnet-auto-runtime";

/// Requests a Collector as a sidecar from the OpenTelemetry Operator.
pub const SIDECAR: &str = "sidecar.opentelemetry.io/inject";

/// The executable that the Go sidecar instruments.
pub const GO_TARGET_EXE: &str = "instrumentation.opentelemetry.io/otel-go-auto-target-exe";

/// Asks for whichever language the application is written in; the values are those of the keys for single languages. An
/// addition of Ingraft.
pub const INJECT: &str = "ingraft.dev/inject";

/// Whether a Node.js application consists of ES modules: `true` (then Node.js must be 18.19 or newer) or `false`. Without
/// it, the pod's command and image decide. An addition of Ingraft.
pub const NODEJS_ESM: &str = "ingraft.dev/nodejs-esm";

/// The prefix of pod annotations that become resource attributes.
pub const RESOURCE_PREFIX: &str = "resource.opentelemetry.io/";

/// What was injected into a pod: language → Instrumentation, containers, hash. Written by Ingraft.
pub const INJECTED: &str = "ingraft.dev/injected";

/// The fields of an Instrumentation that the defaulting webhook filled in: a comma list of JSON pointers.
/// Written by Ingraft.
pub const DEFAULTED: &str = "ingraft.dev/defaulted";

/// Lets pods of a workload start without injection, to see whether they crash without it too: on a workload
/// `<template hash>@<seconds since 1970>` while that goes on, `<template hash>=<what came of it>` afterwards; on such a pod
/// the template hash. Written by Ingraft.
pub const CONTROL: &str = "ingraft.dev/control";

/// Nothing is injected into the pods of a workload, because they crash with it and run without: on the workload
/// `<template hash>=<cause>`, without effect once the template has another hash. Written by Ingraft, removed by anybody.
pub const BLOCKED: &str = "ingraft.dev/blocked";

/// The label of a pod that is to be refused rather than run without injection; its value is `true`. An addition of Ingraft.
pub const REQUIRE: &str = "ingraft.dev/require";

/// Allows that a workload is restarted so that its pods get what they request: `missed`, `outdated` or `off`. On the metadata
/// of a workload, of its namespace, or of its Instrumentation in the same namespace. An addition of Ingraft.
pub const HEAL: &str = "ingraft.dev/heal";

/// Why a workload was restarted, as `<reason>/<hash>`, of each reason the last. On the metadata of a workload; written by
/// Ingraft.
pub const HEALED: &str = "ingraft.dev/healed";

/// Findings that an object has on purpose, each with a reason: `CODE: reason; CODE: reason`. `ingraft doctor` tells them apart.
/// On the object that a finding is about. An addition of Ingraft.
pub const IGNORE: &str = "ingraft.dev/ignore";

/// The mark of a pod that the API server is to inject by itself. On pods; written by a policy of Ingraft and removed by another.
pub const STANDBY: &str = "ingraft.dev/standby";

/// What such a mark says. On the operator's PodDisruptionBudget; written by Ingraft.
pub const STANDBY_TOKEN: &str = "ingraft.dev/standby-token";

/// Local volumes that need not keep the cluster autoscaler from removing a node:
/// <https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md>.
pub const SAFE_TO_EVICT_LOCAL_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// The container that `kubectl` takes where none is named:
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container>.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// Set by the kubelet on the API server's copy of a static pod.
pub const MIRROR_POD: &str = "kubernetes.io/config.mirror";

/// The label of a namespace that says how strictly its pods are checked.
pub const POD_SECURITY_ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Set by OpenShift on namespaces whose user ids it assigns.
pub const OPENSHIFT_UID_RANGE: &str = "openshift.io/sa.scc.uid-range";

/// What the value of an `inject-*` annotation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Nothing: absent, empty, or `false` in any case.
    No,
    /// The one Instrumentation of the pod's namespace: `true` in any case.
    Sole,
    /// A named Instrumentation, in the given namespace or else the pod's.
    Named {
        /// The part before the first slash.
        namespace: Option<&'a str>,
        /// The rest.
        name: &'a str,
    },
}

impl<'a> Ask<'a> {
    /// Parses an effective value.
    ///
    /// ```
    /// use ingraft_api::annotations::Ask;
    /// assert_eq!(Ask::parse("True"), Ask::Sole);
    /// assert_eq!(Ask::parse("false"), Ask::No);
    /// assert_eq!(Ask::parse("obs/base"), Ask::Named { namespace: Some("obs"), name: "base" });
    /// ```
    pub fn parse(value: &'a str) -> Self {
        if value.is_empty() || value.eq_ignore_ascii_case("false") {
            Self::No
        } else if value.eq_ignore_ascii_case("true") {
            Self::Sole
        } else if let Some((namespace, name)) = value.split_once('/') {
            Self::Named { namespace: Some(namespace), name }
        } else {
            Self::Named { namespace: None, name: value }
        }
    }
}

/// Combines the value on a pod with the value on its namespace; an empty string stands for "absent".
///
/// A pod's own value wins, except that `true` defers to a namespace that says which Instrumentation.
///
/// ```
/// use ingraft_api::annotations::effective;
/// assert_eq!(effective("", "base"), "base");
/// assert_eq!(effective("true", "base"), "base");
/// assert_eq!(effective("true", "false"), "true");
/// assert_eq!(effective("false", "true"), "false");
/// ```
pub fn effective<'a>(pod: &'a str, namespace: &'a str) -> &'a str {
    let defers = pod.eq_ignore_ascii_case("true") && !namespace.eq_ignore_ascii_case("false");
    if pod.is_empty() || (defers && !namespace.is_empty()) { namespace } else { pod }
}
