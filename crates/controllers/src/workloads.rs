//! Tells what is wrong with workloads, whoever applied them and whenever: the leader decides about each of them, once for
//! each generation, also where no pod ever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll};
use ingraft_api::annotations::HEAL;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::{LOOK_FOR_ROLLOUTS, Store};
use ingraft_cluster::workloads::{all, document, kinds, of_namespace, pod, reference, rollouts};
use ingraft_core::{Finding, OwnerKind, Reason, Settings, Snapshot, Subject, WorkloadRef};
use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::{WatchStreamExt, watcher};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::fleet::{self, Course, Fleet};
use crate::repeats::Repeats;

/// How often to look for what is due.
const TICK: Duration = Duration::from_secs(1);
/// All workloads are decided about again at most this often when an Instrumentation has changed, or who asks.
const ALL_AGAIN: Duration = Duration::from_secs(3);
/// The same where anything else has: some cluster's Services and ConfigMaps change all the time.
const ALL_AGAIN_FOR_OTHERS: Duration = Duration::from_secs(30);
/// All are decided about again after this long even if nothing has changed: some things are told because time passes.
const IN_ANY_CASE: Duration = Duration::from_mins(5);
/// What was read is decided about after this long.
const SETTLED: Duration = Duration::from_secs(4);
/// So many are decided about before reviews get their turn.
const SLICE: usize = 16;

type Watched = (ApiResource, watcher::Result<watcher::Event<DynamicObject>>);

/// What the leader knows of workloads, and where it tells of them.
#[derive(Clone)]
pub struct Workloads {
    /// The API server.
    pub client: Client,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What the person who runs the operator chose.
    pub settings: Settings,
    /// Where findings go.
    pub reports: Reports,
    /// The workloads and their pods.
    pub fleet: Arc<Mutex<Fleet>>,
}

impl Workloads {
    /// Follows all workloads for as long as this replica leads.
    pub async fn watch(&self) {
        let mut served = kinds().to_vec();
        let mut events: SelectAll<_> = served.iter().map(|kind| self.follow(kind.clone())).collect();
        let (mut tick, mut look) = (interval(TICK), interval(LOOK_FOR_ROLLOUTS));
        let (mut listed, mut repeats) = (BTreeSet::new(), BTreeMap::new());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What is there is about to be listed.
        let mut last = Seen::of(&self.store);
        let mut unread: BTreeSet<String> = served.iter().map(|kind| kind.plural.clone()).collect();
        let mut read_at = None;
        loop {
            tokio::select! {
                Some((kind, event)) = events.next() => {
                    // What may not be read is not waited for.
                    let is_read = match &event {
                        Ok(event) => matches!(event, watcher::Event::InitDone),
                        Err(error) => is_forbidden(error),
                    };
                    if is_read {
                        unread.remove(&kind.plural);
                    }
                    match event {
                        Ok(event) => self.take_up(&kind, event, &mut listed),
                        Err(error) => {
                            let repeats = repeats.entry(kind.plural.clone()).or_insert_with(Repeats::default);
                            repeats.watch_failed(&kind.plural, &error);
                        }
                    }
                }
                _ = tick.tick() => {
                    self.decide(&served, &mut last).await;
                    if unread.is_empty() && self.fleet().has_all_pods() {
                        let read_at = read_at.get_or_insert_with(Instant::now);
                        self.fleet().is_complete |= read_at.elapsed() > SETTLED;
                    }
                }
                _ = look.tick(), if served.len() == kinds().len() => {
                    if let Ok(Some(kind)) = rollouts(&self.client).await {
                        events.push(self.follow(kind.clone()));
                        unread.insert(kind.plural.clone());
                        served.push(kind);
                    }
                }
            }
        }
    }

    fn follow(&self, kind: ApiResource) -> BoxStream<'static, Watched> {
        let config = watcher::Config::default().page_size(100).timeout(WATCH_LIFE);
        let events = watcher(all(&self.client, &kind), config).default_backoff();
        events.map(move |event| (kind.clone(), event)).boxed()
    }

    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        fleet::lock(&self.fleet)
    }

    /// Tells what was done about a workload with this unique id.
    pub(crate) fn tell(&self, workload: &WorkloadRef, uid: Option<&str>, reason: impl Into<Reason>) {
        let report = Report::about(workload, uid, vec![Finding::pod(reason, "")]);
        self.reports.log(&report);
        self.reports.send(report);
    }

    /// `listed` has what was listed of all kinds since each began to be listed.
    fn take_up(
        &self,
        kind: &ApiResource,
        event: watcher::Event<DynamicObject>,
        listed: &mut BTreeSet<WorkloadRef>,
    ) {
        match event {
            watcher::Event::Init => listed.retain(|workload| workload.kind != OwnerKind::parse(&kind.kind)),
            watcher::Event::InitApply(object) => {
                listed.insert(reference(&object, kind));
                self.see(kind, object);
            }
            watcher::Event::InitDone => {
                self.fleet().keep_only(OwnerKind::parse(&kind.kind), listed);
            }
            watcher::Event::Apply(object) => self.see(kind, object),
            watcher::Event::Delete(object) => self.fleet().forget(&reference(&object, kind)),
        }
    }

    fn see(&self, kind: &ApiResource, object: DynamicObject) {
        let workload = reference(&object, kind);
        let course = Course::of(&workload, &object);
        let document = document(object, kind);
        let snapshot = self.store.read();
        let mut fleet = self.fleet();
        fleet.see(workload.clone(), &document, snapshot.namespace(&workload.namespace));
        fleet.see_course(&workload, course);
    }

    /// Decides about what has changed, and about everything when what decisions depend on has.
    async fn decide(&self, served: &[ApiResource], last: &mut Seen) {
        let now = Seen::of(&self.store);
        let begin: Vec<String> = now.asking.difference(&last.asking).cloned().collect();
        let mut asks_anew = now.asking.len() + begin.len() != last.asking.len();
        last.asking.retain(|namespace| now.asking.contains(namespace));
        for namespace in begin {
            // One that could not be read is tried again.
            if self.read_namespace(served, &namespace).await {
                last.asking.insert(namespace);
                asks_anew = true;
            }
        }
        let is_urgent =
            asks_anew || now.instrumentations != last.instrumentations || now.healed != last.healed;
        let pause = if is_urgent { ALL_AGAIN } else { ALL_AGAIN_FOR_OTHERS };
        let has_changed = is_urgent || now.revision != last.revision;
        let waited = |pause| last.all_again.is_none_or(|at| at.elapsed() >= pause);
        if has_changed && waited(pause) || waited(IN_ANY_CASE) {
            self.fleet().decide_all_again();
            (last.revision, last.instrumentations, last.healed) =
                (now.revision, now.instrumentations, now.healed);
            last.all_again = Some(Instant::now());
        }
        let due = self.fleet().take_due();
        for slice in due.chunks(SLICE) {
            for workload in slice {
                self.decide_about(workload).await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Reads the workloads of a namespace that begins to request something: nothing was kept of them.
    async fn read_namespace(&self, served: &[ApiResource], namespace: &str) -> bool {
        let mut is_read = true;
        for kind in served {
            match of_namespace(&self.client, kind, namespace).await {
                Ok(objects) => objects.into_iter().for_each(|object| self.see(kind, object)),
                Err(error) => {
                    // Where it is forbidden, the watch says so.
                    is_read &= matches!(&error, kube::Error::Api(status) if status.code == 403);
                    tracing::debug!(error = %Chain(&error), namespace, "failed to read {}", kind.plural);
                }
            }
        }
        self.fleet().look_again(namespace);
        is_read
    }

    async fn decide_about(&self, workload: &WorkloadRef) {
        let is_unread = {
            let snapshot = self.store.read();
            self.fleet().is_unread(workload, snapshot.namespace(&workload.namespace))
        };
        if is_unread && let Err(error) = self.read_pod(workload).await {
            tracing::debug!(error = %Chain(&error), %workload, "failed to read a pod, will try again");
            return self.fleet().put_off(workload.clone());
        }
        let report = self.fleet().decide(workload, &self.store.read(), &self.settings);
        let Some(mut report) = report else { return };
        if !self.reports.send_later(report.clone()) {
            return self.fleet().put_off(workload.clone());
        }
        self.fleet().told(workload, &report.findings, &self.settings);
        report.findings.retain(is_told_by_nobody_else);
        self.reports.log(&report);
    }

    /// Reads a pod that stands for a workload which nobody watches.
    async fn read_pod(&self, workload: &WorkloadRef) -> kube::Result<()> {
        let Some(name) = self.fleet().pod_of(workload) else { return Ok(()) };
        let document = pod(&self.client, &workload.namespace, &name).await?;
        // It may have ended since.
        if let Some(document) = document.filter(|_| self.fleet().has_pods(workload)) {
            let snapshot = self.store.read();
            self.fleet().see(workload.clone(), &document, snapshot.namespace(&workload.namespace));
        }
        Ok(())
    }
}

/// Whether a watch has no right to read.
fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 403,
        _ => false,
    }
}

/// Whether no review of a pod logs it.
fn is_told_by_nobody_else(finding: &Finding) -> bool {
    finding.subject == Subject::Workload || fleet::is_of_pods(finding)
}

/// What decisions depended on when all were made last.
#[derive(Default)]
struct Seen {
    asking: BTreeSet<String>,
    revision: u64,
    instrumentations: Vec<(String, Option<i64>, [Option<String>; 2])>,
    /// What namespaces allow.
    healed: Vec<(String, String)>,
    all_again: Option<Instant>,
}

impl Seen {
    fn of(store: &Store) -> Self {
        let snapshot: &Snapshot = &store.read();
        let asking = snapshot.namespaces.in_namespace("").filter(|(_, namespace)| namespace.asks());
        // Their status changes with every workload.
        let instrumentations = snapshot.instrumentations.iter().map(|one| {
            let heal = one.metadata.annotations.as_ref().and_then(|annotations| annotations.get(HEAL));
            (one.reference(), one.metadata.generation, [one.metadata.uid.clone(), heal.cloned()])
        });
        let healed = snapshot.namespaces.in_namespace("").filter_map(|(name, namespace)| {
            let heal = namespace.annotation(HEAL);
            (!heal.is_empty()).then(|| (name.to_owned(), heal.to_owned()))
        });
        Self {
            asking: asking.map(|(name, _)| name.to_owned()).collect(),
            revision: store.revision(),
            instrumentations: instrumentations.collect(),
            healed: healed.collect(),
            all_again: None,
        }
    }
}
