//! The environment of a container: variables are added without losing any that the user wrote.
//!
//! The rules are the kubelet's (docs/reference/kubelet.md): of two entries with one name the later wins, `$(NAME)`
//! sees only what stands before it, and an entry with an optional source may turn out to set nothing.

mod settle;

use std::borrow::Cow;

pub(crate) use ingraft_probe_contract::Join;
use ingraft_probe_contract::yields_to_image;
use serde_json::{Value, json};
pub(crate) use settle::LeftOut;

use crate::environment::{Entry, references, refers_to};
use crate::json::string;

/// The volume with the files that probes write; its name marks variables as ours.
pub(crate) const VOLUME: &str = "ingraft-env";

/// The prefix of the name that a user's entry gets when ours takes its place and refers to it.
const ORIGINAL: &str = "OTEL_ORIG_";

/// The `env` list of one container.
#[derive(Debug, Clone)]
pub(crate) struct Env<'a> {
    /// The list as it was received.
    original: &'a [Value],
    entries: Vec<Cow<'a, Value>>,
    /// Whether a probe can decide what only the start of the container shows.
    probe: bool,
    added: Vec<AddedVariable>,
}

/// A variable that was added although something that is not in the list may set it too: the image or `envFrom`.
#[derive(Debug, Clone)]
pub(crate) struct AddedVariable {
    pub(crate) name: String,
    pub(crate) join: Join,
    pub(crate) standing: Standing,
}

/// How an added variable stands to what the user wrote in the list.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// The user wrote nothing there.
    New,
    /// The user's entry is a value, and ours is joined to it: nothing outside the list matters.
    JoinedToValue(Value),
    /// The user's entry has a source that may be absent: only a probe can join ours to it.
    InPlaceOfOptional(Value),
}

impl AddedVariable {
    /// The user's entry that was in its place.
    pub(crate) fn original(&self) -> Option<&Value> {
        match &self.standing {
            Standing::New => None,
            Standing::JoinedToValue(original) | Standing::InPlaceOfOptional(original) => Some(original),
        }
    }

    /// Whether what is ours in it refers to a variable.
    pub(crate) fn refers_to(&self, name: &str) -> bool {
        self.join.texts().into_iter().any(|text| refers_to(text, name))
    }
}

/// Whether what is ours in a value refers to nothing but variables that a probe has.
fn is_complete(join: &Join) -> bool {
    let fields = ["OTEL_RESOURCE_ATTRIBUTES_", "OTEL_NODE_IP)", "OTEL_POD_IP)"];
    let is_field = |rest: &str| fields.iter().any(|field| rest.starts_with(field));
    join.texts().into_iter().all(|text| text.split("$(").skip(1).all(is_field))
}

/// The value where the user's is known only as a reference.
fn with_unknown(join: &Join, reference: String) -> String {
    match join {
        // SDKs let the last of two equal keys win, and that is to be the user's.
        Join::Attributes { ours } => format!("{ours},{reference}"),
        other => other.merge(Some(&reference)).unwrap_or(reference),
    }
}

/// What a variable is set to in the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Current<'e> {
    /// Not in the list.
    Unset,
    /// A value, which may be empty.
    Literal(&'e str),
    /// A source that resolves, or the container does not start.
    Required,
    /// A source that may be absent, or that is of a kind unknown here.
    Optional,
    /// The file of our probe.
    Ours,
}

/// A variable has an optional source: nothing can be joined to it.
#[derive(Debug, PartialEq)]
pub(crate) struct NotMergeable;

impl<'a> Env<'a> {
    pub(crate) fn new(original: &'a [Value]) -> Self {
        let entries = original.iter().map(Cow::Borrowed).collect();
        Self { original, entries, probe: false, added: Vec::new() }
    }

    /// Lets a probe decide what only the start of the container shows.
    pub(crate) fn with_probe(self, probe: bool) -> Self {
        Self { probe, ..self }
    }

    /// Whether one can.
    pub(crate) fn has_probe(&self) -> bool {
        self.probe
    }

    /// What was added that something outside the list may set too.
    pub(crate) fn added(&self) -> &[AddedVariable] {
        &self.added
    }

    /// Whether a probe would decide about a variable that was added, if there is one.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        let is_open = |added: &AddedVariable| !matches!(added.standing, Standing::JoinedToValue(_));
        self.probe && self.added.iter().any(|added| added.name == name && is_open(added))
    }

    fn has_added(&self, name: &str) -> bool {
        self.added.iter().any(|added| added.name == name)
    }

    /// The list, if it was changed.
    pub(crate) fn into_changed(self) -> Option<Value> {
        let is_unchanged = self.entries.iter().map(Cow::as_ref).eq(self.original);
        (!is_unchanged).then(|| Value::Array(self.entries.into_iter().map(Cow::into_owned).collect()))
    }

    /// Whether the list is another than that of an earlier copy.
    pub(crate) fn differs_from(&self, earlier: &Self) -> bool {
        self.entries != earlier.entries
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| string(entry, "name") == Some(name))
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    pub(crate) fn current(&self, name: &str) -> Current<'_> {
        let Some(entry) = self.position(name).and_then(|index| self.entries.get(index)) else {
            return Current::Unset;
        };
        match Entry::of(entry) {
            Entry::Literal(value) => Current::Literal(value),
            Entry::File { volume: VOLUME, .. } => Current::Ours,
            Entry::Field { .. }
            | Entry::Resource { .. }
            | Entry::Key { optional: false, .. }
            | Entry::File { optional: false, .. } => Current::Required,
            Entry::Key { .. } | Entry::File { .. } | Entry::Other => Current::Optional,
        }
    }

    /// Appends a variable unless it is set.
    pub(crate) fn set_default(&mut self, name: &str, value: impl Into<String>) {
        if !self.is_set(name) {
            let value = value.into();
            self.push(json!({"name": name, "value": value}));
            self.add(name, Join::default(value), Standing::New);
        }
    }

    /// A name for a variable that holds a field of the pod: the usual one, unless it holds something else.
    pub(crate) fn free_field_name(&self, usual: &str, path: &str) -> String {
        let mut name = usual.to_owned();
        let is_other = |name: &str| {
            let entry = self.position(name).and_then(|index| self.entries.get(index));
            entry.is_some_and(|entry| Entry::of(entry) != Entry::Field { path })
        };
        while is_other(&name) {
            name.push_str("_FIELD");
        }
        name
    }

    /// Appends a variable that holds a field of the pod, unless it is set.
    pub(crate) fn set_default_field(&mut self, name: &str, path: &str) {
        if !self.is_set(name) {
            self.push(field(name, path));
        }
    }

    /// Puts a variable that holds a field of the pod first, unless it is set.
    pub(crate) fn set_first_field(&mut self, name: &str, path: &str) {
        if !self.is_set(name) {
            self.entries.insert(0, Cow::Owned(field(name, path)));
        }
    }

    /// Appends the entries of an Instrumentation whose variable is not set. What the container sets otherwise, by its
    /// image or `envFrom`, comes before the Instrumentation too, but for a value that refers to others of the list.
    pub(crate) fn set_defaults(&mut self, entries: &[Value]) {
        for entry in entries {
            let Some(name) = string(entry, "name").filter(|name| !self.is_set(name)) else { continue };
            self.push(entry.clone());
            let value = string(entry, "value").unwrap_or_default();
            let alone = !value.is_empty() && !value.contains("$(");
            if alone && yields_to_image(name) {
                self.add(name, Join::default(value), Standing::New);
            }
        }
    }

    /// The variables common to all languages: the node's and the pod's address first, so that those of the
    /// Instrumentation can refer to them (docs/reference/variables.md 2).
    pub(crate) fn add_common(&mut self, entries: &[Value]) {
        self.set_first_field("OTEL_POD_IP", "status.podIP");
        self.set_first_field("OTEL_NODE_IP", "status.hostIP");
        self.set_defaults(entries);
    }

    /// Sets a variable at the end of the list, whatever it was set to before.
    pub(crate) fn put(&mut self, entry: Value) {
        self.entries.retain(|known| string(known, "name") != string(&entry, "name"));
        self.push(entry);
    }

    /// The list as it is by now.
    pub(crate) fn entries(&self) -> Vec<Value> {
        self.entries.iter().map(|entry| entry.as_ref().clone()).collect()
    }

    /// Makes a variable hold what we need beside what the user set, at the user's place in the list. Nothing happens
    /// when it already does.
    pub(crate) fn merge(&mut self, name: &str, join: Join) -> Result<(), NotMergeable> {
        let joined = match self.current(name) {
            Current::Ours => return Ok(()),
            Current::Unset => {
                self.push(json!({"name": name, "value": join.alone()}));
                self.add(name, join, Standing::New);
                return Ok(());
            }
            Current::Literal(old) => {
                let Some(joined) = join.merge(Some(old)) else { return Ok(()) };
                let given = self.added.iter_mut().find(|added| added.name == name);
                if let Some(given) = given {
                    // By the Instrumentation: what the container sets otherwise comes in its place.
                    given.join = join.or_alone(joined.clone());
                } else {
                    let original = self.entry(name);
                    self.add(name, join, Standing::JoinedToValue(original));
                }
                joined
            }
            Current::Required => return self.rename_and_join(name, &join),
            Current::Optional => return self.leave_to_probe(name, join),
        };
        self.replace(name, joined);
        Ok(())
    }

    /// A required source cannot be edited, but referred to: the user's entry gets another name, ours follows it.
    fn rename_and_join(&mut self, name: &str, join: &Join) -> Result<(), NotMergeable> {
        let original = format!("{ORIGINAL}{name}");
        let Some(index) = self.position(name).filter(|_| !self.is_set(&original)) else {
            return Err(NotMergeable);
        };
        let joined = json!({"name": name, "value": with_unknown(join, format!("$({original})"))});
        if let Some(entry) = self.entries.get_mut(index).and_then(|entry| entry.to_mut().as_object_mut()) {
            entry.insert("name".to_owned(), original.into());
        }
        self.entries.insert(index + 1, Cow::Owned(joined));
        Ok(())
    }

    /// Whether an optional source sets anything is known only where the container starts: there the probe decides. The
    /// entry stays until one does.
    fn leave_to_probe(&mut self, name: &str, join: Join) -> Result<(), NotMergeable> {
        if !self.probe || !is_complete(&join) {
            return Err(NotMergeable);
        }
        if !self.has_added(name) {
            let original = self.entry(name);
            self.add(name, join, Standing::InPlaceOfOptional(original));
        }
        Ok(())
    }

    /// An entry as it stands now.
    fn entry(&self, name: &str) -> Value {
        let entry = self.position(name).and_then(|index| self.entries.get(index));
        entry.map(|entry| entry.as_ref().clone()).unwrap_or_default()
    }

    fn add(&mut self, name: &str, join: Join, standing: Standing) {
        self.added.push(AddedVariable { name: name.to_owned(), join, standing });
    }

    /// Takes a variable from the file that the probe writes.
    pub(crate) fn take_from_file(&mut self, name: &str, file: &str) {
        let Some(index) = self.position(name) else { return };
        if let Some(place) = self.entries.get_mut(index) {
            *place = Cow::Owned(json!({"name": name, "valueFrom": from_file(name, file)}));
        }
    }

    /// Gives a variable that is in the list another value.
    fn replace(&mut self, name: &str, value: String) {
        let Some(index) = self.position(name) else { return };
        if let Some(entry) = self.entries.get_mut(index).and_then(|entry| entry.to_mut().as_object_mut()) {
            entry.insert("value".to_owned(), value.into());
        }
    }

    /// Moves a variable to the end, so that all it refers to stands before it.
    pub(crate) fn move_last(&mut self, name: &str) {
        if let Some(index) = self.position(name).filter(|index| index + 1 < self.entries.len()) {
            let entry = self.entries.remove(index);
            self.entries.push(entry);
        }
    }

    /// Whether a later variable refers to this one, which then has to stay where it is.
    pub(crate) fn is_referred_to(&self, name: &str) -> bool {
        let refers =
            |entry: &Cow<'_, Value>| string(entry, "value").is_some_and(|value| refers_to(value, name));
        self.position(name).is_some_and(|index| self.entries.iter().skip(index + 1).any(refers))
    }

    /// What a value refers to that nothing before it in the list sets. Service links set variables too, which have such names:
    /// <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>.
    pub(crate) fn undefined_references(&self, name: &str) -> impl Iterator<Item = &str> {
        let (before, from) = self.entries.split_at(self.position(name).unwrap_or(self.entries.len()));
        let value = from.first().and_then(|entry| string(entry, "value")).unwrap_or_default();
        let is_set = |name: &str| before.iter().any(|entry| string(entry, "name") == Some(name));
        let is_of_service = |name: &str| name.contains("_SERVICE_") || name.contains("_PORT");
        references(value).filter(move |name| !is_set(name) && !is_of_service(name))
    }

    fn push(&mut self, entry: Value) {
        self.entries.push(Cow::Owned(entry));
    }
}

/// A variable that holds a field of the pod.
pub(crate) fn field(name: &str, path: &str) -> Value {
    json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}})
}

/// The source of a variable that a probe writes to a file.
pub(crate) fn from_file(name: &str, file: &str) -> Value {
    json!({"fileKeyRef": {"volumeName": VOLUME, "path": file, "key": name, "optional": true}})
}

#[cfg(test)]
mod tests;
