//! The examples of this repository, also with changes: what a reader would write after pasting one.

use crate::repository;

/// The text of an example.
#[derive(Clone, Debug)]
pub struct Example {
    text: String,
}

impl Example {
    /// Reads `examples/NAME.yaml`. The last thing in it is the ports of its only container.
    ///
    /// # Errors
    /// When there is no such example.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(repository(&format!("examples/{name}.yaml")))?;
        Ok(Self { text })
    }

    /// The manifests.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Without the application: namespaces and the Instrumentation.
    pub fn instrumentation(&self) -> &str {
        self.text.rsplit_once("---\n").map_or("", |(before, _)| before)
    }

    /// The application.
    pub fn application(&self) -> &str {
        self.text.rsplit_once("---\n").map_or("", |(_, last)| last)
    }

    /// With another word everywhere.
    #[must_use]
    pub fn replace(self, from: &str, to: &str) -> Self {
        Self { text: self.text.replace(from, to) }
    }

    /// With one more annotation on the pod.
    #[must_use]
    pub fn annotation(self, line: &str) -> Self {
        self.replace("      annotations:\n", &format!("      annotations:\n        {line}\n"))
    }

    /// With more fields in the container.
    #[must_use]
    pub fn container(self, fields: &str) -> Self {
        self.append(8, fields)
    }

    /// With more fields in the pod; after those of the container.
    #[must_use]
    pub fn pod(self, fields: &str) -> Self {
        self.append(6, fields)
    }

    /// With its application in a namespace that enforces Pod Security *restricted*, whose container says what that
    /// asks for and leaves the user to its image.
    #[must_use]
    pub fn restricted(self, namespace: &str) -> Self {
        let label = "\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n";
        self.replace("  name: application\n", &format!("  name: {namespace}{label}"))
            .replace("  namespace: application\n", &format!("  namespace: {namespace}\n"))
            .container(concat!(
                "securityContext:\n",
                "  runAsNonRoot: true\n",
                "  allowPrivilegeEscalation: false\n",
                "  capabilities:\n",
                "    drop: [ALL]\n",
                "  seccompProfile:\n",
                "    type: RuntimeDefault\n",
            ))
    }

    fn append(mut self, indentation: usize, fields: &str) -> Self {
        for line in fields.lines() {
            self.text.push_str(&" ".repeat(indentation));
            self.text.push_str(line);
            self.text.push('\n');
        }
        self
    }
}
