//! Which certificate authority this replica serves with: the one in the Secret, once the API server trusts it.
//!
//! The leader makes authorities and registers them (see `registration`); every replica, the leader too, follows here.

use std::sync::Arc;
use std::time::Duration;

use ingraft_cluster::authority::{self, Authority};
use ingraft_cluster::error_chain::Chain;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::{Api, Client};
use tokio::sync::{Notify, watch};

use crate::NAME;

/// How often to look while there is no authority to serve with.
const SOON: Duration = Duration::from_secs(1);
/// How often to look afterwards. A new authority is trusted together with its predecessor, so nothing is lost until then.
const REFRESH: Duration = Duration::from_mins(1);

/// Hands on the authority that the API server trusts, and each that takes its place. `registered` wakes it at once.
pub async fn follow_authority(
    client: Client,
    namespace: String,
    registered: Arc<Notify>,
    current: watch::Sender<Option<Authority>>,
) {
    let mut last_error = String::new();
    loop {
        match trusted(&client, &namespace).await {
            Ok(Some(authority)) => {
                current.send_if_modified(|current| {
                    let changed = current.as_ref() != Some(&authority);
                    *current = Some(authority);
                    changed
                });
            }
            Ok(None) => {}
            Err(error) => {
                let error = Chain(&error).to_string();
                if error != last_error {
                    tracing::warn!(error, "failed to read the certificate authority, will try again");
                    last_error = error;
                }
            }
        }
        let pause = if current.borrow().is_some() { REFRESH } else { SOON };
        // Woken or not: it looks again.
        let _ = tokio::time::timeout(pause, registered.notified()).await;
    }
}

/// The authority in the Secret, if the API server trusts it.
async fn trusted(client: &Client, namespace: &str) -> kube::Result<Option<Authority>> {
    let Some(authority) = authority::load(client, namespace).await?.and_then(|stored| stored.authority)
    else {
        return Ok(None);
    };
    let registration = Api::<MutatingWebhookConfiguration>::all(client.clone()).get_opt(NAME).await?;
    let webhooks = registration.and_then(|registration| registration.webhooks).unwrap_or_default();
    let trusts = !webhooks.is_empty()
        && webhooks.iter().all(|webhook| {
            let bundle = webhook.client_config.ca_bundle.as_ref();
            let bundle = bundle.map(|bundle| String::from_utf8_lossy(&bundle.0)).unwrap_or_default();
            bundle.contains(&authority.certificate)
        });
    Ok(trusts.then_some(authority))
}
