//! Tries whether anybody takes telemetry where Instrumentations send it, as seen from the operator: the leader tells it as
//! a condition of each Instrumentation, and as an Event when it changes.

mod dial;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use ingraft_cluster::watch::Store;
use ingraft_core::Locale;
use ingraft_core::endpoint_probe::{History, Outcome, Probe, ProbeEndpoints, Target, earlier, probe, tell};
use k8s_openapi::api::events::v1::Event;
use kube::{Client, Resource};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::events;
use crate::fleet::{self, Fleet};
use crate::trials::Trials;

pub use dial::has_no_address;

/// Between two looks at what is to be tried.
const PERIOD: Duration = Duration::from_secs(5);
/// A target is tried again after this long.
const AGAIN: Duration = Duration::from_mins(1);
/// So many are tried each time, about two hundred a minute; the others have to wait, whoever was tried last the longest.
const EACH_TIME: usize = 16;
/// So many are tried at once.
const AT_ONCE: usize = 8;

/// What has been tried.
type Targets = BTreeMap<Target, Tried>;

/// What has been seen of one target.
#[derive(Debug, Default)]
struct Tried {
    last: Option<Instant>,
    history: History,
}

/// Tries the endpoints of all Instrumentations, for as long as this replica leads.
pub async fn try_endpoints(
    client: &Client,
    store: &Store,
    choice: ProbeEndpoints,
    locale: Locale,
    fleet: &Mutex<Fleet>,
    trials: &Trials,
) {
    let (mut tick, mut changes) = (interval(PERIOD), store.subscribe());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut targets = Targets::new();
    // What was known of workloads when all was told; `None` where there is something new.
    let mut told = None;
    loop {
        tick.tick().await;
        let is_new = changes.has_changed().unwrap_or(false);
        let news = {
            let fleet = fleet::lock(fleet);
            if is_new || told != Some(fleet.revision()) {
                changes.mark_unchanged();
                told = Some(fleet.revision());
                tell_all(store, choice, locale, &fleet, &mut targets, trials)
            } else {
                Vec::new()
            }
        };
        stream::iter(news).for_each_concurrent(AT_ONCE, |event| events::publish(client, event)).await;
        if try_due(&mut targets).await {
            told = None;
        }
    }
}

/// Tells what is known of the endpoint of each Instrumentation, and takes up what is to be tried. Returns the Events that
/// are due.
fn tell_all(
    store: &Store,
    choice: ProbeEndpoints,
    locale: Locale,
    fleet: &Fleet,
    targets: &mut Targets,
    trials: &Trials,
) -> Vec<Event> {
    let (snapshot, mut languages) = (store.read(), fleet.languages());
    let (mut all, mut news, mut wanted) = (BTreeMap::new(), Vec::new(), Targets::new());
    for one in snapshot.instrumentations.iter() {
        let reference = one.reference();
        let languages = languages.remove(reference.as_str()).unwrap_or_default();
        let probe = probe(one, &languages, &snapshot, choice);
        if let Ok(Probe { target, .. }) = &probe
            && !wanted.contains_key(target)
        {
            wanted.insert(target.clone(), targets.remove(target).unwrap_or_default());
        }
        let tried = probe.as_ref().ok().and_then(|probe| wanted.get(&probe.target));
        let (finding, trial) = tell(one, &probe, tried.and_then(|tried| tried.history.shown()), locale);
        let before = trials.endpoint(&reference).or_else(|| earlier(one)).and_then(|before| before.worked);
        if is_news(before, trial.worked) {
            let (code, message) = (finding.code(), finding.message(locale));
            tracing::info!(code, instrumentation = reference, "{message}");
            news.push(events::event(&finding, "Probe", &one.object_ref(&()), locale));
        }
        all.insert(reference, trial);
    }
    // Those that nobody names any more are forgotten.
    *targets = wanted;
    trials.see_endpoints(all);
    news
}

/// Whether an Event is due: an endpoint does not answer, or does so again.
fn is_news(before: Option<bool>, now: Option<bool>) -> bool {
    match now {
        Some(false) => before != Some(false),
        Some(true) => before == Some(false),
        None => false,
    }
}

/// Tries those whose turn it is. Returns whether there were any.
async fn try_due(targets: &mut Targets) -> bool {
    let is_due = |tried: &Tried| tried.last.is_none_or(|last| last.elapsed() >= AGAIN);
    let mut due: Vec<_> = targets.iter_mut().filter(|(_, tried)| is_due(tried)).collect();
    due.sort_by_key(|(_, tried)| tried.last);
    due.truncate(EACH_TIME);
    let is_any = !due.is_empty();
    let has_services = due.iter().any(|(target, _)| target.service.is_some());
    let services = &if has_services { dial::find_services().await } else { Ok(()) };
    let due = stream::iter(due);
    due.for_each_concurrent(AT_ONCE, |(target, tried)| async move {
        let outcome = match services {
            Err(why) if target.service.is_some() => Outcome::Untried(why.clone()),
            _ => dial::dial(target).await,
        };
        tried.last = Some(Instant::now());
        tried.history.see(outcome);
    })
    .await;
    is_any
}

#[cfg(test)]
mod tests;
