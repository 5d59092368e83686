//! Runs the binary in a folder of its own, without any environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ingraft");

/// A folder with files, in which the binary runs.
pub(crate) struct Folder(TempDir);

/// What the binary answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn empty() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A folder with these files; folders on their paths are made.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::empty();
        for (path, text) in files {
            let path = folder.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        self.run_with_input(args, "")
    }

    /// Runs the binary with a text on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Answer {
        self.run_with(args, input, &[])
    }

    /// Runs the binary with environment variables.
    pub(crate) fn run_with_environment(&self, args: &[&str], environment: &[(&str, &str)]) -> Answer {
        self.run_with(args, "", environment)
    }

    /// A link to the binary by another name.
    pub(crate) fn link(&self, name: &str) -> PathBuf {
        let link = self.0.path().join(name);
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        link
    }

    /// Runs the binary by another name.
    pub(crate) fn run_program(&self, program: &Path, args: &[&str]) -> Answer {
        answer(self.command(program).args(args), "")
    }

    /// Runs the binary with nobody left to read what it prints. Returns its exit status.
    pub(crate) fn run_with_closed_output(&self, args: &[&str]) -> i32 {
        let mut command = self.command(Path::new(PROGRAM));
        for stream in [Command::stdout, Command::stderr] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            stream(&mut command, writer);
        }
        command.args(args).status().unwrap().code().expect("it exits")
    }

    fn run_with(&self, args: &[&str], input: &str, environment: &[(&str, &str)]) -> Answer {
        answer(self.command(Path::new(PROGRAM)).envs(environment.iter().copied()).args(args), input)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("NO_COLOR", "1").current_dir(self.0.path());
        command
    }
}

fn answer(command: &mut Command, input: &str) -> Answer {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    // A program that does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Answer {
        status: output.status.code().expect("it exits"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Answer {
    /// The documents on standard output, read by another program's rules: separators on lines of their own.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let texts = self.stdout.split("\n---\n");
        texts.map(|text| serde_saphyr::from_str(text).expect("standard output is YAML")).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("standard output is JSON")
    }
}

/// A text with every line moved to the right, as an item of a list has it.
pub(crate) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}
