//! kubectl against one cluster. For a cluster of this crate it has the cluster's own version, and ignores the user's
//! own settings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::Context as _;

use crate::command::{output_within, text};

/// Longer than anything that tests and commands wait for: what takes longer waits for something that does not come.
const LIMIT: Duration = Duration::from_mins(4);

/// A kubectl that is bound to one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    /// Whether the cluster is one of this crate.
    own: bool,
}

impl Kubectl {
    pub(crate) fn new(program: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program, kubeconfig, own: true }
    }

    pub(crate) fn existing(program: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program, kubeconfig, own: false }
    }

    /// The program itself.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A command to be extended and started by the caller.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).env("KUBERC", "off").args(arguments);
        if self.own {
            command
                // Addresses are used again by later clusters: a discovery cache shared with them would lie.
                .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
                // The cluster is on this machine, whatever proxy the way out of it needs.
                .env("NO_PROXY", "*")
                .env("no_proxy", "*");
        }
        command
    }

    /// Runs to the end and returns standard output.
    ///
    /// # Errors
    /// When kubectl fails or does not end; the error holds what it said.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_with_input(arguments, "")
    }

    /// Runs to the end, whatever the exit status.
    ///
    /// # Errors
    /// When kubectl cannot be started or does not end.
    pub fn output(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        output_within(LIMIT, &mut self.command(arguments), "")
    }

    /// Runs to the end and reads standard output as JSON, which `arguments` must ask for.
    ///
    /// # Errors
    /// When kubectl fails or prints something else.
    pub fn json(&self, arguments: &[&str]) -> anyhow::Result<serde_json::Value> {
        let text = self.run(arguments)?;
        serde_json::from_str(&text).with_context(|| format!("read JSON from kubectl {}", arguments.join(" ")))
    }

    /// Runs with `input` on standard input, for `-f -`.
    ///
    /// # Errors
    /// When kubectl fails or does not end; the error holds what it said.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = self.command(arguments);
        let output = output_within(LIMIT, &mut command, input)?;
        text(&command, &output)
    }

    /// Applies manifests on the server's side.
    ///
    /// # Errors
    /// When the API server refuses one of them.
    pub fn apply(&self, manifests: &str) -> anyhow::Result<String> {
        self.run_with_input(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests)
    }

    /// Applies the definitions among manifests, waits until the API server knows them, and returns the other documents:
    /// kubectl cannot apply a definition and its object in one go.
    ///
    /// # Errors
    /// When the API server refuses one, or does not take it up in time.
    pub fn apply_definitions<'a>(&self, manifests: &'a str) -> anyhow::Result<Vec<&'a str>> {
        let (definitions, rest): (Vec<&str>, Vec<&str>) = manifests
            .split("---\n")
            .partition(|document| document.contains("kind: CustomResourceDefinition"));
        let definitions = definitions.join("---\n");
        self.apply(&definitions)?;
        let wait = ["wait", "--for=condition=Established", "-f", "-", "--timeout=20s"];
        self.run_with_input(&wait, &definitions)?;
        Ok(rest)
    }

    /// Whether the API server changes pods by policies: from Kubernetes 1.36 on.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn has_mutating_policies(&self) -> anyhow::Result<bool> {
        let served =
            self.run(&["api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name"])?;
        Ok(served.lines().any(|line| line.starts_with("mutatingadmissionpolicies.")))
    }
}
