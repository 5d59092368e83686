//! Versions of runtimes, and which of them the default agents support.

use ingraft_probe_contract::Agent;

/// Whether the agent of the default image runs with this version. One that can't be read counts as supported.
///
/// * Java agent 2.30.0: Java 8 and later.
///   <https://github.com/open-telemetry/opentelemetry-java-instrumentation/blob/main/docs/supported-libraries.md>
/// * auto-instrumentations-node 0.78.0: `^18.19.0 || >=20.6.0`, its `engines`.
///   <https://www.npmjs.com/package/@opentelemetry/auto-instrumentations-node/v/0.78.0>
/// * opentelemetry-distro 0.64b0: `>=3.10`, its `Requires-Python` on PyPI.
/// * .NET 1.16.0: .NET 8 and later; 1.10.0 removed .NET 6 and .NET 7.
///   <https://github.com/open-telemetry/opentelemetry-dotnet-instrumentation/blob/main/CHANGELOG.md>
pub(crate) fn is_supported(agent: Agent, version: &str) -> bool {
    let [major, minor, _] = numbers(version);
    let Some(major) = major else {
        return true;
    };
    // Only the major version is known: the newest minor version of it is assumed.
    let minor = minor.unwrap_or(u32::MAX);
    match agent {
        // Before Java 9 the major version was the second number.
        Agent::Java => major > 7 || (major == 1 && minor > 7),
        Agent::Nodejs => major > 20 || (major == 20 && minor >= 6) || (major == 18 && minor >= 19),
        Agent::Python => major > 3 || (major == 3 && minor >= 10),
        Agent::Dotnet => major >= 8,
    }
}

/// The first three numbers of the text, from its first digit on.
pub(crate) fn numbers(text: &str) -> [Option<u32>; 3] {
    let start = text.trim_start_matches(|character: char| !character.is_ascii_digit());
    let mut parts = start.split('.').map(|part| {
        let end = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        (part.get(..end).and_then(|digits| digits.parse().ok()), end == part.len())
    });
    let mut numbers = [None; 3];
    for slot in &mut numbers {
        let Some((number, is_whole)) = parts.next() else { break };
        *slot = number;
        if !is_whole {
            break;
        }
    }
    numbers
}

/// The numbers alone, for a name that has more in it.
pub(crate) fn numbered(text: &str) -> Option<String> {
    let numbers = numbers(text).into_iter().map_while(|number| Some(number?.to_string()));
    let numbers: Vec<String> = numbers.collect();
    (!numbers.is_empty()).then(|| numbers.join("."))
}

/// The version's own characters, cut to a length that fits into facts.
pub(crate) fn tidy(text: &str) -> Option<String> {
    let start = text.trim_start_matches(|character: char| !character.is_ascii_digit());
    let plain = |character: &char| character.is_ascii_alphanumeric() || "._+-".contains(*character);
    let version: String = start.chars().take_while(plain).take(24).collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_agents_support() {
        for (agent, supported, unsupported) in [
            (Agent::Java, &["1.8.0_292", "8u292", "11.0.2", "17.0.15", "25", ""][..], &["1.7.0_80", "7"][..]),
            (
                Agent::Nodejs,
                &["18.19.0", "18", "20.6.0", "20", "22.1.0", "v24.0.0", "x"],
                &["18.18.2", "19.9.0", "20.5.1", "16"],
            ),
            (Agent::Python, &["3.10", "3.13.0rc1", "3", "4.0"], &["3.9.18", "2.7.18"]),
            (Agent::Dotnet, &["8.0.5", "10.0.0-rc.1"], &["6.0.36", "7.0.0", "3.1.23"]),
        ] {
            for version in supported {
                assert!(is_supported(agent, version), "{agent:?} {version}");
            }
            for version in unsupported {
                assert!(!is_supported(agent, version), "{agent:?} {version}");
            }
        }
    }

    #[test]
    fn reads_numbers_out_of_names() {
        assert_eq!(numbers("jdk-17.0.15+6"), [Some(17), Some(0), Some(15)]);
        assert_eq!(numbers("java-1.8.0-openjdk"), [Some(1), Some(8), Some(0)]);
        assert_eq!(numbers("8u292-b10.3"), [Some(8), None, None]);
        assert_eq!(numbers("99999999999"), [None, None, None]);
        assert_eq!(numbers("latest"), [None, None, None]);
    }

    #[test]
    fn tidies() {
        assert_eq!(tidy("\"17.0.15\"\n").as_deref(), Some("17.0.15"));
        assert_eq!(tidy("v20.11.1").as_deref(), Some("20.11.1"));
        assert_eq!(tidy("unknown"), None);
        assert_eq!(tidy(&"1".repeat(99)).map(|version| version.len()), Some(24));
    }
}
