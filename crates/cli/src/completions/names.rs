//! What may be written where a name is expected. A cluster is asked with the rights of whoever types, and not for long: where
//! it does not answer, there is nothing to offer, and nothing is said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap_complete::CompletionCandidate as Candidate;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};
use ingraft_cluster::api::{self, WorkloadKind};
use ingraft_core::Reason;
use kube::Client;
use kube::config::Kubeconfig;

use crate::cluster_args::ClusterArgs;

/// Somebody has pressed a key and waits.
const LIMIT: Duration = Duration::from_secs(2);

/// The codes of findings.
pub fn codes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let codes = Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter());
        codes.map(|code| Candidate::new(code.name).help(Some(one_line(code.meaning).into()))).collect()
    })
}

/// The contexts of the kubeconfig.
pub fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let read = word_of("--kubeconfig", None).map_or_else(Kubeconfig::read, Kubeconfig::read_from);
        let contexts = read.map(|kubeconfig| kubeconfig.contexts).unwrap_or_default();
        contexts.into_iter().map(|context| Candidate::new(context.name)).collect()
    })
}

/// The namespaces of the cluster.
pub fn namespaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| ask(namespace_names).into_iter().map(Candidate::new).collect())
}

/// Workloads as `TYPE/NAME`: first the types, then the names.
pub fn workloads() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let Some(current) = current.to_str() else { return Vec::new() };
        let types = || WorkloadKind::names().chain(["namespace"]).map(|name| format!("{name}/"));
        let all: Vec<String> = match current.split_once('/') {
            None => types().collect(),
            Some((word, _)) => names(word).into_iter().map(|name| format!("{word}/{name}")).collect(),
        };
        all.into_iter().filter(|one| one.starts_with(current)).map(Candidate::new).collect()
    })
}

/// The names of all workloads of a kind.
fn names(word: &str) -> Vec<String> {
    match WorkloadKind::parse(word) {
        Some(kind) => ask(async move |client: Client| {
            let namespace = word_of("--namespace", Some("-n"));
            let namespace = namespace.as_deref().unwrap_or_else(|| client.default_namespace());
            kind.names_in(&client, namespace).await
        }),
        None => ask(namespace_names),
    }
}

async fn namespace_names(client: Client) -> kube::Result<Vec<String>> {
    api::namespace_names(&client).await
}

/// Asks the cluster that the command line chooses. Finding it may take time too: a kubeconfig can name a program to run.
fn ask(question: impl AsyncFnOnce(Client) -> kube::Result<Vec<String>> + Send + 'static) -> Vec<String> {
    let (answer, answered) = mpsc::channel();
    let cluster =
        ClusterArgs::new(word_of("--kubeconfig", None).map(PathBuf::from), word_of("--context", None));
    std::thread::spawn(move || {
        let names = cluster.with_client(async |client| Ok(question(client).await?));
        // Whoever waited may have gone.
        drop(answer.send(names.unwrap_or_default()));
    });
    answered.recv_timeout(LIMIT).unwrap_or_default()
}

/// What the command line that is being completed says for an option.
fn word_of(long: &str, short: Option<&str>) -> Option<String> {
    let words: Vec<String> = std::env::args_os().filter_map(|word| word.into_string().ok()).collect();
    value(&words, long, short)
}

fn value(words: &[String], long: &str, short: Option<&str>) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == long || Some(word.as_str()) == short {
            // Bash takes an equals sign for a word of its own.
            return words.find(|word| *word != "=").filter(|word| !word.is_empty()).cloned();
        }
        if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_read_in_every_way_to_write_it() {
        for (words, expected) in [
            (&["-n", "shop"][..], Some("shop")),
            (&["--namespace", "shop", "-o"], Some("shop")),
            (&["--namespace=shop"], Some("shop")),
            (&["--namespace", "=", "shop"], Some("shop")),
            (&["--namespaces", "shop"], None),
            (&["-n"], None),
            (&["-n", ""], None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(value(&words, "--namespace", Some("-n")).as_deref(), expected, "{words:?}");
        }
    }
}
