use std::{collections::BTreeMap, fs, path::Path, process::Command};

use ingraft_testkit::Kubernetes;

use super::*;

/// Reads one key by the kubelet's rules, in particular those of its `bufio.Scanner`.
fn read(file: &str, key: &str) -> Result<String, &'static str> {
    let mut lines = file.split_inclusive('\n').map(|line| {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        if line.len() >= 64 * 1024 {
            Err("token too long")
        } else {
            Ok(bare.strip_suffix('\r').unwrap_or(bare))
        }
    });
    while let Some(line) = lines.next() {
        let line = line?.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or("missing '='")?;
        if name.is_empty() || name.ends_with([' ', '\t']) {
            return Err("bad name");
        }
        let mut rest = value.strip_prefix('\'').ok_or("no quote")?;
        let mut value = String::new();
        let after = loop {
            if let Some((last, after)) = rest.split_once('\'') {
                value.push_str(last);
                break after;
            }
            value.push_str(rest);
            value.push('\n');
            rest = lines.next().ok_or("unclosed")??;
        };
        if !after.trim_start_matches([' ', '\t']).is_empty() {
            return Err("content after quote");
        }
        if name == key {
            return Ok(value);
        }
    }
    Ok(String::new())
}

/// Values that are hard to carry.
fn samples() -> BTreeMap<String, String> {
    let long_line = "x".repeat(59_000);
    let values = [
        "plain",
        " leading and trailing ",
        "# no comment",
        "a=b=c",
        "\"double\" \\n $HOME $(X) `id`",
        "\n\nlines\n\t\n#\nX='",
        "\ttab",
        "\u{e9}\u{1f980}",
        "last\n",
        "=",
        &long_line,
    ];
    let mut samples: BTreeMap<String, String> = values
        .iter()
        .enumerate()
        .map(|(index, value)| (format!("K{index}"), (*value).replace('\'', "")))
        .collect();
    samples.insert("a.b-C_1".to_owned(), format!("{long_line}\n{}", "y".repeat(40_000)));
    samples
}

fn rendered(values: &BTreeMap<String, String>) -> String {
    let mut file = String::new();
    for (name, value) in values {
        assert_eq!(writable(name, value), Ok(()));
        append(&mut file, name, value);
    }
    file
}

#[test]
fn survives_the_kubelets_rules() {
    let samples = samples();
    let file = rendered(&samples);
    for (name, value) in &samples {
        assert_eq!(read(&file, name).as_ref(), Ok(value), "{name}");
    }
    assert_eq!(read(&file, "absent"), Ok(String::new()));
}

#[test]
fn refuses_what_would_be_read_differently() {
    for (name, value, refusal) in [
        ("X", "it's", Refusal::Quote),
        ("X", "a\r\nb", Refusal::CarriageReturn),
        ("X", &"x".repeat(60_000), Refusal::Line),
        ("X", &"x\n".repeat(50_001), Refusal::Size),
        ("X Y", "a", Refusal::Name),
        ("#X", "a", Refusal::Name),
        ("", "a", Refusal::Name),
        ("X=Y", "a", Refusal::Name),
    ] {
        assert_eq!(writable(name, value), Err(refusal), "{name}");
    }
}

/// Prints every key of a file, quoted, as the kubelet's own parser reads it.
const READER: &str = r#"package main

import (
	"fmt"
	"os"

	"reader/env"
)

func main() {
	for _, key := range os.Args[2:] {
		value, err := env.ParseEnv(os.Args[1], key)
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(fmt.Sprintf("%d\n", len(value)) + value + "\n")
	}
}
"#;

/// The parser's source. Needs Go, which fetches it once.
fn parser() -> Option<String> {
    let module = format!("k8s.io/kubernetes@v{}", Kubernetes::chosen().ok()?);
    let output = Command::new("go").args(["mod", "download", "-json", &module]).output().ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let folder = answer.get("Dir")?.as_str()?;
    fs::read_to_string(Path::new(folder).join("pkg/kubelet/util/env/env_util.go")).ok()
}

#[test]
fn survives_the_kubelets_own_parser() {
    let parser = parser().expect("Go, and the source of Kubernetes that it fetches");
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("write");
    fs::create_dir(folder.path().join("env")).expect("folder");
    write("go.mod", "module reader\n");
    write("env/env.go", &parser);
    write("main.go", READER);
    let samples = samples();
    write("app.env", &rendered(&samples));
    let output = Command::new("go")
        .args(["run", ".", "app.env"])
        .args(samples.keys())
        .current_dir(folder.path())
        .output()
        .expect("go");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: Vec<String> = samples.values().map(|value| format!("{}\n{value}\n", value.len())).collect();
    assert!(String::from_utf8_lossy(&output.stdout) == expected.concat(), "the parser reads other values");
}
