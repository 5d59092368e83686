//! `--fix` in a cluster: what is found is corrected in the objects, by patches that change nothing else.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ingraft_cluster::api::WorkloadKind;
use ingraft_cluster::workloads::LAST_APPLIED;
use ingraft_core::doctor::{self, Fix, ObjectRef};
use ingraft_core::workload::RESTARTED_AT;
use ingraft_core::{Edit, Locale, Severity, edit};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use similar::TextDiff;

use super::collect::Collected;
use super::report::{Item, Report};
use super::restarts::{self, Against};
use crate::output;

/// Who changes objects. One that begins with `kubectl` would be undone by Flux.
const FIELD_MANAGER: &str = "ingraft-doctor";

/// A change of one object.
pub struct Change {
    object: ObjectRef,
    api: Api<DynamicObject>,
    before: Value,
    correction: Correction,
}

/// What an object becomes, and how.
#[derive(Debug)]
struct Correction {
    after: Value,
    patch: Value,
    /// How many findings it corrects.
    corrects: usize,
}

/// The changes that correct what is told, and what is left to people, with the reason.
pub struct Plan {
    /// By object.
    pub changes: Vec<Change>,
    /// What is left.
    pub left: Vec<String>,
}

/// Plans the changes, from the objects as they are now.
pub async fn plan(
    client: &Client,
    collected: &Collected,
    report: &Report,
    force: bool,
    locale: Locale,
) -> anyhow::Result<Plan> {
    let mut plan = Plan { changes: Vec::new(), left: Vec::new() };
    let surveyed = collected.objects.iter().map(|surveyed| &surveyed.document);
    let surveyed: BTreeMap<ObjectRef, &Value> =
        surveyed.map(|document| (ObjectRef::of(document, ""), document)).collect();
    let injects = collected.injects(report);
    let are_refused = report.items.iter().any(|item| item.code() == "WebhookRefuses");
    for (object, items) in report.by_object() {
        let fails = items.iter().any(|item| ["PodsRefused", "InjectedPodFails"].contains(&item.code()));
        let items: Vec<&Item> = items.into_iter().filter(|item| item.fix.is_some()).collect();
        let Some(first) = items.first() else { continue };
        if let Some(keeper) = first.kept_by.filter(|_| !force) {
            let help = first.help(locale).unwrap_or_default();
            plan.left.push(match locale {
                Locale::En => format!(
                    "{object} is kept as it is by {keeper}, which would undo a change: correct it at its source ({help}), or use --force"
                ),
                Locale::Es => format!(
                    "{keeper} mantiene {object} como está y desharía un cambio: corrígelo en su origen ({help}) o usa --force"
                ),
            });
            continue;
        }
        let Some(kind) = resource(object) else {
            plan.left.push(match locale {
                Locale::En => format!("{object} cannot be changed: correct what makes it"),
                Locale::Es => format!("{object} no se puede cambiar: corrige lo que lo crea"),
            });
            continue;
        };
        let api = if object.namespace.is_empty() {
            Api::all_with(client.clone(), &kind)
        } else {
            Api::namespaced_with(client.clone(), &object.namespace, &kind)
        };
        let live = match api.get(&object.name).await {
            Err(kube::Error::Api(status)) => {
                plan.left.push(unchanged(object, &status.message, locale));
                continue;
            }
            live => live.with_context(|| format!("failed to read {object}"))?,
        };
        let mut live = serde_json::to_value(live)?;
        if let Some(fields) = live.as_object_mut() {
            fields.insert("apiVersion".to_owned(), kind.api_version.clone().into());
            fields.insert("kind".to_owned(), kind.kind.clone().into());
        }
        if !surveyed.get(object).is_some_and(|surveyed| is_as_it_was(surveyed, &live)) {
            plan.left.push(match locale {
                Locale::En => format!("{object} has changed since it was looked at: run it again"),
                Locale::Es => format!("{object} ha cambiado desde que se miró: ejecútalo otra vez"),
            });
            continue;
        }
        let of_change = (!injects || fails).then_some(Against::Useless);
        let is_useless = of_change.is_some() || are_refused;
        let of_restart = is_useless
            .then_some(Against::Useless)
            .or_else(|| restarts::against(&live, collected.scene().snapshot, force));
        // What changes a template has pods created anew, too.
        let has_pods = WorkloadKind::parse(&object.kind).is_some();
        let against = |item: &Item| match &item.fix {
            Some(Fix::Restart) => of_restart,
            Some(Fix::Edits(edits)) if edits.iter().any(|edit| edit.path().starts_with("/spec/")) => {
                of_change.filter(|_| has_pods)
            }
            _ => None,
        };
        let why = items.iter().find_map(|item| against(item));
        plan.left.extend(why.map(|why| why.text(object, locale)));
        let items: Vec<&Item> = items.into_iter().filter(|item| against(item).is_none()).collect();
        if items.is_empty() {
            continue;
        }
        let (correction, left) = correction(&live, &items, collected);
        plan.changes.extend(correction.map(|correction| Change {
            object: object.clone(),
            api,
            before: live,
            correction,
        }));
        plan.left.extend(left.map(|left| left.text(object, locale)));
    }
    Ok(plan)
}

/// Whether an object is still the one that was looked at: its spec, by its generation, and what is written about it.
fn is_as_it_was(surveyed: &Value, live: &Value) -> bool {
    let entries = |object: &Value, pointer: &str| {
        object.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
    };
    // What kubectl notes there is not kept of all.
    let annotations = |object: &Value| {
        let mut annotations = entries(object, "/metadata/annotations");
        annotations.remove(LAST_APPLIED);
        annotations
    };
    let labels = |object: &Value| entries(object, "/metadata/labels");
    let generation = |object: &Value| object.pointer("/metadata/generation").and_then(Value::as_i64);
    generation(surveyed) == generation(live)
        && annotations(surveyed) == annotations(live)
        && labels(surveyed) == labels(live)
}

/// Why something is left to people.
#[derive(Debug, PartialEq)]
enum Left {
    /// An earlier correction moves what it is about.
    Later,
    /// The new pods would not be injected, as the finding says.
    Useless(&'static str),
}

impl Left {
    fn text(&self, object: &ObjectRef, locale: Locale) -> String {
        match (self, locale) {
            (Self::Later, Locale::En) => {
                format!("{object} has more to correct, once the rest of it is: run it again")
            }
            (Self::Later, Locale::Es) => {
                format!("{object} tiene más por corregir, cuando lo demás lo esté: ejecútalo otra vez")
            }
            (Self::Useless(code), Locale::En) => {
                format!("{object} is not changed: its new pods would not be injected ({code})")
            }
            (Self::Useless(code), Locale::Es) => {
                format!("{object} no se cambia: sus nuevos pods no se inyectarían ({code})")
            }
        }
    }
}

/// What is changed of an object, where something is, and what of it is left to people.
fn correction(before: &Value, items: &[&Item], collected: &Collected) -> (Option<Correction>, Option<Left>) {
    let (mut after, mut edits, mut corrects) = (before.clone(), Vec::<Edit>::new(), 0);
    let (mut restarts, mut left) = (false, None);
    for item in items {
        let pointer = &item.diagnosis.pointer;
        if edits.iter().any(|edit| shifts(edit, before, pointer)) {
            left = Some(Left::Later);
            continue;
        }
        match doctor::fix(&item.diagnosis, &after, &collected.scene()) {
            Some(Fix::Edits(some)) => {
                edit::apply(&mut after, &some);
                edits.extend(some);
            }
            Some(Fix::Restart) => restarts = true,
            Some(Fix::PutFirst(_)) | None => continue,
        }
        corrects += 1;
    }
    if before.pointer("/spec") != after.pointer("/spec")
        && let Some(code) = new_error(before, &after, collected)
    {
        return (None, Some(Left::Useless(code)));
    }
    // A changed template has pods created anew as it is.
    if restarts && before.pointer("/spec/template") == after.pointer("/spec/template") {
        let some = restart(&after);
        edit::apply(&mut after, &some);
        edits.extend(some);
    }
    let version = before.pointer("/metadata/resourceVersion").cloned();
    let test = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    let edits = edits.iter().map(|edit| json!(edit));
    let patch = std::iter::once(test).chain(edits).collect();
    let changes = *before != after;
    (changes.then_some(Correction { after, patch, corrects }), left)
}

/// Whether after an edit a pointer may lead to another item of a list than before.
fn shifts(edit: &Edit, before: &Value, pointer: &str) -> bool {
    let Some((list, _)) = edit.path().rsplit_once('/') else { return false };
    before.pointer(list).is_some_and(Value::is_array) && pointer.starts_with(&format!("{list}/"))
}

/// The finding that keeps new pods from what was requested, where there was none before.
fn new_error(before: &Value, after: &Value, collected: &Collected) -> Option<&'static str> {
    let errors = |object: &Value| -> Vec<&'static str> {
        let found = doctor::examine(object, "", Vec::new(), &collected.scene()).into_iter();
        let errors = found.filter(|found| found.finding.severity() == Severity::Error);
        errors.map(|found| found.finding.code()).collect()
    };
    let known = errors(before);
    errors(after).into_iter().find(|code| !known.contains(code))
}

/// What has pods created anew, as `kubectl rollout restart` does.
fn restart(object: &Value) -> Vec<Edit> {
    let now = Timestamp::now().to_string();
    if object.get("kind").and_then(Value::as_str) == Some("Rollout") {
        return vec![Edit::add("/spec/restartAt", now)];
    }
    let mut edits = Vec::new();
    for path in ["/spec/template/metadata", "/spec/template/metadata/annotations"] {
        if !object.pointer(path).is_some_and(Value::is_object) {
            edits.push(Edit::add(path, json!({})));
        }
    }
    let key = RESTARTED_AT.replace('/', "~1");
    edits.push(Edit::add(format!("/spec/template/metadata/annotations/{key}"), now));
    edits
}

/// The kind of an object that is changed.
fn resource(object: &ObjectRef) -> Option<ApiResource> {
    let own = |group: &str, version: &str, kind: &str, plural: &str| ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    match object.kind.as_str() {
        // What is changed of a pod has no effect any more.
        "Pod" => None,
        "Instrumentation" => Some(own("opentelemetry.io", "v1alpha1", "Instrumentation", "instrumentations")),
        "Namespace" => Some(own("", "v1", "Namespace", "namespaces")),
        kind => WorkloadKind::parse(kind).map(WorkloadKind::resource),
    }
}

impl Plan {
    /// What changes.
    pub fn diff(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for Change { object, before, correction, .. } in &self.changes {
            let (before, after) = (shown(before)?, shown(&correction.after)?);
            let diff = TextDiff::from_lines(&before, &after);
            let name = object.path();
            text.push_str(&diff.unified_diff().context_radius(3).header(&name, &name).to_string());
        }
        Ok(text)
    }

    /// Applies the changes. Returns how many findings are corrected by that; what the API server refuses is left.
    pub async fn apply(&mut self, locale: Locale) -> anyhow::Result<usize> {
        let mut corrected = 0;
        for Change { object, api, correction: Correction { patch, corrects, .. }, .. } in &self.changes {
            let patch = serde_json::from_value(patch.clone()).context("a change is not a patch")?;
            let parameters =
                PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            match api.patch(&object.name, &parameters, &Patch::<()>::Json(patch)).await {
                Ok(_) => corrected += corrects,
                Err(kube::Error::Api(status)) => {
                    self.left.push(unchanged(object, &status.message, locale));
                }
                Err(error) => self.left.push(unchanged(object, &error.to_string(), locale)),
            }
        }
        Ok(corrected)
    }
}

fn unchanged(object: &ObjectRef, why: &str, locale: Locale) -> String {
    match locale {
        Locale::En => format!("{object} is not changed: {why}"),
        Locale::Es => format!("{object} no se cambia: {why}"),
    }
}

/// An object as people read it.
fn shown(object: &Value) -> anyhow::Result<String> {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| {
            !["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"]
                .contains(&key.as_str())
        });
    }
    output::yaml(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected() -> Collected {
        let text = "apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: base, namespace: shop}\n\
                    spec: {exporter: {endpoint: http://gateway.obs.svc:4318}}\n";
        let documents = ingraft_cluster::documents::read("base.yaml", text).unwrap();
        Collected::default().with(documents).unwrap()
    }

    fn found(object: &Value, collected: &Collected) -> Vec<Item> {
        let found = doctor::examine(object, "", Vec::new(), &collected.scene());
        let item = |diagnosis: doctor::Diagnosis| Item {
            fix: doctor::fix(&diagnosis, object, &collected.scene()),
            diagnosis,
            place: None,
            written: None,
            is_possible: true,
            ignored: None,
            kept_by: None,
            concerns: std::collections::BTreeSet::new(),
        };
        found.into_iter().map(item).filter(|item| item.fix.is_some()).collect()
    }

    fn deployment(annotations: &Value, env: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "7", "annotations": annotations},
            "spec": {"template": {
                "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-java": "shop/base"}},
                "spec": {"containers": [{"name": "app", "image": "app:1", "env": env}]},
            }},
        })
    }

    #[test]
    fn what_an_earlier_correction_moves_is_left() {
        let env = json!([
            {"name": "OTEL_SERVICE_NAME", "value": "a"},
            {"name": "OTEL_SERVICE_NAME", "value": "b"},
            {"name": "OTEL_EXPORTER_OTLP_HEADER", "value": "k=v"},
            {"name": "DATABASE_URL", "value": "postgres://db"},
        ]);
        let (object, collected) = (deployment(&json!({}), &env), collected());
        let items = found(&object, &collected);
        assert!(items.len() > 1, "{items:?}");
        for items in [items.iter().collect::<Vec<_>>(), items.iter().rev().collect()] {
            let (correction, left) = correction(&object, &items, &collected);
            let after = correction.unwrap().after;
            let names = after["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().iter();
            let names: Vec<&str> = names.map(|entry| entry["name"].as_str().unwrap()).collect();
            assert_eq!(names.last(), Some(&"DATABASE_URL"), "{names:?}");
            assert_eq!(left.is_some(), names[1] == "OTEL_EXPORTER_OTLP_HEADER", "{names:?}");
        }
    }

    #[test]
    fn pods_that_would_not_be_injected_are_not_made() {
        let mut object =
            deployment(&json!({"instrumentation.opentelemetry.io/inject-java": "nonexistent"}), &json!([]));
        object["spec"]["template"]["metadata"] = json!({});
        let collected = collected();
        let items = found(&object, &collected);
        let (correction, left) = correction(&object, &items.iter().collect::<Vec<_>>(), &collected);
        assert!(correction.is_none(), "{correction:?}");
        assert!(matches!(left, Some(Left::Useless(_))), "{left:?}");
    }

    #[test]
    fn an_object_that_has_changed_is_told_from_one_whose_status_has() {
        let object = deployment(&json!({}), &json!([]));
        let mut live = object.clone();
        live["status"] = json!({"readyReplicas": 1});
        live["metadata"]["resourceVersion"] = "8".into();
        assert!(is_as_it_was(&object, &live));
        live["metadata"]["generation"] = 2.into();
        assert!(!is_as_it_was(&object, &live));
    }
}
