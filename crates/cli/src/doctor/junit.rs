//! The report as JUnit's XML, for those who show the results of tests: a finding is a test that fails.
//!
//! There is no standard. This is what Jenkins
//! (<https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd>)
//! and GitLab (<https://docs.gitlab.com/ci/testing/unit_test_reports/>) read, with the file and line of a test, which
//! pytest and others also add. Names of tests are the same in every language, because they are compared with earlier runs.

use std::collections::BTreeMap;
use std::io;

use ingraft_cluster::documents;
use ingraft_core::doctor::Section;
use ingraft_core::{Locale, Severity};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::report::{Item, Report};
use super::text;
use crate::input::STANDARD_INPUT;

/// One suite for each part of the way to telemetry, with one test for each finding, or one that passes.
pub fn junit(report: &Report, locale: Locale) -> io::Result<Vec<u8>> {
    let names = names(report);
    let suites: Vec<Suite<'_>> =
        report.sections().into_iter().map(|section| Suite::of(section, report, &names)).collect();
    let tests = (suites.iter().map(Suite::tests).sum::<usize>() + report.unread.len()).to_string();
    let errors = report.unread.len().to_string();
    let failures = suites.iter().map(Suite::failures).sum::<usize>().to_string();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer.create_element("testsuites").with_attributes([
        ("name", "ingraft doctor"),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
    ]);
    root.write_inner_content(|writer| {
        write_unread(writer, &report.unread)?;
        suites.iter().try_for_each(|suite| suite.write(writer, locale))
    })?;
    let mut document = writer.into_inner();
    document.push(b'\n');
    Ok(document)
}

/// A suite with a test for each file that cannot be read.
fn write_unread(writer: &mut Writer<Vec<u8>>, unread: &[documents::Error]) -> io::Result<()> {
    if unread.is_empty() {
        return Ok(());
    }
    let count = unread.len().to_string();
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", "files"),
        ("tests", &count),
        ("failures", "0"),
        ("errors", &count),
        ("skipped", "0"),
    ]);
    suite.write_inner_content(|writer| {
        unread.iter().try_for_each(|error| {
            let (file, line, detail) = (valid(&error.file), error.line.to_string(), valid(&error.detail));
            let mut test =
                writer.create_element("testcase").with_attributes([("name", &*file), ("classname", "files")]);
            if error.file != STANDARD_INPUT {
                test = test.with_attributes([("file", &*file), ("line", &line)]);
            }
            test.write_inner_content(|writer| {
                let error = writer.create_element("error").with_attribute(("message", &*detail));
                error.write_text_content(BytesText::new(&detail))?;
                Ok(())
            })?;
            Ok(())
        })
    })?;
    Ok(())
}

/// The findings of one part, each with the name of its test.
struct Suite<'a> {
    section: Section,
    tests: Vec<(String, &'a Item)>,
}

impl<'a> Suite<'a> {
    fn of(section: Section, report: &'a Report, names: &[String]) -> Self {
        let all = report.items.iter().zip(names);
        let tests = all.filter(|(item, _)| item.diagnosis.section() == section);
        Self { section, tests: tests.map(|(item, name)| (name.clone(), item)).collect() }
    }

    fn tests(&self) -> usize {
        self.tests.len().max(1)
    }

    fn failures(&self) -> usize {
        self.tests.iter().filter(|(_, item)| fails(item)).count()
    }

    fn skipped(&self) -> usize {
        self.tests.iter().filter(|(_, item)| item.ignored.is_some()).count()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>, locale: Locale) -> io::Result<()> {
        let name = self.section.as_str();
        let numbers = [self.tests(), self.failures(), self.skipped()].map(|number| number.to_string());
        let [tests, failures, skipped] = &numbers;
        let suite = writer.create_element("testsuite").with_attributes([
            ("name", name),
            ("tests", tests),
            ("failures", failures),
            ("errors", "0"),
            ("skipped", skipped),
        ]);
        suite.write_inner_content(|writer| {
            if self.tests.is_empty() {
                let test = writer.create_element("testcase");
                test.with_attributes([("name", "no findings"), ("classname", name)]).write_empty()?;
            }
            self.tests.iter().try_for_each(|(test, item)| write_test(writer, name, test, item, locale))
        })?;
        Ok(())
    }
}

/// Whether the test of a finding fails.
fn fails(item: &Item) -> bool {
    item.ignored.is_none() && item.severity() > Severity::Info
}

/// The names of tests. GitLab shows only one of several with the same name, so these also have the field.
fn names(report: &Report) -> Vec<String> {
    let name = |item: &Item| format!("{} {}", item.code(), item.diagnosis.object.path());
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for item in &report.items {
        *numbers.entry(name(item)).or_default() += 1;
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let unique = |item: &Item| {
        let mut name = name(item);
        if numbers.get(&name).is_some_and(|number| *number > 1) && !item.diagnosis.pointer.is_empty() {
            name = format!("{name} {}", text::field(&item.diagnosis.pointer));
        }
        let number = taken.entry(name.clone()).or_default();
        *number += 1;
        if *number > 1 { format!("{name} ({number})") } else { name }
    };
    report.items.iter().map(unique).collect()
}

fn write_test(
    writer: &mut Writer<Vec<u8>>,
    class: &str,
    name: &str,
    item: &Item,
    locale: Locale,
) -> io::Result<()> {
    let name = valid(name);
    let mut test =
        writer.create_element("testcase").with_attributes([("name", &*name), ("classname", class)]);
    if let Some(place) = item.place.as_ref().filter(|place| place.file != STANDARD_INPUT) {
        let (file, line) = (valid(&place.file), place.line.to_string());
        test = test.with_attributes([("file", &*file), ("line", &line)]);
    }
    let details = valid(&details(item, locale));
    test.write_inner_content(|writer| {
        if let Some(reason) = &item.ignored {
            let reason = valid(reason);
            let skipped = writer.create_element("skipped").with_attribute(("message", &*reason));
            skipped.write_text_content(BytesText::new(&reason))?;
        } else if fails(item) {
            let message = valid(&item.message(locale));
            let failure = writer.create_element("failure");
            let failure = failure.with_attributes([("type", item.code()), ("message", &message)]);
            failure.write_text_content(BytesText::new(&details))?;
        } else {
            writer.create_element("system-out").write_text_content(BytesText::new(&details))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What, where, and what to do. Many show only this of a test.
fn details(item: &Item, locale: Locale) -> String {
    let lines = item.diagnosis.finding.lines(locale);
    let pointer = Some(&item.diagnosis.pointer).filter(|pointer| !pointer.is_empty());
    let place = match &item.place {
        Some(place) => Some(format!("--> {}:{}:{}", place.file, place.line, place.column)),
        None => pointer.map(|pointer| format!("--> {}", text::field(pointer))),
    };
    let message = format!("{}: {}", lines.title, lines.message);
    [Some(message), place, lines.help].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The text with only characters that XML allows: <https://www.w3.org/TR/xml/#charsets>. Others are spelled out.
fn valid(text: &str) -> String {
    let mut valid = String::new();
    for c in text.chars() {
        if matches!(c, '\u{fffe}' | '\u{ffff}') || (c.is_control() && c != '\n' && c != '\t') {
            valid.extend(c.escape_unicode());
        } else {
            valid.push(c);
        }
    }
    valid
}
