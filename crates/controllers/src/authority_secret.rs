//! The Secret that holds the certificate authority, shared by all replicas.

use std::collections::BTreeMap;

use ingraft_webhook::Authority;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use time::OffsetDateTime;

use crate::Error;

/// The name of the Secret.
const SECRET: &str = "ingraft-webhook-ca";
/// Replicas that start together may change the Secret at the same time; each tries again with what it then finds.
const TRIES: usize = 5;

/// The authority in the Secret. It is made if there is none, and replaced when it nears its end or cannot be read.
pub async fn ensure_authority(client: &Client, namespace: &str) -> Result<Authority, Error> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let failed = |source| Error::AuthoritySecret {
        namespace: namespace.to_owned(),
        name: SECRET,
        source: Box::new(source),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let now = OffsetDateTime::now_utc();
        let stored = secrets.get_opt(SECRET).await.map_err(failed)?;
        let current = stored.as_ref().and_then(read);
        if let Some(authority) = current.as_ref().filter(|authority| !authority.is_due(now)) {
            return Ok(authority.clone());
        }
        let fresh = Authority::new(current.as_ref(), now)?;
        let mut secret = write(&fresh);
        let result = if let Some(stored) = stored {
            // With the version that was read, so that a change by another replica is not overwritten.
            secret.metadata.resource_version = stored.metadata.resource_version;
            secrets.replace(SECRET, &PostParams::default(), &secret).await
        } else {
            secrets.create(&PostParams::default(), &secret).await
        };
        match result {
            Ok(_) => {
                tracing::info!(secret = SECRET, %namespace, "made a certificate authority");
                return Ok(fresh);
            }
            Err(kube::Error::Api(status)) if status.code == 409 && tries < TRIES => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

fn read(secret: &Secret) -> Option<Authority> {
    let data = secret.data.as_ref()?;
    let text = |key: &str| String::from_utf8(data.get(key)?.0.clone()).ok();
    Some(Authority {
        key: text("tls.key")?,
        certificate: text("tls.crt")?,
        bundle: text("bundle.crt")?,
        not_after: text("not-after")?.parse().ok()?,
    })
}

fn write(authority: &Authority) -> Secret {
    let entry = |(key, text): (&str, &str)| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
    let data = [
        ("tls.key", authority.key.as_str()),
        ("tls.crt", &authority.certificate),
        ("bundle.crt", &authority.bundle),
        ("not-after", &authority.not_after.to_string()),
    ];
    let mut secret = Secret { data: Some(data.map(entry).into()), ..Secret::default() };
    secret.metadata.name = Some(SECRET.to_owned());
    let labels =
        [("app.kubernetes.io/name", "opentelemetry-operator"), ("app.kubernetes.io/instance", "ingraft")];
    secret.metadata.labels =
        Some(BTreeMap::from(labels.map(|(key, value)| (key.to_owned(), value.to_owned()))));
    secret
}
