use std::string::ToString;

use super::*;

fn parsed(words: &[&str]) -> Result<Command, Error> {
    parse(words.iter().map(|word| word.as_bytes()))
}

fn plan(words: &[&str]) -> Plan {
    match parsed(words) {
        Ok(Command::Probe(plan)) => *plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_a_whole_plan() {
    let plan = plan(&[
        "probe",
        "/e/app.env",
        "--message",
        "/m",
        "--message-limit",
        "300",
        "--workdir",
        "/app",
        "--env-names",
        "A,B",
        "--attributes",
        "OTEL_RESOURCE_ATTRIBUTES",
        "a=b",
        "--default-unless",
        "S",
        "1",
        "T",
        "",
        "--agent",
        "python",
        "--payload-libc",
        "musl",
        "--any-version",
        "--join",
        "PYTHONPATH",
        "p:",
        ":s",
        "p:s",
        "p",
        "--agent",
        "dotnet",
        "--default",
        "X",
        "1",
        "--set",
        "Y",
        "--any-version",
        "--argv",
        "sh",
        "--set",
        "-c",
    ]);
    assert_eq!(plan.file, "/e/app.env");
    assert_eq!(plan.message, "/m");
    assert_eq!(plan.message_limit, 300);
    assert_eq!(plan.workdir.as_deref(), Some("/app"));
    assert_eq!(plan.env_names, ["A", "B"]);
    assert_eq!(plan.argv, ["sh", "--set", "-c"]);
    assert_eq!(plan.names(), ["OTEL_RESOURCE_ATTRIBUTES", "S", "PYTHONPATH", "X", "Y"]);
    let [common, python, dotnet] = plan.sections.as_slice() else { panic!("{plan:?}") };
    assert_eq!(common.activation, None);
    let expected = Activation { agent: Agent::Python, payload_libc: Some(Libc::Musl), any_version: true };
    assert_eq!(python.activation, Some(expected));
    let expected = Activation { agent: Agent::Dotnet, payload_libc: None, any_version: false };
    assert_eq!(dotnet.activation, Some(expected));
    assert_eq!(dotnet.rules[1].kind, Kind::Set("--any-version".to_owned()));
}

#[test]
fn has_defaults() {
    let plan = plan(&["probe", "/e"]);
    assert_eq!(plan.message, "/dev/termination-log");
    assert_eq!(plan.message_limit, 1024);
    assert_eq!(plan.names(), Vec::<&str>::new());
}

#[test]
fn says_what_is_wrong() {
    let unknown = |what, word: &str| Err(Error::Unknown(what, word.to_owned()));
    for (words, expected) in [
        (&[][..], Err(Error::Mode)),
        (&["help"], Err(Error::Mode)),
        (&["install"], Err(Error::Missing("FOLDER"))),
        (&["install", "/e", "--value", "X", "1"], Err(Error::Missing("FILE"))),
        (&["install", "/e", "a.env", "--value", "X"], Err(Error::Missing("VALUE"))),
        (&["probe"], Err(Error::Missing("FILE"))),
        (&["probe", "f", "--what"], unknown("option", "--what")),
        (&["probe", "f", "--agent", "ruby"], unknown("agent", "ruby")),
        (&["probe", "f", "--any-version"], Err(Error::Missing("--agent"))),
        (&["probe", "f", "--agent", "java", "--payload-libc", "none"], unknown("libc", "none")),
        (&["probe", "f", "--message-limit", "x"], unknown("number", "x")),
        (&["probe", "f", "--join", "X", "a", "b", "c"], Err(Error::Missing("MARK"))),
    ] {
        assert_eq!(parsed(words), expected, "{words:?}");
    }
    assert_eq!(Error::Unknown("option", "-x".to_owned()).to_string(), "unknown option \"-x\"");
}
