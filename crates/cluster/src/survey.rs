//! All of a cluster, or of one namespace, that `ingraft doctor` looks at: read once, with the rights of whoever asks.

mod config_maps;
mod keeper;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::{Instrumentation, plan};
use ingraft_core::doctor::{PODS, Resources, View, WORKLOADS};
use ingraft_core::workload::may_concern;
use ingraft_core::{RunningPod, Settings, Snapshot, WorkloadRef};
use k8s_openapi::Resource as _;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, ListParams, TypeMeta};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use self::keeper::keeper;
use crate::api::{self, Known, each_page, pages};
use crate::workloads;

/// What there is.
#[derive(Debug, Default)]
pub struct Survey {
    /// What decisions depend on.
    pub snapshot: Snapshot,
    /// What checks look at.
    pub resources: Resources,
    /// The pods that run, by what makes them.
    pub pods: BTreeMap<WorkloadRef, Vec<RunningPod>>,
    /// The objects that are examined by themselves: those that have to do with injection.
    pub objects: Vec<Surveyed>,
    /// How many workloads were seen.
    pub workloads: usize,
    /// Whether at least some kind of workloads may be read, in a namespace that there is.
    pub sees_workloads: bool,
    /// What may not be read, or cannot be, for people.
    pub unseen: Vec<String>,
}

/// An object that is examined by itself.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// The object.
    pub document: Value,
    /// What keeps it as it is, if something other than people does.
    pub kept_by: Option<&'static str>,
}

/// Who injects, by label.
const OPERATOR: &str = "app.kubernetes.io/name=opentelemetry-operator";
/// The definition of Instrumentations, and what serves it.
const DEFINITION: (&str, &str) = ("instrumentations.opentelemetry.io", "opentelemetry.io/v1alpha1");

/// Reads one namespace, or all. `progress` is told what is read.
///
/// # Errors
/// When the cluster does not answer. What it does not allow is named in the result.
pub async fn survey(
    client: &Client,
    namespace: Option<&str>,
    secrets: bool,
    progress: &dyn Fn(&str),
) -> kube::Result<Survey> {
    progress("Instrumentations and what decisions depend on");
    let known = api::known(client, namespace, secrets).await;
    let Known { snapshot, unseen } = match known {
        // Nothing of ours is installed, which is something to tell.
        Err(kube::Error::Api(status)) if status.code == 404 => Known::default(),
        known => known?,
    };
    let mut reader = Reader { client, namespace, survey: Survey { snapshot, unseen, ..Survey::default() } };
    progress("workloads");
    reader.workloads().await?;
    progress("pods");
    reader.pods().await?;
    progress("the operator and the way to it");
    reader.instrumentations().await?;
    reader.namespaces().await?;
    reader.operator().await?;
    reader.definition().await?;
    reader.standby().await?;
    reader.services().await?;
    reader.config_maps().await?;
    let Reader { mut survey, .. } = reader;
    if survey.snapshot.instrumentations.is_complete() {
        survey.resources.set_complete("Instrumentation");
    }
    if survey.snapshot.services.is_complete() {
        survey.resources.set_complete("Service");
    }
    let is_whole = namespace.is_none() && survey.resources.is_complete(WORKLOADS);
    survey.resources.view = if is_whole { View::Cluster } else { View::Part };
    let mut told = BTreeSet::new();
    survey.unseen.retain(|unseen| told.insert(unseen.clone()));
    Ok(survey)
}

struct Reader<'a> {
    client: &'a Client,
    namespace: Option<&'a str>,
    survey: Survey,
}

impl Reader<'_> {
    fn api(&self, kind: &ApiResource) -> Api<DynamicObject> {
        match self.namespace {
            Some(own) => Api::namespaced_with(self.client.clone(), own, kind),
            None => Api::all_with(self.client.clone(), kind),
        }
    }

    /// A list as documents; `None` where it may not be read, or where nothing serves the kind.
    async fn list(
        &mut self,
        api: &Api<DynamicObject>,
        kind: &ApiResource,
        params: ListParams,
    ) -> kube::Result<Option<Vec<Value>>> {
        match pages(api, params).await {
            Ok(objects) => {
                Ok(Some(objects.into_iter().filter_map(|object| document(object, kind)).collect()))
            }
            Err(kube::Error::Api(status)) if status.code == 403 => {
                self.survey.unseen.push(status.message);
                Ok(None)
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes up all objects of a kind that a selection has.
    async fn learn(
        &mut self,
        api: &Api<DynamicObject>,
        kind: &ApiResource,
        params: ListParams,
    ) -> kube::Result<()> {
        if let Some(objects) = self.list(api, kind, params).await? {
            self.survey.resources.set_complete(&kind.kind);
            self.survey.resources.extend(objects);
        }
        Ok(())
    }

    /// What makes pods. Kept is what has to do with injection.
    async fn workloads(&mut self) -> kube::Result<()> {
        let mut kinds = workloads::kinds().to_vec();
        let mut is_complete = true;
        match workloads::rollouts(self.client).await {
            Ok(rollouts) => kinds.extend(rollouts),
            Err(error) => {
                is_complete = false;
                self.survey.unseen.push(format!("Argo Rollouts are not looked at: {error}"));
            }
        }
        kinds.push(ApiResource::erase::<Job>(&()));
        for kind in kinds {
            let api = self.api(&kind);
            let survey = &mut self.survey;
            let read = each_page(&api, ListParams::default(), |objects| {
                for object in
                    objects.into_iter().filter(|object| kind.kind != Job::KIND || is_pending(object))
                {
                    survey.workloads += 1;
                    let kept_by = keeper(&object.metadata);
                    keep(survey, workloads::document(object, &kind), kept_by);
                }
            });
            match read.await {
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    is_complete = false;
                    self.survey.unseen.push(status.message);
                }
                read => {
                    read?;
                    self.survey.sees_workloads = true;
                }
            }
        }
        if is_complete {
            self.survey.resources.set_complete(WORKLOADS);
        }
        Ok(())
    }

    /// The pods that run, and bare ones as workloads.
    async fn pods(&mut self) -> kube::Result<()> {
        let kind = workloads::pods();
        let api = self.api(&kind);
        let survey = &mut self.survey;
        let read = each_page(&api, ListParams::default(), |pods| {
            for pod in pods {
                let kept_by = keeper(&pod.metadata);
                if let Some(pod) = document(pod, &kind) {
                    take_pod(survey, pod, kept_by);
                }
            }
        });
        match read.await {
            Err(kube::Error::Api(status)) if status.code == 403 => {
                self.survey.unseen.push(status.message);
                Ok(())
            }
            read => {
                read?;
                self.survey.resources.set_complete(PODS);
                Ok(())
            }
        }
    }

    async fn instrumentations(&mut self) -> kube::Result<()> {
        let keepers = self.keepers_of_instrumentations().await?;
        let all = self.survey.snapshot.instrumentations.iter();
        let documents = all.filter_map(|instrumentation| {
            let kept_by = keepers.get(&instrumentation.reference()).copied();
            let mut document = serde_json::to_value(instrumentation).ok()?;
            let fields = document.as_object_mut()?;
            fields.insert("apiVersion".to_owned(), DEFINITION.1.into());
            fields.insert("kind".to_owned(), "Instrumentation".into());
            fields.remove("status");
            Some(Surveyed { document, kept_by })
        });
        self.survey.objects.extend(documents.collect::<Vec<_>>());
        Ok(())
    }

    /// What keeps Instrumentations as they are, by `namespace/name`. Who has written their fields is not kept in a snapshot.
    async fn keepers_of_instrumentations(&self) -> kube::Result<BTreeMap<String, &'static str>> {
        if self.survey.snapshot.instrumentations.iter().next().is_none() {
            return Ok(BTreeMap::new());
        }
        let all = Api::<Instrumentation>::all(self.client.clone());
        let own = self.namespace.map(|own| Api::<Instrumentation>::namespaced(self.client.clone(), own));
        let listed = match (all.list_metadata(&ListParams::default()).await, own) {
            (Err(kube::Error::Api(status)), Some(own)) if status.code == 403 => {
                own.list_metadata(&ListParams::default()).await?
            }
            (listed, _) => listed?,
        };
        let keepers = listed.items.into_iter().filter_map(|object| {
            let reference = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
            Some((reference, keeper(&object.metadata)?))
        });
        Ok(keepers.collect())
    }

    /// Those with annotations that look like ours.
    async fn namespaces(&mut self) -> kube::Result<()> {
        let api = Api::<Namespace>::all(self.client.clone());
        let listed = match self.namespace {
            Some(own) => api.get_metadata(own).await.map(|own| vec![own]),
            None => api.list_metadata(&ListParams::default()).await.map(|list| list.items),
        };
        let namespaces = match listed {
            Err(kube::Error::Api(status)) if status.code == 403 || status.code == 404 => {
                self.survey.sees_workloads &= status.code != 404;
                self.survey.unseen.push(status.message);
                return Ok(());
            }
            listed => listed?,
        };
        for namespace in namespaces {
            let metadata = &namespace.metadata;
            let document = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": metadata.name, "annotations": metadata.annotations, "labels": metadata.labels},
            });
            if may_concern(&document) {
                self.survey.objects.push(Surveyed { document, kept_by: keeper(metadata) });
            }
        }
        Ok(())
    }

    /// The operators, their pods, and what sends pods to them.
    async fn operator(&mut self) -> kube::Result<()> {
        let kind = ApiResource::erase::<Deployment>(&());
        let all = Api::all_with(self.client.clone(), &kind);
        self.learn(&all, &kind, ListParams::default().labels(OPERATOR)).await?;
        let kind = ApiResource::erase::<Pod>(&());
        let all = Api::all_with(self.client.clone(), &kind);
        self.learn(&all, &kind, ListParams::default().labels(OPERATOR)).await?;
        let kind = ApiResource::erase::<MutatingWebhookConfiguration>(&());
        let all = Api::all_with(self.client.clone(), &kind);
        self.learn(&all, &kind, ListParams::default()).await?;
        let kind = ApiResource::erase::<NetworkPolicy>(&());
        let all = Api::all_with(self.client.clone(), &kind);
        self.learn(&all, &kind, ListParams::default()).await?;
        let kind = ApiResource::erase::<Event>(&());
        let api = self.api(&kind);
        self.learn(&api, &kind, ListParams::default().fields("reason=FailedCreate")).await
    }

    /// Whether Instrumentations are served, which everybody may ask.
    async fn definition(&mut self) -> kube::Result<()> {
        let kind = ApiResource::erase::<CustomResourceDefinition>(&());
        let (name, version) = DEFINITION;
        let is_served = match self.client.list_api_group_resources(version).await {
            Ok(found) => found.resources.iter().any(|resource| resource.kind == "Instrumentation"),
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => return Err(error),
        };
        self.survey.resources.set_complete(&kind.kind);
        if is_served {
            self.survey.resources.add(json!({"kind": kind.kind, "metadata": {"name": name}}));
        }
        Ok(())
    }

    /// The plan, and what reads it. Where it may not be read, nothing is said of it.
    async fn standby(&mut self) -> kube::Result<()> {
        let plan = ApiResource {
            group: plan::GROUP.to_owned(),
            version: plan::VERSION.to_owned(),
            api_version: format!("{}/{}", plan::GROUP, plan::VERSION),
            kind: plan::KIND.to_owned(),
            plural: plan::PLURAL.to_owned(),
        };
        let binding = |version: &str| ApiResource {
            group: "admissionregistration.k8s.io".to_owned(),
            version: version.to_owned(),
            api_version: format!("admissionregistration.k8s.io/{version}"),
            kind: "MutatingAdmissionPolicyBinding".to_owned(),
            plural: "mutatingadmissionpolicybindings".to_owned(),
        };
        let kinds =
            [(plan, plan::NAME), (binding("v1"), "ingraft-standby"), (binding("v1beta1"), "ingraft-standby")];
        for (kind, name) in kinds {
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &kind);
            let found = match api.get_opt(name).await {
                // 404 also where nothing serves the kind.
                Err(kube::Error::Api(status)) if status.code == 403 || status.code == 404 => None,
                found => found?,
            };
            if let Some(mut found) = found.and_then(|found| document(found, &kind)) {
                // It may be large, and only its beginning matters.
                if let Some(spec) = found.pointer_mut("/spec").and_then(Value::as_object_mut) {
                    spec.retain(|field, _| ["token", "paused"].contains(&field.as_str()));
                }
                self.survey.resources.add(found);
            }
        }
        Ok(())
    }
}

/// Whether a Job may still make pods, and nothing else makes it anew.
fn is_pending(job: &DynamicObject) -> bool {
    let is_over = |condition: &Value| {
        let is = |field: &str, words: &[&str]| {
            condition.get(field).and_then(Value::as_str).is_some_and(|word| words.contains(&word))
        };
        is("type", &["Complete", "Failed"]) && is("status", &["True"])
    };
    let conditions = job.data.pointer("/status/conditions").and_then(Value::as_array);
    !is_controlled(&job.metadata) && !conditions.into_iter().flatten().any(is_over)
}

fn is_controlled(metadata: &ObjectMeta) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true))
}

/// Takes up a pod that runs; one that nobody makes is a workload too.
fn take_pod(survey: &mut Survey, pod: Value, kept_by: Option<&'static str>) {
    let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(state) = RunningPod::of(&pod) else { return };
    let reference = WorkloadRef::of_pod(&pod, &namespace, &survey.snapshot);
    let is_bare = reference.kind.is_none();
    survey.pods.entry(reference).or_default().push(state);
    if is_bare {
        survey.workloads += 1;
        keep(survey, pod, kept_by);
    }
}

/// Keeps what has to do with injection.
fn keep(survey: &mut Survey, document: Value, kept_by: Option<&'static str>) {
    let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let asks = survey.snapshot.namespace(namespace).is_some_and(ingraft_core::Namespace::asks);
    if asks || may_concern(&document) {
        survey.objects.push(Surveyed { document, kept_by });
    }
}

/// An object as a document, without what others write about it. Items of a list do not say what they are.
fn document(object: DynamicObject, kind: &ApiResource) -> Option<Value> {
    let types = Some(TypeMeta { api_version: kind.api_version.clone(), kind: kind.kind.clone() });
    let mut object = DynamicObject { types, ..object };
    object.metadata.managed_fields = None;
    serde_json::to_value(object).ok()
}

/// Notes what the workloads among some documents request, which checks depend on.
pub fn note_requests<'a>(
    documents: impl IntoIterator<Item = &'a Value>,
    default_namespace: &str,
    snapshot: &Snapshot,
    settings: &Settings,
    resources: &mut Resources,
) -> usize {
    let documents = documents.into_iter();
    documents
        .filter(|document| resources.note_requests(document, default_namespace, snapshot, settings))
        .count()
}
