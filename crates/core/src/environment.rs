//! The environment that a container gets, by the kubelet's rules and with what is known.
//!
//! ```text
//!  image ENV       $(NAME) does not see it
//!  service links   HOST_SERVICE_PORT and the like
//!  envFrom         in order: all keys of ConfigMaps and Secrets
//!  env             in order: $(NAME) sees what is set so far
//! ```
//!
//! Each line replaces, name by name, what those above it set. The rules are those of Kubernetes 1.35 and containerd
//! (docs/reference/kubelet.md), and `tests/kubelet` compares with the kubelet itself:
//!
//! - `envFrom`, `env` and service links: `makeEnvironmentVariables` in
//!   <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/kubelet_pods.go>. Since 1.30, names of
//!   any form are set.
//! - Image ENV: containerd puts the kubelet's variables behind the image's (`buildLinuxSpec` in
//!   <https://github.com/containerd/containerd/blob/v2.4.2/internal/cri/server/container_create.go>), and runc gives
//!   the process the last of each name (<https://github.com/opencontainers/runc/blob/v1.3.3/libcontainer/env.go>).
//!
//! What is not here: the variables that the container runtime itself adds where nobody sets them (`HOSTNAME`, `PATH`,
//! `HOME`, `TERM`), and whatever an entrypoint script exports.
//!
//! Nobody knows everything, and the answer says what follows from what is known, and only that: a source that may be
//! absent leaves open which of two values wins, and a value that is not known makes those that refer to it unknown.
//! What is known may change until the container starts.

mod downward;
mod entry;
mod env_file;
mod expansion;
mod service_links;
#[cfg(test)]
mod tests;
mod walk;

use serde_json::Value;

pub(crate) use entry::Entry;
pub use expansion::expand;
pub(crate) use expansion::{references, refers_to, split_at_reference};
pub use service_links::{ServiceVariable, service_links};

use crate::ReferenceKind;
use walk::Walk;

/// A container, and what is known of the places that its environment comes from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The pod, for fields and for other containers' resources.
    pub pod: &'a Value,
    /// The container: an item of the pod's `containers` or `initContainers`.
    pub container: &'a Value,
    /// The namespace, which a pod that is being created may not name.
    pub namespace: &'a str,
    /// The ConfigMaps and Secrets of the namespace, by name.
    pub sources: &'a dyn Sources,
    /// The files in the pod's volumes that are known.
    pub files: &'a [File<'a>],
    /// The variables of service links; `None` where the Services are not known.
    pub services: Option<&'a [ServiceVariable]>,
    /// The ENV of the image; `None` where it is not known. Without it (`Some(&[])`) the answers are about what the
    /// kubelet sets, which is what `$(NAME)` can refer to.
    pub image: Option<&'a [(String, String)]>,
}

/// What is known of a ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// Not which keys it has, and maybe not whether there is one.
    Unknown,
    /// There is none.
    Missing,
    /// Exactly these keys of `data` (`binaryData` sets no variables), with their values where they are told.
    Keys(Vec<(&'a str, Option<&'a str>)>),
}

/// The ConfigMaps and Secrets of a namespace.
pub trait Sources {
    /// What is known of one of them.
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_>;
}

/// A file in a volume of the pod, as it is when the container starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct File<'a> {
    /// The name of the volume.
    pub volume: &'a str,
    /// The path in the volume.
    pub path: &'a str,
    /// All of it.
    pub content: &'a str,
}

/// The environment of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// The variables that are or may be set, in the order of their names.
    pub variables: Vec<Variable>,
    /// What may set further variables, whose names are not known.
    pub open: Vec<Origin>,
    /// What is required, and known to be missing or malformed: the container does not start before this is mended.
    /// The variables are those that it would then have.
    pub missing: Vec<Origin>,
}

/// A variable, and what may set it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What may set it, at least one: the first that turns out to do so wins. Only the last can be certain.
    pub settings: Vec<Setting>,
}

impl Variable {
    /// The text that the container certainly gets, if it is known.
    pub fn value(&self) -> Option<&str> {
        let first = self.settings.first().filter(|setting| setting.certain)?;
        first.value.as_deref()
    }
}

/// One way in which a variable may be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The text; `None` where it depends on something that is not known.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is set for sure. If not, the next setting, or nothing, may show through.
    pub certain: bool,
}

/// Where a value comes from. An index is the place in the container's `env` or `envFrom`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the Kubernetes API")]
pub enum Origin {
    /// The ENV of the image.
    Image,
    /// A Service.
    ServiceLink,
    /// An entry of `envFrom`; the key is the variable's name without the prefix.
    EnvFrom { index: usize, kind: ReferenceKind, object: String, prefix: String },
    /// The `value` of an entry of `env`.
    Literal { index: usize },
    /// `configMapKeyRef` or `secretKeyRef`.
    Key { index: usize, kind: ReferenceKind, object: String, key: String },
    /// `fileKeyRef`.
    File { index: usize, volume: String, path: String, key: String },
    /// `fieldRef`.
    Field { index: usize, path: String },
    /// `resourceFieldRef`.
    Resource { index: usize, resource: String },
    /// A source of a kind that is not known here.
    Other { index: usize },
}

/// Whether a variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It is not.
    No,
    /// That depends on something that is not known.
    Maybe,
    /// It is, maybe to an empty text.
    Yes,
}

/// The environment that a container gets.
///
/// ```
/// use ingraft_core::ReferenceKind;
/// use ingraft_core::environment::{Inputs, Source, Sources, environment};
/// use serde_json::json;
///
/// struct OneConfigMap;
/// impl Sources for OneConfigMap {
///     fn source(&self, _: ReferenceKind, _: &str) -> Source<'_> {
///         Source::Keys(vec![("JAVA_TOOL_OPTIONS", Some("-Xss1m"))])
///     }
/// }
///
/// let container = json!({
///     "envFrom": [{"configMapRef": {"name": "jvm"}}],
///     "env": [{"name": "JAVA_TOOL_OPTIONS", "value": "$(JAVA_TOOL_OPTIONS) -Xmx1g"}],
/// });
/// let found = environment(&Inputs {
///     pod: &json!({}),
///     container: &container,
///     namespace: "shop",
///     sources: &OneConfigMap,
///     files: &[],
///     services: Some(&[]),
///     image: Some(&[]),
/// });
/// assert_eq!(found.variables[0].value(), Some("-Xss1m -Xmx1g"));
/// ```
pub fn environment(inputs: &Inputs<'_>) -> Environment {
    let mut walk = Walk::new(*inputs, None);
    walk.run(usize::MAX);
    walk.into_environment()
}

/// Whether a variable is set by what comes before an entry of the container's `env`, which need not exist: by the
/// image, service links, `envFrom`, and the entries before it. Cheaper than the environment: no values are looked at.
pub fn presence(inputs: &Inputs<'_>, name: &str, before: usize) -> Presence {
    let mut walk = Walk::new(*inputs, Some(name));
    walk.run(before);
    match walk.settings(name).first() {
        Some(lowest) if lowest.certain => Presence::Yes,
        Some(_) => Presence::Maybe,
        None => Presence::No,
    }
}
