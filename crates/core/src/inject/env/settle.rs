//! References between variables, once all of them are in the list: what was added follows what it refers to, and a
//! reference that would find nothing is left out, because `$(NAME)` would stay as text.
//!
//! Only what was added is moved or changed; what the container itself has stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_probe_contract::{Join, yields_to_image};
use serde_json::Value;

use super::{Env, Standing, is_complete};
use crate::environment::{Presence, references, refers_to, split_at_reference};
use crate::json::{named, string};

/// A reference that was left out of a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) variable: String,
    pub(crate) reference: String,
}

impl Env<'_> {
    /// Puts the references of the list in order. `before` says whether `envFrom` sets a variable.
    pub(crate) fn settle(&mut self, before: impl Fn(&str) -> Presence) -> Vec<LeftOut> {
        self.order();
        let mut left_out = self.yield_to_others(&before);
        for index in 0..self.entries.len() {
            let mut references = self.unresolved(index);
            references.retain(|reference| before(reference) != Presence::Yes);
            if let Some(variable) = self.leave_out(index, &references) {
                // What a probe joins is not lost.
                references
                    .retain(|reference| *reference != variable || !(self.probe && self.has_added(&variable)));
                let of = |reference| LeftOut { variable: variable.clone(), reference };
                left_out.extend(references.into_iter().map(of));
            }
        }
        left_out
    }

    /// Removes entries of the Instrumentation that extend what `envFrom` may set: without the reference they would hide
    /// it, with it the reference may stay as text.
    fn yield_to_others(&mut self, before: impl Fn(&str) -> Presence) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        for index in (0..self.entries.len()).rev() {
            let Some(name) = self.entries.get(index).and_then(|entry| string(entry, "name")) else {
                continue;
            };
            let extends = self.unresolved(index).contains(name);
            if extends && !self.has_added(name) && before(name) == Presence::Maybe {
                left_out.push(LeftOut { variable: name.to_owned(), reference: name.to_owned() });
                self.entries.remove(index);
            }
        }
        left_out
    }

    /// Whether a variable's value holds what it was set to before.
    pub(crate) fn extends_itself(&self, name: &str) -> bool {
        let entry = self.position(name).and_then(|index| self.entries.get(index));
        entry.and_then(|entry| string(entry, "value")).is_some_and(|value| refers_to(value, name))
    }

    /// The names that an added entry refers to.
    fn added_references<'e>(&self, entry: &'e Value) -> impl Iterator<Item = &'e str> {
        let value = string(entry, "value").filter(|value| value.contains("$("));
        let is_added = || named(self.original, string(entry, "name").unwrap_or_default()).is_none();
        value.filter(|_| is_added()).into_iter().flat_map(references)
    }

    /// Moves each added entry behind those that it refers to, and no further. Entries that refer to each other in a
    /// circle, and those that refer to them, keep their order.
    fn order(&mut self) {
        let mut needs: Vec<(usize, usize)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            for name in self.added_references(entry) {
                let needed = self.entries.iter().position(|other| string(other, "name") == Some(name));
                needs.extend(needed.filter(|needed| *needed != index).map(|needed| (needed, index)));
            }
        }
        if needs.iter().all(|(needed, index)| needed < index) {
            return;
        }
        let mut order = ordered(self.entries.len(), &needs);
        if order.len() < self.entries.len() {
            let placed: BTreeSet<usize> = order.into_iter().collect();
            needs.retain(|(_, index)| placed.contains(index));
            order = ordered(self.entries.len(), &needs);
        }
        if !order.is_sorted() {
            self.entries = order.iter().filter_map(|&index| self.entries.get(index).cloned()).collect();
        }
    }

    /// The variables of the list that an added entry refers to, and that nothing before it sets.
    fn unresolved(&self, index: usize) -> BTreeSet<String> {
        let Some(entry) = self.entries.get(index) else { return BTreeSet::new() };
        let first = |name: &str| self.entries.iter().position(|entry| string(entry, "name") == Some(name));
        let is_late = |name: &&str| first(name).is_some_and(|first| first >= index);
        self.added_references(entry).filter(is_late).map(str::to_owned).collect()
    }

    /// Removes references from an entry. Returns the name of the entry, if there was anything to remove.
    fn leave_out(&mut self, index: usize, references: &BTreeSet<String>) -> Option<String> {
        let entry = self.entries.get_mut(index).filter(|_| !references.is_empty())?;
        let name = string(entry, "name")?.to_owned();
        let original = string(entry, "value")?.to_owned();
        let value = without(&original, references);
        entry.to_mut().as_object_mut()?.insert("value".to_owned(), value.clone().into());
        if references.contains(&name) && yields_to_image(&name) {
            self.let_others_extend(&name, &original, value);
        }
        Some(name)
    }

    /// A value that extends itself extends what the image or `envFrom` sets, if a probe finds any.
    fn let_others_extend(&mut self, name: &str, original: &str, alone: String) {
        let Some((prefix, _, suffix)) = split_at_reference(original, |found| found == name) else { return };
        let known = self.added.iter().find(|added| added.name == name);
        let join = match known.map(|added| &added.join) {
            Some(Join::Attributes { .. }) => Join::Attributes { ours: alone },
            other => {
                let mark = if let Some(Join::Around { mark, .. }) = other { mark.clone() } else { "".into() };
                Join::Around { prefix: prefix.to_owned(), suffix: suffix.to_owned(), alone, mark }
            }
        };
        if is_complete(&join) {
            self.added.retain(|added| added.name != name);
            self.add(name, join, Standing::New);
        }
    }
}

/// The numbers below `count`, each as early as may be and behind those that it needs, which come first in the pairs.
/// What is in a circle, or needs something in one, is missing.
fn ordered(count: usize, needs: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut missing = vec![0_usize; count];
    for &(needed, index) in needs {
        waiting.entry(needed).or_default().push(index);
        missing.get_mut(index).into_iter().for_each(|missing| *missing += 1);
    }
    let free = |(index, missing): (usize, &usize)| (*missing == 0).then_some(index);
    let mut ready: BTreeSet<usize> = missing.iter().enumerate().filter_map(free).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &waiting in waiting.get(&index).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(waiting) {
                *missing -= 1;
                ready.extend((*missing == 0).then_some(waiting));
            }
        }
    }
    order
}

/// A value without some of its references, and without the item of a list that such a reference was.
fn without(value: &str, references: &BTreeSet<String>) -> String {
    let mut kept = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, _, behind)) = split_at_reference(rest, |name| references.contains(name)) {
        kept.push_str(before);
        rest = behind;
        for separator in [':', ',', ';'] {
            if kept.is_empty() || kept.ends_with(separator) {
                rest = rest.strip_prefix(separator).unwrap_or(rest);
            }
            if rest.is_empty() && kept.ends_with(separator) {
                kept.pop();
            }
        }
    }
    kept.push_str(rest);
    kept
}
