//! Where telemetry goes: endpoint and TLS material (injection.md, section 5.4).

use ingraft_api::InstrumentationSpec;
use ingraft_api::instrumentation::Tls;
use serde_json::{Value, json};

use super::target::Target;

/// Adds the endpoint and, for TLS, certificate variables and mounts. Answers the path of a mount that is taken.
pub(crate) fn add(spec: &InstrumentationSpec, target: &mut Target<'_>) -> Result<(), String> {
    let Some(exporter) = &spec.exporter else {
        return Ok(());
    };
    if let Some(endpoint) = exporter.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
        target.env.set_default("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    }
    let Some(tls) = &exporter.tls else { return Ok(()) };
    let secret = set(tls.secret_name.as_ref());
    let config_map = set(tls.config_map_name.as_ref());
    let in_secret = format!("/otel-auto-instrumentation-secret-{}", secret.unwrap_or_default());
    let in_config_map = config_map.map(|name| format!("/otel-auto-instrumentation-configmap-{name}"));
    let ca_folder = in_config_map.as_ref().unwrap_or(&in_secret);
    for (variable, file, folder) in [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &tls.ca_file, ca_folder),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &tls.cert_file, &in_secret),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &tls.key_file, &in_secret),
    ] {
        match set(file.as_ref()) {
            Some(path) if path.starts_with('/') => target.env.set_default(variable, path),
            Some(key) => target.env.set_default(variable, format!("{folder}/{key}")),
            None => {}
        }
    }
    if let Some(name) = secret {
        target.mount(&volume_name("otel-auto-secret", name), &in_secret, true)?;
    }
    if let (Some(name), Some(folder)) = (config_map, &in_config_map) {
        target.mount(&volume_name("otel-auto-configmap", name), folder, true)?;
    }
    Ok(())
}

/// The volumes for TLS material. They are optional: a pod starts even where its namespace lacks the Secret.
pub(crate) fn volumes(spec: &InstrumentationSpec) -> Vec<Value> {
    let Some(Tls { secret_name, config_map_name, .. }) =
        spec.exporter.as_ref().and_then(|exporter| exporter.tls.as_ref())
    else {
        return Vec::new();
    };
    let secret = set(secret_name.as_ref()).map(|name| {
        json!({"name": volume_name("otel-auto-secret", name), "secret": {"secretName": name, "optional": true}})
    });
    let config_map = set(config_map_name.as_ref()).map(|name| {
        json!({"name": volume_name("otel-auto-configmap", name), "configMap": {"name": name, "optional": true}})
    });
    secret.into_iter().chain(config_map).collect()
}

fn set(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// `prefix-name` as the name of a volume: at most 63 characters, cut at the end of the name, as the reference cuts it
/// (injection.md, section 6.4). A name may hold dots, which a volume's name may not.
fn volume_name(prefix: &str, name: &str) -> String {
    let name = name.replace('.', "-");
    let room = 63usize.saturating_sub(prefix.len() + 1);
    let cut = name.char_indices().nth(room).and_then(|(end, _)| name.get(..end)).unwrap_or(&name);
    format!("{prefix}-{cut}").trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::volume_name;

    #[test]
    fn cuts_long_names_and_replaces_dots() {
        assert_eq!(volume_name("otel-auto-secret", "mtls"), "otel-auto-secret-mtls");
        assert_eq!(volume_name("otel-auto-secret", "a.b"), "otel-auto-secret-a-b");
        assert_eq!(volume_name("otel-auto-secret", &"x".repeat(80)).len(), 63);
    }
}
