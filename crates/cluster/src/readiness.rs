//! Whether everything that must be there before work can begin is there. Whatever must be registers itself, so nothing
//! is counted or listed by hand.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// What is still missing.
#[derive(Debug, Clone, Default)]
pub struct Readiness(watch::Sender<BTreeSet<String>>);

/// Something that is missing until it says that it is done. If it is dropped instead, it stays missing.
#[derive(Debug)]
#[must_use = "it stays missing until it is done"]
pub struct Pending {
    what: String,
    missing: watch::Sender<BTreeSet<String>>,
}

impl Readiness {
    /// From now on this is missing.
    pub fn register(&self, what: impl Into<String>) -> Pending {
        let what = what.into();
        self.0.send_if_modified(|missing| missing.insert(what.clone()));
        Pending { what, missing: self.0.clone() }
    }

    /// What is missing, by name.
    pub fn missing(&self) -> Vec<String> {
        self.0.borrow().iter().cloned().collect()
    }

    /// Waits until nothing is missing.
    pub async fn reached(&self) {
        // Fails only without a sender, and one is here.
        let _ = self.0.subscribe().wait_for(BTreeSet::is_empty).await;
    }
}

impl Pending {
    /// It is there.
    pub fn done(self) {
        self.missing.send_if_modified(|missing| missing.remove(&self.what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_what_is_missing_until_all_of_it_is_there() {
        let readiness = Readiness::default();
        let (services, nodes) = (readiness.register("services"), readiness.register("nodes"));
        assert_eq!(readiness.missing(), ["nodes", "services"]);
        nodes.done();
        assert_eq!(readiness.missing(), ["services"]);
        services.done();
        readiness.reached().await;
        assert!(readiness.missing().is_empty());
    }

    #[test]
    fn what_ends_before_it_is_done_stays_missing() {
        let readiness = Readiness::default();
        drop(readiness.register("services"));
        assert_eq!(readiness.missing(), ["services"]);
    }
}
