//! One replica leads: it alone writes what all share. A Lease says which
//! (<https://kubernetes.io/docs/concepts/architecture/leases/>).
//!
//! ```text
//!  leader   renewal sent ── LEAD_FOR ──► stops writing
//!  others      renewal seen ──────── LEASE ────────► one of them takes over
//! ```
//!
//! A leader in a pod that is gone, or in whose place this process runs, has ended: nobody waits for it.
//!
//! Clocks are never compared: the leader counts from before it sent its last successful renewal, the others from when
//! they saw it, each by its own monotonic clock. Of two that want the Lease at once, the API server refuses the one
//! that has not read the other's version. A process that was stopped for a while cannot write before it has looked at
//! the time: the client that leading tasks are given looks before each request.
//!
//! A replica that no longer hears of the cluster does not lead: what it would write is out of date.

use std::time::Duration;

use ingraft_cluster::client::{LastHeard, WATCH_LIFE};
use ingraft_cluster::error_chain::Chain;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tower::{BoxError, service_fn};

use crate::NAME;
use crate::repeats::Repeats;

/// Others take over when they have seen no renewal for this long.
const LEASE: Duration = Duration::from_secs(15);
/// The leader stops this long after its last renewal: earlier than anybody can take over, even if its clock is slow.
const LEAD_FOR: Duration = Duration::from_secs(10);
/// The leader renews this often, and the others look this often.
const PERIOD: Duration = Duration::from_secs(2);
/// An attempt is given up after this long, so that one that hangs does not use up the Lease.
const ANSWER: Duration = Duration::from_secs(3);
/// Whoever has heard nothing of the cluster for this long does not lead.
const BLIND: Duration = Duration::from_secs(WATCH_LIFE as u64 + 60);

/// What the identity of a process in a pod begins with; the pod's name follows.
const IN_POD: &str = "pod/";

/// What tells a process from every other, even from one before it in the same container.
pub fn identity(pod: Option<&str>, host: &str, unique: &str) -> String {
    pod.map_or_else(|| format!("{host}_{unique}"), |pod| format!("{IN_POD}{pod}_{unique}"))
}

/// The pod of an [`identity`]: no name of a pod contains `_`.
fn pod_of(identity: &str) -> Option<&str> {
    identity.strip_prefix(IN_POD)?.split('_').next()
}

/// The time for which this replica leads is over.
#[derive(Debug, thiserror::Error)]
#[error("this replica no longer leads")]
struct NotLeading;

/// What a replica knows of the Lease.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leadership {
    /// This replica holds it.
    pub is_ours: bool,
    /// When somebody was first seen to hold it, or was last seen to renew it.
    pub renewed: Option<Instant>,
}

/// A candidate for the Lease.
pub struct Candidate {
    leases: Api<Lease>,
    /// Those of the operator's namespace.
    pods: Api<Pod>,
    client: Client,
    /// Made by [`identity`].
    identity: String,
    /// When this replica last heard of the cluster.
    heard: LastHeard,
    leadership: watch::Sender<Leadership>,
}

/// The Lease of somebody else, as it was seen last.
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Candidate {
    /// A candidate in the operator's namespace. It leads only while something has been `heard` of the cluster lately.
    pub fn new(
        client: Client,
        namespace: &str,
        identity: String,
        heard: LastHeard,
        leadership: watch::Sender<Leadership>,
    ) -> Self {
        let leases = Api::namespaced(client.clone(), namespace);
        let pods = Api::namespaced(client.clone(), namespace);
        Self { leases, pods, client, identity, heard, leadership }
    }

    /// Works whenever this replica leads, until it is stopped. Whenever the work ends, for whatever reason, the Lease
    /// is released, so that a successor starts at once. The work is given a client that stops working when the time is over; then it is dropped, and begins
    /// again when this replica is elected again. Work that ends by itself ends this too.
    pub async fn run<W, F>(&self, stop: impl Future<Output = ()>, work: W) -> Option<F::Output>
    where
        W: Fn(Client) -> F,
        F: Future,
    {
        let lead = async {
            loop {
                let until = watch::Sender::new(self.elected().await);
                let client = while_leading(&self.client, until.subscribe());
                tracing::info!(identity = self.identity, "leading");
                let end = tokio::select! {
                    end = work(client) => Some(end),
                    () = self.renew(&until) => None,
                };
                self.release().await;
                if let Some(end) = end {
                    return end;
                }
                tracing::warn!(identity = self.identity, "no longer leading");
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

    /// Waits until the Lease is ours. Returns until when it counts.
    async fn elected(&self) -> Instant {
        let (mut seen, mut repeats) = (None, Repeats::default());
        loop {
            match in_time(self.try_to_take(&mut seen)).await {
                Ok(Some(until)) => return until,
                Ok(None) => repeats.clear(),
                Err(error) => {
                    let error = Chain(&*error).to_string();
                    if repeats.is_due(&error) {
                        tracing::error!(error, "failed to take Lease {NAME}, will try again");
                    }
                }
            }
            sleep(PERIOD).await;
        }
    }

    async fn try_to_take(&self, seen: &mut Option<Seen>) -> kube::Result<Option<Instant>> {
        let sent = Instant::now();
        let found = self.leases.get_opt(NAME).await?;
        let held = found.as_ref().filter(|lease| !self.may_take(lease, seen, Instant::now()));
        if let Some(lease) = held
            && !self.has_ended(holder(lease)).await
        {
            let renewed = seen.as_ref().map(|seen| seen.since);
            self.leadership.send_replace(Leadership { is_ours: false, renewed });
            return Ok(None);
        }
        if self.is_blind() {
            return Ok(None);
        }
        let taken = self.taken(found);
        let written = if taken.metadata.resource_version.is_some() {
            self.leases.replace(NAME, &PostParams::default(), &taken).await
        } else {
            self.leases.create(&PostParams::default(), &taken).await
        };
        match written {
            Ok(_) => {
                self.leadership.send_replace(Leadership { is_ours: true, renewed: Some(sent) });
                Ok(Some(sent + LEAD_FOR))
            }
            // Somebody else was faster.
            Err(error) if is_conflict(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether what this replica knows of the cluster may be out of date.
    fn is_blind(&self) -> bool {
        self.heard.elapsed() > BLIND
    }

    /// Whether nobody else holds the Lease, or whoever does has not renewed it for as long as it lasts.
    fn may_take(&self, lease: &Lease, seen: &mut Option<Seen>, now: Instant) -> bool {
        let spec = lease.spec.as_ref();
        let holder = holder(lease);
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

    /// Whether a process is known to have ended: its pod is gone, or is ours, in which a container is started anew only
    /// when the one before it has ended.
    async fn has_ended(&self, identity: &str) -> bool {
        let Some(pod) = pod_of(identity) else { return false };
        if pod_of(&self.identity) == Some(pod) {
            return true;
        }
        let named = ListParams::default().fields(&format!("metadata.name={pod}"));
        self.pods.list_metadata(&named).await.is_ok_and(|found| found.items.is_empty())
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

    /// Renews the Lease for as long as that works, and moves `until` ahead. Returns when its time is over, or this
    /// replica should not lead.
    async fn renew(&self, until: &watch::Sender<Instant>) {
        loop {
            let end = *until.borrow();
            sleep_until(end.min(Instant::now() + PERIOD)).await;
            let sent = Instant::now();
            if sent >= end {
                return;
            }
            if self.is_blind() {
                tracing::warn!("heard nothing of the cluster for {} s, cannot lead", BLIND.as_secs());
                return;
            }
            match timeout_at(end, in_time(self.renew_once())).await {
                Ok(Ok(true)) => {
                    until.send_replace(sent + LEAD_FOR);
                    self.leadership.send_replace(Leadership { is_ours: true, renewed: Some(sent) });
                }
                Ok(Err(error)) => tracing::warn!(error = %Chain(&*error), "failed to renew Lease {NAME}"),
                // Somebody else has taken or removed it, or its time is over.
                Ok(Ok(false)) | Err(_) => return,
            }
        }
    }

    /// Returns whether the Lease is still ours.
    async fn renew_once(&self) -> kube::Result<bool> {
        let Some((mut lease, mut spec)) = self.ours().await? else { return Ok(false) };
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        lease.spec = Some(spec);
        self.leases.replace(NAME, &PostParams::default(), &lease).await?;
        Ok(true)
    }

    /// Gives the Lease back, if it is ours.
    async fn release(&self) {
        self.leadership.send_modify(|leadership| leadership.is_ours = false);
        let release = async {
            let Some((mut lease, mut spec)) = self.ours().await? else { return Ok(()) };
            spec.holder_identity = Some(String::new());
            lease.spec = Some(spec);
            self.leases.replace(NAME, &PostParams::default(), &lease).await.map(drop)
        };
        if let Err(error) = in_time(release).await {
            tracing::warn!(error = %Chain(&*error), "failed to release Lease {NAME}");
        }
    }

    /// The Lease and its specification, if it is ours. It is read each time: an attempt that was given up may have
    /// arrived all the same.
    async fn ours(&self) -> kube::Result<Option<(Lease, LeaseSpec)>> {
        let Some(mut lease) = self.leases.get_opt(NAME).await? else { return Ok(None) };
        lease.metadata.managed_fields = None;
        let spec = lease.spec.take().unwrap_or_default();
        Ok((spec.holder_identity.as_ref() == Some(&self.identity)).then_some((lease, spec)))
    }
}

/// Who holds a Lease; empty if nobody does.
fn holder(lease: &Lease) -> &str {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

/// Gives an attempt up that takes too long.
async fn in_time<T>(attempt: impl Future<Output = kube::Result<T>>) -> Result<T, BoxError> {
    Ok(timeout(ANSWER, attempt).await??)
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
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
