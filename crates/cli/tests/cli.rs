//! The binary as people and scripts run it: arguments in, text and exit status out.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

#[path = "cli/compile.rs"]
mod compile;
#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/doctor_forms.rs"]
mod doctor_forms;
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/image.rs"]
mod image;
#[path = "cli/inject.rs"]
mod inject;
#[path = "cli/input.rs"]
mod input;
#[path = "cli/integrations.rs"]
mod integrations;
#[path = "cli/layout.rs"]
mod layout;
#[path = "cli/manifests.rs"]
mod manifests;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/run.rs"]
mod run;

use run::Folder;

/// An Instrumentation without anything to complain about.
const INSTRUMENTATION: &str = "\
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata:
  name: base
spec:
  exporter:
    endpoint: http://gateway.obs:4318
";

/// A pod that asks for the Instrumentation of its namespace.
const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: app
  annotations:
    instrumentation.opentelemetry.io/inject-sdk: \"true\"
spec:
  containers:
  - name: app
    image: app:1
";

#[test]
fn prints_help_without_arguments() {
    let answer = Folder::empty().run(&[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    assert!(answer.stderr.contains("Usage: ingraft") && answer.stderr.contains("inject"), "{answer:?}");
    assert_eq!(answer.stdout, "");
}

#[test]
fn prints_version_and_help_on_standard_output() {
    let folder = Folder::empty();
    for (args, expected) in [
        (&["--version"][..], env!("CARGO_PKG_VERSION")),
        (&["--help"], "Usage: ingraft"),
        (&["inject", "--help"], "Exit status"),
    ] {
        let answer = folder.run(args);
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{args:?}");
        assert!(answer.stdout.contains(expected), "{args:?}: {}", answer.stdout);
    }
}

#[test]
fn exits_with_2_on_wrong_usage() {
    let folder = Folder::with(&[("pod.yaml", POD)]);
    for args in [
        &["graft"][..],
        &["inject"],
        &["inject", "-f", "pod.yaml", "-o", "xml"],
        &["inject", "-f", "pod.yaml", "--fail-on", "info"],
        &["inject", "-f", "pod.yaml", "--enable-python-instrumentation=perhaps"],
        &["manifests", "everything"],
        &["explain"],
        &["explain", "checkout"],
        &["explain", "deployment/"],
        &["explain", "service/checkout"],
        &["explain", "deployment/checkout", "-o", "yaml"],
        &["explain", "deployment/checkout", "-o", "json", "--env"],
    ] {
        let answer = folder.run(args);
        assert_eq!(answer.status, 2, "{args:?}: {answer:?}");
        assert!(answer.stderr.contains("error: ") && answer.stdout.is_empty(), "{args:?}: {answer:?}");
    }
}

#[test]
fn speaks_of_kubectl_when_kubectl_runs_it() {
    let folder = Folder::empty();
    let program = folder.link("kubectl-ingraft");
    for (args, usage) in [
        (&["--help"][..], "Usage: kubectl ingraft [OPTIONS] <COMMAND>"),
        (&["explain", "--help"], "Usage: kubectl ingraft explain [OPTIONS] <TYPE/NAME>"),
        (&["explain"], "Usage: kubectl ingraft explain <TYPE/NAME>"),
    ] {
        let answer = folder.run_program(&program, args);
        assert!(format!("{}{}", answer.stdout, answer.stderr).contains(usage), "{answer:?}");
    }
}

#[test]
fn a_cluster_is_chosen_as_kubectl_chooses_it() {
    let kubeconfig = "\
apiVersion: v1
kind: Config
current-context: first
clusters:
- {name: c, cluster: {server: 'http://127.0.0.1:1'}}
users:
- {name: u, user: {}}
contexts:
- {name: first, context: {cluster: c, user: u}}
";
    let folder = Folder::with(&[("config", kubeconfig)]);
    let explain = |args: &[&str]| folder.run(&[&["explain", "deployment/web"], args].concat());
    for (args, expected) in [
        (&[][..], "error: failed to find a cluster: there is no usable kubeconfig"),
        (&["--kubeconfig", "config"], "error: failed to read deployment/web: "),
        (&["--kubeconfig", "config", "--context", "second"], "second"),
        (&["--kubeconfig", "missing"], "missing"),
    ] {
        let answer = explain(args);
        assert_eq!((answer.status, answer.stdout.as_str()), (3, ""), "{args:?}: {answer:?}");
        assert!(answer.stderr.contains(expected), "{args:?}: {}", answer.stderr);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = Folder::with(&[("all.yaml", &format!("{INSTRUMENTATION}---\n{POD}"))]);
    for args in [
        &["inject", "all.yaml"][..],
        &["manifests", "crds"],
        &["manifests", "all", "--image=a"],
        &["completions", "bash"],
        &["--help"],
    ] {
        assert_eq!(folder.run_with_closed_output(args), 0, "{args:?}");
    }
    assert_eq!(folder.run_with_closed_output(&["inject", "missing.yaml"]), 3);
}
