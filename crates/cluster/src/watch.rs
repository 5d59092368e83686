//! Keeps a [`Snapshot`] up to date by watching the API server.
//!
//! Only what decisions need is decoded and kept: of Deployments and CronJobs name and unique id, of namespaces the
//! name, our annotations and the level of Pod Security, of Services the ports, of nodes the version, of ConfigMaps the name. Everything else
//! is skipped while it is read.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use futures::TryStreamExt;
use ingraft_api::Instrumentation;
use ingraft_core::{Objects, Snapshot};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1;
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use crate::cause::Chain;
use crate::learn::{Learn, learn};
use crate::slim::{NodeStatus, Nothing, Ports, Slim};

/// A snapshot that watches keep up to date.
#[derive(Debug)]
pub struct Store {
    snapshot: RwLock<Snapshot>,
    /// Watches that have not yet read everything once.
    pending: AtomicUsize,
    changed: watch::Sender<()>,
}

/// Watches that decisions wait for. That of Secrets is not one of them: they only tell of what is missing.
const WATCHES: usize = 7;

impl Default for Store {
    fn default() -> Self {
        Self {
            snapshot: RwLock::default(),
            pending: AtomicUsize::new(WATCHES),
            changed: watch::Sender::new(()),
        }
    }
}

/// Whether Secrets are looked at: only their names are asked for, but the permission to do so covers their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// No Secret is ever asked for.
    Unread,
    /// The names of Secrets are watched.
    Watched,
}

impl Store {
    /// What is known now. Hold it briefly: watches wait for it.
    pub fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }

    /// The same, where it may turn out that nothing changed: then nobody is woken.
    fn update_if(&self, change: impl FnOnce(&mut Snapshot) -> bool) {
        if change(&mut self.snapshot.write().unwrap_or_else(PoisonError::into_inner)) {
            self.changed.send_replace(());
        }
    }

    /// Whether every watch has read everything once.
    pub fn is_synced(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Waits until every watch has read everything once.
    pub async fn wait_synced(&self) {
        let mut changes = self.subscribe();
        while !self.is_synced() && changes.changed().await.is_ok() {}
    }

    /// Tells of every change from now on.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until a condition holds for the snapshot, for at most `limit`. Answers whether it does.
    pub async fn wait_until(&self, limit: Duration, condition: impl Fn(&Snapshot) -> bool) -> bool {
        let mut changes = self.subscribe();
        let wait = async {
            while !condition(&self.read()) {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }
}

/// Watches for as long as the process runs. Errors are logged and retried with increasing pauses.
pub async fn run(client: Client, store: Arc<Store>, secrets: Secrets) {
    let (store, pending) = (&*store, &store.pending);
    let secrets = async {
        if secrets == Secrets::Watched {
            watch::<Slim<v1::Secret>>(&client, store, &AtomicUsize::new(1)).await;
        }
    };
    tokio::join!(
        watch::<Slim<v1::Namespace>>(&client, store, pending),
        watch::<Slim<Deployment>>(&client, store, pending),
        watch::<Slim<CronJob>>(&client, store, pending),
        watch::<Slim<v1::Service, Ports>>(&client, store, pending),
        watch::<Slim<v1::Node, Nothing, NodeStatus>>(&client, store, pending),
        watch::<Slim<v1::ConfigMap>>(&client, store, pending),
        watch::<DeserializeGuard<Instrumentation>>(&client, store, pending),
        secrets,
    );
}

/// Keeps one kind of object up to date. `pending` counts down once everything has been read.
async fn watch<K>(client: &Client, store: &Store, pending: &AtomicUsize)
where
    K: Learn + Clone + Debug + Send + 'static,
{
    let api = Api::<K>::all(client.clone());
    let config = watcher::Config::default().page_size(500);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    // While a list is read, the objects known so far stay in use.
    let mut fresh = Objects::default();
    let mut synced = false;
    let mut last_error = String::new();
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Init)) => fresh = Objects::default(),
            Ok(Some(watcher::Event::InitApply(object))) => drop(set(&mut fresh, object)),
            Ok(Some(watcher::Event::InitDone)) => {
                let mut all = std::mem::take(&mut fresh);
                all.set_complete();
                store.update(|snapshot| *K::objects(snapshot) = all);
                if !synced {
                    synced = true;
                    pending.fetch_sub(1, Ordering::AcqRel);
                    store.changed.send_replace(());
                }
            }
            Ok(Some(watcher::Event::Apply(object))) => {
                store.update_if(|snapshot| set(K::objects(snapshot), object));
            }
            Ok(Some(watcher::Event::Delete(object))) => store.update_if(|snapshot| {
                K::objects(snapshot).remove(&object.namespace().unwrap_or_default(), &object.name_any())
            }),
            Ok(None) => return,
            Err(error) => {
                // A watch that fails for the same reason again and again is told of once.
                let error = Chain(&error).to_string();
                if error != last_error {
                    tracing::warn!(resource = %K::plural(&()), error, "failed to watch, will try again");
                    last_error = error;
                }
            }
        }
    }
}

/// Takes an object up, or logs why it cannot be read. Returns whether that changes anything.
fn set<K: Learn>(objects: &mut Objects<K::Kept>, object: K) -> bool {
    if let Err(error) = object.readable() {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        tracing::error!(code = "InstrumentationUnreadable", %namespace, %name, error, "failed to read an Instrumentation");
    }
    learn(objects, object)
}
