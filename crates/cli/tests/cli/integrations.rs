//! What runs `ingraft doctor` elsewhere: a hook of pre-commit, an action of GitHub, a plugin of kubectl.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::run::Folder;
use crate::{INSTRUMENTATION, POD};

fn file(path: &str) -> (String, Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(&path).unwrap();
    let value = serde_saphyr::from_str(&text).unwrap();
    (text, value)
}

#[test]
fn the_hook_looks_at_what_args_name() {
    let (_, hooks) = file(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    assert_eq!((&hook["id"], &hook["language"]), (&"ingraft-doctor".into(), &"system".into()));
    assert_eq!(hook["pass_filenames"], false, "one file alone lacks what others have");
    let entry = hook["entry"].as_str().unwrap();
    let args: Vec<&str> = entry.strip_prefix("ingraft ").unwrap().split(' ').collect();
    let folder = Folder::with(&[("deploy/pod.yaml", POD), ("deploy/base/base.yaml", INSTRUMENTATION)]);
    let answer = folder.run(&[&args[..], &["deploy"]].concat());
    assert_eq!(answer.status, 0, "{answer:?}");
    let answer = folder.run(&[&args[..], &["deploy/pod.yaml"]].concat());
    assert!(answer.status == 1 && answer.stdout.contains("InstrumentationMissing"), "{answer:?}");
    let answer = folder.run(&args);
    assert!(answer.status == 2 && answer.stderr.contains("FILE"), "{answer:?}");
}

#[test]
fn the_action_runs_with_any_input() {
    let (_, action) = file("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    let [step] = steps.as_slice() else { panic!("one step: {steps:?}") };
    let script = step["run"].as_str().unwrap();
    assert!(!script.contains("${{"), "what an input says would be run: {script}");
    for input in ["files", "arguments"] {
        assert!(action["inputs"][input]["description"].is_string());
        let variable = &step["env"][input.to_uppercase()];
        assert_eq!(variable.as_str().unwrap(), format!("${{{{ inputs.{input} }}}}"));
    }

    let folder = Folder::with(&[("with space/pod.yaml", POD), ("base.yaml", INSTRUMENTATION)]);
    folder.link("ingraft");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let run = |files: &str, arguments: &str| {
        // As a runner starts it: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(folder.path());
        bash.env("PATH", &path).env("FILES", files).env("ARGUMENTS", arguments);
        let output = bash.env_remove("GITHUB_WORKSPACE").env("LC_ALL", "C").output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        (output.status.code().unwrap(), said)
    };
    let (status, said) = run("base.yaml\nwith space\n", "");
    assert!(status == 0 && said.starts_with("::notice title=ingraft doctor::"), "{said}");
    let (status, said) = run("with space", "");
    let place = "::error file=with space/pod.yaml,line=6,col=5,title=InstrumentationMissing pod/";
    assert!(status == 1 && said.starts_with(place), "{said}");
    let (status, said) = run("with space", "--fail-on never  --show error");
    assert_eq!(status, 0, "{said}");
    for (files, arguments, expected) in [
        ("", "", 2),
        (" \n", "", 2),
        ("--yes", "", 3),
        ("base.yaml", "--no-such-argument", 2),
        ("base.yaml; touch injected", "", 3),
        ("$(touch injected)", "`touch injected`", 3),
        ("base.yaml", "$(touch injected); touch injected", 3),
    ] {
        let (status, said) = run(files, arguments);
        assert_eq!(status, expected, "{files:?} {arguments:?}: {said}");
    }
    assert!(!folder.path().join("injected").exists(), "an input was run");
}

/// <https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/>
#[test]
fn the_manifest_for_krew_is_of_the_plugin_that_kubectl_finds() {
    let (text, manifest) = file("deploy/krew/ingraft.yaml");
    assert!(text.starts_with("# A template: "), "it says so");
    assert_eq!(manifest["kind"], "Plugin");
    let name = manifest["metadata"]["name"].as_str().unwrap();
    assert!(manifest["spec"]["shortDescription"].as_str().unwrap().len() <= 50, "krew shows it in one line");
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        assert_eq!(platform["bin"], "ingraft");
        assert!(platform["sha256"].as_str().unwrap().starts_with("SHA256_"), "it is filled in: {platform}");
    }
    let folder = Folder::empty();
    let program = folder.link(&format!("kubectl-{name}"));
    let description = manifest["spec"]["description"].as_str().unwrap();
    let commands: Vec<&str> =
        description.lines().filter_map(|line| line.trim().strip_prefix("kubectl ingraft ")).collect();
    assert_eq!(commands.len(), 2, "{description}");
    for command in commands {
        let args: Vec<&str> = command.split("  ").next().unwrap().split(' ').chain(["--help"]).collect();
        let answer = folder.run_program(&program, &args);
        assert!(answer.status == 0 && answer.stdout.contains("Usage: kubectl ingraft "), "{answer:?}");
    }
}
