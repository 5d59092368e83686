//! .NET: by the shared runtime's folders, or by what lies beside a self-contained application.

use ingraft_probe_contract::Agent;

use super::{Image, Runtime, path};
use crate::version;

/// Where Microsoft, distributions and Bitnami put it.
const FOLDERS: [&str; 5] =
    ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/opt/dotnet", "/opt/bitnami/dotnet"];

pub(super) fn find(image: &Image<'_>) -> Option<Runtime> {
    shared(image).or_else(|| self_contained(image))
}

/// The newest of the shared runtimes.
fn shared(image: &Image<'_>) -> Option<Runtime> {
    let program = image.program(|name| name == "dotnet", &["dotnet"], &FOLDERS)?;
    let program = image.files.real(&program).unwrap_or(program);
    let root = image.environment.text("DOTNET_ROOT");
    let folders = [root, path::parent(&program)].into_iter().flatten().chain(FOLDERS);
    let newest = { folders }.find_map(|folder| {
        let names = image.files.names(&path::join(folder, "shared/Microsoft.NETCore.App"));
        names.into_iter().max_by_key(|name| version::numbers(name))
    });
    let version =
        newest.as_deref().or_else(|| image.environment.text("DOTNET_VERSION")).and_then(version::tidy);
    Some(Runtime { agent: Agent::Dotnet, version, program: Some(program) })
}

/// An application that brings its runtime along.
fn self_contained(image: &Image<'_>) -> Option<Runtime> {
    let entry = image.entry().and_then(|entry| image.files.real(&entry));
    let beside = entry.as_deref().and_then(path::parent);
    let has_runtime = |folder: &&str| image.files.is_file(&path::join(folder, "libcoreclr.so"));
    let folder = [beside, image.workdir, Some("/app")].into_iter().flatten().find(has_runtime)?;
    let program = if beside == Some(folder) { entry.clone() } else { None };
    let version = program.as_deref().and_then(|program| included(image, program));
    Some(Runtime { agent: Agent::Dotnet, version, program })
}

/// The version in `NAME.runtimeconfig.json`.
fn included(image: &Image<'_>, program: &str) -> Option<String> {
    let text = image.files.text(&[program, ".runtimeconfig.json"].concat(), 16 * 1024)?;
    let (_, rest) = text.split_once("\"Microsoft.NETCore.App\"")?;
    let (_, rest) = rest.split_once("\"version\"")?;
    version::tidy(rest.split('"').nth(1)?)
}
