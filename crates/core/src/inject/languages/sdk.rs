//! `sdk`: the environment alone, for applications that bring their own SDK (docs/reference/sdk.md).

use super::files::{self, Agent};
use crate::finding::{Findings, Reason};
use crate::inject::draft::Draft;
use crate::inject::injection::Injection;
use crate::inject::payload::Payload;
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::Target;

pub(super) const PROFILE: Profile = Profile { otlp: OtlpProtocols::Unknown, ..Profile::PLAIN };

pub(super) fn inject<'a>(
    injection: &Injection<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    files::inject(&Sdk, injection, draft, findings)
}

struct Sdk;

impl Agent for Sdk {
    fn payload(&self, _: &Injection<'_, '_>, _: &mut Findings) -> Result<Option<Payload>, Reason> {
        Ok(None)
    }

    fn start(&self, _: &Injection<'_, '_>, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn finish(&self, _: &Injection<'_, '_>, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }
}
