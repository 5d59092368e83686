//! The comparison.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

use fastrand::Rng;
use ingraft_core::environment::{Inputs, Presence, environment, presence};

use crate::case::Case;
use crate::generate::{self, NAMES};
use crate::knowledge::Knowledge;
use crate::kubelet::{self, Answer};

/// How many cases are shown of those that differ.
const SHOWN: usize = 3;

/// What all tests compare: the same containers.
struct Run {
    /// How to repeat it.
    repeat: String,
    seed: u64,
    cases: Vec<(Case, Answer)>,
}

impl Run {
    fn shared() -> &'static Self {
        static RUN: OnceLock<Run> = OnceLock::new();
        RUN.get_or_init(Self::start)
    }

    fn start() -> Self {
        let seed = number("INGRAFT_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
        let cases = number("INGRAFT_CASES").unwrap_or(10_000);
        let repeat = format!("INGRAFT_SEED={seed} INGRAFT_CASES={cases}");
        eprintln!("{cases} containers; to repeat: {repeat}");
        let mut random = Rng::with_seed(seed);
        let cases: Vec<Case> = (0..cases).map(|_| generate::case(&mut random)).collect();
        let answers = kubelet::ask(&cases);
        Self { repeat, seed, cases: cases.into_iter().zip(answers).collect() }
    }

    /// Fails where a check does, and where too few values of variables were known to say that they were compared.
    fn compare(
        &self,
        least_known: usize,
        check: impl Fn(&Case, &Answer, &mut Rng, &mut Count) -> Result<(), String>,
    ) {
        let mut random = Rng::with_seed(self.seed);
        let mut count = Count::default();
        let mut differences = Vec::new();
        for (case, answer) in &self.cases {
            if let Err(difference) = check(case, answer, &mut random, &mut count) {
                differences.push(format!("{difference}\nkubelet: {answer:#?}\n{:#}\n", case.json()));
            }
        }
        eprintln!("{count:?}");
        let shown = differences.iter().take(SHOWN).map(String::as_str).collect::<String>();
        assert!(differences.is_empty(), "{} containers differ; {}\n{shown}", differences.len(), self.repeat);
        assert!(
            count.started * 2 > self.cases.len(),
            "little is compared where most containers do not start"
        );
        assert!(count.values * 100 >= count.variables * least_known, "little is compared");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// What was compared.
#[derive(Debug, Default)]
struct Count {
    started: usize,
    variables: usize,
    values: usize,
}

#[test]
fn with_everything_known_the_environment_is_what_the_kubelet_makes() {
    Run::shared().compare(98, |case, answer, _, count| {
        let known = Knowledge::all(case);
        let found = known.ask(|inputs| environment(&Inputs { image: Some(&[]), ..*inputs }));
        let expected = match answer {
            Err(_) if found.missing.is_empty() => return Err("should not start".to_owned()),
            Err(_) => return Ok(()),
            Ok(_) if !found.missing.is_empty() => return Err(format!("should start: {:?}", found.missing)),
            Ok(expected) => expected,
        };
        count.started += 1;
        let names: Vec<&String> = found.variables.iter().map(|variable| &variable.name).collect();
        if names != expected.keys().collect::<Vec<_>>() || !found.open.is_empty() {
            return Err(format!("other variables: {names:?}, open: {:?}", found.open));
        }
        let may_be_unknown = case.depends_on_the_node() || known.has_ambiguous_services();
        for (variable, expected) in found.variables.iter().zip(expected.values()) {
            count.variables += 1;
            count.values += usize::from(variable.value().is_some());
            let (name, settings) = (&variable.name, &variable.settings);
            if settings.len() != 1 || settings.iter().any(|setting| !setting.certain) {
                return Err(format!("{name} is uncertain: {settings:?}"));
            }
            if variable.value().map_or(!may_be_unknown, |value| value != expected) {
                return Err(format!("{name} is {expected:?}, not {settings:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn with_parts_unknown_nothing_is_said_that_is_not_so() {
    Run::shared().compare(25, |case, answer, random, count| {
        let known = Knowledge::some(case, random);
        let found = known.ask(environment);
        // What is required and missing may be just what is not known.
        let Ok(answer) = answer else { return Ok(()) };
        if !found.missing.is_empty() {
            return Err(format!("should start: {:?}", found.missing));
        }
        count.started += 1;
        let truth = merged(&case.image, answer);
        for variable in &found.variables {
            let (name, settings) = (&variable.name, &variable.settings);
            let told = variable.value();
            count.variables += 1;
            count.values += usize::from(told.is_some());
            let value = truth.get(name.as_str());
            if told.is_some_and(|told| value != Some(&told)) {
                return Err(format!("{name} is {value:?}, not {settings:?}"));
            }
        }
        for name in NAMES.into_iter().chain(truth.keys().copied()) {
            let wrong = if truth.contains_key(name) { Presence::No } else { Presence::Yes };
            let named = found.variables.iter().any(|variable| variable.name == name);
            let said = known.ask(|inputs| presence(inputs, name, usize::MAX));
            if said == wrong || (said == Presence::Yes && !named) {
                return Err(format!("{name}: {:?} is set {said:?}", truth.get(name)));
            }
        }
        Ok(())
    });
}

/// What the container runtime makes of the image's variables and the kubelet's: the last of each name.
fn merged<'v>(
    image: &'v [(String, String)],
    kubelet: &'v BTreeMap<String, String>,
) -> BTreeMap<&'v str, &'v str> {
    let image = image.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    image.chain(kubelet.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
}
