//! Whether the operator can answer for real.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ingraft_cluster::watch::Store;

/// Ready while everything has been read once, the listener is up and registered, and nobody asked to stop.
///
/// Registered is part of it so that whoever waits for the operator to be ready can create pods at once.
#[derive(Debug, Clone)]
pub struct Readiness {
    store: Arc<Store>,
    serving: Arc<AtomicBool>,
    registered: Arc<AtomicBool>,
}

impl Readiness {
    /// Not ready yet.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, serving: Arc::default(), registered: Arc::default() }
    }

    /// Says whether reviews are served.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Says that the API server knows where to send reviews.
    pub fn set_registered(&self) {
        self.registered.store(true, Ordering::Release);
    }

    /// Why the operator is not ready; `None` if it is.
    pub fn obstacle(&self) -> Option<&'static str> {
        if !self.serving.load(Ordering::Acquire) {
            Some("not serving admission reviews\n")
        } else if !self.store.is_synced() {
            Some("still reading namespaces, Deployments, CronJobs and Instrumentations\n")
        } else if !self.registered.load(Ordering::Acquire) {
            Some("not registered with the API server\n")
        } else {
            None
        }
    }
}
