//! What was told a short time ago, and is not told again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use tokio::time::Instant;

/// The same is told again only after this long.
const QUIET: Duration = Duration::from_mins(1);
/// So much is remembered. If more is told within a minute, some of it is told again sooner.
const REMEMBERED: usize = 4096;

/// What was told, and when.
#[derive(Debug, Default)]
pub struct Recent(HashMap<u64, Instant>);

impl Recent {
    /// Whether to tell this now.
    pub fn is_due(&mut self, told: impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        told.hash(&mut hasher);
        let (key, now) = (hasher.finish(), Instant::now());
        if self.0.get(&key).is_some_and(|last| now - *last < QUIET) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, last| now - *last < QUIET);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_told_once_a_minute() {
        let mut recent = Recent::default();
        assert!(recent.is_due(("shop", "app")));
        assert!(recent.is_due(("shop", "worker")));
        assert!(!recent.is_due(("shop", "app")));
        tokio::time::advance(QUIET).await;
        assert!(recent.is_due(("shop", "app")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_takes_no_more_memory() {
        let mut recent = Recent::default();
        assert!((0..3 * REMEMBERED).all(|told| recent.is_due(told)));
        assert!(recent.0.len() <= REMEMBERED);
    }
}
