//! How a finding is written in each place where people see it.

use ingraft_api::annotations::PREFIX;

use super::{Finding, Locale, Severity, Subject};

/// As long as an admission warning should be at most, in characters:
/// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response>.
const LONGEST_WARNING: usize = 120;
/// Less of a message than this says too little to be worth the remedy.
const SHORTEST_MESSAGE: usize = 40;
/// The longest note that the API server takes, in bytes:
/// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>.
const LONGEST_NOTE: usize = 1024;

impl Finding {
    /// A warning that `kubectl apply` prints: code, message and remedy. If there is no room for all of it, the key of
    /// the annotation or label stands for the message, or the prefix of keys is left out, or the message is cut.
    pub fn warning(&self, locale: Locale) -> String {
        let (text, code) = (self.reason.text(locale), self.code());
        let short = format!("{code}: {}", text.message);
        let of_help = |help: String| self.with_help(&text.message, &help);
        text.help.and_then(of_help).unwrap_or_else(|| cut(short, LONGEST_WARNING, |_| 1))
    }

    /// The remedy with the message, with the key of the annotation or label, with the beginning of the message, or alone.
    fn with_help(&self, message: &str, help: &str) -> Option<String> {
        let code = self.code();
        let length = |text: &str| text.chars().count();
        let fits = |warning: &String| length(warning) <= LONGEST_WARNING;
        let bare = |help: &str| Some(format!("{code}: {help}")).filter(fits);
        let full = |help: &str| Some(format!("{code}: {message}; {help}")).filter(fits);
        let by_key = || {
            let (_, key) = self.pointer.strip_prefix("/metadata/")?.split_once('/')?;
            let key = key.replace("~1", "/").replace("~0", "~");
            if help.contains(&key) {
                return bare(help);
            }
            let name = key.split_once('/').map_or(key.as_str(), |(_, name)| name);
            [key.as_str(), name].iter().map(|key| format!("{code}: {key}: {help}")).find(fits)
        };
        let by_message = || {
            let room = LONGEST_WARNING.checked_sub(length(code) + length(help) + ": ; ".len())?;
            let message = (room >= SHORTEST_MESSAGE).then(|| cut(message.to_owned(), room, |_| 1))?;
            Some(format!("{code}: {message}; {help}"))
        };
        let brief = help.replace(PREFIX, "…/");
        full(help)
            .or_else(by_key)
            .or_else(|| full(&brief))
            .or_else(by_message)
            .or_else(|| bare(help))
            .or_else(|| bare(&brief))
    }

    /// The note of an Event.
    pub fn event_note(&self, locale: Locale) -> String {
        let text = self.reason.text(locale);
        let note = match text.help {
            Some(help) => format!("{}. {help}", text.message),
            None => text.message,
        };
        cut(note, LONGEST_NOTE, char::len_utf8)
    }

    /// The message of a log entry or a condition, which have the code and the severity beside it.
    pub fn message(&self, locale: Locale) -> String {
        self.reason.text(locale).message
    }

    /// The object for a terminal, such as `pod/app`, and what decided about it.
    pub fn object(&self, locale: Locale, object: &str, namespace: &str) -> String {
        if object.starts_with("namespace/") {
            return object.to_owned();
        }
        let about = match &self.subject {
            Subject::Namespace => {
                say!(locale, ", by namespace {namespace}", ", por el espacio de nombres {namespace}").0
            }
            Subject::Instrumentation(reference) if !object.starts_with("instrumentation/") => {
                say!(locale, ", by Instrumentation {reference}", ", por la Instrumentation {reference}").0
            }
            Subject::Instrumentation(_) | Subject::Pod | Subject::Workload => String::new(),
        };
        say!(
            locale,
            "{object} in namespace {namespace}{about}",
            "{object} en el espacio de nombres {namespace}{about}",
        )
        .0
    }

    /// The lines for a terminal.
    pub fn lines(&self, locale: Locale) -> Lines {
        let text = self.reason.text(locale);
        let severity = match (self.severity(), locale) {
            (severity, Locale::En) => severity.as_str(),
            (Severity::Info, Locale::Es) => "info",
            (Severity::Warning, Locale::Es) => "advertencia",
            (Severity::Error, Locale::Es) => "error",
        };
        Lines {
            title: format!("{severity}[{}]", self.code()),
            message: visible(&text.message),
            help: text.help.map(|help| visible(&say!(locale, "help: {help}", "ayuda: {help}").0)),
        }
    }
}

/// A text without what would steer a terminal, or be read as more than one line: values may be anybody's.
pub fn visible(text: &str) -> String {
    let is_mark = |character: char| matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let show = |character: char| if character.is_control() || is_mark(character) { ' ' } else { character };
    text.chars().map(show).collect()
}

/// A finding for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// Severity and code.
    pub title: String,
    /// What was seen.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The text, or as much of it as fits, with an ellipsis.
fn cut(text: String, longest: usize, size: fn(char) -> usize) -> String {
    if text.chars().map(size).sum::<usize>() <= longest {
        return text;
    }
    let mut used = size('…');
    let fits = |c: &char| {
        used += size(*c);
        used <= longest
    };
    text.chars().take_while(fits).chain(['…']).collect()
}
