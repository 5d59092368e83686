//! Which certificate authority this replica serves with: the one in the Secret, once the API server trusts it.
//!
//! The leader makes authorities and registers them (see `registration`); every replica, the leader too, follows here.

use std::sync::Arc;
use std::time::Duration;

use ingraft_cluster::authority::{self, Authority};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::readiness::Readiness;
use k8s_openapi::Resource;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use kube::{Api, Client};
use tokio::sync::{Notify, watch};

use crate::repeats::Repeats;
use crate::{CONFIGURATION, NAME};

/// How often to look while there is no authority to serve with, or the API server does not trust it.
const SOON: Duration = Duration::from_secs(1);
/// How often to look afterwards. A new authority is trusted together with its predecessor, so nothing is lost until then.
const REFRESH: Duration = Duration::from_mins(1);

/// What is logged while there is no registration.
const UNREGISTERED: &str = "the MutatingWebhookConfiguration is missing: \
    no pod is injected until the operator's manifests are applied again";
/// What is logged while the registration trusts somebody else.
const UNTRUSTED: &str = "the API server does not trust this replica's certificate: \
    pods whose reviews it sends here are not injected";

/// Hands on the authority that the API server trusts, and each that takes its place. `registered` wakes it at once.
/// `is_trusted` tells whether what is served is what the API server trusts. While there is no registration, that is
/// missing from `readiness`.
pub async fn follow_authority(
    client: Client,
    namespace: String,
    registered: Arc<Notify>,
    current: watch::Sender<Option<Authority>>,
    is_trusted: watch::Sender<bool>,
    readiness: Readiness,
) {
    let mut repeats = Repeats::default();
    let mut missing = None;
    loop {
        match look(&client, &namespace).await {
            Ok((stored, registration)) => {
                let is_registered = registration.is_some();
                if !is_registered {
                    let kind = MutatingWebhookConfiguration::KIND;
                    let what = format!("{kind} {CONFIGURATION} (apply the operator's manifests again)");
                    missing.get_or_insert_with(|| readiness.register(what));
                } else if let Some(missing) = missing.take() {
                    missing.done();
                }
                let bundles = registration.unwrap_or_default();
                if let Some(authority) = stored.filter(|authority| trust(&bundles, authority)) {
                    current.send_if_modified(|current| {
                        let changed = current.as_ref() != Some(&authority);
                        *current = Some(authority);
                        changed
                    });
                }
                let serves = current.borrow().as_ref().map(|serving| trust(&bundles, serving));
                is_trusted.send_replace(serves == Some(true));
                let fault = match (is_registered, serves) {
                    (false, _) => Some(UNREGISTERED),
                    (true, Some(false)) => Some(UNTRUSTED),
                    (true, _) => None,
                };
                match fault {
                    None => repeats.clear(),
                    Some(fault) if repeats.is_due(fault) => tracing::warn!(name = NAME, "{fault}"),
                    Some(_) => {}
                }
            }
            Err(error) => {
                let error = Chain(&error).to_string();
                if repeats.is_due(&error) {
                    tracing::warn!(error, "failed to read the certificate authority, will try again");
                }
            }
        }
        let pause = if *is_trusted.borrow() { REFRESH } else { SOON };
        // Woken or not: it looks again.
        let _ = tokio::time::timeout(pause, registered.notified()).await;
    }
}

/// The authority in the Secret, and the bundles that the API server trusts, if there is a registration.
async fn look(client: &Client, namespace: &str) -> kube::Result<(Option<Authority>, Option<Vec<String>>)> {
    let stored = authority::load(client, namespace).await?.and_then(|stored| stored.authority);
    Ok((stored, registered_bundles(client).await?))
}

/// The bundles that the API server trusts, one for each webhook; `None` if there is no registration.
pub(crate) async fn registered_bundles(client: &Client) -> kube::Result<Option<Vec<String>>> {
    let registration =
        Api::<MutatingWebhookConfiguration>::all(client.clone()).get_opt(CONFIGURATION).await?;
    let bundle = |webhook: MutatingWebhook| {
        let bundle = webhook.client_config.ca_bundle.unwrap_or_default();
        String::from_utf8_lossy(&bundle.0).into_owned()
    };
    let bundles = |registration: MutatingWebhookConfiguration| {
        registration.webhooks.unwrap_or_default().into_iter().map(bundle).collect()
    };
    Ok(registration.map(bundles))
}

/// Whether every webhook trusts an authority.
fn trust(bundles: &[String], authority: &Authority) -> bool {
    !bundles.is_empty() && bundles.iter().all(|bundle| bundle.contains(&authority.certificate))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::fake_api::FakeApi;

    fn register(api: &FakeApi, authority: &Authority) {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz-ingraft-operator";
        let bundle = ByteString(authority.bundle.clone().into_bytes());
        let webhook = json!({"name": "pods.ingraft.dev", "clientConfig": {"caBundle": bundle},
            "sideEffects": "None", "admissionReviewVersions": ["v1"]});
        let configuration = json!({"metadata": {"name": CONFIGURATION}, "webhooks": [webhook]});
        api.state().objects.insert(path.to_owned(), configuration);
    }

    #[tokio::test(start_paused = true)]
    async fn notices_that_it_is_no_longer_trusted_and_that_it_is_again() {
        let api = FakeApi::default();
        let now = OffsetDateTime::now_utc();
        let (own, foreign) = (Authority::new(None, now).unwrap(), Authority::new(None, now).unwrap());
        authority::save(&api.client(), "system", &own, None).await.unwrap();
        register(&api, &own);
        let (current, is_trusted) = (watch::Sender::default(), watch::Sender::new(false));
        let mut trusted = is_trusted.subscribe();
        let serves = current.subscribe();
        let readiness = Readiness::default();
        tokio::spawn(follow_authority(
            api.client(),
            "system".to_owned(),
            Arc::default(),
            current,
            is_trusted,
            readiness.clone(),
        ));
        trusted.wait_for(|trusted| *trusted).await.unwrap();
        register(&api, &foreign);
        trusted.wait_for(|trusted| !trusted).await.unwrap();
        assert_eq!(serves.borrow().as_ref(), Some(&own), "there is nothing better to serve");
        register(&api, &own);
        let start = tokio::time::Instant::now();
        trusted.wait_for(|trusted| *trusted).await.unwrap();
        assert!(start.elapsed() <= SOON);

        api.state().objects.retain(|path, _| !path.contains("webhookconfigurations"));
        trusted.wait_for(|trusted| !trusted).await.unwrap();
        let missing = readiness.missing();
        assert!(
            missing.concat().starts_with("MutatingWebhookConfiguration zz-ingraft-operator"),
            "{missing:?}"
        );
        register(&api, &own);
        trusted.wait_for(|trusted| *trusted).await.unwrap();
        assert_eq!(readiness.missing(), Vec::<String>::new());
    }
}
