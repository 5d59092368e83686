//! Keeps a [`Snapshot`] up to date by watching the API server.
//!
//! Only what decisions need is decoded and kept: of Deployments and CronJobs name and unique id, of workloads what
//! annotations of ours say of pods that crash, of namespaces the name, our annotations and the level of Pod Security, of
//! Services the ports, of nodes labels, taints and versions, of RuntimeClasses the handler, of LimitRanges the bounds, of
//! ConfigMaps the name. Everything else is skipped while it is read.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use ingraft_api::Instrumentation;
use ingraft_core::{Guards, Halt, LimitRange, Objects, OwnerKind, Snapshot};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use crate::attempts::Attempts;
use crate::client::{LastHeard, WATCH_LIFE};
use crate::error_chain::Chain;
use crate::learn::{Learn, NodeObject, guard, learn, learn_guard};
use crate::readiness::{Pending, Readiness};
use crate::slim::{Ports, Slim};
use crate::workloads::{Rollout, rollouts};

/// Whether the cluster serves Argo Rollouts by now is asked this often.
pub const LOOK_FOR_ROLLOUTS: Duration = Duration::from_mins(1);

/// A snapshot that watches keep up to date.
#[derive(Debug, Default)]
pub struct Store {
    snapshot: RwLock<Snapshot>,
    /// What has not been read whole yet.
    synced: Readiness,
    changed: watch::Sender<()>,
    /// How often anything has changed that decisions depend on.
    revision: AtomicU64,
    /// What was done to pods lately.
    pub attempts: Attempts,
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
        self.update_if(|snapshot| {
            change(snapshot);
            true
        });
    }

    /// The same, where it may turn out that nothing changed: then nobody is woken. Returns whether anything did.
    pub fn update_if(&self, change: impl FnOnce(&mut Snapshot) -> bool) -> bool {
        self.change(change, true)
    }

    /// The same for what a watch of one kind tells.
    fn learn<K: Learn>(&self, change: impl FnOnce(&mut Snapshot) -> bool) {
        self.change(change, K::IS_DECISIVE);
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot) -> bool, is_decisive: bool) -> bool {
        let changed = change(&mut self.snapshot.write().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.revision.fetch_add(u64::from(is_decisive), Ordering::Relaxed);
            self.changed.send_replace(());
        }
        changed
    }

    /// A number that grows whenever something changes that decisions depend on, but for Instrumentations, whose status
    /// changes with what is decided.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Notes that probes have gone wrong. Returns whether that is new.
    pub fn note_halt(&self, halt: Halt) -> bool {
        self.update_if(|snapshot| snapshot.halts.note(halt))
    }

    /// Whether everything that is watched has been read whole once.
    pub const fn synced(&self) -> &Readiness {
        &self.synced
    }

    /// Tells of every change from now on.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until a condition holds for the snapshot, for at most `limit`. Returns whether it does.
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

/// One watch: a task that runs for as long as the process does.
pub struct Watch {
    /// What is watched, such as `services`.
    pub resource: String,
    /// When it last heard something.
    pub last_heard: LastHeard,
    /// Errors are logged and retried with increasing pauses.
    pub task: BoxFuture<'static, ()>,
}

/// Everything that decisions depend on; the store is synced when all of it has been read once.
pub fn watches(client: &Client, store: &Arc<Store>, secrets: Secrets) -> Vec<Watch> {
    let mut watches = vec![
        watch::<Slim<v1::Namespace>>(client, store, &store.synced),
        watch::<Slim<CronJob>>(client, store, &store.synced),
        watch::<Slim<v1::Service, Ports>>(client, store, &store.synced),
        watch::<NodeObject>(client, store, &store.synced),
        watch::<Slim<v1::LimitRange, LimitRange>>(client, store, &store.synced),
        watch::<RuntimeClass>(client, store, &store.synced),
        watch::<Slim<v1::ConfigMap>>(client, store, &store.synced),
        watch::<DeserializeGuard<Instrumentation>>(client, store, &store.synced),
        watch::<Slim<StatefulSet>>(client, store, &store.synced),
        watch::<Slim<DaemonSet>>(client, store, &store.synced),
        watch_rollouts(client, store),
        // The longest list, and little comes from it: a review waits for its own, whose guard comes with it.
        watch::<Slim<Deployment>>(client, store, &Readiness::default()),
    ];
    if secrets == Secrets::Watched {
        // Nobody waits for these: they only report what is missing.
        watches.push(watch::<Slim<v1::Secret>>(client, store, &Readiness::default()));
    }
    watches
}

/// Keeps one kind of object up to date. It is missing from `synced` until everything has been read.
fn watch<K>(client: &Client, store: &Arc<Store>, synced: &Readiness) -> Watch
where
    K: Learn + Clone + Debug + Send + 'static,
{
    let (resource, last_heard) = (K::plural(&()).into_owned(), LastHeard::default());
    let api = Api::all(last_heard.listen(client));
    let task = follow::<K>(api, Arc::clone(store), synced.register(&resource)).boxed();
    Watch { resource, last_heard, task }
}

/// Keeps Argo Rollouts up to date, once the cluster serves them.
fn watch_rollouts(client: &Client, store: &Arc<Store>) -> Watch {
    let Watch { resource, last_heard, task } = watch::<Slim<Rollout>>(client, store, &Readiness::default());
    let listening = last_heard.listen(client);
    let task = async move {
        // That is heard too, so that nobody takes it for a watch that fell silent.
        while listening.list_api_groups().await.is_err() || !matches!(rollouts(&listening).await, Ok(Some(_)))
        {
            tokio::time::sleep(LOOK_FOR_ROLLOUTS).await;
        }
        task.await;
    };
    Watch { resource, last_heard, task: task.boxed() }
}

async fn follow<K>(api: Api<K>, store: Arc<Store>, pending: Pending)
where
    K: Learn + Clone + Debug + Send + 'static,
{
    let mut config = watcher::Config::default().page_size(500).timeout(WATCH_LIFE);
    config.field_selector = K::SELECTED.map(str::to_owned);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    // While a list is read, the objects known so far stay in use.
    let (mut fresh, mut guards) = (Objects::default(), Guards::new());
    let mut pending = Some(pending);
    let mut last_error = String::new();
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Init)) => (fresh, guards) = (Objects::default(), Guards::new()),
            Ok(Some(watcher::Event::InitApply(object))) => {
                if let Some((workload, Some(guard))) = guard(&object) {
                    guards.insert(workload, guard);
                }
                set(&mut fresh, object);
            }
            Ok(Some(watcher::Event::InitDone)) => {
                let mut all = std::mem::take(&mut fresh);
                all.set_complete();
                let listed = std::mem::take(&mut guards);
                store.learn::<K>(|snapshot| {
                    if K::GUARDED.is_some() {
                        replace_guards(&mut snapshot.guards, K::GUARDED, listed);
                    }
                    if let Some(objects) = K::objects(snapshot) {
                        *objects = all;
                    }
                    true
                });
                if let Some(pending) = pending.take() {
                    pending.done();
                }
            }
            Ok(Some(watcher::Event::Apply(object))) => {
                store.learn::<K>(|snapshot| {
                    let guard = guard(&object);
                    guard.is_some_and(|(workload, guard)| learn_guard(&mut snapshot.guards, workload, guard))
                        | K::objects(snapshot).is_some_and(|objects| set(objects, object))
                });
            }
            Ok(Some(watcher::Event::Delete(object))) => {
                store.learn::<K>(|snapshot| {
                    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
                    guard(&object).is_some_and(|(workload, _)| snapshot.guards.remove(&workload).is_some())
                        | K::objects(snapshot).is_some_and(|objects| objects.remove(&namespace, &name))
                });
            }
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

/// Takes up the guards of all workloads of a kind.
fn replace_guards(guards: &mut Guards, kind: Option<OwnerKind>, listed: Guards) {
    let gone = guards.keys().filter(|known| known.kind == kind && !listed.contains_key(*known));
    for workload in gone.cloned().collect::<Vec<_>>() {
        guards.remove(&workload);
    }
    for (workload, guard) in listed {
        learn_guard(guards, workload, Some(guard));
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
