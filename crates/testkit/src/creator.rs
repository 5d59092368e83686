//! Who created an object: a cluster can have other users, whose objects must not be changed or removed.

use anyhow::ensure;

use crate::ingraft::NAMESPACE;
use crate::{Kubectl, Progress};

/// The label of objects that a [`Creator`] has created.
const LABEL: &str = "ingraft.dev/created-by";

/// What is created outside namespaces and is removed in the end.
const REMOVED: &str = "namespaces,clusterroles,clusterrolebindings,\
                       validatingadmissionpolicybindings,validatingadmissionpolicies";

/// What Ingraft's manifests have outside namespaces, in the way kubectl prints names.
const OF_INGRAFT: [&str; 9] = [
    "clusterrole.rbac.authorization.k8s.io/ingraft-operator",
    "clusterrolebinding.rbac.authorization.k8s.io/ingraft-operator",
    "customresourcedefinition.apiextensions.k8s.io/instrumentations.opentelemetry.io",
    "validatingadmissionpolicy.admissionregistration.k8s.io/ingraft-hints",
    "validatingadmissionpolicybinding.admissionregistration.k8s.io/accepted-anyway",
    "validatingadmissionpolicy.admissionregistration.k8s.io/ingraft-hints-instrumentation",
    "validatingadmissionpolicybinding.admissionregistration.k8s.io/instrumentation-accepted-anyway",
    "validatingadmissionpolicy.admissionregistration.k8s.io/ingraft-require",
    "validatingadmissionpolicybinding.admissionregistration.k8s.io/ingraft-require",
];

/// The demo or the tests, as the value of a label: only objects with it are changed and removed.
#[derive(Clone, Copy, Debug)]
pub struct Creator(&'static str);

impl Creator {
    /// `cargo xtask up`.
    pub const DEMO: Self = Self("xtask");
    /// The end-to-end tests.
    pub const TESTS: Self = Self("e2e");

    /// Creates the operator's namespace and these ones, unless it has created them before.
    ///
    /// # Errors
    /// When one of them, or something that Ingraft's manifests have outside namespaces, was created by somebody else.
    /// Nothing is created then.
    pub fn create_namespaces(self, kubectl: &Kubectl, namespaces: &[&str]) -> anyhow::Result<()> {
        let not_mine = format!("{LABEL}!={}", self.0);
        let mut others = kubectl.run(&["get", REMOVED, "-o", "name", "-l", &not_mine])?;
        // Definitions stay when the rest is removed, so that of the demo is there for the tests.
        let unlabelled = format!("!{LABEL}");
        others += &kubectl.run(&["get", "customresourcedefinitions", "-o", "name", "-l", &unlabelled])?;
        let namespaces = || namespaces.iter().chain([&NAMESPACE]);
        let mut wanted: Vec<String> = namespaces().map(|name| format!("namespace/{name}")).collect();
        wanted.extend(OF_INGRAFT.map(str::to_owned));
        let taken = taken(&wanted, &others);
        ensure!(
            taken.is_empty(),
            "the cluster has objects that {} needs, but has not created: {}. Remove them if nobody needs them \
             (`cargo xtask down` removes the demo), or use another cluster",
            self.0,
            taken.join(", ")
        );
        let manifests: Vec<String> = namespaces().map(|name| self.namespace(name)).collect();
        // Another manager than that of later manifests, which don't have the label and would take it away.
        let apply = ["apply", "--server-side", "--field-manager=ingraft-testkit", "-f", "-"];
        kubectl.run_with_input(&apply, &manifests.concat()).map(drop)
    }

    fn namespace(self, name: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    {LABEL}: {}\n",
            self.0
        )
    }

    /// Applies manifests with the label on every object.
    ///
    /// # Errors
    /// When the API server refuses one of them.
    pub fn apply(self, kubectl: &Kubectl, manifests: &str) -> anyhow::Result<()> {
        let label = format!("{LABEL}={}", self.0);
        let labelled =
            kubectl.run_with_input(&["label", "--local", "-o", "json", "-f", "-", &label], manifests)?;
        kubectl.apply(&labelled).map(drop)
    }

    /// Removes what has the label. The definitions of custom resources stay, and with them Instrumentations in other
    /// namespaces.
    ///
    /// # Errors
    /// When something cannot be removed; calling again continues.
    pub fn remove(self, kubectl: &Kubectl, progress: Progress) -> anyhow::Result<()> {
        let label = format!("{LABEL}={}", self.0);
        progress.step(format_args!("removing what has the label {label}"), || {
            kubectl.run(&["delete", REMOVED, "-l", &label]).map(drop)
        })
    }
}

/// Those that are wanted and are among the lines of what others have.
fn taken<'a>(wanted: &'a [String], others: &str) -> Vec<&'a str> {
    let is_taken = |name: &&str| others.lines().any(|other| other == *name);
    wanted.iter().map(String::as_str).filter(is_taken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_kind_and_name_is_taken() {
        let wanted = ["namespace/shop", "namespace/application"].map(str::to_owned);
        let others =
            "namespace/kube-system\nnamespace/shop-2\nclusterrole/application\nnamespace/application\n";
        assert_eq!(taken(&wanted, others), ["namespace/application"]);
        assert_eq!(taken(&wanted, ""), [""; 0]);
    }
}
