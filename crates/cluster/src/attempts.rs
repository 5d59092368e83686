//! The pods that were reviewed lately and that somebody makes again if they are refused.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use ingraft_core::Attempt;

/// So many owners of pods are remembered. Whoever is refused tries again soon.
const REMEMBERED: usize = 1000;

/// What was done to the last pod of each owner.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_owner: HashMap<String, Attempt>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl Attempts {
    /// Notes what was done to a pod.
    pub fn note(&self, attempt: Attempt) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_owner.insert(attempt.owner.clone(), attempt.clone()).is_none() {
            known.order.push_back(attempt.owner);
            if known.order.len() > REMEMBERED
                && let Some(oldest) = known.order.pop_front()
            {
                known.by_owner.remove(&oldest);
            }
        }
    }

    /// What was done to the last pod of an owner.
    pub fn of(&self, owner: &str) -> Option<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_owner.get(owner).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let attempts = Attempts::default();
        for number in 0..=REMEMBERED {
            attempts.note(Attempt { owner: number.to_string(), ..Attempt::default() });
        }
        assert!(attempts.of("0").is_none() && attempts.of("1").is_some());
        attempts.note(Attempt { owner: "1".to_owned(), is_withheld: true, ..Attempt::default() });
        assert!(attempts.of("1").unwrap().is_withheld);
    }
}
