//! What was found, and where: the same for every form in which it is printed.

use std::collections::BTreeSet;

use ingraft_cluster::documents;
use ingraft_core::doctor::{Diagnosis, Fix, ObjectRef, Section};
use ingraft_core::{Locale, Severity};

use crate::input::STANDARD_INPUT;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1 in characters.
    pub column: u64,
    /// The template that Helm has made the document from.
    pub template: Option<String>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What, and about which object.
    pub diagnosis: Diagnosis,
    /// Where it is written; `None` for an object of a cluster.
    pub place: Option<Place>,
    /// The number of the document in which its object is written, and the object's JSON pointer there.
    pub written: Option<(usize, String)>,
    /// What corrects it, where that is certain.
    pub fix: Option<Fix>,
    /// Whether that can be written where its object is.
    pub is_possible: bool,
    /// Why it is not to be told, where an annotation of the object says so.
    pub ignored: Option<String>,
    /// What keeps the object as it is, so that a change of it is undone.
    pub kept_by: Option<&'static str>,
    /// The workloads that suffer from it, where it is about their namespace.
    pub concerns: BTreeSet<ObjectRef>,
}

impl Item {
    /// Whether `--fix` corrects it: there must be something to write, and nothing that would undo it.
    pub fn is_fixable(&self) -> bool {
        let is_file = self.place.as_ref().is_none_or(|place| place.file != STANDARD_INPUT);
        self.fix.is_some() && self.is_possible && self.kept_by.is_none() && is_file
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Workloads.
    pub workloads: usize,
    /// Those of them that request injection.
    pub requesting: usize,
    /// Instrumentations.
    pub instrumentations: usize,
    /// Pods that run.
    pub pods: usize,
    /// Whether it was a cluster, and not only manifests.
    pub is_cluster: bool,
    /// Whether no workload may be read.
    pub is_blind: bool,
    /// Files of folders that are no manifests.
    pub left_out: usize,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was found, in the order in which it is told.
    pub items: Vec<Item>,
    /// What limits the answer, for people.
    pub notes: Vec<String>,
    /// Files that cannot be read.
    pub unread: Vec<documents::Error>,
    /// What was looked at.
    pub looked: Looked,
    /// The parts of the way to telemetry of which not all may be read.
    pub unseen: Vec<Section>,
    /// The parts of which a warning or an error is found and not wanted, once for each.
    pub hidden: Vec<Section>,
}

/// How it stands with a part of the way to telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The worst that is found, and how many there are of each severity, the least first.
    Found(Severity, [usize; 3]),
    /// So many that are not wanted.
    Hidden(usize),
    /// Not all of it may be read.
    Unseen,
    /// Nothing is wrong.
    Fine,
}

impl Item {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.diagnosis.finding.code()
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.diagnosis.finding.severity()
    }

    /// What was seen, in one sentence.
    pub fn message(&self, locale: Locale) -> String {
        self.diagnosis.finding.message(locale)
    }

    /// What to do about it.
    pub fn help(&self, locale: Locale) -> Option<String> {
        self.diagnosis.finding.reason.text(locale).help
    }
}

impl Report {
    /// What is told: all but what is ignored.
    pub fn told(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.ignored.is_none())
    }

    /// The worst that is told.
    pub fn worst(&self) -> Option<Severity> {
        self.told().map(Item::severity).max()
    }

    /// How many of a severity are told.
    pub fn count(&self, severity: Severity) -> usize {
        self.told().filter(|item| item.severity() == severity).count()
    }

    /// How it stands with a part of the way to telemetry.
    pub fn standing(&self, section: Section) -> Standing {
        let told = || self.told().filter(|item| item.diagnosis.section() == section);
        let hidden = self.hidden.iter().filter(|hidden| **hidden == section).count();
        match told().map(Item::severity).max() {
            Some(worst) => {
                let severities = [Severity::Info, Severity::Warning, Severity::Error];
                let count = |severity| told().filter(|item| item.severity() == severity).count();
                Standing::Found(worst, severities.map(count))
            }
            None if hidden > 0 => Standing::Hidden(hidden),
            None if self.unseen.contains(&section) => Standing::Unseen,
            None => Standing::Fine,
        }
    }

    /// The parts of the way to telemetry that were looked at. Some are only seen in clusters.
    pub fn sections(&self) -> Vec<Section> {
        let in_clusters =
            [Section::Operator, Section::Path, Section::Payload, Section::Runtime, Section::Delivery];
        let is_found = |section| self.items.iter().any(|item| item.diagnosis.section() == section);
        let is_seen = |section: &Section| {
            self.looked.is_cluster || !in_clusters.contains(section) || is_found(*section)
        };
        Section::ALL.into_iter().filter(is_seen).collect()
    }

    /// What is ignored, each with the reason.
    pub fn ignored(&self) -> impl Iterator<Item = (&Item, &str)> {
        self.items.iter().filter_map(|item| Some((item, item.ignored.as_deref()?)))
    }

    /// What is told, by object, the object with the worst first.
    pub fn by_object(&self) -> Vec<(&ObjectRef, Vec<&Item>)> {
        let mut objects: Vec<(&ObjectRef, Vec<&Item>)> = Vec::new();
        for item in self.told() {
            match objects.iter_mut().find(|(object, _)| *object == &item.diagnosis.object) {
                Some((_, items)) => items.push(item),
                None => objects.push((&item.diagnosis.object, vec![item])),
            }
        }
        objects
    }
}
