//! Shell scripts that run before the application and replace a variable. The probe can't see what they set, and what
//! was merged is lost.

use super::{Image, path};

/// Names that images give to their entrypoint where the pod does not state one.
const USUAL: [&str; 9] = [
    "/docker-entrypoint.sh",
    "/entrypoint.sh",
    "/usr/local/bin/docker-entrypoint.sh",
    "/usr/local/bin/entrypoint.sh",
    "/usr/bin/entrypoint.sh",
    "/opt/entrypoint.sh",
    "/app/entrypoint.sh",
    "/app/docker-entrypoint.sh",
    "/start.sh",
];
/// Words of the command that may name a script: `tini -- sh /entrypoint.sh`.
const WORDS: usize = 6;
/// Longer than scripts are.
const MOST: u64 = 64 * 1024;

/// Those of the variables that a script assigns without using the value that they have.
pub(super) fn assigned(image: &Image<'_>, names: &[&str]) -> Vec<String> {
    let words = image.argv.iter().take(WORDS);
    let mut scripts: Vec<String> =
        words.clone().filter_map(|word| script(image, &image.resolve(word)?)).collect();
    if image.entry().is_none() {
        scripts.extend(USUAL.iter().filter_map(|path| script(image, path)));
    }
    // `sh -c "…"` and `env NAME=…`.
    scripts.extend(words.cloned());
    let is_assigned = |name: &&&str| scripts.iter().any(|script| replaces(script, name));
    names.iter().filter(is_assigned).map(|name| (*name).to_owned()).collect()
}

/// The file's text, if a shell runs it.
fn script(image: &Image<'_>, path: &str) -> Option<String> {
    if image.files.bytes(path, 0, 2)? != b"#!" && path::extension(path) != Some("sh") {
        return None;
    }
    let text = image.files.text(path, MOST)?;
    let is_shell = match text.lines().next()?.strip_prefix("#!") {
        Some(command) => command.split_whitespace().any(|word| path::name(word).ends_with("sh")),
        None => true,
    };
    is_shell.then_some(text)
}

/// Whether a line assigns or unsets the variable. One that uses its value on the same line extends it.
fn replaces(script: &str, name: &str) -> bool {
    script.lines().map(str::trim_start).filter(|line| !line.starts_with('#')).any(|line| {
        let extends = line.contains(&["$", name].concat()) || line.contains(&["${", name].concat());
        unsets(line, name) || (!extends && line.split_whitespace().any(|word| assigns(word, name)))
    })
}

fn assigns(word: &str, name: &str) -> bool {
    let word = word.trim_start_matches(['"', '\'', '(', '{', ';', '&']);
    word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

fn unsets(line: &str, name: &str) -> bool {
    let mut words = line.split([' ', '\t', ';', '&']).filter(|word| !word.is_empty());
    words.any(|word| word == "unset") && words.any(|word| word == name)
}
