//! The configuration of a web server's module, as the server reads it.

use std::collections::BTreeMap;
use std::fmt::Write;

use ingraft_api::Language;
use k8s_openapi::api::core::v1::EnvVar;

use crate::finding::{Allowed, Findings};
use crate::inject::exporter;
use crate::inject::language_context::LanguageContext;
use crate::inject::pod::Container;
use crate::inject::resource::Attributes;

/// The attach script puts the name of the pod here.
const INSTANCE: &str = "<<SID-PLACEHOLDER>>";

/// nginx reads words of up to 4 kB, and escaping may double what is written.
const LONGEST: usize = 2000;

/// How a server writes directives.
#[derive(Debug)]
pub(super) struct Syntax {
    /// What the names of all directives begin with.
    pub(super) prefix: &'static str,
    /// The value that switches something on.
    pub(super) on: &'static str,
    /// What ends a directive, before the end of the line.
    pub(super) end: &'static str,
    /// What the server would replace by something else, even in quotes.
    pub(super) reference: Option<&'static str>,
}

impl Syntax {
    /// All directives in the order of their names. Those of the Instrumentation win, and stand as they are written
    /// there.
    pub(super) fn directives(&self, context: &LanguageContext<'_, '_>, target: Container<'_>) -> String {
        let spec = context.spec();
        let name = |name: &str| format!("{}{name}", self.prefix);
        let corrected = exporter::corrected_endpoint(context);
        let endpoint =
            corrected.as_deref().or_else(|| exporter::endpoint(spec)).unwrap_or("http://localhost:4317/");
        let attributes_of_pod = Attributes::of(context.pod, spec, target);
        let namespace = match attributes_of_pod.service_namespace() {
            "" => context.language().key(),
            namespace => namespace,
        };
        let mut lines = BTreeMap::from([
            (name("Enabled"), "ON".to_owned()),
            (name("OtelSpanExporter"), "otlp".to_owned()),
            (name("OtelExporterEndpoint"), self.value(endpoint)),
            (name("ServiceName"), self.value(&attributes_of_pod.service_name)),
            (name("ServiceNamespace"), self.value(namespace)),
            (name("ServiceInstanceId"), INSTANCE.to_owned()),
            (name("ResolveBackends"), self.on.to_owned()),
            (name("TraceAsError"), self.on.to_owned()),
        ]);
        for attribute in attributes(context).iter().filter(|attribute| is_directive(attribute)) {
            lines.insert(attribute.name.clone(), attribute.value.clone().unwrap_or_default());
        }
        let mut text = String::new();
        for (name, value) in lines {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {value}{}", self.end);
        }
        text
    }

    /// A value as one word. Both servers take `"…"` with `\"` and `\\` for it; line breaks cannot be written.
    fn value(&self, value: &str) -> String {
        let plain = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '.' | '_' | ':' | '/' | '@' | '%' | '+' | ',' | '=' | '~' | '-')
        };
        // The kubelet replaces $(NAME) by a plain value before the server reads it.
        let without_references = value.replace("$(", "").replace(')', "");
        if !value.is_empty() && value.len() <= LONGEST && without_references.chars().all(plain) {
            return value.to_owned();
        }
        let mut text = String::from("\"");
        for c in value.chars().take(LONGEST) {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if c.is_control() => text.push(' '),
                c => text.push(c),
            }
        }
        text.push('"');
        match self.reference {
            Some(reference) => text.replace(reference, "$ {"),
            None => text,
        }
    }
}

/// The directives that the Instrumentation chooses.
fn attributes<'a>(context: &LanguageContext<'_, 'a>) -> &'a [EnvVar] {
    let spec = context.spec();
    let chosen = match context.language() {
        Language::ApacheHttpd => spec.apache_httpd.as_ref().and_then(|httpd| httpd.attrs.as_ref()),
        _ => spec.nginx.as_ref().and_then(|nginx| nginx.attrs.as_ref()),
    };
    chosen.map_or(&[], Vec::as_slice)
}

/// A source cannot be read where the configuration is written, and a directive without its value keeps the server from
/// starting.
fn is_directive(attribute: &EnvVar) -> bool {
    !attribute.name.is_empty() && attribute.value_from.is_none()
}

/// Notices directives that are left out.
pub(super) fn review(context: &LanguageContext<'_, '_>, findings: &mut Findings) {
    for (place, attribute) in attributes(context).iter().enumerate() {
        if !is_directive(attribute) {
            let pointer = format!("/spec/{}/attrs/{place}", context.language().field());
            context.ignore(&pointer, attribute.name.as_str(), Allowed::Directive, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_is_no_plain_word() {
        let apache = Syntax { prefix: "", on: "", end: "", reference: Some("${") };
        let nginx = Syntax { reference: None, ..apache };
        for (value, expected) in [
            ("checkout", "checkout"),
            ("http://$(OTEL_NODE_IP):4317", "http://$(OTEL_NODE_IP):4317"),
            ("my \"shop\" 100%", r#""my \"shop\" 100%""#),
            (r"a\nb", r#""a\\nb""#),
            ("a\nLoadModule x", r#""a LoadModule x""#),
            ("ñ;{#", r#""ñ;{#""#),
            ("", r#""""#),
        ] {
            assert_eq!(apache.value(value), expected);
            assert_eq!(nginx.value(value), expected);
        }
        assert_eq!(apache.value("${HOME}"), r#""$ {HOME}""#);
        assert_eq!(nginx.value("${HOME}"), r#""${HOME}""#);
        assert!(nginx.value(&"\"".repeat(5000)).len() < 4090);
    }
}
