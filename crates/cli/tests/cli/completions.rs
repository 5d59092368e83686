//! What shells and kubectl are offered.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{Answer, Folder};

/// What kubectl runs to complete `kubectl ingraft` and these words, the last of which is being written.
fn offered(folder: &Folder, words: &[&str]) -> Answer {
    let program = folder.path().join("kubectl_complete-ingraft");
    let program = if program.exists() { program } else { folder.link("kubectl_complete-ingraft") };
    folder.run_program(&program, words)
}

#[test]
fn prints_a_completion_script_for_every_shell() {
    let folder = Folder::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let answer = folder.run(&["completions", shell]);
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{shell}");
        assert!(answer.stdout.contains("INGRAFT_COMPLETE"), "{shell}: {}", answer.stdout);
    }
}

#[test]
fn kubectl_is_offered_codes_with_what_they_mean() {
    let folder = Folder::empty();
    for option in ["--only", "--skip", "--explain"] {
        let answer = offered(&folder, &["doctor", option, "EndpointMi"]);
        let expected = "EndpointMissing\tNothing says where telemetry goes.\n:4\n";
        assert_eq!(
            (answer.status, answer.stdout.as_str(), answer.stderr.as_str()),
            (0, expected, ""),
            "{option}"
        );
    }
    let second = offered(&folder, &["doctor", "--skip", "TlsUnset,EndpointMi"]);
    assert!(second.stdout.starts_with("TlsUnset,EndpointMissing\t"), "{second:?}");
}

#[test]
fn kubectl_is_offered_subcommands_types_and_files() {
    let folder = Folder::with(&[("shop.yaml", "")]);
    for (words, expected) in [
        (&["doc"][..], "doctor\tSay what is wrong"),
        (&["explain", "deploym"], "deployment/\n:6\n"),
        (&["doctor", "-f", "sh"], "shop.yaml\n:4\n"),
        (&["doctor", "sh"], "shop.yaml\n:4\n"),
        (&["doctor", "--fail-on", "err"], "error\t"),
    ] {
        let answer = offered(&folder, words);
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{words:?}");
        assert!(answer.stdout.starts_with(expected), "{words:?}: {}", answer.stdout);
    }
}

#[test]
fn bash_is_offered_the_same() {
    let folder = Folder::empty();
    folder.link("ingraft");
    let script =
        "source <(ingraft completions bash); COMP_WORDS=(ingraft doctor --only EndpointMi); COMP_CWORD=3
        _clap_complete_ingraft ingraft EndpointMi --only; echo \"${COMPREPLY[@]}\"";
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let shell = Command::new("bash").args(["-c", script]).env_clear().env("PATH", path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shell.stdout), "EndpointMissing\n", "{shell:?}");
}

/// A kubeconfig for a server at a port.
fn kubeconfig(port: u16) -> String {
    let cluster = format!("{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}");
    let contexts = "[{name: first, context: {cluster: c, user: u}}, {name: second, context: {cluster: c, user: u, namespace: shop}}]";
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: first\nclusters: [{cluster}]\nusers: [{{name: u, user: {{}}}}]\ncontexts: {contexts}\n"
    )
}

/// A server that lists objects whose name is the path that was asked for, with `-` for `/`.
fn cluster() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = head[0].split([' ', '?']).nth(1).unwrap();
            let name = path.trim_matches('/').replace('/', "-");
            let body = format!(
                "{{\"apiVersion\":\"meta.k8s.io/v1\",\"kind\":\"PartialObjectMetadataList\",\"metadata\":{{}},\"items\":[{{\"apiVersion\":\"meta.k8s.io/v1\",\"kind\":\"PartialObjectMetadata\",\"metadata\":{{\"name\":\"{name}\"}}}}]}}"
            );
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    port
}

#[test]
fn names_are_those_of_the_cluster_that_the_command_line_chooses() {
    let folder = Folder::with(&[("config", &kubeconfig(cluster()))]);
    let config = ["--kubeconfig", "config"];
    let deployment = "apis-apps-v1-namespaces";
    for (words, expected) in [
        (&["doctor", "-n", ""][..], "api-v1-namespaces\n:4\n".to_owned()),
        (&["doctor", "-n", "b"], ":4\n".to_owned()),
        (&["explain", "deploy/"], format!("deploy/{deployment}-default-deployments\n:4\n")),
        (&["explain", "-n", "obs", "deploy/"], format!("deploy/{deployment}-obs-deployments\n:4\n")),
        (
            &["explain", "--context", "second", "deploy/"],
            format!("deploy/{deployment}-shop-deployments\n:4\n"),
        ),
        (&["explain", "namespace/"], "namespace/api-v1-namespaces\n:4\n".to_owned()),
        (&["doctor", "--context", ""], "first\nsecond\n:4\n".to_owned()),
    ] {
        let words = [&words[..1], &config, &words[1..]].concat();
        let answer = offered(&folder, &words);
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), (expected.as_str(), ""), "{words:?}");
    }
}

#[test]
fn a_cluster_that_is_not_there_or_does_not_answer_is_passed_over_in_silence() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let files = [("closed", kubeconfig(1)), ("silent", kubeconfig(port)), ("broken", "a: [".to_owned())];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let folder = Folder::with(&files);
    for config in ["closed", "silent", "broken", "missing"] {
        let start = Instant::now();
        let answer = offered(&folder, &["doctor", "--kubeconfig", config, "-n", ""]);
        assert_eq!(
            (answer.status, answer.stdout.as_str(), answer.stderr.as_str()),
            (0, ":4\n", ""),
            "{config}"
        );
        assert!(start.elapsed() < Duration::from_secs(20), "{config}: a person waits");
    }
}
