//! The wiring: what runs beside what, and in which order it stops.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use ingraft_cluster::authority::{Authority, Hosts};
use ingraft_cluster::client::{self, LastHeard};
use ingraft_cluster::guards::follow_guards;
use ingraft_cluster::readiness::Readiness;
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::{Secrets, Store, watches};
use ingraft_controllers::{
    Address, Candidate, CrashGuard, Leadership, NAME, Registration, SelfTest, Standby, Trials,
    WorkloadCounts, Workloads, end_standby, follow_authority, follow_memory, heal, keep_halts, keep_status,
    keep_unregistered, leader_identity, prove_nodes, publish_events, save_memory, take_over_memory,
    try_endpoints, upgrade_images, watch_pods, watch_refusals, watch_strict_pods,
};
use ingraft_core::endpoint_probe::ProbeEndpoints;
use ingraft_core::{EnvProbe, Mode, Settings};
use ingraft_webhook::{Context, LeafResolver, Metrics, Server, router};
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::args::Args;
use crate::serve;
use crate::state_metrics::StateMetrics;
use crate::tasks::Tasks;
use crate::watch_metrics::WatchMetrics;
use crate::workload_metrics::WorkloadMetrics;

/// After SIGTERM reviews are answered for this long, until every API server has learnt that this replica is going.
const DRAIN: Duration = Duration::from_secs(5);
/// The most that what was started may take to finish.
const FINISH: Duration = Duration::from_secs(5);

/// The tasks that are told to stop and waited for.
const WEBHOOK_SERVER: &str = "webhook server";
const LEADER_ELECTION: &str = "leader election";

/// Runs until a signal asks to stop.
pub fn run(args: Args) -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok()
        .context("a TLS provider is already installed")?;
    // Deciding about a pod takes microseconds: handing work from thread to thread would cost more than it saves.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let result = runtime.block_on(operate(args));
    runtime.shutdown_background();
    result
}

async fn operate(args: Args) -> anyhow::Result<()> {
    let client = client::connect()
        .await
        .context("failed to find the API server: neither in a pod nor a kubeconfig")?;
    if args.mode == Mode::Off {
        return rest(client, &args).await;
    }
    let (shared, reports) = Shared::new(client, args);
    let mut tasks = Tasks::default();
    let (stop_leading, leading_stopped) = oneshot::channel();
    let (stop_serving, serving_stopped) = oneshot::channel();

    let mut registry = Registry::default();
    let heard = watch_cluster(&shared, &mut tasks, &mut registry);
    publish_findings(&shared, &mut tasks, reports);
    take_part_in_election(&shared, &mut tasks, heard, leading_stopped);
    serve_reviews(&shared, &mut tasks, &mut registry, serving_stopped).await?;
    serve_state(&shared, &mut tasks, registry);

    let end = tokio::select! {
        fault = tasks.first_end() => Err(fault),
        drain = termination() => drain,
    };
    let _stopping = shared.readiness.register("stopping");
    drop(stop_leading);
    if let Ok(drain) = end {
        tracing::info!("stopping");
        tokio::time::sleep(drain).await;
    }
    drop(stop_serving);
    let finished = async {
        tasks.ended(LEADER_ELECTION).await;
        tasks.ended(WEBHOOK_SERVER).await;
    };
    if tokio::time::timeout(FINISH, finished).await.is_err() {
        tracing::warn!("connections are still open");
    }
    end.map(drop)
}

/// Keeps the API server from asking, and does nothing else, until a signal asks to stop.
async fn rest(client: Client, args: &Args) -> anyhow::Result<()> {
    let (readiness, mut tasks) = (Readiness::default(), Tasks::default());
    let emptied = readiness.register("registration");
    let (ending, namespace) = (client.clone(), args.namespace.clone());
    tasks.spawn_infallible("registration", async move { keep_unregistered(&client, emptied).await });
    tasks.spawn_infallible("end of standby injection", async move {
        end_standby(&ending, &namespace, false).await;
    });
    tasks.spawn("health", serve::health(args.health_bind, move || readiness.missing()));
    tasks.spawn("metrics", serve::metrics(args.metrics_bind, Arc::new(Registry::default())));
    tracing::info!("off: no review is asked for");
    tokio::select! {
        fault = tasks.first_end() => Err(fault),
        drain = termination() => drain.map(drop),
    }
}

/// What tasks share.
#[derive(Clone)]
struct Shared {
    client: Client,
    args: Arc<Args>,
    store: Arc<Store>,
    /// What else than the store must be there.
    readiness: Readiness,
    reports: Reports,
    /// Something new is known of images.
    learnt: watch::Sender<()>,
    /// Has seen nothing of that: whoever becomes the leader also saves what was learnt before.
    unsaved: watch::Receiver<()>,
    /// What reviews are served with.
    authority: watch::Sender<Option<Authority>>,
    /// The API server has learnt where to send reviews.
    registered: Arc<Notify>,
    /// The API server trusts what reviews are served with.
    is_trusted: watch::Sender<bool>,
    /// What is known of the leader.
    leadership: watch::Sender<Leadership>,
    /// How workloads fare, while this replica leads.
    counts: watch::Sender<Option<WorkloadCounts>>,
    /// Whether reviews arrive, as far as that can be told, while this replica leads.
    path_is_healthy: watch::Sender<Option<bool>>,
}

impl Shared {
    fn new(client: Client, mut args: Args) -> (Self, mpsc::Receiver<Arc<Report>>) {
        args.settings.0.locale = args.locale;
        args.settings.0.mode = args.mode;
        args.settings.0.heal = args.heal;
        args.settings.0.heal_images = args.heal_images;
        let (reports, received) = Reports::new(args.locale);
        let (learnt, unsaved) = watch::channel(());
        let shared = Self {
            client,
            args: Arc::new(args),
            store: Arc::default(),
            readiness: Readiness::default(),
            reports,
            learnt,
            unsaved,
            authority: watch::Sender::default(),
            registered: Arc::default(),
            is_trusted: watch::Sender::default(),
            leadership: watch::Sender::default(),
            counts: watch::Sender::default(),
            path_is_healthy: watch::Sender::default(),
        };
        (shared, received)
    }

    fn settings(&self) -> &Settings {
        &self.args.settings.0
    }
}

/// Fills the store. Returns when something was last heard of namespaces, which tells how fresh the store is.
fn watch_cluster(shared: &Shared, tasks: &mut Tasks, registry: &mut Registry) -> LastHeard {
    let mut metrics = WatchMetrics::default();
    let secrets = if shared.args.check_secrets { Secrets::Watched } else { Secrets::Unread };
    let mut heard = LastHeard::default();
    for watch in watches(&shared.client, &shared.store, secrets) {
        if watch.resource == "namespaces" {
            heard = watch.last_heard.clone();
        }
        metrics.add(&watch.resource, watch.last_heard);
        tasks.spawn_infallible(format!("watch of {}", watch.resource), watch.task);
    }
    registry.register_collector(Box::new(metrics));

    if shared.settings().env_probe != EnvProbe::Never && shared.settings().probe_image.is_empty() {
        tracing::info!("there are no probes: --probe-image does not name this operator's image");
    }
    let memory = follow_memory(
        shared.client.clone(),
        shared.args.namespace.clone(),
        Arc::clone(&shared.store),
        shared.leadership.subscribe(),
        shared.readiness.register("facts"),
    );
    tasks.spawn_infallible("watch of facts", memory);
    let (client, namespace) = (shared.client.clone(), shared.args.namespace.clone());
    let refusals = watch_refusals(client, namespace, Arc::clone(&shared.store));
    tasks.spawn_infallible("watch of refusals", refusals);
    let guards = follow_guards(shared.client.clone(), Arc::clone(&shared.store));
    tasks.spawn_infallible("guards of workloads", guards);
    let (client, namespace) = (shared.client.clone(), shared.args.namespace.clone());
    let halts = keep_halts(client, namespace, Arc::clone(&shared.store));
    tasks.spawn_infallible("saving of halts", halts);
    heard
}

/// Publishes Events about what this replica has found.
fn publish_findings(shared: &Shared, tasks: &mut Tasks, reports: mpsc::Receiver<Arc<Report>>) {
    let (client, store) = (shared.client.clone(), Arc::clone(&shared.store));
    tasks.spawn_infallible("events", publish_events(client, store, reports, shared.args.locale));
}

/// Leads whenever it is this replica's turn, once it has read everything.
fn take_part_in_election(
    shared: &Shared,
    tasks: &mut Tasks,
    heard: LastHeard,
    mut stop: oneshot::Receiver<()>,
) {
    let (client, leadership) = (shared.client.clone(), shared.leadership.clone());
    let candidate = Candidate::new(client, &shared.args.namespace, identity(&shared.args), heard, leadership);
    let shared = shared.clone();
    tasks.spawn(LEADER_ELECTION, async move {
        tokio::select! {
            () = shared.store.synced().reached() => {}
            _ = &mut stop => return Ok(()),
        }
        let stop = async { drop(stop.await) };
        match candidate.run(stop, |client| lead(shared.clone(), client)).await {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    });
}

/// Writes what all replicas share, until something goes wrong.
async fn lead(shared: Shared, client: Client) -> anyhow::Error {
    let address = &shared.args.webhook_url;
    let registration = Registration {
        namespace: shared.args.namespace.clone(),
        address: address.as_ref().map_or(Address::Service, |url| Address::Url(url.url.clone())),
        store: Arc::clone(&shared.store),
        authority: shared.authority.subscribe(),
        registered: Arc::clone(&shared.registered),
    };
    // What was seen when this replica led before is out of date.
    shared.counts.send_replace(None);
    shared.path_is_healthy.send_replace(None);
    let mut tasks = Tasks::default();
    let registering = client.clone();
    tasks.spawn_infallible("registration", async move { registration.run(&registering).await });
    take_over_memory(&client, &shared.args.namespace, &shared.store).await;
    let (saving, own) = (client.clone(), shared.clone());
    tasks.spawn_infallible("saving of facts", async move {
        save_memory(&saving, &own.args.namespace, &own.store, own.unsaved).await;
    });
    let workloads = Workloads {
        client: client.clone(),
        store: Arc::clone(&shared.store),
        settings: shared.settings().clone(),
        reports: shared.reports.clone(),
        fleet: Arc::default(),
    };
    let (watching, own, fleet) = (client.clone(), shared.clone(), Arc::clone(&workloads.fleet));
    tasks.spawn_infallible("watch of pods", async move {
        watch_pods(watching, &own.store, own.settings(), &own.reports, &own.learnt, &fleet).await;
    });
    let trials = Trials::default();
    let self_test = SelfTest {
        namespace: shared.args.namespace.clone(),
        image: shared.settings().probe_image.clone(),
        locale: shared.args.locale,
        store: Arc::clone(&shared.store),
        authority: shared.authority.subscribe(),
        is_trusted: shared.is_trusted.subscribe(),
        port: address.is_none().then(|| shared.args.webhook_bind.port()),
        trials: trials.clone(),
        is_healthy: shared.path_is_healthy.clone(),
    };
    let testing = client.clone();
    tasks.spawn_infallible("self-test", async move { self_test.run(&testing).await });
    let choice = shared.args.probe_endpoints;
    if choice != ProbeEndpoints::Off {
        let (telling, own) = (client.clone(), shared.clone());
        let (fleet, trials) = (Arc::clone(&workloads.fleet), trials.clone());
        tasks.spawn_infallible("endpoints", async move {
            try_endpoints(&telling, &own.store, choice, own.args.locale, &fleet, &trials).await;
        });
    }
    let (writing, own, fleet, tried) =
        (client.clone(), shared.clone(), Arc::clone(&workloads.fleet), trials.clone());
    tasks.spawn_infallible("status of Instrumentations", async move {
        keep_status(&writing, &own.store, own.settings(), &fleet, &tried, choice, &own.counts).await;
    });
    let (namespace, planning) = (shared.args.namespace.clone(), client.clone());
    if shared.args.standby {
        let (store, settings) = (Arc::clone(&shared.store), shared.settings().clone());
        let standby = Standby { namespace, store, settings, fleet: Arc::clone(&workloads.fleet) };
        tasks.spawn_infallible("plan for standby injection", async move { standby.keep(&planning).await });
    } else {
        tasks.spawn_infallible("end of standby injection", async move {
            end_standby(&planning, &namespace, true).await;
        });
    }
    let crash_guard = CrashGuard { workloads: workloads.clone(), trials: trials.clone() };
    tasks.spawn_infallible("guard against crashes", async move { crash_guard.watch().await });
    let watching = workloads.clone();
    tasks.spawn_infallible("watch of workloads", async move { watching.watch().await });
    let (watching, own) = (client.clone(), shared.clone());
    tasks.spawn_infallible("watch of strict pods", async move {
        watch_strict_pods(watching, &own.store, &own.reports).await;
    });
    if shared.args.mode == Mode::Inject {
        if shared.settings().heal.is_some() {
            let (workloads, at_once) = (workloads.clone(), usize::from(shared.args.heal_at_once));
            tasks.spawn_infallible("healing", async move { heal(&workloads, &trials, at_once).await });
        }
        let (proving, own) = (client.clone(), shared.clone());
        tasks.spawn_infallible("proof of nodes", async move {
            prove_nodes(&proving, &own.args.namespace, &own.store, own.settings(), &own.learnt).await;
        });
        tasks.spawn_infallible("upgrades of images", async move {
            upgrade_images(&client, &shared.store, shared.settings()).await;
            std::future::pending::<()>().await;
        });
    }
    tasks.first_end().await
}

/// Answers reviews with the certificate authority that the API server trusts.
async fn serve_reviews(
    shared: &Shared,
    tasks: &mut Tasks,
    registry: &mut Registry,
    stop: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let args = &shared.args;
    let authorities = follow_authority(
        shared.client.clone(),
        args.namespace.clone(),
        Arc::clone(&shared.registered),
        shared.authority.clone(),
        shared.is_trusted.clone(),
        shared.readiness.clone(),
    );
    tasks.spawn_infallible("certificate authority", authorities);

    let resolver = Arc::new(LeafResolver::new(shared.authority.subscribe(), hosts(args)?));
    let server = Server::bind_tls(args.webhook_bind, resolver)
        .await
        .with_context(|| format!("failed to serve admission reviews on {}", args.webhook_bind))?;
    let context = Arc::new(Context {
        store: Arc::clone(&shared.store),
        settings: shared.settings().clone(),
        reports: shared.reports.clone(),
        metrics: Metrics::register(registry),
        namespace: args.namespace.clone(),
        replica: host(),
    });
    let address = server.address()?;
    tasks.spawn_infallible(WEBHOOK_SERVER, server.run(router(context), async { drop(stop.await) }));
    tracing::info!(%address, "serving admission reviews");
    Ok(())
}

/// Serves health, readiness and metrics.
fn serve_state(shared: &Shared, tasks: &mut Tasks, mut registry: Registry) {
    let (leadership, authority) = (&shared.leadership, &shared.authority);
    let state =
        StateMetrics::new(leadership.subscribe(), authority.subscribe(), shared.is_trusted.subscribe());
    registry.register_collector(Box::new(state));
    let (counts, path) = (shared.counts.subscribe(), shared.path_is_healthy.subscribe());
    let workloads = WorkloadMetrics::new(leadership.subscribe(), counts, path);
    registry.register_collector(Box::new(workloads));
    let (args, store, readiness) = (&shared.args, Arc::clone(&shared.store), shared.readiness.clone());
    let missing = move || [store.synced().missing(), readiness.missing()].concat();
    tasks.spawn("health", serve::health(args.health_bind, missing));
    tasks.spawn("metrics", serve::metrics(args.metrics_bind, Arc::new(registry)));

    // An authority is handed on once the API server has the registration. That is part of being ready so that whoever
    // waits for it can create pods at once. Without a leader nothing would be kept up to date: that too must be seen.
    let (registering, electing) =
        (shared.readiness.register("registration"), shared.readiness.register("leader"));
    let (shared, mut authority) = (shared.clone(), shared.authority.subscribe());
    let mut leadership = shared.leadership.subscribe();
    tasks.spawn("readiness", async move {
        authority.wait_for(Option::is_some).await?;
        registering.done();
        leadership.wait_for(|leadership| leadership.renewed.is_some()).await?;
        electing.done();
        shared.store.synced().reached().await;
        shared.readiness.reached().await;
        tracing::info!("ready");
        std::future::pending().await
    });
}

/// Who this process is in an election.
fn identity(args: &Args) -> String {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unique = format!("{:x}_{}", started.as_nanos(), std::process::id());
    leader_identity(args.pod.as_deref(), &host(), &unique)
}

/// The name of the pod.
fn host() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| NAME.to_owned())
}

/// The names under which the API server reaches the webhook server.
fn hosts(args: &Args) -> anyhow::Result<Hosts> {
    let mut hosts = vec![format!("{NAME}.{}.svc", args.namespace)];
    hosts.extend(args.webhook_url.as_ref().map(|url| url.host.clone()));
    Ok(Hosts::new(&hosts)?)
}

/// Waits for a signal. Returns how long to go on answering: Ctrl-C stops at once.
async fn termination() -> anyhow::Result<Duration> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    tokio::select! {
        _ = terminate.recv() => Ok(DRAIN),
        _ = interrupt.recv() => Ok(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests;
