//! The shell and the small commands of images, all of them one static program.

use std::path::Path;

use super::debian;
use crate::Recipe;

/// The Debian package.
const PACKAGE: &str = "busybox-static";

/// Its names: what injected init containers run, and what is handy in `kubectl exec`.
pub(super) const COMMANDS: &[&str] = &[
    "cat", "cp", "echo", "env", "grep", "head", "id", "ls", "mkdir", "mount", "mv", "nslookup", "printf",
    "ps", "rm", "sed", "sh", "sleep", "stat", "tail", "test", "touch", "tr", "wget",
];

/// Puts it into an image, below `/bin`. `work` keeps the file until the image is written.
pub(super) fn add(recipe: &mut Recipe, work: &Path) -> anyhow::Result<()> {
    let folder = work.join(PACKAGE);
    debian::unpack(&[PACKAGE], &folder)?;
    recipe.file("/bin/busybox", &folder.join("bin/busybox"), Some(0o755))?;
    for name in COMMANDS {
        recipe.link(&format!("/bin/{name}"), "busybox");
    }
    Ok(())
}
