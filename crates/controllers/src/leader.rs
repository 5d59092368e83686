//! One replica leads: it alone writes what all share. A Lease says which
//! (<https://kubernetes.io/docs/concepts/architecture/leases/>).
//!
//! ```text
//!  leader   renewal sent ── LEAD_FOR ──► stops writing
//!  others      renewal seen ──────── LEASE ────────► one of them takes over
//! ```
//!
//! Clocks are never compared: the leader counts from before it sent its last successful renewal, the others from when
//! they saw it, each by its own monotonic clock. Of two that want the Lease at once, the API server refuses the one
//! that has not read the other's version. A process that was stopped for a while cannot write before it has looked at
//! the time: the client that leading tasks are given looks before each request.

use std::time::Duration;

use ingraft_cluster::error_chain::Chain;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tower::{BoxError, service_fn};

use crate::NAME;

/// Others take over when they have seen no renewal for this long.
const LEASE: Duration = Duration::from_secs(15);
/// The leader stops this long after its last renewal: earlier than anybody can take over, even if its clock is slow.
const LEAD_FOR: Duration = Duration::from_secs(10);
/// The leader renews this often, and the others look this often.
const PERIOD: Duration = Duration::from_secs(2);

/// The time for which this replica leads is over.
#[derive(Debug, thiserror::Error)]
#[error("this replica no longer leads")]
struct NotLeading;

/// A candidate for the Lease.
#[derive(Clone)]
pub struct Candidate {
    leases: Api<Lease>,
    client: Client,
    /// Different for each process, or two that run one after the other could take themselves for the same.
    identity: String,
}

/// The Lease of somebody else, as it was seen last.
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Candidate {
    /// A candidate in the operator's namespace.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { leases: Api::namespaced(client.clone(), namespace), client, identity }
    }

    /// Works whenever this replica leads, until it is stopped: then the Lease is released, so that a successor starts
    /// at once. The work is given a client that stops working when the time is over; then it is dropped, and begins
    /// again when this replica is elected again. Work that ends by itself ends this too.
    pub async fn run<W, F>(&self, stop: impl Future<Output = ()>, work: W) -> Option<F::Output>
    where
        W: Fn(Client) -> F,
        F: Future,
    {
        let lead = async {
            loop {
                let (lease, until) = self.elected().await;
                let until = watch::Sender::new(until);
                let client = while_leading(&self.client, until.subscribe());
                tracing::info!(identity = self.identity, "leading");
                tokio::select! {
                    end = work(client) => return end,
                    () = self.renew(lease, &until) => tracing::warn!(identity = self.identity, "no longer leading"),
                }
            }
        };
        tokio::select! {
            end = lead => Some(end),
            () = stop => {
                self.release().await;
                None
            }
        }
    }

    /// Waits until the Lease is ours. Returns it, and until when it counts.
    async fn elected(&self) -> (Lease, Instant) {
        let mut seen = None;
        let mut last_error = String::new();
        loop {
            match self.try_to_take(&mut seen).await {
                Ok(Some(taken)) => return taken,
                Ok(None) => {}
                Err(error) => {
                    let error = Chain(&error).to_string();
                    if error != last_error {
                        tracing::error!(error, "failed to take Lease {NAME}, will try again");
                        last_error = error;
                    }
                }
            }
            sleep(PERIOD).await;
        }
    }

    async fn try_to_take(&self, seen: &mut Option<Seen>) -> kube::Result<Option<(Lease, Instant)>> {
        let found = self.leases.get_opt(NAME).await?;
        let now = Instant::now();
        let held = found.as_ref().is_some_and(|lease| !self.may_take(lease, seen, now));
        if held {
            return Ok(None);
        }
        let taken = self.taken(found);
        let written = if taken.metadata.resource_version.is_some() {
            self.leases.replace(NAME, &PostParams::default(), &taken).await
        } else {
            self.leases.create(&PostParams::default(), &taken).await
        };
        match written {
            Ok(lease) => Ok(Some((lease, now + LEAD_FOR))),
            // Somebody else was faster.
            Err(error) if has_code(&error, &[409]) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether nobody else holds the Lease, or whoever does has not renewed it for as long as it lasts.
    fn may_take(&self, lease: &Lease, seen: &mut Option<Seen>, now: Instant) -> bool {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            return true;
        }
        let version = &lease.metadata.resource_version;
        let last = seen.take().filter(|last| last.version == *version);
        let last = seen.insert(last.unwrap_or_else(|| Seen { version: version.clone(), since: now }));
        let lasts =
            spec.and_then(|spec| spec.lease_duration_seconds).and_then(|lasts| u64::try_from(lasts).ok());
        now - last.since >= lasts.map_or(LEASE, Duration::from_secs)
    }

    /// The Lease in our name, to be written in place of the one that was found.
    fn taken(&self, found: Option<Lease>) -> Lease {
        let mut lease = found.unwrap_or_default();
        lease.metadata.name = Some(NAME.to_owned());
        lease.metadata.managed_fields = None;
        let now = Some(MicroTime(Timestamp::now()));
        let transitions = lease.spec.and_then(|spec| spec.lease_transitions).map_or(0, |before| before + 1);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        });
        lease
    }

    /// Renews the Lease for as long as that works, and moves `until` ahead. Returns when its time is over.
    async fn renew(&self, mut lease: Lease, until: &watch::Sender<Instant>) {
        loop {
            let end = *until.borrow();
            sleep_until(end.min(Instant::now() + PERIOD)).await;
            let sent = Instant::now();
            if sent >= end {
                return;
            }
            lease.metadata.managed_fields = None;
            if let Some(spec) = &mut lease.spec {
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            match timeout_at(end, self.leases.replace(NAME, &PostParams::default(), &lease)).await {
                Ok(Ok(renewed)) => {
                    lease = renewed;
                    until.send_replace(sent + LEAD_FOR);
                }
                // Somebody else has written or removed it.
                Ok(Err(error)) if has_code(&error, &[404, 409]) => return,
                Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "failed to renew Lease {NAME}"),
                Err(_) => return,
            }
        }
    }

    /// Gives the Lease back, if it is ours.
    async fn release(&self) {
        let release = async {
            let Some(mut lease) = self.leases.get_opt(NAME).await? else { return Ok(()) };
            lease.metadata.managed_fields = None;
            match &mut lease.spec {
                Some(spec) if spec.holder_identity.as_ref() == Some(&self.identity) => {
                    spec.holder_identity = Some(String::new());
                }
                _ => return Ok(()),
            }
            self.leases.replace(NAME, &PostParams::default(), &lease).await.map(drop)
        };
        if let Err(error) = release.await {
            tracing::warn!(error = %Chain(&error), "failed to release Lease {NAME}");
        }
    }
}

/// Whether the API server refused with one of these codes.
fn has_code(error: &kube::Error, codes: &[u16]) -> bool {
    matches!(error, kube::Error::Api(status) if codes.contains(&status.code))
}

/// A client that begins no request when the time is over, and waits for no answer beyond it.
fn while_leading(client: &Client, until: watch::Receiver<Instant>) -> Client {
    let client = client.clone();
    let namespace = client.default_namespace().to_owned();
    let send = move |request| {
        let (client, end) = (client.clone(), *until.borrow());
        async move {
            if Instant::now() >= end {
                return Err(BoxError::from(NotLeading));
            }
            Ok(timeout_at(end, client.send(request)).await.map_err(|_| NotLeading)??)
        }
    };
    Client::new(service_fn(send), namespace)
}

#[cfg(test)]
mod tests;
