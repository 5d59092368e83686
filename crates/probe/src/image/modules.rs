//! Whether a Node.js application uses ES modules, which `--require` alone does not instrument.
//! <https://nodejs.org/api/packages.html#determining-module-system>

use serde::Deserialize;

use super::{Image, path};

/// Where images put applications whose folder the pod does not state.
const FOLDERS: [&str; 6] =
    ["/app", "/usr/src/app", "/home/node/app", "/opt/app-root/src", "/workspace", "/home/node"];
/// Folders above a script that are looked at.
const LEVELS: usize = 8;
/// Longer than any `package.json` of an application.
const MOST: u64 = 1 << 20;

/// By the script on the command line, else by the `package.json` of the application's folder.
pub(super) fn uses_es_modules(image: &Image<'_>) -> Option<bool> {
    let is_script = |argument: &&String| {
        !argument.starts_with('-') && matches!(path::extension(argument), Some("js" | "mjs" | "cjs"))
    };
    let script = image.argv.iter().skip(1).find(is_script);
    if let Some(script) = script {
        match path::extension(script) {
            Some("mjs") => return Some(true),
            Some("cjs") => return Some(false),
            _ => {}
        }
        let script = path::join(image.workdir.unwrap_or("/"), script);
        let real = image.files.real(&script).unwrap_or(script);
        let folders = std::iter::successors(path::parent(&real), |folder| path::parent(folder));
        return folders.take(LEVELS).find_map(|folder| declared(image, folder));
    }
    match image.workdir {
        Some(workdir) => declared(image, workdir),
        None => FOLDERS.iter().find_map(|folder| declared(image, folder)),
    }
}

/// What matters of a `package.json`.
#[derive(Deserialize)]
struct Package {
    #[serde(rename = "type")]
    kind: String,
}

/// What the folder's `package.json` declares, if there is one.
fn declared(image: &Image<'_>, folder: &str) -> Option<bool> {
    let text = image.files.bytes(&path::join(folder, "package.json"), 0, MOST)?;
    let package: Option<Package> = serde_json::from_slice(&text).ok();
    Some(package.is_some_and(|package| package.kind == "module"))
}
