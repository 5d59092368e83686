//! Looks after the few workloads that have a guard: reads their templates, which metadata does not show, and ends control
//! starts by the clock, whoever wrote them.

use std::sync::Arc;
use std::time::Duration;

use ingraft_core::{Guard, WorkloadRef};
use kube::Client;
use tokio::time::{sleep, timeout};

use crate::clock::now;
use crate::error_chain::Chain;
use crate::watch::Store;
use crate::workloads::{hash_of, whole};

/// What could not be read is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);

/// Keeps what is known of guards up to date, for as long as the process runs.
pub async fn follow_guards(client: Client, store: Arc<Store>) {
    follow(&client, &store, now).await;
}

/// The same by a clock that tells seconds since 1970.
async fn follow(client: &Client, store: &Store, clock: impl Fn() -> u64) {
    let mut changes = store.subscribe();
    loop {
        changes.mark_unchanged();
        let are_read = read_templates(client, store).await;
        let limit = see_time(store, clock()).unwrap_or(Duration::MAX);
        if !are_read {
            sleep(limit.min(AGAIN)).await;
        } else if let Ok(Err(_)) = timeout(limit, changes.changed()).await {
            return;
        }
    }
}

/// Reads the templates that are not known. Returns whether all could be read.
async fn read_templates(client: &Client, store: &Store) -> bool {
    let is_unread = |(workload, guard): (&WorkloadRef, &Guard)| guard.is_unread().then(|| workload.clone());
    let unread: Vec<WorkloadRef> = store.read().guards.iter().filter_map(is_unread).collect();
    let mut are_read = true;
    for workload in unread {
        match whole(client, &workload).await {
            Ok(Some(object)) => {
                let (generation, hash) = (object.metadata.generation, hash_of(&object).unwrap_or_default());
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
                are_read = false;
            }
        }
    }
    are_read
}

/// Has control starts begin and end that do by this time. Returns after how long the next one does.
fn see_time(store: &Store, now: u64) -> Option<Duration> {
    store.update_if(|snapshot| {
        let mut changes = false;
        for guard in snapshot.guards.values_mut() {
            changes |= guard.see_time(now);
        }
        changes
    });
    let next = store.read().guards.values().filter_map(|guard| guard.next_change(now)).min();
    next.map(|at| Duration::from_secs(at - now))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use ingraft_core::OwnerKind;
    use kube::client::Body;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_control_start_ends_though_nobody_writes_anything() {
        let silent = tower::service_fn(|_: http::Request<Body>| {
            std::future::pending::<Result<http::Response<Body>, Infallible>>()
        });
        let client = Client::new(silent, "default");
        let (store, start) = (Store::default(), Instant::now());
        let clock = || 1000 + start.elapsed().as_secs();
        let workload =
            WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() };
        let control = |since: u64| Guard {
            control: format!("t@{since}"),
            template: Some("t".to_owned()),
            ..Guard::default()
        };
        let known = workload.clone();
        store.update(|snapshot| drop(snapshot.guards.insert(known, control(1000))));
        let goes_on = async |goes_on| {
            let guard_says =
                |snapshot: &ingraft_core::Snapshot| snapshot.guards[&workload].goes_on == goes_on;
            store.wait_until(Duration::from_hours(1), guard_says).await
        };
        let told = async {
            assert!(goes_on(true).await && start.elapsed() < Duration::from_secs(1));
            assert!(goes_on(false).await);
            assert_eq!(start.elapsed().as_secs(), 601);
        };
        tokio::select! {
            () = follow(&client, &store, clock) => {}
            () = told => {}
        }
    }
}
