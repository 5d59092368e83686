//! Where probes, or clones of configurations, have gone wrong, so that there are none for some days: in a namespace, for
//! an image in it, and at last in the whole cluster.

use std::collections::BTreeMap;

/// In so many namespaces the copier has not run when probes end everywhere.
const NAMESPACES: usize = 3;

/// So many halts are remembered: reviews are not authenticated, and each takes a key of a ConfigMap.
const MOST: usize = 500;
/// So many of one namespace, so that whoever may create pods there takes no room from others.
const MOST_IN_NAMESPACE: usize = 50;

/// What went wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halt {
    /// Another webhook removes references to the files of probes in a namespace.
    Stripped(String),
    /// The copier, which has the operator's image, does not run in a namespace.
    Copier(String),
    /// The probe does not run in an image, in a namespace.
    Probe(String, String),
    /// The configuration of a web server could not be cloned from an image, in a namespace.
    Clone(String, String),
}

impl Halt {
    fn namespace(&self) -> &str {
        match self {
            Self::Stripped(namespace)
            | Self::Copier(namespace)
            | Self::Probe(namespace, _)
            | Self::Clone(namespace, _) => namespace,
        }
    }

    /// As a key of a ConfigMap, which may hold letters, digits, dots and dashes. Namespaces have no dots.
    pub fn key(&self) -> String {
        match self {
            Self::Stripped(namespace) => format!("stripped.{namespace}"),
            Self::Copier(namespace) => format!("copier.{namespace}"),
            Self::Probe(namespace, image) => format!("probe.{namespace}.{image}"),
            Self::Clone(namespace, image) => format!("clone.{namespace}.{image}"),
        }
    }

    /// What a key says.
    pub fn parse(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once('.')?;
        match kind {
            "stripped" => Some(Self::Stripped(rest.to_owned())),
            "copier" => Some(Self::Copier(rest.to_owned())),
            "probe" | "clone" => {
                let of = if kind == "probe" { Self::Probe } else { Self::Clone };
                let (namespace, image) = rest.split_once('.')?;
                Some(of(namespace.to_owned(), image.to_owned()))
            }
            _ => None,
        }
    }

    /// The halt of the probe in an image.
    pub fn of_probe(namespace: &str, image: &str) -> Self {
        Self::Probe(namespace.to_owned(), crate::fnv::of(image.as_bytes()))
    }

    /// The halt of the clone of a configuration in an image.
    pub fn of_clone(namespace: &str, image: &str) -> Self {
        Self::Clone(namespace.to_owned(), crate::fnv::of(image.as_bytes()))
    }
}

/// Where there are no probes, with the day, counted from 1970, on which that was noticed; `None` where it is not saved
/// yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Halts(pub BTreeMap<Halt, Option<u32>>);

impl Halts {
    /// Notes that something went wrong, unless there is no room. Returns whether that is new.
    pub fn note(&mut self, halt: Halt) -> bool {
        let in_namespace = || self.0.keys().filter(|known| known.namespace() == halt.namespace()).count();
        let is_new = !self.0.contains_key(&halt) && self.0.len() < MOST && in_namespace() < MOST_IN_NAMESPACE;
        if is_new {
            self.0.insert(halt, None);
        }
        is_new
    }

    /// Takes up what is saved, and keeps what is not saved yet.
    pub fn follow(&mut self, saved: Self) {
        self.0.retain(|_, day| day.is_none());
        self.0.extend(saved.0);
    }

    /// Whether another webhook removes references in a namespace.
    pub(crate) fn are_stripped(&self, namespace: &str) -> bool {
        self.0.contains_key(&Halt::Stripped(namespace.to_owned()))
    }

    /// Whether the copier does not run in a namespace, or in so many that it may run nowhere.
    pub(crate) fn has_no_copier(&self, namespace: &str) -> bool {
        let mut namespaces = self.0.keys().filter(|halt| matches!(halt, Halt::Copier(_)));
        self.0.contains_key(&Halt::Copier(namespace.to_owned())) || namespaces.nth(NAMESPACES - 1).is_some()
    }

    /// Whether the probe does not run in an image.
    pub(crate) fn has_no_probe(&self, namespace: &str, image: &str) -> bool {
        self.0.contains_key(&Halt::of_probe(namespace, image))
    }

    /// Whether the configuration in an image cannot be cloned.
    pub(crate) fn has_no_clone(&self, namespace: &str, image: &str) -> bool {
        self.0.contains_key(&Halt::of_clone(namespace, image))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        let probe = Halt::of_probe("shop", "example.com/app:1@sha256:a");
        let clone = Halt::of_clone("shop", "example.com/app:1");
        for halt in [Halt::Stripped("a".to_owned()), Halt::Copier("a-b".to_owned()), probe, clone] {
            assert!(halt.key().chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)));
            assert_eq!(Halt::parse(&halt.key()), Some(halt));
        }
        assert_eq!(Halt::parse("facts.json"), None);
    }

    #[test]
    fn what_is_not_saved_yet_outlasts_what_is_read() {
        let (new, old) = (Halt::Copier("new".to_owned()), Halt::Copier("old".to_owned()));
        let mut halts = Halts([(old.clone(), Some(1))].into());
        halts.note(new.clone());
        halts.follow(Halts::default());
        assert_eq!(halts, Halts([(new.clone(), None)].into()));
        halts.follow(Halts([(new.clone(), Some(2))].into()));
        assert_eq!(halts, Halts([(new, Some(2))].into()));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut halts = Halts::default();
        let new = (0..=MOST).filter(|number| halts.note(Halt::Stripped(number.to_string())));
        assert_eq!(new.count(), MOST);

        let mut halts = Halts::default();
        let of_one = (0..MOST).filter(|number| halts.note(Halt::of_clone("shop", &number.to_string())));
        assert_eq!(of_one.count(), MOST_IN_NAMESPACE);
        assert!(halts.note(Halt::Copier("other".to_owned())));
    }

    #[test]
    fn a_copier_that_fails_in_three_namespaces_fails_everywhere() {
        let mut halts = Halts::default();
        for (namespace, everywhere) in [("a", false), ("b", false), ("c", true)] {
            assert!(halts.note(Halt::Copier(namespace.to_owned())));
            assert!(halts.has_no_copier(namespace));
            assert_eq!(halts.has_no_copier("other"), everywhere);
        }
    }
}
