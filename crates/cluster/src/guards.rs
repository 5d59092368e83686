//! Reads the templates of the few workloads that have a guard: metadata does not show them.

use std::sync::Arc;
use std::time::Duration;

use ingraft_core::{Guard, WorkloadRef};
use kube::Client;
use tokio::time::sleep;

use crate::error_chain::Chain;
use crate::watch::Store;
use crate::workloads::{hash_of, whole};

/// What could not be read is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);

/// Keeps what is known of these templates up to date, for as long as the process runs.
pub async fn read_templates(client: Client, store: Arc<Store>) {
    let mut changes = store.subscribe();
    loop {
        changes.mark_unchanged();
        let is_unread =
            |(workload, guard): (&WorkloadRef, &Guard)| guard.is_unread().then(|| workload.clone());
        let unread: Vec<WorkloadRef> = store.read().guards.iter().filter_map(is_unread).collect();
        let mut failed = false;
        for workload in unread {
            match whole(&client, &workload).await {
                Ok(Some(object)) => {
                    let (generation, hash) =
                        (object.metadata.generation, hash_of(&object).unwrap_or_default());
                    store.update_if(|snapshot| {
                        // The watch may not have told of this generation yet.
                        let guard = snapshot.guards.get_mut(&workload);
                        let guard = guard.filter(|guard| guard.generation == generation);
                        guard.map(|guard| (guard.template, guard.read) = (Some(hash), generation)).is_some()
                    });
                }
                // The watch is about to tell.
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), %workload, "failed to read, will try again");
                    failed = true;
                }
            }
        }
        if failed {
            sleep(AGAIN).await;
        } else if changes.changed().await.is_err() {
            return;
        }
    }
}
