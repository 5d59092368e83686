//! Node.js: by the header beside the program, the official images' variable, version managers' folders or the
//! distribution's package.

use ingraft_probe_contract::Agent;

use super::{Image, Runtime, packages, path};
use crate::version;

/// Where images put it that do not set `PATH`.
const FOLDERS: [&str; 3] = ["/nodejs/bin", "/usr/local/bin", "/opt/bitnami/node/bin"];

pub(super) fn find(image: &Image<'_>) -> Option<Runtime> {
    let is_node = |name: &str| matches!(name, "node" | "nodejs");
    let program = image.program(is_node, &["node", "nodejs"], &FOLDERS)?;
    let program = image.files.real(&program).unwrap_or(program);
    let version = header(image, &program)
        .or_else(|| managed(&program))
        .or_else(|| version::tidy(image.environment.text("NODE_VERSION")?))
        .or_else(|| packages::version(image, &program, &["nodejs", "nodejs-current"]));
    Some(Runtime { agent: Agent::Nodejs, version, program: Some(program) })
}

/// `include/node/node_version.h`, which comes with the official archives.
fn header(image: &Image<'_>, program: &str) -> Option<String> {
    let folder = path::parent(path::parent(program)?)?;
    let text = image.files.text(&path::join(folder, "include/node/node_version.h"), 4096)?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name))?;
        line.trim().parse::<u32>().ok()
    };
    let (major, minor) = (number("NODE_MAJOR_VERSION")?, number("NODE_MINOR_VERSION")?);
    Some(format!("{major}.{minor}.{}", number("NODE_PATCH_VERSION")?))
}

/// A part of the path such as `v20.11.1`, as version managers have it.
fn managed(program: &str) -> Option<String> {
    let is_version = |part: &&str| matches!(version::numbers(part), [Some(_), Some(_), _]);
    program.split('/').filter_map(|part| part.strip_prefix('v')).find(is_version).and_then(version::tidy)
}
