//! The operator's registration with the API server: who is asked about, and where.
//!
//! Pods that did not ask never cost a call (docs/reference/operator.md 2). Two webhooks share the work:
//!
//! ```text
//!  pods.ingraft.dev               the pod has an annotation of ours
//!  pods-by-namespace.ingraft.dev  it has none, and its namespace is not known to have none either
//! ```
//!
//! A third one, `workloads.ingraft.dev`, warns whoever applies what makes pods, or a namespace or Service, if a key on it
//! looks like one of ours. A configuration of its own, `zz-ingraft-self-test`, shows whether reviews arrive.
//!
//! A namespace is listed as having none only when it has been seen, so the first pods of a namespace that was created
//! together with them are asked about. In CEL an absent map is an error, which under `Ignore` means never called:
//! hence `has()`.
//!
//! Only the leader registers. It also makes the certificate authority: one is trusted before it is in the Secret, from
//! where every replica takes it into use (see `authority`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use ingraft_api::annotations::{INJECT, PREFIX};
use ingraft_api::instrumentation::{GROUP, PLURAL, VERSION};
use ingraft_cluster::authority::{self, Authority};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::readiness::Pending;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::Snapshot;
use ingraft_core::admission_path::{LABEL, SELF_TEST};
use ingraft_core::policies::{key_looks_like_ours, nobody_controls_it};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::{ByteString, Resource};
use kube::api::{Patch, PatchParams};
use kube::client::Body;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::authority::registered_bundles;
use crate::{CONFIGURATION, Error, FIELD_MANAGER, NAME};

/// How often the registration is written again, in case somebody removed or changed it.
const REFRESH: Duration = Duration::from_mins(1);
/// Changes of namespaces come in bursts; this long they are collected, unless a namespace begins to ask.
const COLLECT: Duration = Duration::from_millis(250);
/// What was trusted before stays trusted for this long: every replica has looked at the Secret again by then.
const HANDOVER: Duration = Duration::from_secs(2 * REFRESH.as_secs());
/// At most so many certificates stay trusted.
const MAX_FORMER: usize = 4;
/// So many bytes of names are listed: etcd takes 1.5 MiB for all of an object.
const MAX_NAMES: usize = 1024 * 1024;
/// What is written around a name.
const SEPARATORS: usize = 3;
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Where the API server finds the webhook server.
#[derive(Debug, Clone)]
pub enum Address {
    /// The Service of the operator.
    Service,
    /// A URL without path, for an operator outside the cluster.
    Url(String),
}

/// Keeps the registration and the certificate authority up to date.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The operator's namespace.
    pub namespace: String,
    /// Where reviews are sent.
    pub address: Address,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What this replica serves with: the predecessor of a new authority if the Secret is lost.
    pub authority: watch::Receiver<Option<Authority>>,
    /// Notified when the API server knows where to send reviews.
    pub registered: Arc<Notify>,
}

/// The end of a certificate in a bundle.
const PEM_END: &str = "-----END CERTIFICATE-----\n";

/// What was applied last.
#[derive(Default)]
struct Applied {
    authority: Option<Authority>,
    configurations: Option<[Value; 3]>,
    /// The namespaces about whose silent pods the API server does not ask.
    silent: BTreeSet<String>,
    /// An authority that is trusted but could not be saved yet.
    unsaved: Option<Authority>,
    /// Certificates that are trusted beside the authority's own, and since when they are no longer among these.
    former: BTreeMap<String, Instant>,
    /// It has been logged that not all silent namespaces can be listed.
    is_incomplete: bool,
}

impl Applied {
    /// Somebody may have changed it.
    fn forget(&mut self) {
        self.authority = None;
        self.configurations = None;
    }

    /// The authority together with what is trusted now, so that replicas that still serve with a replaced or lost one
    /// are heard for a while.
    fn with_former(&mut self, authority: &Authority, trusted: &[String], now: Instant) -> Authority {
        let certificates = trusted.iter().flat_map(|bundle| bundle.split_inclusive(PEM_END));
        let former: BTreeMap<String, Instant> = certificates
            .filter(|certificate| certificate.ends_with(PEM_END) && !authority.bundle.contains(certificate))
            .map(|certificate| (certificate.to_owned(), *self.former.get(certificate).unwrap_or(&now)))
            .collect();
        self.former = former;
        let mut authority = authority.clone();
        let young = self.former.iter().filter(|(_, since)| now - **since < HANDOVER);
        authority.bundle.extend(young.map(|(certificate, _)| certificate.as_str()).take(MAX_FORMER));
        authority
    }
}

impl Registration {
    /// Registers once everything has been read, so that every review can be answered for real, and keeps the
    /// registration up to date.
    pub async fn run(&self, client: &Client) {
        self.store.synced().reached().await;
        let mut changes = self.store.subscribe();
        let mut applied = Applied::default();
        // The first pass below is a refresh already.
        let mut refresh = tokio::time::interval_at(Instant::now() + REFRESH, REFRESH);
        loop {
            if let Err(error) = self.refresh(client, &mut applied).await {
                tracing::error!(error = %Chain(&error), "will try again");
                applied.forget();
                tokio::time::sleep(RETRY).await;
                continue;
            }
            tokio::select! {
                _ = changes.changed() => {
                    let begins = |snapshot: &Snapshot| begins_to_ask(snapshot, &applied.silent);
                    self.store.wait_until(COLLECT, begins).await;
                }
                _ = refresh.tick() => applied.forget(),
            }
        }
    }

    /// Applies the registration unless it is as applied before.
    async fn refresh(&self, client: &Client, applied: &mut Applied) -> Result<(), Error> {
        if let Some(authority) = applied.authority.clone() {
            return self.apply(client, &authority, applied).await;
        }
        let authority = self.apply_with_authority(client, applied).await?;
        applied.authority = Some(authority);
        self.registered.notify_one();
        Ok(())
    }

    /// Applies the registration with the authority in the Secret. If that is missing, unusable or near its end, with
    /// a new one, which is trusted before any replica can use it.
    async fn apply_with_authority(&self, client: &Client, applied: &mut Applied) -> Result<Authority, Error> {
        let failed = |source| Error::AuthoritySecret {
            namespace: self.namespace.clone(),
            name: authority::SECRET,
            source: Box::new(source),
        };
        let now = api_server_time(client).await.map_err(failed)?;
        let trusted = registered_bundles(client).await.map_err(|source| Error::Apply {
            kind: MutatingWebhookConfiguration::KIND,
            name: CONFIGURATION,
            source: Box::new(source),
        })?;
        let trusted = trusted.unwrap_or_default();
        let stored = authority::load(client, &self.namespace).await.map_err(failed)?;
        let current = stored.as_ref().and_then(|stored| stored.authority.clone());
        if let Some(authority) = current.clone().filter(|authority| !authority.is_due(now)) {
            applied.unsaved = None;
            let authority = applied.with_former(&authority, &trusted, Instant::now());
            self.apply(client, &authority, applied).await?;
            return Ok(authority);
        }
        let predecessor = current.or_else(|| self.authority.borrow().clone());
        let authority = match applied.unsaved.take().filter(|unsaved| !unsaved.is_due(now)) {
            Some(unsaved) => unsaved,
            None => Authority::new(predecessor.as_ref(), now)?,
        };
        applied.unsaved = Some(authority.clone());
        let with_former = applied.with_former(&authority, &trusted, Instant::now());
        self.apply(client, &with_former, applied).await?;
        authority::save(client, &self.namespace, &authority, stored.as_ref()).await.map_err(failed)?;
        applied.unsaved = None;
        tracing::info!(
            secret = authority::SECRET,
            namespace = self.namespace,
            "made a certificate authority"
        );
        Ok(with_former)
    }

    async fn apply(
        &self,
        client: &Client,
        authority: &Authority,
        applied: &mut Applied,
    ) -> Result<(), Error> {
        let (silent, left_out) = silent(&self.store.read());
        if left_out > 0 && !applied.is_incomplete {
            tracing::warn!(
                namespaces = left_out,
                "there are more namespaces without annotations of ours than a registration can list: \
                 pods of the others are sent too, which costs time and changes nothing"
            );
        }
        applied.is_incomplete = left_out > 0;
        let desired = configurations(all_but(&silent), &self.address, &self.namespace, &authority.bundle);
        if applied.configurations.as_ref() == Some(&desired) {
            return Ok(());
        }
        let [mutating, validating, self_test] = owned(client, desired.clone()).await;
        patch::<MutatingWebhookConfiguration>(client, CONFIGURATION, &mutating).await?;
        applied.silent = silent.into_iter().collect();
        // The others only warn about Instrumentations, and test: pods are injected without them.
        let warns = patch::<ValidatingWebhookConfiguration>(client, CONFIGURATION, &validating).await;
        if let Err(error) = &warns {
            tracing::warn!(error = %Chain(error), "nobody is warned about Instrumentations, will try again");
        }
        let tests = patch::<MutatingWebhookConfiguration>(client, SELF_TEST.0, &self_test).await;
        if let Err(error) = &tests {
            tracing::warn!(error = %Chain(error), "the way to the operator cannot be tested, will try again");
        }
        if warns.is_ok() && tests.is_ok() {
            applied.configurations = Some(desired);
        }
        Ok(())
    }
}

/// Whether a namespace asks although it is listed as silent.
fn begins_to_ask(snapshot: &Snapshot, silent: &BTreeSet<String>) -> bool {
    snapshot.namespaces.in_namespace("").any(|(name, namespace)| namespace.asks() && silent.contains(name))
}

/// What time the API server says that it is. It judges certificates by its own clock, so a replica whose clock is off
/// must neither replace a good authority nor make one that is not valid yet.
async fn api_server_time(client: &Client) -> kube::Result<OffsetDateTime> {
    let request = http::Request::get("/version").body(Body::empty()).map_err(kube::Error::HttpError)?;
    // Any answer has a date, even a refusal.
    let answer = client.send(request).await?;
    let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    Ok(date.unwrap_or_else(|| {
        tracing::warn!(
            "the API server's answers have no date: certificates are judged by the clock of this replica"
        );
        OffsetDateTime::now_utc()
    }))
}

/// Our ClusterRole: what it owns is removed with it. There is none when the operator runs outside the cluster.
async fn owner(client: &Client) -> Option<Value> {
    let role = Api::<ClusterRole>::all(client.clone()).get_metadata_opt(NAME).await.ok()??;
    Some(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "name": NAME,
        "uid": role.metadata.uid,
    }))
}

/// The same configurations, owned by our ClusterRole.
async fn owned(client: &Client, mut configurations: [Value; 3]) -> [Value; 3] {
    let owner = owner(client).await;
    for configuration in &mut configurations {
        let metadata = configuration.get_mut("metadata").and_then(Value::as_object_mut);
        if let (Some(owner), Some(metadata)) = (&owner, metadata) {
            metadata.insert("ownerReferences".to_owned(), json!([owner]));
        }
    }
    configurations
}

/// Keeps the API server from asking, for as long as the process runs: whoever ran before, or still does, has registered.
pub async fn keep_unregistered(client: &Client, emptied: Pending) {
    let mut emptied = Some(emptied);
    loop {
        let empty = [
            (MutatingWebhookConfiguration::KIND, CONFIGURATION),
            (ValidatingWebhookConfiguration::KIND, CONFIGURATION),
            (MutatingWebhookConfiguration::KIND, SELF_TEST.0),
        ];
        let empty = empty.map(|(kind, name)| configuration(kind, name, &json!([])));
        let [mutating, validating, self_test] = owned(client, empty).await;
        let done = async {
            patch::<MutatingWebhookConfiguration>(client, CONFIGURATION, &mutating).await?;
            patch::<ValidatingWebhookConfiguration>(client, CONFIGURATION, &validating).await?;
            patch::<MutatingWebhookConfiguration>(client, SELF_TEST.0, &self_test).await
        };
        match done.await {
            Ok(()) => drop(emptied.take().map(Pending::done)),
            Err(error) => tracing::error!(error = %Chain(&error), "will try again"),
        }
        tokio::time::sleep(if emptied.is_some() { RETRY } else { REFRESH }).await;
    }
}

async fn patch<K>(client: &Client, name: &'static str, configuration: &Value) -> Result<(), Error>
where
    K: kube::Resource<DynamicType = ()> + Resource + Clone + DeserializeOwned + Debug,
{
    let kind = K::KIND;
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let failed = |source| Error::Apply { kind, name, source: Box::new(source) };
    let api = Api::<K>::all(client.clone());
    match api.patch(name, &params, &Patch::Apply(configuration)).await {
        Ok(_) => Ok(()),
        // We may change it but not create it.
        Err(_) if matches!(api.get_metadata_opt(name).await, Ok(None)) => Err(Error::Missing { kind, name }),
        Err(error) => Err(failed(error)),
    }
}

/// The configurations of mutating and of validating webhooks, and that of the self-test. The selector is of namespaces whose
/// silent pods are sent.
fn configurations(selector: Value, address: &Address, namespace: &str, bundle: &str) -> [Value; 3] {
    let client_config = |path: &str| {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        match address {
            Address::Service => {
                json!({"caBundle": bundle, "service": {"namespace": namespace, "name": NAME, "port": 443, "path": path}})
            }
            Address::Url(url) => {
                json!({"caBundle": bundle, "url": format!("{}{path}", url.trim_end_matches('/'))})
            }
        }
    };
    let asks = format!(
        "has(object.metadata.annotations) && object.metadata.annotations.exists(key, key.startsWith('{PREFIX}') || key == '{INJECT}')"
    );
    let pods = |name: &str, condition: (&str, String), selector: Value| {
        json!({
            "name": name,
            "clientConfig": client_config(webhook_paths::POD),
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "Namespaced"}],
            "matchConditions": [{"name": condition.0, "expression": condition.1}],
            "namespaceSelector": selector,
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "IfNeeded",
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        })
    };
    let instrumentations = |path: &str| {
        json!({
            "name": "instrumentations.ingraft.dev",
            "clientConfig": client_config(path),
            "rules": [{
                "apiGroups": [GROUP], "apiVersions": [VERSION], "resources": [PLURAL],
                "operations": ["CREATE", "UPDATE"], "scope": "Namespaced",
            }],
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "timeoutSeconds": 2,
            "admissionReviewVersions": ["v1"],
        })
    };
    let mutating = json!([
        pods("pods.ingraft.dev", ("pod-asks", asks.clone()), json!({})),
        pods("pods-by-namespace.ingraft.dev", ("pod-does-not-ask", format!("!({asks})")), selector),
        instrumentations(webhook_paths::INSTRUMENTATION),
    ]);
    let validating = json!([
        instrumentations(webhook_paths::INSTRUMENTATION_WARNINGS),
        workloads(&client_config(webhook_paths::WORKLOAD_WARNINGS), &asks),
    ]);
    let self_test = json!([self_test(&client_config(webhook_paths::SELF_TEST), namespace)]);
    [
        configuration(MutatingWebhookConfiguration::KIND, CONFIGURATION, &mutating),
        configuration(ValidatingWebhookConfiguration::KIND, CONFIGURATION, &validating),
        configuration(MutatingWebhookConfiguration::KIND, SELF_TEST.0, &self_test),
    ]
}

/// The webhook of the self-test, the only one that fails closed, so that errors are told. It can refuse no pod that is to
/// run: it is asked about dry runs only, in the operator's own namespace only, of pods with a label of ours only.
fn self_test(client_config: &Value, namespace: &str) -> Value {
    json!({
        "name": SELF_TEST.1,
        "clientConfig": client_config,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "Namespaced"}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "objectSelector": {"matchLabels": {LABEL.0: LABEL.1}},
        "matchConditions": [{"name": "only-tried", "expression": "request.?dryRun.orValue(false)"}],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    })
}

fn configuration(kind: &str, name: &str, webhooks: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
        },
        "webhooks": webhooks,
    })
}

/// The webhook that warns about workloads, namespaces and Services. What a controller makes is its owner's matter, and pods
/// with annotations of ours are sent to the webhook for pods.
fn workloads(client_config: &Value, pod_asks: &str) -> Value {
    let conditions = [
        ("key-looks-like-ours", key_looks_like_ours()),
        ("nobody-controls-it", nobody_controls_it().to_owned()),
        ("no-pod-that-asks", format!("object.kind != 'Pod' || !({pod_asks})")),
    ];
    let conditions = conditions.map(|(name, expression)| json!({"name": name, "expression": expression}));
    let rule = |groups: &str, version: &str, resources: &[&str], scope: &str| {
        json!({
            "apiGroups": [groups], "apiVersions": [version], "resources": resources,
            "operations": ["CREATE", "UPDATE"], "scope": scope,
        })
    };
    json!({
        "name": "workloads.ingraft.dev",
        "clientConfig": client_config,
        "rules": [
            rule("apps", "v1", &["deployments", "statefulsets", "daemonsets", "replicasets"], "Namespaced"),
            rule("batch", "v1", &["jobs", "cronjobs"], "Namespaced"),
            rule("argoproj.io", "v1alpha1", &["rollouts"], "Namespaced"),
            rule("", "v1", &["pods", "replicationcontrollers", "services"], "Namespaced"),
            rule("", "v1", &["namespaces"], "Cluster"),
        ],
        "matchConditions": conditions,
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "admissionReviewVersions": ["v1"],
    })
}

/// The namespaces that are known to ask for nothing, and for how many of these there is no room.
fn silent(snapshot: &Snapshot) -> (Vec<String>, usize) {
    let namespaces = snapshot.namespaces.in_namespace("").filter(|(_, namespace)| !namespace.asks());
    let mut silent: Vec<&str> = namespaces.map(|(name, _)| name).collect();
    let mut size = 0;
    let fits = |name: &&str| {
        size += name.len() + SEPARATORS;
        size <= MAX_NAMES
    };
    let fitting = silent.iter().copied().take_while(fits).count();
    let left_out = silent.len() - fitting;
    silent.truncate(fitting);
    (silent.into_iter().map(str::to_owned).collect(), left_out)
}

/// Selects all namespaces but these.
fn all_but(silent: &[String]) -> Value {
    if silent.is_empty() {
        return json!({});
    }
    let expression = json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": silent});
    json!({"matchExpressions": [expression]})
}

#[cfg(test)]
mod tests;
