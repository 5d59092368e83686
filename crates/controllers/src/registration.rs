//! The operator's registration with the API server: who is asked about, and where.
//!
//! Pods that did not ask never cost a call (design.md 6.10). Two webhooks share the work:
//!
//! ```text
//!  pods.ingraft.dev               the pod has an annotation of ours
//!  pods-by-namespace.ingraft.dev  it has none, and its namespace is not known to have none either
//! ```
//!
//! A namespace is listed as having none only when it has been seen, so the first pods of a namespace that was created
//! together with them are asked about. In CEL an absent map is an error, which under `Ignore` means never called:
//! hence `has()`.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use ingraft_api::annotations::{INJECT, PREFIX};
use ingraft_api::instrumentation::{GROUP, PLURAL, VERSION};
use ingraft_cluster::cause::Chain;
use ingraft_cluster::watch::Store;
use ingraft_core::Snapshot;
use ingraft_webhook::{
    Authority, INSTRUMENTATION_PATH, INSTRUMENTATION_WARNINGS_PATH, LeafResolver, POD_PATH,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Error, FIELD_MANAGER, NAME, ensure_authority};

/// How often the registration is written again, in case somebody removed or changed it.
const REFRESH: Duration = Duration::from_mins(1);
/// Changes of namespaces come in bursts; this long they are collected.
const COLLECT: Duration = Duration::from_millis(250);
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

/// Keeps the registration up to date.
pub struct Registration {
    /// The API server.
    pub client: Client,
    /// The operator's namespace.
    pub namespace: String,
    /// Where reviews are sent.
    pub address: Address,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// What serves certificates of the authority.
    pub resolver: Arc<LeafResolver>,
}

impl Registration {
    /// Registers, and keeps the registration and the certificate authority up to date. `registered` is called once,
    /// when the API server knows where to send reviews.
    pub async fn run(self, mut authority: Authority, registered: impl FnOnce()) {
        let mut registered = Some(registered);
        let mut changes = self.store.subscribe();
        let mut applied = None;
        // The first pass below is a refresh already.
        let mut refresh = tokio::time::interval_at(tokio::time::Instant::now() + REFRESH, REFRESH);
        loop {
            if let Err(error) = self.refresh(&mut authority, &mut applied).await {
                tracing::error!(error = %Chain(&error), "will try again");
                applied = None;
                tokio::time::sleep(RETRY).await;
                continue;
            }
            if let Some(registered) = registered.take() {
                registered();
            }
            tokio::select! {
                _ = changes.changed() => tokio::time::sleep(COLLECT).await,
                _ = refresh.tick() => applied = None,
            }
        }
    }

    /// Applies the registration unless it is as applied before. A new authority is trusted before it is used.
    async fn refresh(
        &self,
        authority: &mut Authority,
        applied: &mut Option<[Value; 2]>,
    ) -> Result<(), Error> {
        if applied.is_none() {
            let stored = ensure_authority(&self.client, &self.namespace).await?;
            if stored != *authority {
                self.apply(&stored, applied).await?;
                self.resolver.replace(stored.clone())?;
                // Only now: after a failure above, all of it is tried again.
                *authority = stored;
            }
        }
        self.apply(authority, applied).await
    }

    async fn apply(&self, authority: &Authority, applied: &mut Option<[Value; 2]>) -> Result<(), Error> {
        let desired = configurations(&self.store.read(), &self.address, &self.namespace, &authority.bundle);
        if applied.as_ref() == Some(&desired) {
            return Ok(());
        }
        let owner = self.owner().await;
        let [mut mutating, mut validating] = desired.clone();
        for configuration in [&mut mutating, &mut validating] {
            let metadata = configuration.get_mut("metadata").and_then(Value::as_object_mut);
            if let (Some(owner), Some(metadata)) = (&owner, metadata) {
                metadata.insert("ownerReferences".to_owned(), json!([owner]));
            }
        }
        let client = || self.client.clone();
        patch("MutatingWebhookConfiguration", &Api::<MutatingWebhookConfiguration>::all(client()), &mutating)
            .await?;
        patch(
            "ValidatingWebhookConfiguration",
            &Api::<ValidatingWebhookConfiguration>::all(client()),
            &validating,
        )
        .await?;
        *applied = Some(desired);
        Ok(())
    }

    /// Our ClusterRole: what it owns is removed with it. There is none when the operator runs outside the cluster.
    async fn owner(&self) -> Option<Value> {
        let role = Api::<ClusterRole>::all(self.client.clone()).get_metadata_opt(NAME).await.ok()??;
        Some(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "name": NAME,
            "uid": role.metadata.uid,
        }))
    }
}

async fn patch<K>(kind: &'static str, api: &Api<K>, configuration: &Value) -> Result<(), Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let failed = |source| Error::Apply { kind, name: NAME, source: Box::new(source) };
    api.patch(NAME, &params, &Patch::Apply(configuration)).await.map(drop).map_err(failed)
}

/// The configurations of mutating and of validating webhooks.
fn configurations(snapshot: &Snapshot, address: &Address, namespace: &str, bundle: &str) -> [Value; 2] {
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
            "clientConfig": client_config(POD_PATH),
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
    let configuration = |kind: &str, webhooks: Value| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {
                "name": NAME,
                "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
            },
            "webhooks": webhooks,
        })
    };
    let mutating = json!([
        pods("pods.ingraft.dev", ("pod-asks", asks.clone()), json!({})),
        pods(
            "pods-by-namespace.ingraft.dev",
            ("pod-does-not-ask", format!("!({asks})")),
            except_silent(snapshot)
        ),
        instrumentations(INSTRUMENTATION_PATH),
    ]);
    let validating = json!([instrumentations(INSTRUMENTATION_WARNINGS_PATH)]);
    [
        configuration("MutatingWebhookConfiguration", mutating),
        configuration("ValidatingWebhookConfiguration", validating),
    ]
}

/// Selects all namespaces but those that are known to ask for nothing.
fn except_silent(snapshot: &Snapshot) -> Value {
    let silent: Vec<&str> = snapshot
        .namespaces
        .in_namespace("")
        .filter(|(_, namespace)| !namespace.asks())
        .map(|(name, _)| name)
        .collect();
    if silent.is_empty() {
        return json!({});
    }
    json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": silent}]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingraft_core::Namespace;

    #[test]
    fn asks_about_silent_pods_only_in_namespaces_that_ask_or_are_unknown() {
        let mut snapshot = Snapshot::default();
        let asking =
            Namespace::new([("instrumentation.opentelemetry.io/inject-java".to_owned(), "true".to_owned())]);
        snapshot.namespaces.insert(String::new(), "asking".into(), asking);
        assert_eq!(except_silent(&snapshot), json!({}), "an empty list would be refused");
        snapshot.namespaces.insert(String::new(), "silent".into(), Namespace::default());
        assert_eq!(except_silent(&snapshot)["matchExpressions"][0]["values"], json!(["silent"]));
    }

    #[test]
    fn registers_by_service_and_by_url() {
        let [by_service, _] = configurations(&Snapshot::default(), &Address::Service, "system", "PEM");
        let service = &by_service["webhooks"][0]["clientConfig"]["service"];
        assert_eq!(service["path"], POD_PATH);
        assert_eq!(service["namespace"], "system");
        let url = Address::Url("https://127.0.0.1:9443/".to_owned());
        let [by_url, _] = configurations(&Snapshot::default(), &url, "system", "PEM");
        assert_eq!(by_url["webhooks"][0]["clientConfig"]["url"], "https://127.0.0.1:9443/mutate-v1-pod");
        assert_eq!(by_url["webhooks"][0]["clientConfig"]["caBundle"], "UEVN");
    }
}
