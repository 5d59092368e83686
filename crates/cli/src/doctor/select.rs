//! Which findings are told: `--only` and `--skip`, and the annotation with which an object says what it does on purpose.

use ingraft_api::annotations::IGNORE;
use ingraft_core::Reason;
use ingraft_core::doctor::Diagnosis;
use ingraft_core::finding::visible;
use serde_json::Value;

/// `CODE`, `CODE@kind/namespace/name`, or `@kind/namespace/name`; an object without a namespace is `kind/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The code; any where there is none.
    code: Option<&'static str>,
    /// The object, in lower case; any where there is none.
    object: Option<String>,
}

/// All codes that there are.
fn codes() -> impl Iterator<Item = &'static str> {
    Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter().map(|code| code.name))
}

/// The code that a person has written, in any case.
///
/// # Errors
/// Names the one that was probably meant.
pub fn code(text: &str) -> Result<&'static str, String> {
    if let Some(known) = codes().find(|known| known.eq_ignore_ascii_case(text)) {
        return Ok(known);
    }
    let near = codes().map(|known| (strsim::jaro_winkler(known, text), known));
    let near =
        near.filter(|(likeness, _)| *likeness > 0.8).max_by(|(one, _), (other, _)| one.total_cmp(other));
    Err(match near {
        Some((_, near)) => format!("there is no finding \"{text}\"; {near} is the nearest"),
        None => format!("there is no finding \"{text}\": see docs/findings"),
    })
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (of_code, object) =
            text.split_once('@').map_or((text, None), |(code, object)| (code, Some(object)));
        if of_code.is_empty() && object.is_none() {
            return Err("write CODE, CODE@kind/namespace/name or @kind/namespace/name".to_owned());
        }
        if object.is_some_and(|object| !object.contains('/')) {
            return Err("write the object as kind/namespace/name, such as deployment/shop/web".to_owned());
        }
        let code = if of_code.is_empty() { None } else { Some(self::code(of_code)?) };
        Ok(Self { code, object: object.map(str::to_lowercase) })
    }

    /// Whether it is about a diagnosis.
    pub fn fits(&self, diagnosis: &Diagnosis) -> bool {
        self.code.is_none_or(|code| code == diagnosis.finding.code())
            && self.object.as_ref().is_none_or(|object| *object == diagnosis.object.path().to_lowercase())
    }
}

/// Why an object wants a finding not to be told: `ingraft.dev/ignore: CODE: reason; CODE: reason`. The reason may be empty.
pub fn ignored(object: &Value, diagnosis: &Diagnosis) -> Option<String> {
    let value = object.pointer("/metadata/annotations")?.get(IGNORE)?.as_str()?;
    value.split(';').find_map(|entry| {
        let (code, reason) = entry.split_once(':').unwrap_or((entry, ""));
        let reason = reason.trim();
        let is_meant = code.trim().eq_ignore_ascii_case(diagnosis.finding.code());
        is_meant.then(|| visible(reason))
    })
}

/// The codes in the annotation of an object that there are not.
pub fn unknown_codes(object: &Value) -> Vec<String> {
    let value =
        object.pointer("/metadata/annotations").and_then(|all| all.get(IGNORE)?.as_str()).unwrap_or_default();
    let codes = value.split(';').map(|entry| entry.split(':').next().unwrap_or_default().trim());
    codes.filter(|code| !code.is_empty()).filter_map(|one| code(one).err()).collect()
}

#[cfg(test)]
mod tests {
    use ingraft_core::doctor::ObjectRef;
    use ingraft_core::finding::EndpointFinding;
    use serde_json::json;

    use super::*;

    fn diagnosis() -> Diagnosis {
        let reason = EndpointFinding::EndpointMissing { container: None };
        Diagnosis::of(reason, ObjectRef::new("Instrumentation", "shop", "base"))
    }

    #[test]
    fn a_pattern_is_a_code_an_object_or_both() {
        for (text, fits) in [
            ("EndpointMissing", true),
            ("endpointmissing", true),
            ("EndpointIsLocal", false),
            ("EndpointMissing@instrumentation/shop/base", true),
            ("@Instrumentation/shop/base", true),
            ("@instrumentation/shop/other", false),
            ("EndpointIsLocal@instrumentation/shop/base", false),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().fits(&diagnosis()), fits, "{text}");
        }
        assert!(Pattern::parse("EndpointMising").unwrap_err().contains("EndpointMissing"));
        assert!(Pattern::parse("").is_err() && Pattern::parse("@web").is_err());
    }

    #[test]
    fn an_object_says_what_it_does_on_purpose() {
        let object = |text: &str| json!({"metadata": {"annotations": {IGNORE: text}}});
        let reason = |text: &str| ignored(&object(text), &diagnosis());
        assert_eq!(
            reason("EndpointMissing: each workload sets its own"),
            Some("each workload sets its own".to_owned())
        );
        assert_eq!(reason("TlsUnset: x; endpointMissing"), Some(String::new()));
        assert_eq!(reason("TlsUnset"), None);
        // A terminal would take it for a command.
        assert_eq!(reason("EndpointMissing: x\u{1b}[2J\u{202e}y"), Some("x [2J y".to_owned()));
        assert_eq!(unknown_codes(&object("TlsUnst: x; EndpointMissing")).len(), 1);
    }
}
