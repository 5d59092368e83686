//! The wiring: what runs beside what, and in which order it stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ingraft_cluster::watch::{self, Secrets, Store};
use ingraft_controllers::{
    Address, NAME, Registration, ensure_authority, learn_facts, publish_events, recall_facts, upgrade_images,
};
use ingraft_webhook::{Context, LeafResolver, Metrics, Reports, TlsListener, router};
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::readiness::Readiness;
use crate::serve;

/// After SIGTERM reviews are answered for this long, until every API server has learnt that this replica is going.
const DRAIN: Duration = Duration::from_secs(5);
/// The most a started review may take to finish.
const FINISH: Duration = Duration::from_secs(5);

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
    let client = Client::try_default()
        .await
        .context("failed to find the API server: neither in a pod nor a kubeconfig")?;
    let secrets = if args.check_secrets { Secrets::Watched } else { Secrets::Unread };
    let store = Arc::new(Store::default());
    let settings = args.settings.0.clone();
    if settings.env_probe && settings.probe_image.is_empty() {
        tracing::info!("there are no probes: --probe-image does not name this operator's image");
    }
    let readiness = Readiness::new(Arc::clone(&store));
    let mut registry = Registry::default();
    let (reports, received) = Reports::new();
    let context = Arc::new(Context {
        store: Arc::clone(&store),
        settings: settings.clone(),
        reports,
        metrics: Metrics::register(&mut registry),
    });

    recall_facts(&client, &args.namespace, &store).await;
    let (learnt, told) = (Arc::clone(&store), context.reports.clone());
    tokio::spawn(learn_facts(client.clone(), args.namespace.clone(), learnt, settings.clone(), told));
    tokio::spawn(watch::run(client.clone(), Arc::clone(&store), secrets));
    tokio::spawn(publish_events(client.clone(), Arc::clone(&store), received));
    let health = tokio::spawn(serve::health(args.health_bind, readiness.clone()));
    let metrics = tokio::spawn(serve::metrics(args.metrics_bind, Arc::new(registry)));

    let authority = ensure_authority(&client, &args.namespace).await?;
    let resolver = Arc::new(LeafResolver::new(authority.clone(), &hosts(&args))?);
    let listener = TlsListener::bind(args.webhook_bind, Arc::clone(&resolver))
        .await
        .with_context(|| format!("failed to serve admission reviews on {}", args.webhook_bind))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, router(context)).with_graceful_shutdown(async { drop(stopped.await) });
    let mut server = tokio::spawn(server.into_future());
    readiness.set_serving(true);
    tracing::info!(address = %args.webhook_bind, "serving admission reviews");

    let address = args.webhook_url.map_or(Address::Service, |url| Address::Url(url.url));
    let (upgrading, upgraded) = (client.clone(), Arc::clone(&store));
    tokio::spawn(async move { upgrade_images(upgrading, &upgraded, &settings).await });
    let registration =
        Registration { client, namespace: args.namespace, address, store: Arc::clone(&store), resolver };
    let registered = readiness.clone();
    let registering = tokio::spawn(async move {
        // Registered only when every review can be answered for real.
        store.wait_synced().await;
        let registered = || {
            registered.set_registered();
            tracing::info!("ready");
        };
        registration.run(authority, registered).await;
    });

    tokio::select! {
        result = health => result.context("health")??,
        result = metrics => result.context("metrics")??,
        result = &mut server => result.context("webhook server")??,
        drain = termination() => {
            registering.abort();
            readiness.set_serving(false);
            tracing::info!("stopping");
            tokio::time::sleep(drain?).await;
            drop(stop);
            if tokio::time::timeout(FINISH, server).await.is_err() {
                tracing::warn!("connections are still open");
            }
        }
    }
    Ok(())
}

/// The names under which the API server reaches the webhook server.
fn hosts(args: &Args) -> Vec<String> {
    let mut hosts = vec![format!("{NAME}.{}.svc", args.namespace)];
    hosts.extend(args.webhook_url.as_ref().map(|url| url.host.clone()));
    hosts
}

/// Waits for a signal; answers how long to go on answering. Ctrl-C stops at once.
async fn termination() -> anyhow::Result<Duration> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    tokio::select! {
        _ = terminate.recv() => Ok(DRAIN),
        _ = interrupt.recv() => Ok(Duration::ZERO),
    }
}
