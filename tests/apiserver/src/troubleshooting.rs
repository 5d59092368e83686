//! The commands of docs/troubleshooting.md that need a cluster, on a real API server that has what the page begins with. What
//! `--trace` does is shown on a node.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::cluster::shared;
use crate::wait::until;

/// The blocks of a page that are fenced with these words, each as its lines.
fn blocks(page: &str, fence: &str) -> Vec<String> {
    let begins = |line: &str| line.strip_prefix("```").is_some_and(|words| words.starts_with(fence));
    let (mut blocks, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        if begins(line) {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

#[test]
fn commands_of_the_troubleshooting_page_that_need_a_cluster_run_on_one() {
    let (cluster, _) = shared();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/troubleshooting.md");
    let page = std::fs::read_to_string(page).unwrap();
    for namespace in ["opentelemetry", "application"] {
        cluster.namespace(namespace, &json!({}));
    }
    let head = page.split("\n## ").next().unwrap();
    let manifests = blocks(head, "yaml title=").join("\n---\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    std::fs::write(&file, manifests).unwrap();
    cluster.kubectl().run(&["apply", "-f", file.to_str().unwrap()]).unwrap();
    until("it has a pod", || cluster.pods("application").len(), |pods| *pods > 0);

    let consoles = blocks(&page, "console cluster");
    let commands = consoles.iter().flat_map(|block| block.lines()).filter_map(|line| line.strip_prefix("$ "));
    let mut count = 0;
    for command in commands.filter(|command| !command.contains(" --trace ")) {
        count += 1;
        let words: Vec<&str> = command.split(' ').collect();
        let (program, arguments) = words.split_first().unwrap();
        let is_answered = |Output { status, .. }: &Output, answers: &[i32]| {
            status.code().is_some_and(|code| answers.contains(&code))
        };
        let (output, answers): (Output, &[i32]) = match *program {
            "ingraft" => (cluster.ingraft(arguments), &[0, 1]),
            "kubectl" => (cluster.kubectl().output(arguments).unwrap(), &[0]),
            other => panic!("who is {other}?"),
        };
        assert!(is_answered(&output, answers), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(command.contains(" logs ") || !output.stdout.is_empty(), "{command} says nothing");
    }
    assert!(count >= 10, "{count}");
}
