//! What an Instrumentation means where it says nothing.
//!
//! Defaults are computed whenever an Instrumentation is used, so an object that was stored while the defaulting
//! webhook was away means the same. [`missing`] writes them down for people to read.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::annotations::DEFAULTED;
use ingraft_api::{InstrumentationSpec, Language};
use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value, json};

use crate::edit::{Edit, set_entries};
use crate::json::annotation;
use crate::settings::Settings;

/// The size limit of the volume for an agent's files.
pub(crate) const VOLUME_LIMIT: &str = "200Mi";

/// The part of an Instrumentation that all languages with an image have in common.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Block<'a> {
    pub(crate) image: Option<&'a str>,
    pub(crate) env: &'a [EnvVar],
    pub(crate) resources: Option<&'a ResourceRequirements>,
    /// The name of the field that holds them.
    pub(crate) resources_field: &'static str,
    pub(crate) volume_claim_template: Option<&'a Value>,
    pub(crate) volume_limit_size: Option<&'a str>,
}

impl<'a> Block<'a> {
    /// The block of a language; an empty one where the Instrumentation has none.
    pub(crate) fn of(spec: &'a InstrumentationSpec, language: Language) -> Self {
        macro_rules! block {
            ($field:ident, $resources:ident, $resources_field:literal) => {
                spec.$field.as_ref().map(|block| Self {
                    image: block.image.as_deref().map(str::trim).filter(|image| !image.is_empty()),
                    env: block.env.as_deref().unwrap_or_default(),
                    resources: block.$resources.as_ref(),
                    resources_field: $resources_field,
                    volume_claim_template: block
                        .volume_claim_template
                        .as_ref()
                        .filter(|template| says_something(template)),
                    volume_limit_size: block.volume_limit_size.as_ref().map(|size| size.0.as_str()),
                })
            };
        }
        let block = match language {
            Language::Java => block!(java, resources, "resources"),
            Language::NodeJs => block!(nodejs, resource_requirements, "resourceRequirements"),
            Language::Python => block!(python, resource_requirements, "resourceRequirements"),
            Language::DotNet => block!(dotnet, resource_requirements, "resourceRequirements"),
            Language::Go => block!(go, resource_requirements, "resourceRequirements"),
            Language::ApacheHttpd => block!(apache_httpd, resource_requirements, "resourceRequirements"),
            Language::Nginx => block!(nginx, resource_requirements, "resourceRequirements"),
            Language::Sdk => None,
        };
        block.unwrap_or_default()
    }
}

/// Whether a document holds more than empty objects. The reference stores an empty skeleton of a volume claim
/// template in every object, which must count as absent (injection.md, section 3.3).
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(object) => object.values().any(says_something),
        _ => true,
    }
}

/// Default limits and requests of a language's containers, each as (cpu, memory): injection.md, section 3.3.
const fn resources(language: Language) -> ([&'static str; 2], [&'static str; 2]) {
    let requests = match language {
        Language::NodeJs | Language::DotNet => ["50m", "128Mi"],
        Language::ApacheHttpd | Language::Nginx => ["1m", "128Mi"],
        _ => ["50m", "64Mi"],
    };
    (["500m", "256Mi"], requests)
}

/// Limits and requests of a language's containers: what the Instrumentation says, or else the defaults, each map by
/// itself.
pub(crate) fn requirements(
    language: Language,
    chosen: Option<&ResourceRequirements>,
) -> [Map<String, Value>; 2] {
    let (limits, requests) = resources(language);
    let map = |chosen: Option<&BTreeMap<String, Quantity>>, [cpu, memory]: [&str; 2]| match chosen {
        Some(chosen) => {
            chosen.iter().map(|(name, quantity)| (name.clone(), quantity.0.as_str().into())).collect()
        }
        None => Map::from_iter([("cpu".to_owned(), cpu.into()), ("memory".to_owned(), memory.into())]),
    };
    [
        map(chosen.and_then(|chosen| chosen.limits.as_ref()), limits),
        map(chosen.and_then(|chosen| chosen.requests.as_ref()), requests),
    ]
}

/// The edits that write defaults into an Instrumentation, only where a field is absent, and list them in the
/// annotation `ingraft.dev/defaulted`.
pub fn missing(instrumentation: &Value, settings: &Settings) -> Vec<Edit> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for language in Language::with_image() {
        let block = format!("/spec/{}", language.field());
        let requirements = if language == Language::Java { "resources" } else { "resourceRequirements" };
        let ([limit_cpu, limit_memory], [cpu, memory]) = resources(language);
        fields.push((format!("{block}/image"), settings.image(language).into()));
        fields.push((
            format!("{block}/{requirements}/limits"),
            json!({"cpu": limit_cpu, "memory": limit_memory}),
        ));
        fields.push((format!("{block}/{requirements}/requests"), json!({"cpu": cpu, "memory": memory})));
    }
    fields.push(("/spec/apacheHttpd/version".to_owned(), "2.4".into()));
    fields.push(("/spec/apacheHttpd/configPath".to_owned(), "/usr/local/apache2/conf".into()));
    fields.push(("/spec/nginx/configFile".to_owned(), "/etc/nginx/nginx.conf".into()));

    let absent = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == "");
    fields.retain(|(path, _)| absent(instrumentation.pointer(path)));
    let mut edits = Vec::new();
    let mut made = BTreeSet::new();
    for (path, value) in &fields {
        edits.extend(parents(instrumentation, path, &mut made));
        edits.push(Edit::add(path.clone(), value.clone()));
    }
    edits.extend(metadata(instrumentation, &fields, settings));
    edits
}

/// The edits that make the objects which a path leads through.
fn parents(document: &Value, path: &str, made: &mut BTreeSet<String>) -> Vec<Edit> {
    let ends = path.char_indices().filter(|(index, c)| *c == '/' && *index > 0).map(|(index, _)| index);
    ends.filter_map(|end| path.get(..end))
        .filter(|parent| !document.pointer(parent).is_some_and(Value::is_object))
        .filter(|parent| made.insert((*parent).to_owned()))
        .map(|parent| Edit::add(parent, json!({})))
        .collect()
}

/// The label and annotations that the page shows, and the list of what was filled in.
fn metadata(instrumentation: &Value, fields: &[(String, Value)], settings: &Settings) -> Vec<Edit> {
    let managed_by = "app.kubernetes.io/managed-by";
    let mut labels = vec![(managed_by.to_owned(), Value::from("opentelemetry-operator"))];
    labels.retain(|(key, _)| crate::json::label(instrumentation, key).is_empty());

    let image = |language: Language| (language.default_image_key(), Value::from(settings.image(language)));
    let mut annotations: Vec<(String, Value)> = Language::with_image().map(image).collect();
    annotations.retain(|(key, _)| annotation(instrumentation, key).is_empty());
    if !fields.is_empty() {
        let earlier = annotation(instrumentation, DEFAULTED);
        let mut paths: Vec<&str> = earlier.split(',').filter(|path| !path.is_empty()).collect();
        paths.extend(
            fields
                .iter()
                .map(|(path, _)| path.as_str())
                .filter(|path| !earlier.split(',').any(|old| old == *path)),
        );
        annotations.push((DEFAULTED.to_owned(), paths.join(",").into()));
    }
    let mut edits = set_entries(instrumentation, "/metadata/labels", labels);
    edits.extend(set_entries(instrumentation, "/metadata/annotations", annotations));
    edits
}

#[cfg(test)]
mod tests;
