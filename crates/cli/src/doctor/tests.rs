//! The forms of one report. `UPDATE_EXPECT=1` rewrites what they are expected to be, in testdata/doctor.

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::{ExpectFile, expect_file};
use ingraft_cluster::documents;
use ingraft_core::doctor::{Diagnosis, Fix, ObjectRef, Section};
use ingraft_core::finding::{AnnotationFinding, ClusterFinding, EndpointFinding};
use ingraft_core::{Locale, Reason};
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::report::{Item, Looked, Place, Report};
use super::{github, html, json, junit, sarif, text};
use crate::input::STANDARD_INPUT;

/// Characters that mean something in one of the forms, or nothing anywhere.
const NASTY: &str =
    "<script>alert(\"x\")</script> & 'y' ]]> 100%\r\n::error::, {0} [a](1)\u{1b}[31m\u{0}\u{ffff} ñ🦀";

fn item(
    reason: impl Into<Reason>,
    object: ObjectRef,
    pointer: &str,
    place: impl Into<Option<Place>>,
) -> Item {
    let diagnosis = Diagnosis::at(reason, object, pointer);
    let concerns = BTreeSet::new();
    let place = place.into();
    let (written, fix, ignored, kept_by) = (None, None, None, None);
    Item { diagnosis, place, written, fix, is_possible: true, ignored, kept_by, concerns }
}

fn place(file: &str, line: u64, column: u64) -> Place {
    Place { file: file.to_owned(), line, column, template: None }
}

fn unread(file: &str, detail: &str) -> documents::Error {
    documents::Error { file: file.to_owned(), line: 8, detail: detail.to_owned() }
}

/// One finding of each severity, in files and in a cluster, with all that can be said of them.
fn report() -> Report {
    let web = ObjectRef::new("Deployment", "shop", "web");
    let key = "instrumentation.opentelemetry.io/inject-java";
    let misplaced = AnnotationFinding::AnnotationMisplaced {
        key: key.to_owned(),
        meant: None,
        template: "/spec/template",
    };
    let unknown = |suggestion: &str| AnnotationFinding::AnnotationUnknown {
        key: format!("{key}s"),
        suggestion: Some(suggestion.to_owned()),
    };
    let pointer = "/metadata/annotations/instrumentation.opentelemetry.io~1inject-java";
    let mut rendered = place("./manifests/web app.yaml", 12, 5);
    rendered.template = Some("shop/templates/web.yaml".to_owned());
    let refused = ClusterFinding::PodsRefused { message: "exceeded quota: pods, used: 10".to_owned() };
    let missing = || EndpointFinding::EndpointMissing { container: None };
    let base = |name: &str| ObjectRef::new("Instrumentation", "shop", name);
    let others = ClusterFinding::OperatorOfOthers { deployment: "otel/operator".to_owned() };
    let items = vec![
        Item { fix: Some(Fix::Edits(Vec::new())), ..item(misplaced, web.clone(), pointer, rendered) },
        Item { kept_by: Some("Argo CD"), ..item(refused, web.clone(), "", None) },
        item(ClusterFinding::OperatorMissing, ObjectRef::new("Namespace", "", "shop"), "", None),
        item(unknown(key), web.clone(), &format!("{pointer}s"), place(STANDARD_INPUT, 3, 1)),
        item(unknown(key), web, &format!("/spec/template{pointer}s"), place("/etc/web.yaml", 7, 9)),
        item(missing(), base("base"), "/spec/exporter", place("manifests/base.yaml", 1, 1)),
        Item {
            ignored: Some("each workload sets its own".to_owned()),
            ..item(missing(), base("none"), "", place("manifests/base.yaml", 9, 1))
        },
        item(others, ObjectRef::new("Deployment", "otel", "operator"), "", None),
    ];
    let looked = Looked {
        workloads: 3,
        requesting: 2,
        instrumentations: 2,
        pods: 4,
        is_cluster: true,
        is_blind: false,
        left_out: 2,
    };
    let notes = vec!["pods is forbidden: pods are not looked at".to_owned()];
    let (unseen, hidden) = (vec![Section::Order, Section::Runtime], vec![Section::Endpoint]);
    let unread = vec![unread("manifests/broken.yaml", "duplicate mapping key: apiVersion")];
    Report { items, notes, unread, looked, unseen, hidden }
}

/// A report in which whatever others write is nasty.
fn nasty() -> Report {
    let refused = ClusterFinding::PodsRefused { message: NASTY.to_owned() };
    let object = ObjectRef::new("Deployment", NASTY, NASTY);
    let mut place = place(&format!("a/{NASTY}.yaml"), 1, 2);
    place.template = Some(NASTY.to_owned());
    let told = item(refused.clone(), object.clone(), &format!("/metadata/annotations/{NASTY}"), place);
    let ignored = Item { ignored: Some(NASTY.to_owned()), ..item(refused, object, "", None) };
    let looked = Looked { is_cluster: true, ..Looked::default() };
    let (notes, unread) = (vec![NASTY.to_owned()], vec![unread(&format!("a/{NASTY}.yaml"), NASTY)]);
    Report { items: vec![told, ignored], notes, unread, looked, ..Report::default() }
}

fn folders() -> github::Folders<'static> {
    github::Folders { current: Path::new("/work/sub"), workspace: Path::new("/work") }
}

fn of_sarif(report: &Report) -> Value {
    let sarif = sarif::sarif(report, Path::new("/work/sub"), Locale::En);
    // As published, the pattern of languages has a bracket too many, which no reader of today's patterns takes.
    let schema = include_str!("../../../../testdata/doctor/sarif-schema-2.1.0.json");
    assert_fits(&schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$"), &sarif);
    sarif
}

/// The form is read again: whatever is wrong with it is told.
fn of_junit(report: &Report) -> String {
    let text = String::from_utf8(junit::junit(report, Locale::En).unwrap()).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    while reader.read_event().unwrap() != Event::Eof {}
    let is_allowed = |c: char| matches!(c, '\n' | '\t') || (!c.is_control() && c != '\u{ffff}');
    assert!(text.chars().all(is_allowed), "{text}");
    text
}

fn assert_fits(schema: &str, value: &Value) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

/// The version is another one with each release.
fn assert_is(expected: &ExpectFile, text: &str) {
    expected.assert_eq(&text.replace(env!("CARGO_PKG_VERSION"), "X.Y.Z"));
}

#[test]
fn every_form_tells_the_same_report() {
    let report = report();
    let pretty = |value: &Value| format!("{value:#}\n");
    assert_is(&expect_file!["../../../../testdata/doctor/report.sarif"], &pretty(&of_sarif(&report)));
    assert_is(
        &expect_file!["../../../../testdata/doctor/report.json"],
        &pretty(&json::json(&report, Locale::En)),
    );
    assert_is(&expect_file!["../../../../testdata/doctor/report.junit.xml"], &of_junit(&report));
    for (locale, expected) in [
        (Locale::En, expect_file!["../../../../testdata/doctor/report.html"]),
        (Locale::Es, expect_file!["../../../../testdata/doctor/report.es.html"]),
    ] {
        assert_is(&expected, &html::html(&report, locale).unwrap());
    }
    let commands = github::github(&report, folders(), Locale::En);
    assert_is(&expect_file!["../../../../testdata/doctor/report.github.txt"], &commands);
}

#[test]
fn every_form_says_that_nothing_is_wrong() {
    let empty = Report::default();
    let sarif = of_sarif(&empty);
    assert_eq!(sarif.pointer("/runs/0/results"), Some(&json!([])));
    assert_eq!(sarif.pointer("/runs/0/tool/driver/rules"), Some(&json!([])));
    let closing = text::closing(&empty, Locale::En);
    assert!(closing.starts_with("nothing is wrong: looked at 0 workloads"), "{closing}");
    let commands = github::github(&empty, folders(), Locale::En);
    assert_eq!(commands, format!("::notice title=ingraft doctor::{closing}\n"));
    let xml = of_junit(&empty);
    let sections = empty.sections().len();
    assert!(sections < Section::ALL.len(), "some are only seen in clusters");
    assert!(xml.contains(&format!("tests=\"{sections}\" failures=\"0\"")), "{xml}");
    assert_eq!(xml.matches("name=\"no findings\"").count(), sections);
    let page = html::html(&empty, Locale::Es).unwrap();
    assert!(page.contains("no hay nada mal") && page.matches("✓ bien").count() == sections, "{page}");
    assert!(!page.contains("<table"), "{page}");
}

#[test]
fn what_others_write_cannot_change_a_form() {
    let nasty = nasty();
    let sarif = of_sarif(&nasty);
    let uri = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
    let uri = sarif.pointer(uri).and_then(Value::as_str).unwrap();
    assert!(uri.starts_with("a/%3Cscript%3Ealert%28%22x%22%29%3C/script%3E%20%26"), "{uri}");

    let commands = github::github(&nasty, folders(), Locale::En);
    assert!(!commands.contains('\r') && commands.lines().count() == 2, "{commands}");
    assert!(commands.lines().all(|line| line.starts_with("::")), "{commands}");
    let (properties, _) = commands.strip_prefix("::error ").unwrap().split_once("::").unwrap();
    let names: Vec<&str> =
        properties.split(',').map(|property| property.split('=').next().unwrap()).collect();
    assert_eq!(names, ["file", "line", "col", "title"], "{properties}");

    let xml = of_junit(&nasty);
    assert!(xml.contains("&lt;script&gt;") && xml.contains("\\u{1b}[31m\\u{0}\\u{ffff}"), "{xml}");

    let page = html::html(&nasty, Locale::En).unwrap();
    let lower = page.to_ascii_lowercase();
    assert!(!lower.contains("<script") && !lower.contains("alert(\""), "{page}");
    assert!(!lower.contains("src=") && !lower.contains("href=") && !lower.contains("url("), "{page}");
}

#[test]
fn tests_are_counted() {
    let xml = of_junit(&report());
    let count = |element: &str| xml.matches(&format!("<{element} ")).count();
    let sum = |name: &str| -> usize {
        let numbers = xml.lines().filter(|line| line.trim_start().starts_with("<testsuite "));
        let number = |line: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse::<usize>().unwrap()
        };
        numbers.map(number).sum()
    };
    assert_eq!((sum("tests"), sum("failures"), sum("skipped")), (count("testcase"), 6, 1));
    assert_eq!((count("failure"), count("skipped")), (6, 1));
    assert!(xml.contains(&format!("tests=\"{}\" failures=\"6\"", count("testcase"))), "{xml}");
    let names: Vec<&str> =
        xml.lines().filter_map(|line| line.split_once("<testcase ")).map(|(_, rest)| rest).collect();
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:#?}");
}

#[test]
fn the_schema_knows_each_field_and_word() {
    let schema = include_str!("../../../../docs/doctor.schema.json");
    for report in [Report::default(), report(), nasty()] {
        for locale in Locale::ALL {
            assert_fits(schema, &json::json(&report, locale));
        }
    }
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let sections = schema.pointer("/$defs/section/enum").unwrap();
    assert_eq!(*sections, json!(Section::ALL.map(Section::as_str)));
    let version = schema.pointer("/properties/version/const").unwrap();
    assert_eq!(*version, json!(json::VERSION));

    // What is not described is refused.
    let mut more = json::json(&report(), Locale::En);
    more["findings"][0]["more"] = json!(1);
    assert!(!jsonschema::is_valid(&schema, &more));
}
