//! Small trees that look like images.

mod agents;
mod runtimes;
mod scripts;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use tempfile::TempDir;

use super::*;
use ingraft_probe_contract::AgentRules;

/// A runtime as if it had been found.
pub(crate) fn runtime(agent: Agent, version: Option<&str>) -> Runtime {
    Runtime { agent, version: version.map(str::to_owned), program: None }
}

/// A folder that stands for an image's root, and its environment.
pub(crate) struct Tree {
    root: TempDir,
    variables: Vec<(&'static str, &'static str)>,
    argv: Vec<String>,
    workdir: Option<&'static str>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().expect("folder"), variables: Vec::new(), argv: Vec::new(), workdir: None }
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, content).expect("write");
        self
    }

    pub(crate) fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let tree = self.file(path, content);
        fs::set_permissions(tree.root.path().join(path), fs::Permissions::from_mode(0o755)).expect("mode");
        tree
    }

    /// A link whose target is relative: it must stay within the tree.
    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        symlink(target, path).expect("link");
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(crate) fn argv(mut self, words: &[&str]) -> Self {
        self.argv = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    fn workdir(mut self, folder: &'static str) -> Self {
        self.workdir = Some(folder);
        self
    }

    /// Does something with what stands for the image.
    fn with<R>(&self, look: impl FnOnce(&Image<'_>) -> R) -> R {
        let root = fs::canonicalize(self.root.path()).expect("real");
        let disk = Disk::below(root.to_str().expect("text"));
        let files = Files::of(&disk);
        let environment = self.variables.iter().copied().collect();
        let image = Image {
            files: &files,
            environment: &environment,
            argv: &self.argv,
            workdir: self.workdir,
            architecture: std::env::consts::ARCH,
        };
        look(&image)
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        // The method itself would be for images of one lifetime only.
        #[expect(clippy::redundant_closure_for_method_calls, reason = "it does not compile")]
        self.with(|image| image.commands())
    }

    fn contents_for(&self, agents: &[Agent]) -> Contents {
        let rules = |&agent| AgentRules { agent, payload_libc: None, any_version: false, rules: Vec::new() };
        let plan = Plan { agents: agents.iter().map(rules).collect(), ..Plan::new("/f".to_owned()) };
        self.with(|image| Contents::of(image, &plan, &["JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PYTHONPATH"]))
    }

    fn contents(&self) -> Contents {
        self.contents_for(&[])
    }

    /// The version of the agent's runtime: none if it is absent, empty if it is unknown.
    fn version(&self, agent: Agent) -> Option<String> {
        self.contents().runtime(agent).map(|found| found.version.clone().unwrap_or_default())
    }
}

/// The beginning of a 64-bit program, with the loader that it names.
fn elf(loader: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 2 * 56];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[0x20] = 64;
    bytes[0x36] = 56;
    bytes[0x38] = 2;
    // The first program header is PT_LOAD.
    bytes[64] = 1;
    if let Some(loader) = loader {
        bytes[64 + 56] = 3;
        let start = u16::try_from(bytes.len()).expect("short").to_le_bytes();
        bytes[64 + 56 + 8..64 + 56 + 10].copy_from_slice(&start);
        bytes.extend(loader.as_bytes());
        bytes.push(0);
    }
    bytes
}
