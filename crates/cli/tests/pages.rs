//! The pages that tell people what to type: every command in them is run in a folder of its own, and prints what they show.
//! Blocks are understood by what follows their fence:
//!
//! ```text
//! yaml title=FILE    a file. Those before the first heading are there in every section
//! diff title=FILE    a change of that file, in this section
//! console            commands after `$ `, each with what it prints
//! console cluster    commands that need a cluster: the command line takes them, and its findings read as shown
//! …                  in an answer: lines that are left out, or, within a line, words
//! ```
//!
//! `UPDATE_EXPECT=1 cargo test -p ingraft-cli --test pages` writes the answers anew; read what it wrote.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

#[path = "pages/findings.rs"]
mod findings;
#[path = "pages/links.rs"]
mod links;
#[path = "pages/page.rs"]
mod page;
#[path = "pages/rights.rs"]
mod rights;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ingraft_core::Locale;

use page::{Block, blocks};

/// A page with commands, and the language of who reads it.
const PAGES: [(&str, &str, Locale); 3] = [
    ("docs/troubleshooting.md", "en_US.UTF-8", Locale::En),
    ("docs/troubleshooting.es.md", "es_ES.UTF-8", Locale::Es),
    ("docs/doctor.md", "en_US.UTF-8", Locale::En),
];

/// What is typed besides `ingraft` and `kubectl ingraft`. All of it needs a cluster.
const KUBECTL: [&str; 3] = ["kubectl describe otelinst ", "kubectl get events ", "kubectl logs "];

/// A cluster that nobody has.
const NOWHERE: &str = "\
apiVersion: v1
kind: Config
current-context: nowhere
clusters:
- {name: nowhere, cluster: {server: 'http://127.0.0.1:1'}}
users:
- {name: nobody, user: {}}
contexts:
- {name: nowhere, context: {cluster: nowhere, user: nobody}}
";

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page)
}

fn read(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Runs a command line of a page in a folder. Returns the exit status, and all that a terminal would show.
fn run(line: &str, folder: &Path, language: &str, kubeconfig: &Path) -> (i32, String) {
    assert!(
        !line.contains(['|', '>', '<', '"', '\'', '$', '\\', '*']),
        "only a shell understands this: {line}"
    );
    let mut words = line.strip_prefix("kubectl ").unwrap_or(line).split_whitespace();
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_ingraft"));
    if line.starts_with("kubectl ") {
        program = kubeconfig.with_file_name("kubectl-ingraft");
    }
    assert_eq!(words.next(), Some("ingraft"), "{line}");
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(program);
    command.env_clear().env("LANG", language).env("KUBECONFIG", kubeconfig).current_dir(folder);
    command.args(words).stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    // It holds the other end of the pipe.
    drop(command);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().expect("it exits"), said)
}

/// What a page does step by step, and what differs from what it shows.
struct Walk<'a> {
    language: &'a str,
    locale: Locale,
    /// A folder beside the ones in which commands are run.
    beside: tempfile::TempDir,
    folder: tempfile::TempDir,
    /// Answers that differ: where they stand, how many lines they have, and the lines that belong there.
    differing: Vec<(usize, usize, Vec<String>)>,
    wrong: Vec<String>,
    /// How many commands were run, and how many of them to the end.
    ran: (usize, usize),
}

impl Walk<'_> {
    fn kubeconfig(&self) -> PathBuf {
        self.beside.path().join("kubeconfig")
    }

    fn take(&mut self, block: &Block) {
        if let Some(name) = block.title() {
            let file = self.folder.path().join(name);
            let text = if block.info.starts_with("diff ") {
                block.changed(&std::fs::read_to_string(&file).unwrap())
            } else {
                block.lines.iter().flat_map(|line| [line, "\n"]).collect()
            };
            std::fs::write(file, text).unwrap();
        } else if block.needs_cluster() {
            for command in block.commands() {
                self.parse(command.text);
            }
            self.wrong.extend(findings::wrong(&block.lines, self.locale));
        } else if block.is_console() {
            assert_eq!(block.info, "console");
            block.commands().iter().for_each(|command| self.follow(command));
        }
    }

    /// Commands that need a cluster get as far as one can without.
    fn parse(&mut self, line: &str) {
        self.ran.0 += 1;
        if KUBECTL.iter().any(|known| line.starts_with(known)) {
            return;
        }
        let (status, said) = run(line, self.folder.path(), self.language, &self.kubeconfig());
        if status != 3 {
            self.wrong.push(format!("$ {line}\nstatus {status}, and not 3 for want of a cluster:\n{said}"));
        }
    }

    fn follow(&mut self, command: &page::Command<'_>) {
        let (status, said) = run(command.text, self.folder.path(), self.language, &self.kubeconfig());
        let printed: Vec<&str> = said.lines().collect();
        self.ran = (self.ran.0 + 1, self.ran.1 + 1);
        assert!(status < 2, "$ {}\nstatus {status}:\n{said}", command.text);
        let shows_something = command.answer.iter().any(|line| *line != "…");
        if !page::fits(&command.answer, &printed) || !shows_something {
            let lines = page::rewritten(&command.answer, &printed);
            self.wrong.push(format!("$ {}\n{said}", command.text));
            self.differing.push((command.first, command.answer.len(), lines));
        }
    }
}

/// Follows a page from its beginning to its end.
fn walk<'a>(text: &str, language: &'a str, locale: Locale) -> Walk<'a> {
    let blocks = blocks(text);
    let mut walk = Walk {
        language,
        locale,
        beside: tempfile::tempdir().unwrap(),
        folder: tempfile::tempdir().unwrap(),
        differing: Vec::new(),
        wrong: Vec::new(),
        ran: (0, 0),
    };
    std::fs::write(walk.kubeconfig(), NOWHERE).unwrap();
    let link = walk.beside.path().join("kubectl-ingraft");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ingraft"), link).unwrap();
    let of_all = || blocks.iter().filter(|block| block.section == 0 && block.title().is_some());
    for section in blocks.chunk_by(|one, other| one.section == other.section) {
        walk.folder = tempfile::tempdir().unwrap();
        of_all()
            .chain(section.iter().filter(|block| block.section > 0 || block.title().is_none()))
            .for_each(|block| walk.take(block));
    }
    walk
}

#[test]
fn every_command_prints_what_its_page_shows() {
    let is_updating = std::env::var_os("UPDATE_EXPECT").is_some() && std::env::var_os("CI").is_none();
    let mut wrong = Vec::new();
    for (page, language, locale) in PAGES {
        let text = read(page);
        let walked = walk(&text, language, locale);
        let (all, to_the_end) = walked.ran;
        assert!(
            to_the_end >= 4 && all > to_the_end,
            "{page}: {all} commands, {to_the_end} without a cluster"
        );
        if is_updating && !walked.differing.is_empty() {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (first, count, answer) in walked.differing.into_iter().rev() {
                lines.splice(first..first + count, answer);
            }
            std::fs::write(path(page), lines.join("\n") + "\n").unwrap();
        }
        wrong.extend(walked.wrong.into_iter().map(|what| format!("{page}:\n{what}")));
    }
    assert!(wrong.is_empty() || is_updating, "{}", wrong.join("\n"));
}

#[test]
fn both_languages_say_the_same_by_the_same_steps() {
    let steps = |page: &str| -> Vec<(String, usize, Vec<String>)> {
        let typed = |block: &Block| -> Vec<String> {
            block.commands().iter().map(|command| command.text.to_owned()).collect()
        };
        let step = |block: &Block| if block.is_console() { typed(block) } else { block.lines.clone() };
        blocks(&read(page)).iter().map(|block| (block.info.clone(), block.section, step(block))).collect()
    };
    let [english, spanish] = ["docs/troubleshooting.md", "docs/troubleshooting.es.md"].map(steps);
    for (one, other) in english.iter().zip(&spanish) {
        assert_eq!(one, other);
    }
    assert_eq!(english.len(), spanish.len());
}

/// What the README shows is about an example, and is run from the root.
#[test]
fn the_readme_shows_what_doctor_prints() {
    let text = read("README.md");
    let mut found = 0;
    for block in blocks(&text).iter().filter(|block| block.is_console()) {
        for command in block.commands().iter().filter(|command| command.text.contains("cargo run -- doctor "))
        {
            found += 1;
            let line = command.text.replace("cargo run --", env!("CARGO_BIN_EXE_ingraft"));
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]).env_remove("KUBECONFIG").env("LC_ALL", "C").current_dir(path("."));
            let printed = String::from_utf8(shell.output().unwrap().stdout).unwrap();
            let lines: Vec<&str> = printed.lines().collect();
            assert!(page::fits(&command.answer, &lines), "$ {}\n{printed}", command.text);
        }
    }
    assert_eq!(found, 1, "the README shows it once");
}
