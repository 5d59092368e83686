//! Apache httpd (docs/reference/web-servers.md 10).

use ingraft_api::{InstrumentationSpec, Language};

use super::directives::Syntax;
use super::{AGENT, Place, Server, script};
use crate::finding::{Allowed, Findings};
use crate::inject::draft::Draft;
use crate::inject::language_context::LanguageContext;
use crate::inject::payload;
use crate::inject::profile::{self, Profile};

const FOLDER: &str = "/usr/local/apache2/conf";
/// The version that the module is for unless somebody says otherwise.
const VERSION: &str = "2.4";

pub(crate) const PROFILE: Profile = Profile {
    defaults: &[("version", VERSION), ("configPath", FOLDER)],
    particulars: |spec| {
        let chosen = spec.apache_httpd.as_ref();
        let version = chosen.and_then(|httpd| httpd.version.as_deref()).unwrap_or(VERSION);
        let folder = chosen.and_then(|httpd| httpd.config_path.as_deref()).unwrap_or(FOLDER);
        profile::text(&(chosen.map(|httpd| &httpd.attrs), version, folder))
    },
    ..super::PROFILE
};

pub(crate) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    super::inject(&SERVER, context, draft, findings)
}

pub(super) const SERVER: Server = Server {
    language: Language::ApacheHttpd,
    attach: "otel-agent-attach-apache",
    second_clone: "otel-agent-source-container-clone-apache",
    configuration_volume: CONFIGURATION,
    agent_volume: FILES,
    configuration_variable: "OTEL_APACHE_AGENT_CONF",
    instance_variable: "APACHE_SERVICE_INSTANCE_ID",
    library_path: None,
    syntax: &SYNTAX,
    place,
    version_of: None,
    attach_command: |place| script(ATTACH, &[place.folder]),
    modules,
    volumes: |context| {
        [payload::limited_volume(CONFIGURATION, context.block), payload::volume(FILES, context.block)]
    },
};

const CONFIGURATION: &str = "otel-apache-conf-dir";
const FILES: &str = "otel-apache-agent";
pub(super) const ATTACH: &str = include_str!("attach-apache-httpd.sh");

const SYNTAX: Syntax = Syntax {
    prefix: "ApacheModule",
    // The reference writes these two with another space.
    on: " ON",
    end: "",
    // Inside quotes too, the server replaces ${NAME} by a variable of its environment.
    reference: Some("${"),
};

/// Libraries that the module needs, in the order in which they need each other, and the module.
fn modules(spec: &InstrumentationSpec) -> String {
    let version = spec.apache_httpd.as_ref().and_then(|httpd| httpd.version.as_deref());
    let suffix = if version == Some("2.2") { "22" } else { "" };
    let libraries = [
        "common",
        "resources",
        "trace",
        "otlp_recordable",
        "exporter_ostream_span",
        "exporter_otlp_grpc",
        "webserver_sdk",
    ];
    let mut text: String = libraries
        .map(|library| format!("LoadFile {AGENT}/sdk_lib/lib/libopentelemetry_{library}.so\n"))
        .concat();
    text.insert(0, '\n');
    text + &format!(
        "LoadModule otel_apache_module {AGENT}/WebServerModule/Apache/libmod_apache_otel{suffix}.so\n"
    )
}

fn place(spec: &InstrumentationSpec) -> Place<'_> {
    let path = spec.apache_httpd.as_ref().and_then(|httpd| httpd.config_path.as_deref());
    let path = path.filter(|path| !path.is_empty()).unwrap_or(FOLDER);
    Place {
        field: "spec.apacheHttpd.configPath",
        value: path,
        allowed: Allowed::Folder,
        folder: path.strip_suffix('/').unwrap_or(path),
        file: "httpd.conf",
    }
}
