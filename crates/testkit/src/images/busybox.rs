//! The shell and the small commands of images, all of them one static program.

use std::path::Path;

use super::{NOBODY, cached, debian};
use crate::tools::content_key;
use crate::{Cache, Image, Progress, Recipe};

/// An image with nothing else in it.
pub const BUSYBOX: &str = "ingraft.dev/busybox:1.0.0";

/// The Debian package.
const PACKAGE: &str = "busybox-static";

/// Its names: what injected init containers run, and what is handy in `kubectl exec`.
pub(super) const COMMANDS: &[&str] = &[
    "cat", "cp", "echo", "env", "grep", "head", "id", "ls", "mkdir", "mount", "mv", "nslookup", "printf",
    "ps", "rm", "sed", "sh", "sleep", "stat", "tail", "test", "touch", "tr", "wget",
];

/// The image [`BUSYBOX`].
///
/// # Errors
/// When the package cannot be had.
pub fn busybox(cache: &Cache, progress: Progress) -> anyhow::Result<Image> {
    cached(cache, progress, "busybox", &content_key(COMMANDS.iter().copied()), &[BUSYBOX], |archive| {
        let work = tempfile::tempdir()?;
        let mut recipe = Recipe::new();
        add(&mut recipe, work.path())?;
        recipe.variables(&["PATH=/bin"]).user(NOBODY).command(&["sh"]);
        recipe.write(archive, &[BUSYBOX]).map(drop)
    })
}

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
