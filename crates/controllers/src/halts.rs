//! Remembers where probes have gone wrong, so that there are none for some days, and forgets what is over.

use std::sync::Arc;
use std::time::Duration;

use ingraft_cluster::clock::{now, today};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, refusal_key, write_key};
use ingraft_cluster::watch::Store;
use ingraft_core::Halt;
use kube::Client;
use tokio::time::{sleep, timeout};

/// So many days there are no probes there: what kept them from running may have been changed by then.
const DAYS: u32 = 7;
/// At the latest after this long, what is over is looked for.
const LOOK: Duration = Duration::from_hours(1);
/// Changes come in bursts; this long they are collected.
const COLLECT: Duration = Duration::from_secs(1);

/// Saves what reviews and pods have shown, and forgets what is over, for as long as the process runs.
pub async fn keep_halts(client: Client, namespace: String, store: Arc<Store>) {
    let mut changes = store.subscribe();
    loop {
        changes.mark_unchanged();
        let day = today();
        let due: Vec<(Halt, Option<u32>)> = {
            let snapshot = store.read();
            let of = |(halt, since): (&Halt, &Option<u32>)| match since {
                None => Some((halt.clone(), Some(day))),
                Some(since) if since.saturating_add(DAYS) < day => Some((halt.clone(), None)),
                Some(_) => None,
            };
            snapshot.halts.0.iter().filter_map(of).collect()
        };
        for (halt, since) in due {
            let value = since.map(|day| day.to_string());
            if let Err(error) = write_key(&client, &namespace, &halt.key(), value).await {
                tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}");
                continue;
            }
            store.update(|snapshot| match since {
                Some(_) => drop(snapshot.halts.0.insert(halt, since)),
                None => drop(snapshot.halts.0.remove(&halt)),
            });
        }
        forget_refusals(&client, &namespace, &store).await;
        // Days also go by where nothing changes.
        let _ = timeout(LOOK, changes.changed()).await;
        sleep(COLLECT).await;
    }
}

/// Forgets refusals that are over, so that injection is tried again.
async fn forget_refusals(client: &Client, namespace: &str, store: &Store) {
    let now = now();
    let over: Vec<String> = {
        let snapshot = store.read();
        let over = snapshot.refusals.iter().filter(|(_, refusal)| refusal.is_over(now));
        over.map(|(owner, _)| owner.clone()).collect()
    };
    for owner in over {
        match write_key(client, namespace, &refusal_key(&owner), None).await {
            Ok(()) => store.update(|snapshot| drop(snapshot.refusals.remove(&owner))),
            Err(error) => tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}"),
        }
    }
}
