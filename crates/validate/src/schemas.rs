//! The schema of each kind of object that concerns instrumentation.

use std::sync::LazyLock;

use ingraft_api::instrumentation::{GROUP, KIND, VERSION};
use ingraft_api::{Instrumentation, structural};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ReplicationController, Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::meant;
use crate::structure::Reader;

/// The schemas of Kubernetes' own kinds; each is made when it is needed.
macro_rules! built_in {
    ($object:expr; $($version:literal $kind:ident,)*) => {
        match $object {
            $(($version, stringify!($kind)) => {
                static SCHEMA: LazyLock<Value> = LazyLock::new(structural::<$kind>);
                Some((Reader::BuiltIn, &SCHEMA))
            })*
            _ => None,
        }
    };
}

/// The schema of an object, and who reads it. `meant` are its version and kind where it says others.
pub(crate) fn of(object: &Value, meant: Option<(&str, &str)>) -> Option<(Reader, &'static Value)> {
    // Its schema says how both are written.
    if meant::is_instrumentation(object) {
        return Some((Reader::CustomResource, &INSTRUMENTATION));
    }
    let (version, kind) = meant.unwrap_or_else(|| meant::written(object));
    built_in! { (version, kind);
        "v1" Pod,
        "v1" ReplicationController,
        "v1" Namespace,
        "v1" Service,
        "v1" ConfigMap,
        "v1" Secret,
        "apps/v1" Deployment,
        "apps/v1" StatefulSet,
        "apps/v1" DaemonSet,
        "apps/v1" ReplicaSet,
        "batch/v1" Job,
        "batch/v1" CronJob,
    }
}

/// That of the CustomResourceDefinition, and what the API server knows of every object.
static INSTRUMENTATION: LazyLock<Value> = LazyLock::new(|| {
    let mut crd = Instrumentation::crd();
    let schema = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema");
    let mut schema = schema.map(Value::take).unwrap_or_default();
    for (field, only) in [("apiVersion", format!("{GROUP}/{VERSION}")), ("kind", KIND.to_owned())] {
        let field = schema.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut);
        if let Some(field) = field {
            field.insert("enum".to_owned(), vec![only].into());
        }
    }
    if let Some(metadata) = schema.pointer_mut("/properties/metadata") {
        *metadata = structural::<ObjectMeta>();
    }
    schema
});
