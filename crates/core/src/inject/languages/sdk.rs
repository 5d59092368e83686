//! `sdk`: the environment alone, for applications that bring their own SDK (injection.md, section 4.8).

use super::files::Agent;
use crate::finding::{Findings, Reason};
use crate::inject::injection::Injection;
use crate::inject::payload::Payload;
use crate::inject::target::Target;

pub(super) struct Sdk;

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
