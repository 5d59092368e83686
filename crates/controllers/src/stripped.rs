//! Remembers the namespaces in which another webhook has removed references to the files of probes.

use std::sync::Arc;
use std::time::Duration;

use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, stripped_key, write_key};
use ingraft_cluster::watch::Store;
use kube::Client;
use tokio::time::sleep;

use crate::clock::today;

/// So many days there are no probes in such a namespace: the webhook may have been updated by then.
const DAYS: u32 = 7;
/// Changes come in bursts; this long they are collected.
const COLLECT: Duration = Duration::from_secs(1);

/// Saves what reviews have noticed, and forgets what is over, for as long as the process runs.
pub async fn keep_stripped(client: Client, namespace: String, store: Arc<Store>) {
    let mut changes = store.subscribe();
    loop {
        changes.mark_unchanged();
        let day = today();
        let due: Vec<(String, Option<u32>)> = {
            let snapshot = store.read();
            let of = |(name, since): (&String, &Option<u32>)| match since {
                None => Some((name.clone(), Some(day))),
                Some(since) if since.saturating_add(DAYS) < day => Some((name.clone(), None)),
                Some(_) => None,
            };
            snapshot.stripped.iter().filter_map(of).collect()
        };
        for (name, since) in due {
            let value = since.map(|day| day.to_string());
            if let Err(error) = write_key(&client, &namespace, &stripped_key(&name), value).await {
                tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}");
                continue;
            }
            store.update(|snapshot| match since {
                Some(_) => drop(snapshot.stripped.insert(name, since)),
                None => drop(snapshot.stripped.remove(&name)),
            });
        }
        if changes.changed().await.is_err() {
            return;
        }
        sleep(COLLECT).await;
    }
}
