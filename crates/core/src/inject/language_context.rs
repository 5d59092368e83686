//! One language that is being injected, with all that is the same for each of its containers.

use ingraft_api::instrumentation::AgentBlock;
use ingraft_api::{Instrumentation, InstrumentationSpec, Language};
use ingraft_probe_contract::Libc;
use k8s_openapi::api::core::v1::EnvVar;
use serde_json::Value;

use super::choose::Choice;
use super::languages::profile;
use super::pod::Pod;
use super::profile::Profile;
use super::resources::Requirements;
use super::{Request, references, valid};
use crate::defaults;
use crate::finding::{Allowed, ContainerFinding, Findings, InstrumentationFinding, Reason, Taken};
use crate::image::ImageReference;
use crate::json::pointer_step;
use crate::quantity;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::upgrade::is_before;

/// A language, its Instrumentation, and the variables that this one adds, ready to be put into containers.
#[derive(Debug)]
pub(crate) struct LanguageContext<'c, 'a> {
    pub(crate) pod: &'c Pod<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) choice: &'c Choice<'a>,
    /// The block of the language.
    pub(crate) block: AgentBlock<'a>,
    pub(crate) profile: &'static Profile,
    /// `spec.env`.
    pub(crate) common_env: Vec<Value>,
    /// `env` of the block.
    pub(crate) language_env: Vec<Value>,
    /// Limits and requests of the containers that the language adds.
    pub(crate) requirements: Requirements,
}

impl<'c, 'a> LanguageContext<'c, 'a> {
    pub(crate) fn new(
        pod: &'c Pod<'a>,
        settings: &'a Settings,
        choice: &'c Choice<'a>,
        profile: &'static Profile,
        findings: &mut Findings,
    ) -> Self {
        let spec = &choice.instrumentation.spec;
        let block = defaults::block(spec, choice.language);
        let requirements = defaults::requirements(profile.requests, block.resources);
        let mut report =
            |reason: Reason, pointer: String| findings.about(choice.instrumentation, reason, pointer);
        let common_env = spec.env.as_deref().unwrap_or_default();
        let common_env = references::variables(pod, common_env, "/spec/env", &mut report);
        let pointer = format!("/spec/{}/env", choice.language.field());
        let language_env = references::variables(pod, block.env, &pointer, &mut report);
        if let Some(tls) = spec.tls() {
            references::lint_tls(pod, tls, &mut report);
        }
        let mut context =
            Self { pod, settings, choice, block, profile, common_env, language_env, requirements };
        context.leave_out_invalid(findings);
        context
    }

    /// Leaves out volumes and amounts that would make the pod invalid.
    fn leave_out_invalid(&mut self, findings: &mut Findings) {
        let block = format!("/spec/{}", self.language().field());
        let mut ignored = Vec::new();
        if self.block.volume_claim_template.is_some_and(|template| !valid::is_claim_template(template)) {
            self.block.volume_claim_template = None;
            ignored.push((format!("{block}/volumeClaimTemplate"), "", Allowed::ClaimTemplate));
        }
        let negative = |size: &str| quantity::parse(size).is_none_or(|size| size < 0.0);
        if let Some(size) = self.block.volume_limit_size.filter(|size| negative(size)) {
            self.block.volume_limit_size = None;
            ignored.push((format!("{block}/volumeLimitSize"), size, Allowed::Size));
        }
        let mut requirements = std::mem::take(&mut self.requirements);
        for (kind, amounts) in ["limits", "requests"].iter().zip(&mut requirements) {
            amounts.retain(|resource, amount| {
                let valid = valid::is_amount(resource, amount);
                if !valid {
                    let pointer =
                        format!("{block}/{}/{kind}/{}", self.profile.resources_field, pointer_step(resource));
                    self.ignore(&pointer, amount.as_str().unwrap_or_default(), Allowed::Amounts, findings);
                }
                valid
            });
        }
        self.requirements = requirements;
        let resource =
            self.spec().resource.as_ref().and_then(|resource| resource.resource_attributes.as_ref());
        for (key, value) in resource.into_iter().flatten().filter(|(key, _)| !valid::is_attribute_key(key)) {
            let pointer = format!("/spec/resource/resourceAttributes/{}", pointer_step(key));
            ignored.push((pointer, value, Allowed::AttributeKey));
        }
        for (pointer, value, allowed) in ignored {
            self.ignore(&pointer, value, allowed, findings);
        }
    }

    pub(crate) fn language(&self) -> Language {
        self.choice.language
    }

    pub(crate) fn spec(&self) -> &'a InstrumentationSpec {
        &self.choice.instrumentation.spec
    }

    /// The JSON pointer of a variable of the Instrumentation, or of the endpoint, from which others come.
    pub(crate) fn variable_pointer(&self, name: &str) -> String {
        variable_place(self.spec(), self.language(), name)
            .unwrap_or_else(|| "/spec/exporter/endpoint".to_owned())
    }

    /// The C library of the first target, if probes have found it.
    pub(crate) fn libc(&self) -> Option<Libc> {
        let first = self.pod.container(self.choice.containers.first()?)?;
        self.pod.image(first)?.libc
    }

    /// The agent's image.
    pub(crate) fn image(&self) -> &'a str {
        self.block.image.unwrap_or_else(|| self.settings.image(self.language()))
    }

    /// Whether what the agent sends where nothing says so is known: it is not one of somebody else's, nor an early one.
    pub(crate) fn is_known_to_send_http(&self) -> bool {
        let image = ImageReference::parse(self.image());
        image.name() == ImageReference::parse(self.profile.default_image).name()
            && !self.profile.http_since.is_some_and(|since| is_before(image.tag_or_latest(), since))
    }

    /// Whether the agent's image is the default one, from wherever it comes: then its needs are known.
    pub(crate) fn is_default_image(&self) -> bool {
        let default = ImageReference::parse(self.profile.default_image);
        ImageReference::parse(self.image()).is_copy_of(default)
    }

    /// The pull policy, if it is one: the CRD does not check it, and a wrong one would make every pod invalid.
    pub(crate) fn pull_policy(&self, findings: &mut Findings) -> Option<&'a str> {
        match self.spec().image_pull_policy.as_deref() {
            None | Some("") => None,
            Some(policy @ ("Always" | "IfNotPresent" | "Never")) => Some(policy),
            Some(other) => {
                self.ignore("/spec/imagePullPolicy", other, Allowed::PullPolicy, findings);
                None
            }
        }
    }

    /// Tells that a field of the Instrumentation is left out, because no pod may have what it holds.
    pub(crate) fn ignore(
        &self,
        pointer: &str,
        value: impl Into<String>,
        allowed: Allowed,
        findings: &mut Findings,
    ) {
        let reason = InstrumentationFinding::ignored(pointer, value, allowed);
        findings.about(self.choice.instrumentation, reason, pointer);
    }

    /// The reason for refusing the language because something of ours would be where something else is.
    pub(crate) fn taken(&self, what: Taken, name: impl Into<String>) -> Reason {
        ContainerFinding::NameTaken { language: self.language(), what, name: name.into() }.into()
    }
}

/// The JSON pointer of a variable that an Instrumentation has for a language: of its value, if it has one.
pub(crate) fn variable_place(spec: &InstrumentationSpec, language: Language, name: &str) -> Option<String> {
    let place = |variables: &[EnvVar], list: &str| {
        let place = variables.iter().position(|variable| variable.name == name)?;
        let has_value = variables.get(place).is_some_and(|variable| variable.value.is_some());
        Some(format!("{list}/{place}{}", if has_value { "/value" } else { "" }))
    };
    let own = format!("/spec/{}/env", language.field());
    let common = || place(spec.env.as_deref().unwrap_or_default(), "/spec/env");
    place(defaults::block(spec, language).env, &own).or_else(common)
}

/// Notices what an Instrumentation contributes to no pod, whichever it is.
pub(crate) fn review_invalid(
    instrumentation: &Instrumentation,
    snapshot: &Snapshot,
    settings: &Settings,
    findings: &mut Findings,
) {
    let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
    let pod = Pod::read(&Request { pod: &Value::Null, namespace, owners: &[], snapshot, settings }, false);
    for language in Language::with_image() {
        let choice = Choice { language, instrumentation, containers: Vec::new() };
        let context = LanguageContext::new(&pod, settings, &choice, profile(language), findings);
        context.pull_policy(findings);
    }
}
