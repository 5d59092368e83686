use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use ingraft_probe_contract::Command;

use super::*;
use crate::image::Other;
use crate::image::tests::runtime;

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
    let plan = match Command::parse(words.map(|&word| word.to_owned())) {
        Ok(Command::Probe(plan)) => plan,
        other => panic!("{other:?}"),
    };
    decide(&plan, &variables.iter().copied().collect(), contents)
}

fn values(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn glibc() -> Contents {
    Contents { libc: Some(Libc::Glibc), ..Contents::default() }
}

#[test]
fn activates_several_agents() {
    let decision = decided(&[&JAVA, &PYTHON], &[("JAVA_TOOL_OPTIONS", "-Xmx1g")], &glibc());
    let expected = [("JAVA_TOOL_OPTIONS", "-Xmx1g -javaagent:/o.jar"), ("PYTHONPATH", "/a:/b")];
    assert_eq!(decision.variables, values(&expected));
    assert_eq!((decision.stood_down, decision.omitted), (vec![], vec![]));
}

#[test]
fn keeps_the_users_value_of_an_agent_that_stands_down() {
    let contents = Contents { runtimes: vec![runtime(Agent::Python, Some("3.9.2"))], ..glibc() };
    let variables = [("PYTHONPATH", "/app"), ("JAVA_TOOL_OPTIONS", "-Xmx1g")];
    let decision = decided(&[&JAVA, &PYTHON], &variables, &contents);
    let expected = [("JAVA_TOOL_OPTIONS", "-Xmx1g -javaagent:/o.jar"), ("PYTHONPATH", "/app")];
    assert_eq!(decision.variables, values(&expected));
    assert_eq!(decision.stood_down, [(Agent::Python, StandDown::Version)]);
    let decision = decided(&[&PYTHON], &[], &contents);
    assert_eq!(decision.variables, []);
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
        (&PYTHON, python(Some("3.9")), Some(StandDown::Version)),
        (&["--agent", "python", "--any-version"], python(Some("3.9")), None),
        (&PYTHON, Contents::default(), Some(StandDown::LibcUnknown)),
        (&JAVA, Contents::default(), None),
        (&PYTHON, Contents { libc: Some(Libc::None), ..Contents::default() }, Some(StandDown::Absent)),
        (&JAVA, none, Some(StandDown::Absent)),
        (&needs_glibc, glibc(), None),
        (
            &needs_glibc,
            Contents { libc: Some(Libc::Musl), ..Contents::default() },
            Some(StandDown::LibcMismatch),
        ),
        (&needs_glibc, Contents { libc: Some(Libc::None), ..python(None) }, Some(StandDown::LibcMismatch)),
        (&JAVA, other(Some(Agent::Java)), Some(StandDown::OtherAgent)),
        (&JAVA, other(Some(Agent::Python)), None),
        (&JAVA, other(None), Some(StandDown::OtherAgent)),
    ] {
        let stood_down = decided(&[words], &[], &contents).stood_down;
        let reasons: Vec<StandDown> = stood_down.into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, Vec::from_iter(reason), "{words:?} {contents:?}");
    }
}

#[test]
fn takes_the_payload_that_fits() {
    let section = |libc, path| ["--agent", "dotnet", "--payload-libc", libc, "--default", "PROFILER", path];
    let both = [&section("glibc", "/linux")[..], &section("musl", "/linux-musl")];
    for (libc, file) in [(Libc::Glibc, "/linux"), (Libc::Musl, "/linux-musl")] {
        let decision = decided(&both, &[], &Contents { libc: Some(libc), ..Contents::default() });
        assert_eq!(decision.variables, values(&[("PROFILER", file)]));
        assert_eq!(decision.stood_down, []);
    }
    let decision = decided(&both, &[], &Contents::default());
    assert_eq!((decision.variables.len(), decision.stood_down.len()), (0, 1));
}

#[test]
fn activates_an_agent_as_a_whole_or_not_at_all() {
    let words = ["--agent", "dotnet", "--default", "A", "1", "--join", "B", "", ":b", "b", "b"];
    let decision = decided(&[&words], &[("B", "it's")], &glibc());
    assert_eq!(decision.variables, []);
    assert_eq!(decision.stood_down, [(Agent::Dotnet, StandDown::Value)]);
    assert_eq!(decision.omitted, [("B".to_owned(), Refusal::Quote)]);
}

#[test]
fn merges_in_order() {
    let words = ["--default", "X", "1", "--join", "X", "<", ">", "-", ""];
    assert_eq!(decided(&[&words], &[], &glibc()).variables, values(&[("X", "<1>")]));
}

#[test]
fn writes_the_users_value_where_ours_gives_way() {
    let words = ["--default", "X", "1", "--default", "Y", ""];
    assert_eq!(decided(&[&words], &[("X", "0")], &glibc()).variables, values(&[("X", "0")]));
}

#[test]
fn keeps_the_users_value_where_the_result_cannot_be_written() {
    let ours = "x=1,".repeat(20_000);
    let words = ["--attributes", "X", &ours, "--join", "Y", "", "'", "'", ""];
    let decision = decided(&[&words], &[("X", "a=1"), ("Y", "y")], &glibc());
    assert_eq!(decision.variables, values(&[("X", "a=1,x=1"), ("Y", "y")]));
    assert_eq!(decision.omitted, [("Y".to_owned(), Refusal::Quote)]);
    let ours = format!("x={}", "1".repeat(60_000));
    let decision = decided(&[&["--attributes", "X", &ours]], &[("X", "a=1")], &glibc());
    assert_eq!(decision.variables, values(&[("X", "a=1")]));
    assert_eq!(decision.omitted, [("X".to_owned(), Refusal::Line)]);
}

#[test]
fn writes_attributes_without_quotes() {
    let words = ["--attributes", "X", "a=1,b=o'k"];
    let decision = decided(&[&words], &[("X", "a=it's")], &glibc());
    assert_eq!(decision.variables, values(&[("X", "a=it%27s,b=o%27k")]));
}

#[test]
fn a_default_yields_to_what_the_user_says_in_another_way() {
    let words = ["--default", "Y", "ours", "--default-unless", "X", "1", "Y", ""];
    assert_eq!(decided(&[&words], &[("Y", "0")], &glibc()).variables, values(&[("Y", "0")]));
    // What was merged before is not the user's.
    assert_eq!(decided(&[&words], &[], &glibc()).variables, values(&[("Y", "ours"), ("X", "1")]));
}

#[test]
fn leaves_out_what_is_not_text() {
    let plan = Plan::new("/f".to_owned());
    let rules = vec![Rule { name: "X".to_owned(), join: Join::default("1") }];
    let environment = [("X", OsString::from_vec(b"a\xff".to_vec()))].into_iter().collect();
    let decision = decide(&Plan { rules, ..plan }, &environment, &glibc());
    assert_eq!((decision.variables, decision.omitted), (vec![], vec![("X".to_owned(), Refusal::Encoding)]));
}
