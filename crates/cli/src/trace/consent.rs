//! Leave to do what cannot be undone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use ingraft_core::Locale;
use ingraft_core::finding::consent;

/// Asks whether a container may be added to a pod, unless that was said already.
pub fn ask(yes: bool, container: &str, pod: &str, locale: Locale) -> anyhow::Result<()> {
    let question = consent(container, pod, locale);
    let stdin = std::io::stdin();
    if yes {
        return Ok(());
    }
    if !stdin.is_terminal() {
        bail!("{question} Nobody is here to answer: --yes does");
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).context("failed to ask")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).context("failed to read the answer")?;
    if is_yes(&answer) { Ok(()) } else { bail!("nothing was done") }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes", "s", "sí", "si"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_is_leave() {
        assert!(["y\n", "YES", " sí "].iter().all(|answer| is_yes(answer)));
        assert!(["", "\n", "n", "yesterday"].iter().all(|answer| !is_yes(answer)));
    }

    #[test]
    fn without_a_terminal_nothing_is_taken_for_leave() {
        assert!(ask(true, "c", "p", Locale::En).is_ok());
        if !std::io::stdin().is_terminal() {
            let error = ask(false, "c", "p", Locale::En).unwrap_err().to_string();
            assert!(error.contains("--yes"), "{error}");
        }
    }
}
