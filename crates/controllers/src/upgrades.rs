//! Default images in stored Instrumentations, brought up to date by each new leader
//! (docs/reference/instrumentation.md 13 and 14).

use ingraft_api::Instrumentation;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_core::{Locale, Settings, Upgrade, upgrade};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};

use crate::events;

/// Upgrades every Instrumentation once. Not again while this replica leads: what a user then sets back stays.
pub async fn upgrade_images(client: &Client, store: &Store, settings: &Settings) {
    store.synced().reached().await;
    let pending: Vec<(Instrumentation, Upgrade)> = {
        let snapshot = store.read();
        let pairs = snapshot.instrumentations.iter().map(|one| (one.clone(), upgrade(one, settings)));
        pairs.filter(|(one, upgrade)| concerns(one, upgrade, settings.locale)).collect()
    };
    for (instrumentation, upgrade) in pending {
        let name = instrumentation.reference();
        match apply(client, &instrumentation, &upgrade, settings.locale).await {
            Ok(()) => {
                tracing::info!(instrumentation = name, images = ?upgrade.images, "upgraded default images");
            }
            // Somebody changed the object a moment ago, perhaps another replica with the same upgrade.
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => {}
            Err(error) => {
                tracing::warn!(instrumentation = name, error = %Chain(&error), "failed to upgrade default images");
            }
        }
        for finding in upgrade.blocked.values() {
            let object = instrumentation.object_ref(&());
            events::publish(client, events::event(finding, "Upgrade", &object, settings.locale)).await;
        }
    }
}

/// Whether anything is to be done, or told.
fn concerns(instrumentation: &Instrumentation, upgrade: &Upgrade, locale: Locale) -> bool {
    upgrade.patch().is_some()
        || !upgrade.blocked.is_empty()
        || status(instrumentation, upgrade, locale).is_some()
}

/// The new status, if it differs. A language that is no longer blocked is removed.
fn status(instrumentation: &Instrumentation, upgrade: &Upgrade, locale: Locale) -> Option<Value> {
    let current = instrumentation.status.as_ref().and_then(|status| status.upgrade_blocked_versions.clone());
    let (current, new) = (current.unwrap_or_default(), upgrade.status(locale));
    if current == new {
        return None;
    }
    let mut entries: serde_json::Map<String, Value> =
        current.into_keys().map(|language| (language, Value::Null)).collect();
    entries.extend(new.into_iter().map(|(language, why)| (language, why.into())));
    Some(json!({"status": {"upgradeBlockedVersions": entries}}))
}

async fn apply(
    client: &Client,
    instrumentation: &Instrumentation,
    upgrade: &Upgrade,
    locale: Locale,
) -> kube::Result<()> {
    let metadata = instrumentation.meta();
    let (namespace, name) =
        (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default());
    let api = Api::<Instrumentation>::namespaced(client.clone(), namespace);
    let params = PatchParams::default();
    if let Some(mut patch) = upgrade.patch() {
        // Only the object that was decided about.
        if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert(
                "resourceVersion".to_owned(),
                instrumentation.metadata.resource_version.clone().into(),
            );
        }
        api.patch(name, &params, &Patch::Merge(patch)).await?;
    }
    if let Some(status) = status(instrumentation, upgrade, locale) {
        api.patch_status(name, &params, &Patch::Merge(status)).await?;
    }
    Ok(())
}
