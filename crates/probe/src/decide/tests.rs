use super::*;
use crate::{
    args::{self, Command},
    image::{Other, tests::runtime},
};

const JAVA: [&str; 8] = [
    "--agent",
    "java",
    "--join",
    "JAVA_TOOL_OPTIONS",
    "",
    " -javaagent:/o.jar",
    " -javaagent:/o.jar",
    "/o.jar",
];
const PYTHON: [&str; 8] = ["--agent", "python", "--join", "PYTHONPATH", "/a:", ":/b", "/a:/b", "/a"];

fn decided(words: &[&[&str]], variables: &[(&str, &str)], contents: &Contents) -> Decision {
    let words = ["probe", "/f"].iter().chain(words.iter().copied().flatten());
    let plan = match args::parse(words.map(|word| word.as_bytes())) {
        Ok(Command::Probe(plan)) => plan,
        other => panic!("{other:?}"),
    };
    decide(&plan, &Environment::of(variables), contents)
}

fn glibc() -> Contents {
    Contents { libc: Some(Libc::Glibc), ..Contents::default() }
}

#[test]
fn activates_several_agents() {
    let decision = decided(&[&JAVA, &PYTHON], &[("JAVA_TOOL_OPTIONS", "-Xmx1g")], &glibc());
    assert_eq!(decision.file, "JAVA_TOOL_OPTIONS='-Xmx1g -javaagent:/o.jar'\nPYTHONPATH='/a:/b'\n");
    assert_eq!((decision.stood_down, decision.omitted), (vec![], vec![]));
}

#[test]
fn keeps_the_users_value_of_an_agent_that_stands_down() {
    let contents = Contents { runtimes: vec![runtime(Agent::Python, Some("3.9.2"))], ..glibc() };
    let variables = [("PYTHONPATH", "/app"), ("JAVA_TOOL_OPTIONS", "-Xmx1g")];
    let decision = decided(&[&JAVA, &PYTHON], &variables, &contents);
    assert_eq!(decision.file, "JAVA_TOOL_OPTIONS='-Xmx1g -javaagent:/o.jar'\nPYTHONPATH='/app'\n");
    assert_eq!(decision.stood_down, [(Agent::Python, Reason::Version)]);
    let decision = decided(&[&PYTHON], &[], &contents);
    assert_eq!(decision.file, "");
}

#[test]
fn knows_when_to_stand_down() {
    let musl = Contents { libc: Some(Libc::Musl), ..Contents::default() };
    let none = Contents { libc: Some(Libc::None), ..Contents::default() };
    let other = |into| Contents { others: vec![Other { name: "datadog", into }], ..glibc() };
    let python = |version| Contents { runtimes: vec![runtime(Agent::Python, version)], ..glibc() };
    let needs_glibc = ["--agent", "python", "--payload-libc", "glibc"];
    for (words, contents, reason) in [
        (&PYTHON[..], glibc(), None),
        (&PYTHON, musl, None),
        (&PYTHON, python(None), None),
        (&PYTHON, python(Some("3.9")), Some(Reason::Version)),
        (&["--agent", "python", "--any-version"], python(Some("3.9")), None),
        (&PYTHON, Contents::default(), Some(Reason::LibcUnknown)),
        (&JAVA, Contents::default(), None),
        (&PYTHON, Contents { libc: Some(Libc::None), ..Contents::default() }, Some(Reason::Absent)),
        (&JAVA, none, Some(Reason::Absent)),
        (&needs_glibc, glibc(), None),
        (
            &needs_glibc,
            Contents { libc: Some(Libc::Musl), ..Contents::default() },
            Some(Reason::LibcMismatch),
        ),
        (&needs_glibc, Contents { libc: Some(Libc::None), ..python(None) }, Some(Reason::LibcMismatch)),
        (&JAVA, other(Some(Agent::Java)), Some(Reason::OtherAgent)),
        (&JAVA, other(Some(Agent::Python)), None),
        (&JAVA, other(None), Some(Reason::OtherAgent)),
    ] {
        let stood_down = decided(&[words], &[], &contents).stood_down;
        let reasons: Vec<Reason> = stood_down.into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, Vec::from_iter(reason), "{words:?} {contents:?}");
    }
}

#[test]
fn takes_the_payload_that_fits() {
    let section = |libc, path| ["--agent", "dotnet", "--payload-libc", libc, "--default", "PROFILER", path];
    let both = [&section("glibc", "/linux")[..], &section("musl", "/linux-musl")];
    for (libc, file) in [(Libc::Glibc, "PROFILER='/linux'\n"), (Libc::Musl, "PROFILER='/linux-musl'\n")] {
        let decision = decided(&both, &[], &Contents { libc: Some(libc), ..Contents::default() });
        assert_eq!(decision.file, file);
        assert_eq!(decision.stood_down, []);
    }
    let decision = decided(&both, &[], &Contents::default());
    assert_eq!((decision.file, decision.stood_down.len()), (String::new(), 1));
}

#[test]
fn activates_an_agent_as_a_whole_or_not_at_all() {
    let words = ["--agent", "dotnet", "--default", "A", "1", "--join", "B", "", ":b", "b", "b"];
    let decision = decided(&[&words], &[("B", "it's")], &glibc());
    assert_eq!(decision.file, "");
    assert_eq!(decision.stood_down, [(Agent::Dotnet, Reason::Value)]);
    assert_eq!(decision.omitted, [("B".to_owned(), Refusal::Quote)]);
}

#[test]
fn merges_in_order() {
    let words = ["--set", "X", "1", "--join", "X", "<", ">", "-", ""];
    assert_eq!(decided(&[&words], &[("X", "0")], &glibc()).file, "X='<1>'\n");
}

#[test]
fn writes_the_users_value_where_ours_gives_way() {
    let words = ["--default", "X", "1", "--default", "Y", ""];
    assert_eq!(decided(&[&words], &[("X", "0")], &glibc()).file, "X='0'\n");
}

#[test]
fn keeps_the_users_value_where_the_result_cannot_be_written() {
    let ours = "x=1,".repeat(20_000);
    let words = ["--attributes", "X", &ours, "--join", "Y", "", "'", "'", ""];
    let decision = decided(&[&words], &[("X", "a=1"), ("Y", "y")], &glibc());
    assert_eq!(decision.file, "X='a=1,x=1'\nY='y'\n");
    assert_eq!(decision.omitted, [("Y".to_owned(), Refusal::Quote)]);
    let ours = format!("x={}", "1".repeat(60_000));
    let decision = decided(&[&["--attributes", "X", &ours]], &[("X", "a=1")], &glibc());
    assert_eq!(decision.file, "X='a=1'\n");
    assert_eq!(decision.omitted, [("X".to_owned(), Refusal::Line)]);
}
