//! `sdk`: the environment alone, for applications that bring their own SDK (docs/reference/sdk.md).

use super::files::{self, Agent};
use crate::finding::{Findings, Reason};
use crate::inject::draft::Draft;
use crate::inject::language_context::LanguageContext;
use crate::inject::payload::Payload;
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::Target;

pub(super) const PROFILE: Profile = Profile { otlp: OtlpProtocols::Unknown, ..Profile::PLAIN };

pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&Sdk, context, draft, findings)
}

struct Sdk;

impl Agent for Sdk {
    fn payload(&self, _: &LanguageContext<'_, '_>, _: &mut Findings) -> Result<Option<Payload>, Reason> {
        Ok(None)
    }

    fn start(&self, _: &LanguageContext<'_, '_>, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn finish(&self, _: &LanguageContext<'_, '_>, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }
}
