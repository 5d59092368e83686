//! `sdk`: the environment alone, for applications that bring their own SDK (injection.md, section 4.8).

use ingraft_api::InstrumentationSpec;

use super::{Agent, Payload, Reason, Request, Target};

pub(super) struct Sdk;

impl Agent for Sdk {
    fn payload(&self, _: &Request<'_>) -> Result<Option<Payload>, Reason> {
        Ok(None)
    }

    fn start(&self, _: &InstrumentationSpec, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn finish(&self, _: &mut Target<'_>) -> Result<(), Reason> {
        Ok(())
    }
}
