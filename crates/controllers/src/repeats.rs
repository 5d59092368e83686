//! Logs a fault that lasts about once a minute, not at each attempt.

use std::time::Duration;

use ingraft_cluster::error_chain::Chain;
use kube::runtime::watcher;
use tokio::time::Instant;

const PAUSE: Duration = Duration::from_mins(1);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Option<(String, Instant)>);

impl Repeats {
    /// Whether to say this now.
    pub(crate) fn is_due(&mut self, message: &str) -> bool {
        let now = Instant::now();
        if self.0.as_ref().is_some_and(|(last, at)| last == message && now - *at < PAUSE) {
            return false;
        }
        self.0 = Some((message.to_owned(), now));
        true
    }

    /// Logs that a watch has failed, which then tries again by itself.
    pub(crate) fn watch_failed(&mut self, resource: &str, error: &watcher::Error) {
        let error = Chain(error).to_string();
        if self.is_due(&error) {
            tracing::warn!(resource, error, "failed to watch, will try again");
        }
    }

    /// All is well: the next fault is a new one.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn says_what_is_new_at_once_and_the_same_once_a_minute() {
        let mut repeats = Repeats::default();
        assert!(repeats.is_due("refused"));
        assert!(!repeats.is_due("refused"));
        assert!(repeats.is_due("unreachable"));
        tokio::time::advance(PAUSE).await;
        assert!(repeats.is_due("unreachable"));
        assert!(!repeats.is_due("unreachable"));
        repeats.clear();
        assert!(repeats.is_due("unreachable"));
    }
}
