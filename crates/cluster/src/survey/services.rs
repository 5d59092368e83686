//! What is behind the Services on which telemetry and pods depend.

use ingraft_core::Settings;
use ingraft_core::doctor::{COLLECTOR, Scene, collector_of, endpoint_services, slices, webhook_services};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};

use super::{Reader, Survey, document};

impl Reader<'_> {
    /// What is behind the Services on which telemetry and pods depend.
    pub(super) async fn services(&mut self) -> kube::Result<()> {
        let (of_telemetry, of_webhooks) = {
            let settings = Settings::default();
            let Survey { snapshot, resources, pods, .. } = &self.survey;
            let scene = Scene { snapshot, settings: &settings, resources, pods };
            (endpoint_services(&scene), webhook_services(&scene))
        };
        let slice = ApiResource::erase::<EndpointSlice>(&());
        for (namespace, name) in of_telemetry.union(&of_webhooks) {
            let api = Api::namespaced_with(self.client.clone(), namespace, &slice);
            let own = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
            if let Some(found) = self.list(&api, &slice, own).await? {
                self.survey.resources.set_complete(&slices(namespace, name));
                self.survey.resources.extend(found);
            }
        }
        let service = ApiResource::erase::<Service>(&());
        for (namespace, name) in &of_telemetry {
            let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &service);
            match api.get_opt(name).await {
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    self.survey.unseen.push(status.message);
                }
                found => self.survey.resources.extend(found?.and_then(|found| document(found, &service))),
            }
        }
        self.collectors(of_telemetry.iter().filter_map(collector_of)).await
    }

    /// The Collectors of the OpenTelemetry Operator that telemetry goes to. Most people may not read them, and in most clusters
    /// there are none; then nothing is said of them.
    async fn collectors(&mut self, collectors: impl Iterator<Item = (&str, &str)>) -> kube::Result<()> {
        let kind = ApiResource {
            group: "opentelemetry.io".to_owned(),
            version: "v1beta1".to_owned(),
            api_version: "opentelemetry.io/v1beta1".to_owned(),
            kind: COLLECTOR.to_owned(),
            plural: "opentelemetrycollectors".to_owned(),
        };
        for (namespace, name) in collectors {
            let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &kind);
            match api.get_opt(name).await {
                Err(kube::Error::Api(status)) if status.code == 403 || status.code == 404 => {}
                found => self.survey.resources.extend(found?.and_then(|found| document(found, &kind))),
            }
        }
        Ok(())
    }
}
