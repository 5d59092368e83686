//! Where in a file a finding is.

use ingraft_api::Instrumentation;
use ingraft_cluster::documents::Document;
use ingraft_core::finding::ManifestFinding;
use ingraft_core::{Finding, Locale, Reason, Snapshot, Subject, Workload};
use ingraft_validate::Flaw;
use serde_json::Value;

/// The object that a finding came from.
pub struct SourceLocation<'a> {
    document: &'a Document,
    /// The object's JSON pointer in the document.
    pointer: &'a str,
    object: &'a Value,
    namespace: &'a str,
}

impl<'a> SourceLocation<'a> {
    /// An object of a document.
    pub fn new(
        document: &'a Document,
        pointer: &'a str,
        object: &'a Value,
        default_namespace: &'a str,
    ) -> Self {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let namespace = namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(default_namespace);
        Self { document, pointer, object, namespace }
    }

    /// The Instrumentation that the object is, if it is one.
    pub fn instrumentation<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s Instrumentation> {
        let is = self.text("/kind") == "Instrumentation"
            && self.text("/apiVersion").starts_with("opentelemetry.io/");
        snapshot.instrumentations.get(self.namespace, self.text("/metadata/name")).filter(|_| is)
    }

    /// What the API server would not take of the object, as findings; if it refuses an Instrumentation, that too.
    pub fn findings(&self, flaws: &[Flaw]) -> Vec<Finding> {
        let finding = |reason: Reason, pointer: &str| Finding {
            reason,
            subject: Subject::Workload,
            pointer: pointer.to_owned(),
        };
        // What a Secret holds is shown to nobody.
        let flaws = if self.text("/kind") == "Secret" { &[] } else { flaws };
        let mut findings: Vec<Finding> =
            flaws.iter().map(|flaw| finding(flaw.finding.clone().into(), &flaw.pointer)).collect();
        if self.text("/kind").eq_ignore_ascii_case("Instrumentation") && flaws.iter().any(Flaw::refuses) {
            let instrumentation = format!("{}/{}", self.namespace, self.text("/metadata/name"));
            findings.push(finding(ManifestFinding::InstrumentationRefused { instrumentation }.into(), ""));
        }
        if ["/apiVersion", "/kind"].iter().any(|field| self.text(field).is_empty()) {
            findings.push(finding(ManifestFinding::KindMissing.into(), ""));
        }
        findings
    }

    /// File, line and object of a finding.
    pub fn of(&self, finding: &Finding, locale: Locale) -> String {
        let line = self.document.position_of(&self.pointer(finding)).line;
        let object = format!("{}/{}", self.text("/kind").to_lowercase(), self.text("/metadata/name"));
        format!("{}:{line} ({})", self.document.file, finding.object(locale, &object, self.namespace))
    }

    /// The JSON pointer of a finding in the document: of the field, or of the object if the finding is about another.
    pub fn pointer(&self, finding: &Finding) -> String {
        let template = Workload::of(self.object).map_or("", |workload| workload.pointer);
        let own = self.text("/kind") == "Instrumentation";
        match &finding.subject {
            Subject::Pod => format!("{}{template}{}", self.pointer, finding.pointer),
            Subject::Workload => format!("{}{}", self.pointer, finding.pointer),
            Subject::Instrumentation(_) if own => format!("{}{}", self.pointer, finding.pointer),
            Subject::Namespace | Subject::Instrumentation(_) => self.pointer.to_owned(),
        }
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}
