//! Which certificate authority this replica serves with: the one in the Secret, once the API server trusts it.
//!
//! The leader makes authorities and registers them (see `registration`); every replica, the leader too, follows here.

use std::sync::Arc;
use std::time::Duration;

use ingraft_cluster::authority::{self, Authority};
use ingraft_cluster::error_chain::Chain;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use kube::{Api, Client};
use tokio::sync::{Notify, watch};

use crate::NAME;
use crate::repeats::Repeats;

/// How often to look while there is no authority to serve with, or the API server does not trust it.
const SOON: Duration = Duration::from_secs(1);
/// How often to look afterwards. A new authority is trusted together with its predecessor, so nothing is lost until then.
const REFRESH: Duration = Duration::from_mins(1);

/// Hands on the authority that the API server trusts, and each that takes its place. `registered` wakes it at once.
/// `is_trusted` tells whether what is served is what the API server trusts.
pub async fn follow_authority(
    client: Client,
    namespace: String,
    registered: Arc<Notify>,
    current: watch::Sender<Option<Authority>>,
    is_trusted: watch::Sender<bool>,
) {
    let mut repeats = Repeats::default();
    loop {
        match look(&client, &namespace).await {
            Ok((stored, bundles)) => {
                if let Some(authority) = stored.filter(|authority| trust(&bundles, authority)) {
                    current.send_if_modified(|current| {
                        let changed = current.as_ref() != Some(&authority);
                        *current = Some(authority);
                        changed
                    });
                }
                let serves = current.borrow().as_ref().map(|serving| trust(&bundles, serving));
                is_trusted.send_replace(serves == Some(true));
                if serves != Some(false) {
                    repeats.clear();
                } else if repeats.is_due("untrusted") {
                    tracing::warn!(
                        "the API server does not trust this replica's certificate: \
                         pods whose reviews it sends here are not injected"
                    );
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

/// The authority in the Secret, and the bundles that the API server trusts.
async fn look(client: &Client, namespace: &str) -> kube::Result<(Option<Authority>, Vec<String>)> {
    let stored = authority::load(client, namespace).await?.and_then(|stored| stored.authority);
    Ok((stored, registered_bundles(client).await?))
}

/// The bundles that the API server trusts, one for each webhook.
pub(crate) async fn registered_bundles(client: &Client) -> kube::Result<Vec<String>> {
    let registration = Api::<MutatingWebhookConfiguration>::all(client.clone()).get_opt(NAME).await?;
    let webhooks = registration.and_then(|registration| registration.webhooks).unwrap_or_default();
    let bundle = |webhook: MutatingWebhook| {
        let bundle = webhook.client_config.ca_bundle.unwrap_or_default();
        String::from_utf8_lossy(&bundle.0).into_owned()
    };
    Ok(webhooks.into_iter().map(bundle).collect())
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
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/ingraft-operator";
        let bundle = ByteString(authority.bundle.clone().into_bytes());
        let webhook = json!({"name": "pods.ingraft.dev", "clientConfig": {"caBundle": bundle},
            "sideEffects": "None", "admissionReviewVersions": ["v1"]});
        let configuration = json!({"metadata": {"name": NAME}, "webhooks": [webhook]});
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
        tokio::spawn(follow_authority(
            api.client(),
            "system".to_owned(),
            Arc::default(),
            current,
            is_trusted,
        ));
        trusted.wait_for(|trusted| *trusted).await.unwrap();
        register(&api, &foreign);
        trusted.wait_for(|trusted| !trusted).await.unwrap();
        assert_eq!(serves.borrow().as_ref(), Some(&own), "there is nothing better to serve");
        register(&api, &own);
        let start = tokio::time::Instant::now();
        trusted.wait_for(|trusted| *trusted).await.unwrap();
        assert!(start.elapsed() <= SOON);
    }
}
