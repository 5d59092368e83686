//! Samples of findings about what variables mean.

use ingraft_api::Language;

use super::text;
use crate::finding::{
    AnnotationFinding, ContainerFinding, InstrumentationFinding, Reason, VariableFinding as F,
};

pub(super) fn add(samples: &mut Vec<Reason>) {
    samples.extend([
        F::TracesSwitchedOff { setting: text("SETTING_1"), value: text("off-1") }.into(),
        F::ReferenceUndefined {
            container: text("app-1"),
            variable: text("VARIABLE_1"),
            reference: text("HOST_1"),
        }
        .into(),
        F::VariableMisspelt { variable: text("VARIABEL_1"), meant: text("VARIABLE_1") }.into(),
        F::ValueMisspelt { variable: text("VARIABLE_1"), value: text("b-3"), meant: text("b3") }.into(),
        ContainerFinding::MuslNotNamed { language: Language::Python, container: text("app-1") }.into(),
        ContainerFinding::MuslNotNamed { language: Language::DotNet, container: text("app-1") }.into(),
        ContainerFinding::PlatformSeemsWrong {
            language: Language::Python,
            container: text("app-1"),
            value: text("musl-1"),
            meant: "glibc-1",
        }
        .into(),
        AnnotationFinding::AnnotationEmpty { key: text("key-1") }.into(),
        InstrumentationFinding::SamplerArgumentNoShare { argument: text("17") }.into(),
        ContainerFinding::AgentTwice {
            language: Language::Java,
            container: text("app-1"),
            shown: text("/agent-1.jar"),
        }
        .into(),
    ]);
}
