use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::Unless;

fn parsed(words: &[&str]) -> Result<Command, Error> {
    Command::parse(words.iter().map(|&word| word.to_owned()))
}

#[test]
fn reads_a_whole_plan() {
    let words = [
        "probe /e/app.env --message /m --message-limit 300 --workdir /app --env-names A,B",
        "--attributes OTEL_RESOURCE_ATTRIBUTES a=b --default S 1",
        "--agent python --payload-libc musl --any-version --join PYTHONPATH p: :s p:s p",
        "--agent dotnet --default X 1 --default-unless Y --any-version T key",
        "--argv sh --agent -c",
    ];
    let words: Vec<&str> = words.iter().flat_map(|line| line.split(' ')).collect();
    let rule = |name: &str, join| Rule { name: name.to_owned(), join };
    let unless = Unless { variable: "T".to_owned(), key: "key".to_owned() };
    let around = Join::Around {
        prefix: "p:".to_owned(),
        suffix: ":s".to_owned(),
        alone: "p:s".to_owned(),
        mark: "p".into(),
    };
    let expected = Plan {
        file: "/e/app.env".to_owned(),
        message: "/m".to_owned(),
        message_limit: 300,
        workdir: Some("/app".to_owned()),
        env_names: vec!["A".to_owned(), "B".to_owned()],
        rules: vec![
            rule("OTEL_RESOURCE_ATTRIBUTES", Join::Attributes { ours: "a=b".to_owned() }),
            rule("S", Join::default("1")),
        ],
        agents: vec![
            AgentRules {
                agent: Agent::Python,
                payload_libc: Some(Libc::Musl),
                any_version: true,
                rules: vec![rule("PYTHONPATH", around)],
            },
            AgentRules {
                agent: Agent::Dotnet,
                payload_libc: None,
                any_version: false,
                rules: vec![
                    rule("X", Join::default("1")),
                    rule("Y", Join::Default { ours: "--any-version".to_owned(), unless: Some(unless) }),
                ],
            },
        ],
        argv: ["sh", "--agent", "-c"].map(str::to_owned).to_vec(),
    };
    assert_eq!(expected.names(), ["OTEL_RESOURCE_ATTRIBUTES", "S", "PYTHONPATH", "X", "Y"]);
    let command = Command::Probe(expected);
    assert_eq!(command.to_words(), words);
    assert_eq!(parsed(&words), Ok(command));
}

#[test]
fn says_what_is_wrong() {
    let unknown = |what, word: &str| Err(Error::Unknown(what, word.to_owned()));
    for (words, expected) in [
        (&[][..], Err(Error::Mode)),
        (&["help"], Err(Error::Mode)),
        (&["install"], Err(Error::Missing("FOLDER"))),
        (&["probe"], Err(Error::Missing("FILE"))),
        (&["clone", "a", "b", "--what"], unknown("option", "--what")),
        (&["probe", "f", "--what"], unknown("option", "--what")),
        (&["probe", "f", "--agent", "ruby"], unknown("agent", "ruby")),
        (&["probe", "f", "--any-version"], Err(Error::Missing("--agent"))),
        (&["probe", "f", "--agent", "java", "--payload-libc", "x"], unknown("libc", "x")),
        (&["probe", "f", "--message-limit", "x"], unknown("number", "x")),
        (&["probe", "f", "--join", "X", "a", "b", "c"], Err(Error::Missing("MARK"))),
    ] {
        assert_eq!(parsed(words), expected, "{words:?}");
    }
    assert_eq!(Error::Unknown("option", "-x".to_owned()).to_string(), "unknown option \"-x\"");
}

proptest! {
    /// What the core writes is what the probe reads.
    #[test]
    fn words_are_read_back(command in prop_oneof![install(), probe(), clone()]) {
        prop_assert_eq!(Command::parse(command.to_words()), Ok(command));
    }
}

/// Any text, and what looks like options.
fn text() -> BoxedStrategy<String> {
    const OPTIONS: [&str; 7] = ["", "--agent", "--argv", "--default", "install", "a,b", "it's"];
    prop_oneof![proptest::sample::select(&OPTIONS[..]).prop_map(str::to_owned), any::<String>()].boxed()
}

fn install() -> BoxedStrategy<Command> {
    (text(), vec(text(), 0..3))
        .prop_map(|(folder, files)| Command::Install(Install { folder, files }))
        .boxed()
}

fn clone() -> BoxedStrategy<Command> {
    (text(), text(), option::of(text()), option::of(text()))
        .prop_map(|(from, to, version_of, writable)| {
            Command::Clone(Cloning { from, to, version_of, writable })
        })
        .boxed()
}

fn rules() -> BoxedStrategy<Vec<Rule>> {
    let unless = (text(), text()).prop_map(|(variable, key)| Unless { variable, key });
    let join = prop_oneof![
        (text(), option::of(unless)).prop_map(|(ours, unless)| Join::Default { ours, unless }),
        [text(), text(), text(), text()].prop_map(|[prefix, suffix, alone, mark]| Join::Around {
            prefix,
            suffix,
            alone,
            mark: mark.into()
        }),
        text().prop_map(|ours| Join::Attributes { ours }),
    ];
    vec((text(), join).prop_map(|(name, join)| Rule { name, join }), 0..4).boxed()
}

fn probe() -> BoxedStrategy<Command> {
    let libc = proptest::sample::select(&[Libc::Glibc, Libc::Musl, Libc::None][..]);
    let agent = (proptest::sample::select(&Agent::ALL[..]), option::of(libc), any::<bool>(), rules());
    let agent = agent.prop_map(|(agent, payload_libc, any_version, rules)| AgentRules {
        agent,
        payload_libc,
        any_version,
        rules,
    });
    // The names of variables hold no comma.
    let names = vec("[^,]{1,9}", 0..3);
    let application = (option::of(text()), names, vec(text(), 0..4));
    (text(), text(), any::<usize>(), application, rules(), vec(agent, 0..3))
        .prop_map(|(file, message, message_limit, (workdir, env_names, argv), rules, agents)| {
            let plan = Plan { file, message, message_limit, workdir, env_names, rules, agents, argv };
            Command::Probe(plan)
        })
        .boxed()
}
