//! Writes the defaults of an Instrumentation down, for people to read.

use std::collections::BTreeSet;

use ingraft_api::Language;
use ingraft_api::annotations::DEFAULTED;
use serde_json::{Value, json};

use crate::defaults::LIMITS;
use crate::edit::{Edit, set_entries};
use crate::inject::profile;
use crate::json::annotation;
use crate::settings::Settings;

/// The edits that write defaults into an Instrumentation, only where a field is absent, and list them in the
/// annotation `ingraft.dev/defaulted`.
pub fn missing(instrumentation: &Value, settings: &Settings) -> Vec<Edit> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for language in Language::with_image() {
        let block = format!("/spec/{}", language.field());
        let profile = profile(language);
        let requirements = profile.resources_field;
        let ([limit_cpu, limit_memory], [cpu, memory]) = (LIMITS, profile.requests);
        fields.push((format!("{block}/image"), settings.image(language).into()));
        fields.push((
            format!("{block}/{requirements}/limits"),
            json!({"cpu": limit_cpu, "memory": limit_memory}),
        ));
        fields.push((format!("{block}/{requirements}/requests"), json!({"cpu": cpu, "memory": memory})));
    }
    for language in Language::with_image() {
        let own = profile(language).defaults.iter();
        fields.extend(
            own.map(|(field, value)| (format!("/spec/{}/{field}", language.field()), (*value).into())),
        );
    }

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
