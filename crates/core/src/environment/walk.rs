//! From the lowest layer to the highest, noting what may set each variable.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use super::entry::{Entry, is_optional, object};
use super::{
    Environment, Inputs, Origin, Setting, Source, Variable, downward, env_file, expand, service_links,
};
use crate::ReferenceKind;
use crate::json::{list, string};

/// How much text is kept; what exceeds it counts as not known. Linux starts no process with more than 6 MiB of
/// arguments and environment (<https://man7.org/linux/man-pages/man2/execve.2.html>), and references that double a text
/// thirty times make it larger than any memory.
const LONGEST: usize = 6 << 20;

/// How many settings of one variable are kept. Of more, it is still known which wins and whether there is any.
const MOST_SETTINGS: usize = 8;

pub(super) struct Walk<'a> {
    inputs: Inputs<'a>,
    /// The only variable to look at; values are not looked at then.
    only: Option<&'a str>,
    /// The settings of each variable, the lowest first: the reverse of how they are answered.
    settings: BTreeMap<String, Vec<Setting>>,
    /// What may set any variable, the lowest first.
    open: Vec<Origin>,
    missing: Vec<Origin>,
    /// How much more text can be kept.
    left: usize,
}

/// What a reference finds.
enum Found<'w> {
    Text(&'w str),
    Nothing,
    Unknown,
}

impl<'a> Walk<'a> {
    pub(super) fn new(inputs: Inputs<'a>, only: Option<&'a str>) -> Self {
        let settings = BTreeMap::new();
        Self { inputs, only, settings, open: Vec::new(), missing: Vec::new(), left: LONGEST }
    }

    /// Goes through all layers, up to an entry of `env`.
    pub(super) fn run(&mut self, before: usize) {
        self.image();
        self.services();
        for (index, entry) in list(self.inputs.container, "envFrom").iter().enumerate() {
            self.all_keys(index, entry);
        }
        for (index, entry) in list(self.inputs.container, "env").iter().enumerate().take(before) {
            self.entry(index, entry);
        }
    }

    pub(super) fn into_environment(self) -> Environment {
        let answer = |(name, mut settings): (String, Vec<Setting>)| {
            settings.reverse();
            Variable { name, settings }
        };
        let variables = self.settings.into_iter().map(answer).collect();
        Environment { variables, open: self.open, missing: self.missing }
    }

    /// What may set a variable so far, the lowest first.
    pub(super) fn settings(&self, name: &str) -> Vec<Setting> {
        let of_open =
            || self.open.iter().filter(|origin| may_set(origin, name, self.inputs.pod)).take(MOST_SETTINGS);
        let known = self.settings.get(name).cloned();
        known.unwrap_or_else(|| of_open().cloned().map(uncertain).collect())
    }

    fn image(&mut self) {
        let Some(image) = self.inputs.image else {
            return self.open(Origin::Image);
        };
        for (name, value) in image {
            self.set(name, certain(Some(value.clone()), Origin::Image));
        }
    }

    fn services(&mut self) {
        let Some(variables) = self.inputs.services else {
            return self.open(Origin::ServiceLink);
        };
        for variable in variables {
            self.set(&variable.name, certain(variable.value.clone(), Origin::ServiceLink));
        }
    }

    /// An entry of `envFrom`. Of two references the kubelet follows that to the ConfigMap.
    fn all_keys(&mut self, index: usize, entry: &Value) {
        let (kind, reference) = match (object(entry, "configMapRef"), object(entry, "secretRef")) {
            (Some(reference), _) => (ReferenceKind::ConfigMap, reference),
            (None, Some(reference)) => (ReferenceKind::Secret, reference),
            (None, None) => return,
        };
        let prefix = string(entry, "prefix").unwrap_or_default();
        let name = string(reference, "name").unwrap_or_default();
        let origin = Origin::EnvFrom { index, kind, object: name.to_owned(), prefix: prefix.to_owned() };
        match self.inputs.sources.source(kind, name) {
            Source::Keys(keys) if self.fits(prefix, &keys) => {
                for (key, value) in keys {
                    if self.only.is_none_or(|only| only.strip_prefix(prefix) == Some(key)) {
                        let setting = certain(value.map(str::to_owned), origin.clone());
                        self.set(&format!("{prefix}{key}"), setting);
                    }
                }
            }
            Source::Keys(_) | Source::Unknown => self.open(origin),
            Source::Missing if is_optional(reference) => {}
            Source::Missing => {
                self.missing.push(origin.clone());
                self.open(origin);
            }
        }
    }

    /// Whether all of an object's keys can be kept. The same object may be named often, each time with another prefix.
    fn fits(&mut self, prefix: &str, keys: &[(&str, Option<&str>)]) -> bool {
        let names = keys.iter().map(|(key, _)| prefix.len() + key.len() + size_of::<Setting>());
        self.only.is_some() || self.keep(names.sum())
    }

    fn keep(&mut self, length: usize) -> bool {
        let left = self.left.checked_sub(length);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// An entry of `env`.
    fn entry(&mut self, index: usize, entry: &Value) {
        let name = string(entry, "name").unwrap_or_default();
        if name.is_empty() || self.only.is_some_and(|only| only != name) {
            return;
        }
        let setting = match Entry::of(entry) {
            Entry::Field { path } => {
                certain(downward::field(&self.inputs, path), Origin::Field { index, path: path.to_owned() })
            }
            Entry::Resource { reference } => {
                let resource = string(reference, "resource").unwrap_or_default().to_owned();
                certain(downward::resource(&self.inputs, reference), Origin::Resource { index, resource })
            }
            Entry::Key { kind, object, key, optional } => {
                let origin = Origin::Key { index, kind, object: object.to_owned(), key: key.to_owned() };
                return self.key(name, origin, (kind, object, key), optional);
            }
            Entry::File { volume, path, key, optional } => {
                let [volume, path, key] = [volume, path, key].map(str::to_owned);
                return self.file(name, Origin::File { index, volume, path, key }, optional);
            }
            Entry::Other => uncertain(Origin::Other { index }),
            Entry::Literal(value) => certain(self.expanded(value), Origin::Literal { index }),
        };
        self.set(name, setting);
    }

    fn key(
        &mut self,
        name: &str,
        origin: Origin,
        (kind, object, key): (ReferenceKind, &str, &str),
        optional: bool,
    ) {
        let found = match self.inputs.sources.source(kind, object) {
            Source::Unknown if optional => return self.set(name, uncertain(origin)),
            Source::Unknown => Some(None),
            Source::Missing => None,
            Source::Keys(keys) => keys.into_iter().find(|(known, _)| *known == key).map(|(_, value)| value),
        };
        match found {
            Some(value) => self.set(name, certain(value.map(str::to_owned), origin)),
            None if optional => {}
            None => self.set_missing(name, origin),
        }
    }

    /// An empty value counts as none. A file without the right form keeps the container from starting even if the
    /// reference is optional.
    fn file(&mut self, name: &str, origin: Origin, optional: bool) {
        let Origin::File { volume, path, key, .. } = &origin else { return };
        let file = self.inputs.files.iter().find(|file| (file.volume, file.path) == (volume, path));
        match file.map(|file| env_file::value(file.content, key)) {
            None => self.set(name, Setting { value: None, origin, certain: !optional }),
            Some(Ok(value)) if !value.is_empty() => self.set(name, certain(Some(value), origin)),
            Some(Ok(_)) if optional => {}
            Some(_) => self.set_missing(name, origin),
        }
    }

    fn set_missing(&mut self, name: &str, origin: Origin) {
        self.missing.push(origin.clone());
        self.set(name, certain(None, origin));
    }

    /// The text with its references resolved, if all of them are known.
    fn expanded(&self, text: &str) -> Option<String> {
        if self.only.is_some() {
            return None;
        }
        let (mut known, mut length) = (true, text.len());
        let expanded = expand(text, |name| match self.find(name) {
            Found::Nothing => None,
            Found::Text(value) if known && length + value.len() <= self.left => {
                length += value.len();
                Some(value)
            }
            Found::Text(_) | Found::Unknown => {
                known = false;
                None
            }
        });
        known.then_some(expanded)
    }

    /// What a reference sees: not the image.
    fn find(&self, name: &str) -> Found<'_> {
        let is_visible = |origin: &Origin| *origin != Origin::Image;
        let Some(settings) = self.settings.get(name) else {
            let open =
                self.open.iter().any(|origin| is_visible(origin) && may_set(origin, name, self.inputs.pod));
            return if open { Found::Unknown } else { Found::Nothing };
        };
        match settings.iter().rfind(|setting| is_visible(&setting.origin)) {
            None => Found::Nothing,
            Some(Setting { certain: true, value: Some(value), .. }) => Found::Text(value),
            Some(_) => Found::Unknown,
        }
    }

    fn set(&mut self, name: &str, mut setting: Setting) {
        if self.only.is_some_and(|only| only != name) {
            return;
        }
        let length = setting.value.as_ref().map_or(0, String::len);
        if !self.keep(length) {
            setting.value = None;
        }
        if setting.certain {
            self.settings.insert(name.to_owned(), vec![setting]);
        } else {
            let mut settings = self.settings(name);
            push(&mut settings, setting);
            self.settings.insert(name.to_owned(), settings);
        }
    }

    /// From here on, everything that the origin may set is uncertain.
    fn open(&mut self, origin: Origin) {
        let prefix = if let Origin::EnvFrom { prefix, .. } = &origin { prefix.as_str() } else { "" };
        let following = self.settings.range_mut::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        for (name, settings) in following.take_while(|(name, _)| name.starts_with(prefix)) {
            if may_set(&origin, name, self.inputs.pod) {
                push(settings, uncertain(origin.clone()));
            }
        }
        self.open.push(origin);
    }
}

/// Whether an origin with unknown names may set this one.
fn may_set(origin: &Origin, name: &str, pod: &Value) -> bool {
    match origin {
        Origin::Image => true,
        Origin::ServiceLink => service_links::may_set(name, pod),
        Origin::EnvFrom { prefix, .. } => name.strip_prefix(prefix.as_str()).is_some_and(is_key),
        _ => false,
    }
}

fn certain(value: Option<String>, origin: Origin) -> Setting {
    Setting { value, origin, certain: true }
}

fn uncertain(origin: Origin) -> Setting {
    Setting { value: None, origin, certain: false }
}

fn push(settings: &mut Vec<Setting>, setting: Setting) {
    settings.truncate(MOST_SETTINGS - 1);
    settings.push(setting);
}

/// Whether a ConfigMap or Secret may have the key:
/// <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/#ConfigMap>.
fn is_key(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=253).contains(&text.len()) && text.chars().all(allowed)
}
