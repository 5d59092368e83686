//! The languages: what is particular to each.
//!
//! Most load an agent whose files are copied into the pod: they implement [`files::Agent`]. Go runs beside its target,
//! and web servers get their configuration cloned. Adding a language is adding a file and a line to [`inject`].

mod dotnet;
mod files;
mod go;
mod java;
mod nodejs;
mod python;
mod sdk;
mod web_server;

use ingraft_api::Language;

use super::Request;
use super::choose::Choice;
use super::draft::Draft;
use super::injection::Injection;
use crate::finding::Findings;

/// Injects one language. Answers the containers that changed; whatever was refused is a finding.
pub(crate) fn inject<'a>(
    request: &Request<'a>,
    choice: &Choice<'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    let injection = Injection::new(request, choice, findings);
    match choice.language {
        Language::Java => files::inject(&java::Java, &injection, draft, findings),
        Language::NodeJs => files::inject(&nodejs::NodeJs, &injection, draft, findings),
        Language::Python => files::inject(&python::Python, &injection, draft, findings),
        Language::DotNet => files::inject(&dotnet::DotNet, &injection, draft, findings),
        Language::Sdk => files::inject(&sdk::Sdk, &injection, draft, findings),
        Language::Go => go::inject(&injection, draft, findings),
        Language::ApacheHttpd => web_server::inject(&web_server::APACHE_HTTPD, &injection, draft, findings),
        Language::Nginx => web_server::inject(&web_server::NGINX, &injection, draft, findings),
    }
}
