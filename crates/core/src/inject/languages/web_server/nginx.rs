//! nginx (docs/reference/web-servers.md 11 and 12).

use ingraft_api::{InstrumentationSpec, Language};
use serde_json::json;

use super::directives::Syntax;
use super::{Place, Server, script};
use crate::finding::{Allowed, Findings};
use crate::inject::draft::Draft;
use crate::inject::language_context::LanguageContext;
use crate::inject::profile::{self, Profile};

const MAIN_FILE: &str = "/etc/nginx/nginx.conf";

pub(crate) const PROFILE: Profile = Profile {
    // As in the reference (docs/reference/operator.md 7 and 8).
    enabled: false,
    defaults: &[("configFile", MAIN_FILE)],
    particulars: |spec| {
        let chosen = spec.nginx.as_ref();
        let file = chosen.and_then(|nginx| nginx.config_file.as_deref()).unwrap_or(MAIN_FILE);
        profile::text(&(chosen.map(|nginx| &nginx.attrs), file))
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
    language: Language::Nginx,
    attach: "otel-agent-attach-nginx",
    second_clone: "otel-agent-source-container-clone-nginx",
    configuration_volume: CONFIGURATION,
    agent_volume: FILES,
    configuration_variable: "OTEL_NGINX_AGENT_CONF",
    instance_variable: "OTEL_NGINX_SERVICE_INSTANCE_ID",
    library_path: Some(("LD_LIBRARY_PATH", "/opt/opentelemetry-webserver/agent/sdk_lib/lib")),
    syntax: &SYNTAX,
    place,
    version_of: Some(("nginx", "conf.d/opentelemetry_agent.conf")),
    attach_command: |place| script(ATTACH, &[place.file]),
    modules: |_| String::new(),
    // The reference limits neither, and makes no claims here.
    volumes: |_| [CONFIGURATION, FILES].map(|name| json!({"name": name, "emptyDir": {}})),
};

const CONFIGURATION: &str = "otel-nginx-conf-dir";
const FILES: &str = "otel-nginx-agent";
pub(super) const ATTACH: &str = include_str!("attach-nginx.sh");

const SYNTAX: Syntax = Syntax { prefix: "NginxModule", on: "ON", end: ";", reference: None };

fn place(spec: &InstrumentationSpec) -> Place<'_> {
    let path = spec.nginx.as_ref().and_then(|nginx| nginx.config_file.as_deref());
    let path = path.filter(|path| !path.is_empty()).unwrap_or(MAIN_FILE);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    Place { field: "spec.nginx.configFile", value: path, allowed: Allowed::File, folder, file }
}
