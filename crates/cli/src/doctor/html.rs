//! The report as one page, for a ticket or a mail: no script, nothing from elsewhere. templates/doctor.html is the page;
//! whatever is put into it is escaped.

mod pieces;

use askama::Template;
use ingraft_core::{Locale, Reason, Severity};

use self::pieces::{Piece, pieces};
use super::report::{Item, Place, Report, Standing};
use super::text::{self, pick};

/// The page.
pub fn html(report: &Report, locale: Locale) -> Result<String, askama::Error> {
    let objects = report.by_object().into_iter().map(|(object, items)| Object {
        name: object.to_string(),
        rows: items.into_iter().map(|item| row(item, locale)).collect(),
    });
    let parts = report.sections().into_iter().map(|section| {
        let standing = report.standing(section);
        let mark = match standing {
            Standing::Found(worst, _) => Mark::of(Some(worst)),
            Standing::Hidden(_) => Mark { class: "info", sign: "…" },
            Standing::Unseen => Mark { class: "info", sign: "?" },
            Standing::Fine => Mark::of(None),
        };
        Part { title: section.title(locale), word: text::word(standing, locale), mark }
    });
    let ignored = report.ignored().map(|(item, reason)| Ignored {
        code: item.code(),
        object: item.diagnosis.object.to_string(),
        reason: text::reason(reason, locale),
    });
    let page = Page {
        locale: locale.as_str(),
        version: env!("CARGO_PKG_VERSION"),
        words: Words::of(locale),
        found: text::found(report, locale),
        seen: text::seen(report, locale),
        worst: Mark::of(report.worst().filter(|worst| *worst > Severity::Info)),
        parts: parts.collect(),
        objects: objects.collect(),
        ignored: ignored.collect(),
        notes: report.unread.iter().map(ToString::to_string).chain(report.notes.iter().cloned()).collect(),
    };
    Ok(page.render()? + "\n")
}

#[derive(Template)]
#[template(path = "doctor.html")]
struct Page<'a> {
    locale: &'static str,
    version: &'static str,
    words: Words,
    found: String,
    seen: String,
    worst: Mark,
    parts: Vec<Part>,
    objects: Vec<Object<'a>>,
    ignored: Vec<Ignored<'a>>,
    notes: Vec<String>,
}

/// How it stands with a part of the way to telemetry.
struct Part {
    title: &'static str,
    word: String,
    mark: Mark,
}

/// An object, and what is wrong with it.
struct Object<'a> {
    name: String,
    rows: Vec<Row<'a>>,
}

/// One finding.
struct Row<'a> {
    mark: Mark,
    severity: &'static str,
    code: &'static str,
    part: &'static str,
    message: String,
    meaning: String,
    place: Option<Position<'a>>,
    field: String,
    help: Vec<Piece>,
    explain: String,
    /// What corrects it; empty where nothing does.
    correction: String,
    kept_by: Option<&'static str>,
}

/// A place in a file.
struct Position<'a> {
    position: String,
    template: Option<&'a str>,
}

/// A finding that is not to be told.
struct Ignored<'a> {
    code: &'static str,
    object: String,
    reason: &'a str,
}

/// A severity at a glance: a sign for those who see no colours.
struct Mark {
    class: &'static str,
    sign: &'static str,
}

impl Mark {
    const fn of(worst: Option<Severity>) -> Self {
        let (class, sign) = match worst {
            None => ("ok", "✓"),
            Some(Severity::Info) => ("info", "•"),
            Some(Severity::Warning) => ("warning", "▲"),
            Some(Severity::Error) => ("error", "✖"),
        };
        Self { class, sign }
    }
}

fn row(item: &Item, locale: Locale) -> Row<'_> {
    let codes = Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter());
    // The catalogue is English.
    let meaning = codes.into_iter().find(|code| code.name == item.code() && locale == Locale::En);
    let meaning = meaning.map(|code| code.meaning);
    let severity = match item.severity() {
        Severity::Info => pick(locale, "info", "info"),
        Severity::Warning => pick(locale, "warning", "advertencia"),
        Severity::Error => pick(locale, "error", "error"),
    };
    Row {
        mark: Mark::of(Some(item.severity())),
        severity,
        code: item.code(),
        part: item.diagnosis.section().title(locale),
        message: item.message(locale),
        meaning: meaning.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        place: item.place.as_ref().map(position),
        field: text::field(&item.diagnosis.pointer),
        help: pieces(&item.help(locale).unwrap_or_default()),
        explain: format!("ingraft doctor --explain {}", item.code()),
        correction: if item.is_fixable() { correction(item) } else { String::new() },
        kept_by: item.kept_by,
    }
}

/// The command that corrects a finding, where it was found.
fn correction(item: &Item) -> String {
    let place = match (&item.place, item.diagnosis.object.namespace.as_str()) {
        (Some(place), _) => format!("-f {}", place.file),
        (None, "") => "-A".to_owned(),
        (None, namespace) => format!("-n {namespace}"),
    };
    format!("ingraft doctor {place} --fix")
}

fn position(place: &Place) -> Position<'_> {
    Position {
        position: format!("{}:{}:{}", place.file, place.line, place.column),
        template: place.template.as_deref(),
    }
}

/// What the page says by itself.
struct Words {
    glance: &'static str,
    objects: &'static str,
    finding: &'static str,
    what: &'static str,
    place: &'static str,
    fix: &'static str,
    template: &'static str,
    whole: &'static str,
    more: &'static str,
    fixable: &'static str,
    kept: &'static str,
    ignored: &'static str,
    object: &'static str,
    reason: &'static str,
    notes: &'static str,
}

impl Words {
    const fn of(locale: Locale) -> Self {
        Self {
            glance: pick(locale, "At a glance", "De un vistazo"),
            objects: pick(locale, "What was found, by object", "Lo encontrado, por objeto"),
            finding: pick(locale, "Finding", "Hallazgo"),
            what: pick(locale, "What is wrong, and why", "Qué está mal y por qué"),
            place: pick(locale, "Where", "Dónde"),
            fix: pick(locale, "What to do", "Qué hacer"),
            template: pick(locale, "from", "de"),
            whole: pick(locale, "the object as a whole", "el objeto entero"),
            more: pick(locale, "more about it:", "más sobre ello:"),
            fixable: pick(locale, "or have it corrected:", "o haz que se corrija:"),
            kept: pick(
                locale,
                "Correct it at its source: changes are undone by",
                "Corrígelo en su origen: los cambios los deshace",
            ),
            ignored: pick(locale, "Ignored on purpose", "Ignorado a propósito"),
            object: pick(locale, "Object", "Objeto"),
            reason: pick(locale, "Reason", "Motivo"),
            notes: pick(locale, "What limits this answer", "Qué limita esta respuesta"),
        }
    }
}
