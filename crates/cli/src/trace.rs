//! Proof of delivery: one span goes from beside a workload to the endpoint that the workload has. What is decided is in
//! `ingraft_core::trace`; here the cluster is asked, with the rights of whoever asks.

mod collector;
mod command;
mod consent;
mod interrupt;
mod policies;
mod send;
mod source;

use std::time::Duration;

use anyhow::{Context as _, bail};
use collector::Collector;
pub use command::TraceArgs;
use ingraft_cluster::api::WorkloadKind;
use ingraft_core::Locale;
use ingraft_core::finding::Caveat;
use ingraft_core::trace::{Order, Origin, Place, Policies, Sender, Trace, ephemeral_container, pod};
use interrupt::Interrupt;
use kube::Client;
use rustls::crypto::ring;
use send::Sent;
use source::Source;

/// The pod is there no longer than this, though whoever made it may be gone.
const LONGEST: Duration = Duration::from_mins(1);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The kind of the workload.
    pub kind: WorkloadKind,
    /// The workload as it was written, such as `deploy/web`.
    pub word: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The image with the program, where that is not the operator's.
    pub image: Option<&'a str>,
    /// The longest that the pod may take to start.
    pub timeout: Duration,
    /// Send from a pod of the workload.
    pub in_pod: bool,
    /// Do not ask before something that cannot be undone.
    pub yes: bool,
}

/// Sends a span, and tells what became of it. What it makes is removed again, whatever happens.
///
/// # Errors
/// When it is not known what to send, or how; or when it was interrupted.
pub async fn run(client: &Client, request: &Request<'_>, locale: Locale) -> anyhow::Result<Trace> {
    let Request { namespace, word, .. } = *request;
    let source = Source::read(client, request).await?;
    let place = Place::find(&source.pod).with_context(|| {
        format!("nothing is injected into {word} (namespace {namespace}): ingraft explain {word} -n {namespace} says why")
    })?;
    let (trace_id, mark) = random()?;
    let name = format!("ingraft-trace-{mark}");
    let service = request.service(&source);
    let order = Order {
        name: &name,
        namespace,
        image: &source.image,
        command: &source.command,
        pull_policy: source.pull_policy.as_deref(),
        seconds: LONGEST.max(request.timeout).as_secs(),
        trace_id: &trace_id,
        mark: &mark,
        service: &service,
    };
    let mut caveats = source.caveats.clone();
    caveats.extend(place.caveats());
    // Before anything is looked up, as it may end here.
    if request.in_pod {
        let Origin::Pod { name: pod } = &source.origin else {
            bail!("no injected pod of {word} runs in namespace {namespace}, and --in-pod needs one");
        };
        consent::ask(request.yes, &name, pod, locale)?;
    }
    // Until here nothing was made that would have to be removed.
    let mut interrupt = Interrupt::listen()?;
    let collector = Collector::find(client, &place, &source, namespace).await;
    let before = collector.counts(client).await;
    let policies = if request.in_pod {
        Policies::default()
    } else {
        policies::differing(client, namespace, &source, &collector).await?
    };
    let limit = request.timeout;
    let (sender, Sent { lines, caveat, .. }) =
        if let (Origin::Pod { name: target }, true) = (&source.origin, request.in_pod) {
            let container = ephemeral_container(&place, &order);
            let sent =
                send::from_container(client, &order, target, container, limit, interrupt.received()).await?;
            (Sender::Container { name: name.clone(), pod: target.clone() }, sent)
        } else {
            let document = pod(&place, &order, source.limit_ranges(namespace));
            let sent = send::from_pod(client, &order, document, limit, interrupt.received()).await?;
            (Sender::Pod { name: name.clone(), node: sent.node.clone() }, sent)
        };
    caveats.extend(caveat);
    let mut trace = Trace {
        workload: word.to_owned(),
        namespace: namespace.to_owned(),
        origin: source.origin.clone(),
        container: place.container.to_owned(),
        sender,
        trace_id,
        mark,
        lines,
        count: None,
        policies,
        caveats,
    };
    if trace.is_delivered() {
        trace.count = Some(collector.rise(client, before).await);
    }
    Ok(trace)
}

impl Request<'_> {
    /// What the span says that it is of, where no variable says it: what makes the pods.
    fn service(&self, source: &Source) -> String {
        source.workload.clone().unwrap_or_else(|| self.name.to_owned())
    }
}

/// A trace, and a word by which it is found.
fn random() -> anyhow::Result<(String, String)> {
    let (mut trace, mut mark) = ([0; 16], [0; 4]);
    let source = ring::default_provider().secure_random;
    source
        .fill(&mut trace)
        .and_then(|()| source.fill(&mut mark))
        .ok()
        .context("failed to get random numbers")?;
    Ok((format!("{:032x}", u128::from_be_bytes(trace)), format!("{:08x}", u32::from_be_bytes(mark))))
}

/// A note about something that may not be seen.
fn unseen(said: impl Into<String>) -> Caveat {
    Caveat::Unseen { said: said.into() }
}

#[cfg(test)]
mod tests;
