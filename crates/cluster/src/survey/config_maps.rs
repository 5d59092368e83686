//! The ConfigMaps from which workloads have variables.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use ingraft_core::doctor::named_config_maps;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use serde_json::Value;

use super::{Reader, document};
use crate::reference_lookup::can_exist;

/// So many are read at once.
const AT_ONCE: usize = 16;
/// What is longer, in bytes, switches nothing off, and would only take memory.
const LONGEST_VALUE: usize = 4096;

impl Reader<'_> {
    /// Reads those that surveyed workloads name. Of each namespace, the first that may not be read is named.
    pub(super) async fn config_maps(&mut self) -> kube::Result<()> {
        let objects = self.survey.objects.iter().map(|surveyed| &surveyed.document);
        let named: BTreeSet<(String, String)> = objects
            .flat_map(|document| {
                let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str);
                let namespace = namespace.unwrap_or_default();
                let names = named_config_maps(document).into_iter();
                names.filter(|name| can_exist(namespace, name)).map(|name| (namespace.into(), name.into()))
            })
            .collect();
        let (client, kind) = (self.client, &ApiResource::erase::<ConfigMap>(&()));
        let mut read = stream::iter(named)
            .map(|(namespace, name)| async move {
                let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, kind);
                (api.get_opt(&name).await, namespace)
            })
            .buffered(AT_ONCE);
        let mut closed = BTreeSet::new();
        while let Some((found, namespace)) = read.next().await {
            match found {
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    self.survey.unseen.extend(closed.insert(namespace).then_some(status.message));
                }
                found => {
                    let found = found?.and_then(|found| document(found, kind));
                    self.survey.resources.extend(found.map(slim));
                }
            }
        }
        Ok(())
    }
}

fn slim(mut config_map: Value) -> Value {
    if let Some(fields) = config_map.as_object_mut() {
        fields.remove("binaryData");
        if let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut) {
            data.retain(|_, value| value.as_str().is_some_and(|value| value.len() <= LONGEST_VALUE));
        }
    }
    config_map
}
