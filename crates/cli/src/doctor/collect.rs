//! What is looked at: a cluster, manifests, or a cluster once manifests are applied.

mod certain;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Context as _;
use ingraft_api::Language;
use ingraft_api::annotations::IGNORE;
use ingraft_cluster::documents::{self, Document};
use ingraft_cluster::survey::{self, Survey, Surveyed};
use ingraft_cluster::{api, facts};
use ingraft_core::doctor::{self, Diagnosis, Fix, ObjectRef, Resources, Scene, Section};
use ingraft_core::finding::{EndpointFinding, VariableFinding, visible};
use ingraft_core::{Finding, Mode, Reason, RunningPod, Settings, Severity, Snapshot, Workload, WorkloadRef};
use ingraft_settings::of_operator;
use k8s_openapi::api::core::v1::Container;
use kube::Client;
use serde::Deserialize as _;
use serde_json::Value;

use self::certain::follows;
use super::kustomize::Kustomized;
use super::moved_document::{self, Spot};
use super::report::{Item, Looked, Place, Report};
use super::{Args, end_progress, progress, repair, select};
use crate::source_location::SourceLocation;

/// What is looked at.
#[derive(Clone, Default)]
pub struct Collected {
    /// What decisions depend on.
    snapshot: Snapshot,
    /// Those of the operator, or those of the command line.
    settings: Settings,
    /// What checks look at.
    resources: Resources,
    /// The pods that run.
    pods: BTreeMap<WorkloadRef, Vec<RunningPod>>,
    /// The documents of files.
    pub documents: Vec<Document>,
    /// The numbers of the documents that another one takes the place of.
    replaced: BTreeSet<usize>,
    /// The same with documents that are replaced here, in place of those that replace them.
    others: Vec<Self>,
    /// The objects of a cluster.
    pub objects: Vec<Surveyed>,
    /// The Instrumentations and Namespaces that a cluster has before the documents are applied.
    applied: BTreeSet<ObjectRef>,
    /// Whether folders within folders are looked at.
    is_recursive: bool,
    /// The namespace of objects that do not name one.
    namespace: String,
    /// Whether somebody has said so.
    names_namespace: bool,
    /// What Kustomize makes of files.
    kustomized: Kustomized,
    /// The namespace that it is about, if it is only one.
    scope: Option<String>,
    notes: Vec<String>,
    /// The files that are no YAML.
    unread: Vec<documents::Error>,
    looked: Looked,
}

/// An object that is looked at.
struct Source<'a> {
    reference: ObjectRef,
    object: &'a Value,
    /// Its namespace, where it names none.
    namespace: &'a str,
    /// The number of the document of a file, the document, and the pointer of the object in it.
    written: Option<(usize, &'a Document, String)>,
    kept_by: Option<&'static str>,
}

/// Nothing but what the command line says: what manifests are looked at with.
pub fn nothing(args: &Args) -> Collected {
    let namespace = args.namespace.as_deref().unwrap_or("default").to_owned();
    let names_namespace = args.namespace.is_some();
    Collected { settings: args.settings.0.clone(), namespace, names_namespace, ..Collected::default() }
}

/// Reads a cluster.
pub async fn cluster(args: &Args, client: &Client) -> anyhow::Result<Collected> {
    let own = args.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let namespace = (!args.all_namespaces).then_some(own);
    let mut notes = Vec::new();
    let operator = match api::operator(client).await {
        Ok(operator) => operator,
        Err(kube::Error::Api(status)) if status.code == 403 => {
            notes.push(format!(
                "{}: the settings of the operator are taken to be the usual ones",
                status.message
            ));
            None
        }
        Err(error) => return Err(error).context("failed to look for the operator"),
    };
    let installed = operator.as_ref().map(|operator| of_operator(&operator.container));
    let check_secrets = installed.as_ref().is_some_and(|installed| installed.check_secrets);
    let mut settings = installed.map_or_else(|| args.settings.0.clone(), |installed| installed.settings);
    let surveyed = survey::survey(client, namespace, check_secrets, &progress).await;
    end_progress();
    let Survey { mut snapshot, mut resources, pods, objects, workloads, sees_workloads, unseen } =
        surveyed.context("failed to read the cluster")?;
    notes.extend(unseen);
    if operator.is_none() {
        enable_as_others(&mut settings, &resources);
    }
    if let Some(operator) = operator {
        // What may not be read is not known, and makes a decision that a new image would get.
        facts::recall(client, &operator.namespace).await.unwrap_or_default().fill(&mut snapshot);
    }
    let live = objects.iter().map(|object| &object.document);
    let looked = Looked {
        workloads,
        requesting: survey::note_requests(live, own, &snapshot, &settings, &mut resources),
        instrumentations: snapshot.instrumentations.iter().count(),
        pods: pods.values().map(Vec::len).sum(),
        is_cluster: true,
        is_blind: !sees_workloads,
        left_out: 0,
    };
    let scope = namespace.map(str::to_owned);
    let namespace = own.to_owned();
    Ok(Collected {
        snapshot,
        settings,
        resources,
        pods,
        objects,
        namespace,
        names_namespace: true,
        scope,
        notes,
        looked,
        ..Collected::default()
    })
}

/// Where the OpenTelemetry Operator runs, its flags say which languages are injected.
fn enable_as_others(settings: &mut Settings, resources: &Resources) {
    let deployments = resources.of("Deployment");
    let containers =
        deployments.filter_map(|deployment| deployment.pointer("/spec/template/spec/containers")?.as_array());
    let is_manager = |container: &&Value| container.get("name").and_then(Value::as_str) == Some("manager");
    let manager =
        containers.flatten().find(is_manager).and_then(|manager| Container::deserialize(manager).ok());
    if let Some(manager) = manager {
        let theirs = of_operator(&manager).settings;
        for language in Language::ALL {
            settings.set_enabled(language, theirs.enabled(language));
        }
        settings.multi_instrumentation = theirs.multi_instrumentation;
    }
}

impl Collected {
    /// The same beside files that cannot be read, and so many that are left out, of folders within folders where these are
    /// looked at.
    pub fn beside(mut self, unread: Vec<documents::Error>, left_out: usize, is_recursive: bool) -> Self {
        (self.unread, self.looked.left_out, self.is_recursive) = (unread, left_out, is_recursive);
        self
    }

    /// The same where Kustomize makes something of files.
    pub fn kustomized(self, kustomized: Kustomized) -> Self {
        Self { kustomized, ..self }
    }

    /// The namespace of the objects of a document that do not name one.
    fn namespace_of(&self, document: &Document) -> &str {
        self.kustomized.namespace(&document.file).unwrap_or(&self.namespace)
    }

    /// The files that cannot be read.
    pub fn unread(&self) -> &[documents::Error] {
        &self.unread
    }

    /// The same with documents in place of the objects of the cluster: as it will be once they are applied. An object that is
    /// written twice, as for two environments, is looked at as it is written here and there.
    pub fn with(&self, documents: Vec<Document>) -> anyhow::Result<Self> {
        let spans = spans(&documents, |document| self.namespace_of(document))?;
        let last = spans.iter().map(|span| span.start).max().unwrap_or_default();
        let of = |time: usize, documents: Vec<Document>| {
            let replaced = spans.iter().enumerate().filter(|(_, span)| !span.contains(&time));
            self.with_those(documents, replaced.map(|(number, _)| number).collect())
        };
        let others = (0..last).map(|time| of(time, documents.clone())).collect::<anyhow::Result<_>>()?;
        Ok(Self { others, ..of(last, documents)? })
    }

    fn with_those(&self, documents: Vec<Document>, replaced: BTreeSet<usize>) -> anyhow::Result<Self> {
        let mut collected = Self { objects: Vec::new(), ..self.clone() };
        let current = || current(&documents, &replaced).map(|(_, document)| document);
        let Self { snapshot, settings, resources, looked, applied, .. } = &mut collected;
        let instrumentations = snapshot.instrumentations.entries();
        let instrumentations =
            instrumentations.map(|(of, name, _)| ObjectRef::new("Instrumentation", of, name));
        let namespaces = snapshot.namespaces.entries();
        let namespaces = namespaces.map(|(_, name, _)| ObjectRef::new("Namespace", "", name));
        *applied = instrumentations.chain(namespaces).collect();
        for document in current() {
            let namespace = self.namespace_of(document);
            documents::learn(snapshot, [document], namespace, ingraft_validate::stored)?;
        }
        let objects = || {
            current().flat_map(|document| {
                let written = documents::objects(&document.value).into_iter();
                written.map(move |(_, object)| (document, object))
            })
        };
        (looked.workloads, looked.is_blind) = (0, false);
        for (document, object) in objects() {
            let mut object = object.clone();
            let own = ObjectRef::of(&object, self.namespace_of(document));
            if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut)
                && !own.namespace.is_empty()
            {
                metadata.insert("namespace".to_owned(), own.namespace.into());
            }
            looked.workloads += usize::from(Workload::of(&object).is_some());
            resources.add(object);
        }
        let requesting = objects().map(|(document, object)| {
            let namespace = self.namespace_of(document);
            survey::note_requests([object], namespace, snapshot, settings, resources)
        });
        looked.requesting = requesting.sum();
        looked.instrumentations = snapshot.instrumentations.iter().count();
        (collected.documents, collected.replaced) = (documents, replaced);
        let refused = collected.refused(&collected.sources()).len();
        collected.looked.instrumentations += refused;
        Ok(collected)
    }

    /// Where an object is written.
    pub fn spot_of(&self, object: &ObjectRef) -> Option<Spot<'_>> {
        let source = self.sources().into_iter().find(|source| source.reference == *object)?;
        source.written.map(|(_, document, pointer)| Spot { document, pointer })
    }

    /// What checks look at.
    pub fn scene(&self) -> Scene<'_> {
        let Self { snapshot, settings, resources, pods, .. } = self;
        Scene { snapshot, settings, resources, pods }
    }

    /// All that is looked at by itself.
    fn sources(&self) -> Vec<Source<'_>> {
        let written = current(&self.documents, &self.replaced).flat_map(|(number, document)| {
            documents::objects(&document.value).into_iter().map(move |(pointer, object)| Source {
                reference: ObjectRef::of(object, self.namespace_of(document)),
                object,
                namespace: self.namespace_of(document),
                written: Some((number, document, pointer)),
                kept_by: None,
            })
        });
        let live = self.objects.iter().map(|surveyed| Source {
            reference: ObjectRef::of(&surveyed.document, &self.namespace),
            object: &surveyed.document,
            namespace: &self.namespace,
            written: None,
            kept_by: surveyed.kept_by,
        });
        written.chain(live).collect()
    }

    /// What is found.
    pub fn examine(&self) -> Report {
        let mut report = self.examine_these();
        // What is written in two places is told of both, and which of them was meant to be applied nobody can tell.
        let others = self.others.iter().flat_map(|other| other.examine_these().items);
        report.items.extend(others);
        let twice = self.written_twice();
        for item in report.items.iter_mut().filter(|item| twice.contains(&item.diagnosis.object)) {
            item.fix = None;
        }
        report.items.sort_by_cached_key(|item| (item.diagnosis.rank(), item.place.clone()));
        // Several workloads tell the same of what they share.
        report.items.dedup_by(|one, other| {
            let is_same = one.place == other.place && one.diagnosis.rank() == other.diagnosis.rank();
            if is_same {
                other.concerns.append(&mut one.concerns);
            }
            is_same
        });
        report
    }

    /// What is written more than once.
    fn written_twice(&self) -> BTreeSet<ObjectRef> {
        let mut seen = BTreeSet::new();
        let references = self.documents.iter().flat_map(|document| {
            let objects = documents::objects(&document.value).into_iter();
            objects.map(|(_, object)| ObjectRef::of(object, self.namespace_of(document)))
        });
        references.filter(|reference| !seen.insert(reference.clone())).collect()
    }

    /// What is found without looking at what is replaced.
    fn examine_these(&self) -> Report {
        let scene = &self.scene();
        let sources = self.sources();
        let by_reference: BTreeMap<&ObjectRef, &Source<'_>> =
            sources.iter().map(|source| (&source.reference, source)).collect();
        let mut items = Vec::new();
        for source in &sources {
            let found = doctor::examine(source.object, source.namespace, flaws(source), scene);
            items.extend(found.into_iter().map(|diagnosis| {
                let other = || by_reference.get(&diagnosis.object).copied();
                let about = Some(source).filter(|source| source.reference == diagnosis.object).or_else(other);
                let is_shared = diagnosis.object.kind == "Namespace" && source.reference != diagnosis.object;
                let concerns = is_shared.then(|| source.reference.clone()).into_iter().collect();
                Item { concerns, ..item(diagnosis, about, scene) }
            }));
        }
        let others = doctor::check(scene).into_iter().chain(self.order(&sources, scene));
        items.extend(others.map(|diagnosis| {
            let about = by_reference.get(&diagnosis.object).copied();
            item(diagnosis, about, scene)
        }));
        for item in &mut items {
            item.is_possible = self.is_possible(item);
        }
        let refused = self.refused(&sources);
        let is_cause = |found: &&Diagnosis| {
            matches!(
                found.finding.reason,
                Reason::Field(_)
                    | Reason::Variable(VariableFinding::VariableMisspelt { .. })
                    | Reason::Endpoint(EndpointFinding::EndpointIsLocal { .. })
            )
        };
        let causes: Vec<_> = items.iter().map(|item| &item.diagnosis).filter(is_cause).cloned().collect();
        items.retain(|item| {
            let diagnosis = &item.diagnosis;
            self.is_concerned(&diagnosis.object)
                && self.kustomized.is_certain(item)
                && !self.is_open(diagnosis, &sources)
                && !follows(&diagnosis.finding.reason, &refused)
                && !causes.iter().any(|cause| diagnosis.follows_from(cause))
        });
        let is_unseen = |section: &Section| {
            self.looked.is_cluster && !section.needs().iter().all(|kind| self.resources.is_complete(kind))
        };
        let unseen = Section::ALL.into_iter().filter(is_unseen).collect();
        let (notes, unread) = (self.notes(&sources), self.unread.clone());
        Report { items, notes, unread, looked: self.looked, unseen, hidden: Vec::new() }
    }

    /// Whether what corrects something can be written where that is.
    fn is_possible(&self, item: &Item) -> bool {
        let (Some(fix), Some((number, pointer))) = (&item.fix, &item.written) else { return true };
        self.documents.get(*number).is_some_and(|document| {
            !repair::is_encrypted(document, &self.documents)
                && match fix {
                    Fix::PutFirst(object) => {
                        let before = Spot { document, pointer: pointer.clone() };
                        moved_document::check(&before, self.spot_of(object).as_ref(), &self.documents).is_ok()
                    }
                    Fix::Edits(edits) => repair::is_writable(edits, document, pointer),
                    Fix::Restart => true,
                }
        })
    }

    /// Whether new pods are injected, as far as a report of all of it shows.
    pub fn injects(&self, report: &Report) -> bool {
        let is_in_the_way = |item: &Item| {
            item.severity() == Severity::Error
                // Others refuse only what they are asked about, and a workload with its own reason concerns no other.
                && item.code() != "WebhookRefuses"
                && matches!(item.diagnosis.finding.reason, Reason::Cluster(_) | Reason::Admission(_))
                && matches!(item.diagnosis.section(), Section::Operator | Section::Path)
        };
        self.settings.mode == Mode::Inject && !report.items.iter().any(is_in_the_way)
    }

    /// What limits the answer, and annotations that ignore findings that there are not.
    fn notes(&self, sources: &[Source<'_>]) -> Vec<String> {
        let unknown = sources.iter().flat_map(|source| {
            let codes = select::unknown_codes(source.object).into_iter();
            codes.map(|said| format!("{}: {IGNORE}: {said}", source.reference))
        });
        self.notes.iter().cloned().chain(unknown).collect()
    }
}

/// The documents that nothing replaces, with their numbers.
fn current<'a>(
    documents: &'a [Document],
    replaced: &'a BTreeSet<usize>,
) -> impl Iterator<Item = (usize, &'a Document)> {
    documents.iter().enumerate().filter(|(number, _)| !replaced.contains(number))
}

/// Nobody writes the same object more often than this.
const MOST_TIMES: usize = 100;

/// When each document counts, where some write the same object: the first of them at first, then the next in its place.
fn spans<'a>(
    documents: &'a [Document],
    namespace_of: impl Fn(&'a Document) -> &'a str,
) -> anyhow::Result<Vec<Range<usize>>> {
    let mut latest: BTreeMap<ObjectRef, usize> = BTreeMap::new();
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let written = documents::objects(&document.value).into_iter();
        let references: Vec<_> = written
            .map(|(_, object)| ObjectRef::of(object, namespace_of(document)))
            .filter(|reference| !reference.kind.is_empty() && !reference.name.is_empty())
            .collect();
        let before: Vec<usize> =
            references.iter().filter_map(|reference| latest.get(reference).copied()).collect();
        let start = before.iter().filter_map(|number| Some(spans.get(*number)?.start + 1)).max();
        let start = start.unwrap_or_default();
        if start > MOST_TIMES {
            let Document { file, line, .. } = document;
            anyhow::bail!(
                "{file}:{line}: the same object is written more than {MOST_TIMES} times: look at folders one by one"
            );
        }
        for earlier in before {
            if let Some(span) = spans.get_mut(earlier) {
                span.end = span.end.min(start);
            }
        }
        spans.push(start..usize::MAX);
        latest.extend(references.into_iter().map(|reference| (reference, number)));
    }
    Ok(spans)
}

/// What the API server would not take of what is written.
fn flaws(source: &Source<'_>) -> Vec<Finding> {
    let Some((_, document, pointer)) = &source.written else { return Vec::new() };
    let location = SourceLocation::new(document, pointer, source.object, source.namespace);
    location.findings(&ingraft_validate::check(source.object))
}

/// What is told of a diagnosis about an object.
fn item(diagnosis: Diagnosis, about: Option<&Source<'_>>, scene: &Scene<'_>) -> Item {
    let place = about.and_then(|source| source.written.as_ref()).map(|(_, document, pointer)| {
        let position = document.position_of(&format!("{pointer}{}", diagnosis.pointer));
        Place {
            file: document.file.clone(),
            line: position.line,
            column: position.column,
            template: document.template().map(visible),
        }
    });
    let fix = about.and_then(|source| doctor::fix(&diagnosis, source.object, scene));
    // What is written has no pods to restart, and what runs was applied in some order long ago.
    let fix = fix.filter(|fix| match fix {
        Fix::Edits(_) => true,
        Fix::Restart => place.is_none(),
        Fix::PutFirst(_) => place.is_some(),
    });
    let ignored = about.and_then(|source| select::ignored(source.object, &diagnosis));
    let kept_by = about.and_then(|source| source.kept_by);
    let written = about.and_then(|source| source.written.as_ref());
    let written = written.map(|(number, _, pointer)| (*number, pointer.clone()));
    Item { diagnosis, place, written, fix, is_possible: true, ignored, kept_by, concerns: BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_flags_of_the_other_operator_count() {
        let (mut settings, mut resources) = (Settings::default(), Resources::default());
        enable_as_others(&mut settings, &resources);
        assert!(!settings.enabled(Language::Go) && settings.enabled(Language::Java));
        let args = ["--enable-go-instrumentation=true", "--enable-java-instrumentation=false", "--other"];
        let manager = json!({"name": "manager", "args": args});
        resources.add(json!({
            "kind": "Deployment", "metadata": {"namespace": "otel", "name": "operator"},
            "spec": {"template": {"spec": {"containers": [{"name": "proxy"}, manager]}}},
        }));
        enable_as_others(&mut settings, &resources);
        assert!(settings.enabled(Language::Go) && !settings.enabled(Language::Java));
    }
}
