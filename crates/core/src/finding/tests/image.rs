//! Samples of what images show.

use ingraft_api::Language;

use super::{text, texts};
use crate::finding::{ImageFinding as F, Reason};

pub(super) fn add(samples: &mut Vec<Reason>) {
    let language = Language::Nginx;
    let known = &["amd64"][..];
    samples.extend(
        [
            F::ImageLanguageUnknown,
            F::ImageLanguageAmbiguous { found: texts(["java", "python"]) },
            F::ImageNotForLinux { platform: text("windows/amd64") },
            F::ImageArchitectureUnsupported { language, platform: text("linux/arm64"), known },
            F::OtherArchitectureUnsupported {
                language,
                platforms: texts(["linux/386", "linux/s390x"]),
                known,
            },
            F::ImageSetsVariables { variables: texts(["OTEL_1", "OTEL_2"]) },
            F::LanguageOffByDefault { language },
            F::ImageNotWhole,
        ]
        .map(Into::into),
    );
}
