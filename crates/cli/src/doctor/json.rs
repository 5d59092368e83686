//! The report for programs: docs/doctor.schema.json describes it.

use ingraft_cluster::documents;
use ingraft_core::{Locale, Severity};
use serde_json::{Value, json};

use super::report::{Item, Report};

/// The version of the form: it changes when a field changes its meaning or goes.
pub const VERSION: &str = "ingraft.dev/doctor/v1";

/// The report.
pub fn json(report: &Report, locale: Locale) -> Value {
    let findings: Vec<Value> = report.items.iter().map(|item| finding(item, locale)).collect();
    let looked = report.looked;
    json!({
        "version": VERSION,
        "summary": {
            "errors": report.count(Severity::Error),
            "warnings": report.count(Severity::Warning),
            "infos": report.count(Severity::Info),
            "ignored": report.items.len() - report.told().count(),
            "hidden": report.hidden.len(),
            "workloads": looked.workloads,
            "requesting": looked.requesting,
            "instrumentations": looked.instrumentations,
            "pods": looked.pods,
        },
        "findings": findings,
        "unseen": report.unseen.iter().map(|section| section.as_str()).collect::<Vec<_>>(),
        "notes": report.notes,
        "errors": report.unread.iter().map(unread).collect::<Vec<_>>(),
    })
}

fn unread(error: &documents::Error) -> Value {
    json!({"file": error.file, "line": error.line, "message": error.detail})
}

fn finding(item: &Item, locale: Locale) -> Value {
    let object = &item.diagnosis.object;
    let namespace = Some(&object.namespace).filter(|namespace| !namespace.is_empty());
    let place = item.place.as_ref();
    json!({
        "code": item.code(),
        "severity": item.severity().as_str(),
        "section": item.diagnosis.section().as_str(),
        "subject": {"kind": object.kind, "namespace": namespace, "name": object.name},
        "pointer": item.diagnosis.pointer,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "template": place.and_then(|place| place.template.as_ref()),
        "message": item.message(locale),
        "fix": item.help(locale),
        "fixable": item.is_fixable(),
        "ignored": item.ignored,
        "keptBy": item.kept_by,
        "fingerprint": item.diagnosis.fingerprint(),
    })
}
