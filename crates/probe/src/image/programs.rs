//! Finding the program of a runtime the way the application's command would.

use super::{Image, path};

/// What container runtimes set where the image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Arguments beyond these are the application's own.
const ARGUMENTS: usize = 8;
/// Words of one argument, or of one script, beyond these are not looked at.
const WORDS: usize = 32;
/// Longer than scripts are.
const SCRIPT: u64 = 64 * 1024;
/// Folders beyond these are not looked at.
const FOLDERS: usize = 32;

impl Image<'_> {
    /// The first program of these names: stated on the command line, in `PATH`, or in one of the folders.
    pub(super) fn program(
        &self,
        is_named: impl Fn(&str) -> bool,
        names: &[&str],
        folders: &[&str],
    ) -> Option<String> {
        let stated = self.argv.iter().take(ARGUMENTS).filter(|argument| is_named(path::name(argument)));
        let mut stated = stated.filter_map(|argument| self.resolve(argument));
        stated.next().or_else(|| self.interpreter().filter(|program| is_named(path::name(program)))).or_else(
            || {
                let folders = self.search_path().chain(folders.iter().copied());
                let mut candidates =
                    folders.flat_map(|folder| names.iter().map(|name| path::join(folder, name)));
                candidates.find(|candidate| self.files.is_program(candidate))
            },
        )
    }

    /// The program that a word of a command means.
    pub(super) fn resolve(&self, word: &str) -> Option<String> {
        let is_program = |candidate: &String| self.files.is_program(candidate);
        if word.contains('/') {
            return Some(path::join(self.workdir.unwrap_or("/"), word)).filter(is_program);
        }
        self.search_path().map(|folder| path::join(folder, word)).find(is_program)
    }

    /// The application's first file, whether binary or script.
    pub(super) fn entry(&self) -> Option<String> {
        self.argv.first().and_then(|word| self.resolve(word))
    }

    /// What is started, in that order and without links: programs that the command names, what runs those that are
    /// scripts, and what shell scripts hand over to.
    pub(crate) fn commands(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut add = |program: String| {
            let real = self.files.real(&program).unwrap_or(program);
            if !found.contains(&real) {
                found.push(real);
            }
        };
        for word in
            self.argv.iter().take(ARGUMENTS).flat_map(|argument| argument.split_whitespace().take(WORDS))
        {
            let Some(program) = self.resolve(word) else { continue };
            let runs = self.runs(&program).filter(|runs| !path::name(runs).ends_with("sh"));
            let handed_over = self.hands_over_to(&program);
            add(program);
            runs.into_iter().chain(handed_over).for_each(&mut add);
        }
        found
    }

    /// The programs to which a shell script hands over by `exec`.
    fn hands_over_to(&self, program: &str) -> Vec<String> {
        let script =
            self.files.text(program, SCRIPT).filter(|text| text.starts_with("#!")).unwrap_or_default();
        let lines = script.lines().filter_map(|line| line.trim_start().strip_prefix("exec "));
        let words =
            lines.flat_map(|line| line.split_whitespace().take(WORDS)).filter(|word| !word.contains('$'));
        words.take(WORDS).filter_map(|word| self.resolve(word.trim_matches(['"', '\'']))).collect()
    }

    /// What runs the application's first file, if that is a script: `gunicorn` is run by some Python.
    fn interpreter(&self) -> Option<String> {
        self.runs(&self.entry()?)
    }

    /// What runs a script.
    fn runs(&self, script: &str) -> Option<String> {
        let script = self.files.text(script, 256)?;
        let mut words = script.strip_prefix("#!")?.lines().next()?.split_whitespace();
        let program = words.next()?;
        if path::name(program) == "env" {
            return self.resolve(words.find(|word| !word.starts_with('-'))?);
        }
        Some(program.to_owned()).filter(|program| self.files.is_program(program))
    }

    fn search_path(&self) -> impl Iterator<Item = &str> {
        let path = self.environment.text("PATH").unwrap_or(DEFAULT_PATH);
        path.split(':').filter(|folder| folder.starts_with('/')).take(FOLDERS)
    }
}
