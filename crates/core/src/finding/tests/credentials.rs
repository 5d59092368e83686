//! What is told is read by more people than what it is about.

use crate::finding::{EndpointFinding, FieldFinding, FieldProblem, FieldType};
use crate::{Locale, Reason};

#[test]
fn nobody_who_reads_a_finding_sees_credentials() {
    let said = |endpoint: &str| {
        let endpoint = endpoint.to_owned();
        Reason::from(EndpointFinding::EndpointNotAUrl { endpoint }).text(Locale::En).message
    };
    assert_eq!(
        said("ftp://ann:p@ss@gateway:21/a@b and x://y@z"),
        "endpoint \"ftp://…@gateway:21/a@b and x://…@z\" is not an http:// or https:// URL"
    );
    assert!(said("ann@gateway").contains("ann@gateway"), "that has no password");
    for endpoint in
        ["ann:p4ss@gateway:4318", "http://ann:p4/ss@gateway", "http://an n:p4ss@gateway", "p4ss:@gateway"]
    {
        assert!(!said(endpoint).contains("p4"), "{endpoint}");
    }
}

/// Passwords are numbers sometimes, and stand where a variable was to be.
#[test]
fn nobody_who_reads_a_finding_sees_what_was_to_be_a_text() {
    let said = |expected, found, value: &str| {
        let (field, entry) = ("spec.env[0].value".to_owned(), Some("PASSWORD".to_owned()));
        let problem = FieldProblem::WrongType { expected, found, value: value.to_owned() };
        let text = Reason::from(FieldFinding::FieldRefused { field, entry, problem }).text(Locale::En);
        format!("{}; {}", text.message, text.help.unwrap_or_default())
    };
    let field = "spec.env[0].value of \"PASSWORD\" is";
    assert_eq!(
        said(FieldType::Text, FieldType::Integer, "48151623"),
        format!("{field} a whole number, but must be text; put the value in quotes")
    );
    assert_eq!(
        said(FieldType::Map, FieldType::Text, "\"PIN=48151623\""),
        format!("{field} text, but must be a map; write {{name: PIN, value: …}}")
    );
    assert!(!said(FieldType::List, FieldType::Text, "\"PIN=48151623\"").contains("48151623"));
    assert!(said(FieldType::Integer, FieldType::Text, "\"2\"").contains("is \"2\""));
}
