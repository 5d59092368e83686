//! A plan is no larger than an object can be. Whoever has most goes first, so that nobody can keep others out of it.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::plan::PlanSpec;
use serde::Serialize;

/// What a namespace has in a plan.
#[derive(Default)]
struct Share<'a> {
    /// What nobody else has.
    own: usize,
    /// The parts that it uses, each once.
    parts: BTreeSet<&'a str>,
}

/// Leaves out namespaces until the plan takes no more bytes than `largest`. Returns them, and how many bytes each would take by
/// itself. Their pods are left alone, also those that request an Instrumentation of another namespace.
pub(super) fn fit(plan: &mut PlanSpec, largest: usize) -> BTreeMap<String, usize> {
    let mut size = bytes(plan);
    if size <= largest {
        return BTreeMap::new();
    }
    let parts: BTreeMap<&str, usize> = sizes(&plan.agents).chain(sizes(&plan.telemetry)).collect();
    let shares = shares(plan);
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for part in shares.values().flat_map(|share| &share.parts) {
        *users.entry(part).or_default() += 1;
    }
    let alone =
        |share: &Share<'_>| share.own + share.parts.iter().filter_map(|part| parts.get(part)).sum::<usize>();
    let mut all: Vec<(&str, usize)> =
        shares.iter().map(|(namespace, share)| (*namespace, alone(share))).collect();
    all.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let mut left_out = BTreeMap::new();
    for (namespace, bytes) in all {
        if size <= largest {
            break;
        }
        let Some(share) = shares.get(namespace) else { continue };
        // Its name is added to the namespaces that are left alone.
        size = (size + namespace.len() + 3).saturating_sub(share.own);
        for part in &share.parts {
            let Some(users) = users.get_mut(part) else { continue };
            *users = users.saturating_sub(1);
            if *users == 0 {
                size = size.saturating_sub(parts.get(part).copied().unwrap_or_default());
            }
        }
        left_out.insert(namespace.to_owned(), bytes);
    }
    leave_out(plan, &left_out);
    left_out
}

/// What each namespace has.
fn shares(plan: &PlanSpec) -> BTreeMap<&str, Share<'_>> {
    let mut shares: BTreeMap<&str, Share<'_>> = BTreeMap::new();
    for (reference, languages) in &plan.instrumentations {
        let share = shares.entry(namespace(reference)).or_default();
        share.own += reference.len() + bytes(languages) + 4;
        let planned = languages.values();
        share.parts.extend(planned.flat_map(|planned| [planned.agent.as_str(), planned.telemetry.as_str()]));
    }
    for (namespace, reference) in &plan.sole {
        shares.entry(namespace).or_default().own += namespace.len() + reference.len() + 6;
    }
    for skipped in plan.skipped_workloads.iter().chain(&plan.skipped_images) {
        shares.entry(namespace(skipped)).or_default().own += skipped.len() + 3;
    }
    shares
}

fn leave_out(plan: &mut PlanSpec, left_out: &BTreeMap<String, usize>) {
    let stays = |name: &str| !left_out.contains_key(namespace(name));
    plan.instrumentations.retain(|reference, _| stays(reference));
    plan.sole.retain(|namespace, _| !left_out.contains_key(namespace));
    plan.skipped_workloads.retain(|workload| stays(workload));
    plan.skipped_images.retain(|image| stays(image));
    let skipped: BTreeSet<String> =
        plan.skipped_namespaces.drain(..).chain(left_out.keys().cloned()).collect();
    plan.skipped_namespaces = skipped.into_iter().collect();
    let planned = plan.instrumentations.values().flat_map(BTreeMap::values);
    let used: BTreeSet<&String> = planned.flat_map(|planned| [&planned.agent, &planned.telemetry]).collect();
    plan.agents.retain(|name, _| used.contains(name));
    plan.telemetry.retain(|name, _| used.contains(name));
}

/// The bytes of each part, with its name and what is around both.
fn sizes<T: Serialize>(parts: &BTreeMap<String, T>) -> impl Iterator<Item = (&str, usize)> {
    parts.iter().map(|(name, part)| (name.as_str(), name.len() + bytes(part) + 4))
}

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).unwrap_or_default().len()
}

/// The namespace of what begins with one.
fn namespace(name: &str) -> &str {
    name.split_once('/').map_or("", |(namespace, _)| namespace)
}
