//! An image that does not run, looked at in the same way as one that does.

use ingraft_probe_contract::{Agent, AgentRules, ImageFacts, Plan};

use crate::decide::decide;
use crate::environment::Environment;
use crate::image::{Contents, Files, Image, Tree};
use crate::report;

/// An image as it is stored.
pub struct Still<'s> {
    /// Its files.
    pub tree: &'s dyn Tree,
    /// The variables that it sets.
    pub environment: &'s Environment,
    /// What it starts, with the arguments.
    pub argv: &'s [String],
    /// Where that is started.
    pub workdir: Option<&'s str>,
    /// What its programs are for, as image registries name it.
    pub architecture: &'s str,
}

/// What an image shows before it runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// What a probe would report: of every agent with its default files, whichever C library these are for.
    pub facts: ImageFacts,
    /// Programs that are started, as far as the command and the scripts in it tell, without links.
    pub commands: Vec<String>,
}

/// Looks at it, and at nothing else.
pub fn look(still: &Still<'_>) -> Seen {
    let Still { tree, environment, argv, workdir, architecture } = *still;
    let files = Files::of(tree);
    let workdir = workdir.filter(|folder| *folder != "/");
    let image = Image { files: &files, environment, argv, workdir, architecture: own_name(architecture) };
    let agents = Agent::ALL.map(|agent| AgentRules {
        agent,
        payload_libc: None,
        any_version: false,
        rules: Vec::new(),
    });
    let plan = Plan { agents: agents.into(), ..Plan::new(String::new()) };
    let contents = Contents::of(&image, &plan, &report::of_interest(&plan));
    let decision = decide(&plan, environment, &contents);
    let commands = image.commands();
    Seen { facts: report::of(&plan, environment, contents, decision).facts, commands }
}

/// Rust's name of an architecture.
fn own_name(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "ppc64le" => "powerpc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::Tree;

    #[test]
    fn programs_are_found_behind_links_interpreters_and_scripts() {
        let tree = || {
            let tree = Tree::new().program("usr/bin/python3.12", "").program("usr/bin/node", "");
            tree.link("usr/bin/python3", "python3.12").env("PATH", "/usr/bin:/x")
        };
        let commands = |tree: Tree| tree.commands();
        let python = "/usr/bin/python3.12";
        assert_eq!(commands(tree().argv(&["python3", "app.py"])), [python]);
        let gunicorn = || tree().program("x/gunicorn", "#!/usr/bin/python3\nimport sys\n");
        assert_eq!(commands(gunicorn().argv(&["gunicorn", "app"])), ["/x/gunicorn", python]);
        let npm = tree().program("x/npm", "#!/usr/bin/env node\n");
        assert_eq!(commands(npm.argv(&["npm", "start"])), ["/x/npm", "/usr/bin/node"]);
        let shell = tree().program("bin/sh", "").argv(&["/bin/sh", "-c", "exec node /srv/app.js"]);
        assert_eq!(commands(shell), ["/bin/sh", "/usr/bin/node"]);
        let script = || tree().program("run.sh", "#!/bin/sh\nset -e\npython3 -m migrate\nexec node app.js\n");
        assert_eq!(commands(script().argv(&["/run.sh"])), ["/run.sh", "/usr/bin/node"]);
        let handed_on = tree().program("run.sh", "#!/bin/sh\nexec \"$@\"\n").argv(&["/run.sh", "node"]);
        assert_eq!(commands(handed_on), ["/run.sh", "/usr/bin/node"]);
        assert_eq!(commands(tree().argv(&["missing"])), [""; 0]);
        assert_eq!(commands(tree()), [""; 0]);
    }
}
