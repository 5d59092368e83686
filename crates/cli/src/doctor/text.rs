//! The report for people: a summary at a glance, then what is wrong with each object and what to do about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};
use ingraft_core::doctor::{ObjectRef, Section};
use ingraft_core::{Locale, Severity};

use super::report::{Item, Looked, Report, Standing};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The report. Colours are left out where nobody sees them.
pub fn text(report: &Report, locale: Locale) -> String {
    let mut text = String::new();
    summary(report, locale, &mut text);
    for (object, items) in report.by_object() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{BOLD}{object}{BOLD:#}");
        for item in items {
            describe(item, locale, &mut text);
        }
    }
    let ignored: Vec<_> = report.ignored().collect();
    if !ignored.is_empty() {
        let title = pick(locale, "Ignored on purpose", "Ignorado a propósito");
        let _ = writeln!(text, "\n{DIM}{title}{DIM:#}");
        for (item, reason) in ignored {
            let reason = self::reason(reason, locale);
            let _ = writeln!(text, "  {DIM}{} ({}): {reason}{DIM:#}", item.code(), item.diagnosis.object);
        }
    }
    let style = severity_style(report.worst().unwrap_or(Severity::Info));
    let (found, seen) = (found(report, locale), seen(report, locale));
    let _ = writeln!(text, "\n{style}{found}{style:#}: {seen}");
    text
}

/// Why something is ignored, for people.
pub const fn reason(reason: &str, locale: Locale) -> &str {
    if reason.is_empty() { pick(locale, "no reason given", "sin motivo") } else { reason }
}

/// One of two texts.
pub const fn pick(locale: Locale, english: &'static str, spanish: &'static str) -> &'static str {
    match locale {
        Locale::En => english,
        Locale::Es => spanish,
    }
}

/// One line for each part of the way to telemetry.
fn summary(report: &Report, locale: Locale, text: &mut String) {
    let width =
        Section::ALL.iter().map(|section| section.title(locale).chars().count()).max().unwrap_or_default();
    for section in report.sections() {
        let standing = report.standing(section);
        let style = match standing {
            Standing::Found(worst, _) => severity_style(worst),
            Standing::Hidden(_) | Standing::Unseen => DIM,
            Standing::Fine => color(AnsiColor::Green),
        };
        let word = word(standing, locale);
        let _ = writeln!(text, "{:<width$}  {style}{word}{style:#}", section.title(locale));
    }
}

/// How it stands with a part of the way to telemetry.
pub fn word(standing: Standing, locale: Locale) -> String {
    match standing {
        Standing::Found(_, counts) => numbers(counts, locale),
        Standing::Hidden(count) => format!("{count} {}", pick(locale, "not shown", "sin mostrar")),
        Standing::Unseen => {
            pick(locale, "not seen: it may not be read", "no visto: no se puede leer").to_owned()
        }
        Standing::Fine => pick(locale, "ok", "bien").to_owned(),
    }
}

/// How many there are of each severity, the worst first.
fn numbers([infos, warnings, errors]: [usize; 3], locale: Locale) -> String {
    let (error, warning, info) = match locale {
        Locale::En => (["error", "errors"], ["warning", "warnings"], "worth knowing"),
        Locale::Es => (["error", "errores"], ["advertencia", "advertencias"], "para saber"),
    };
    let counts = [(errors, error), (warnings, warning), (infos, [info; 2])];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let words = counts.map(|(count, [one, several])| counted(count, one, several));
    words.collect::<Vec<_>>().join(", ")
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

fn describe(item: &Item, locale: Locale, text: &mut String) {
    let lines = item.diagnosis.finding.lines(locale);
    let style = severity_style(item.severity());
    let _ = writeln!(text, "  {style}{}{style:#}: {}", lines.title, lines.message);
    if let Some(place) = &item.place {
        let template = place.template.as_deref().map(|template| format!(" ({template})"));
        let _ = writeln!(
            text,
            "    --> {}:{}:{}{}",
            place.file,
            place.line,
            place.column,
            template.unwrap_or_default()
        );
    } else if !item.diagnosis.pointer.is_empty() {
        let _ = writeln!(text, "    --> {}", field(&item.diagnosis.pointer));
    }
    if let Some(concerns) = concerns(&item.concerns, locale) {
        let _ = writeln!(text, "    {concerns}");
    }
    if let Some(help) = lines.help {
        let by_fix = if item.is_fixable() { " [--fix]" } else { "" };
        let _ = writeln!(text, "    {help}{DIM}{by_fix}{DIM:#}");
    }
}

/// The workloads that suffer from what is wrong with their namespace: the first three, and how many more there are.
fn concerns(workloads: &BTreeSet<ObjectRef>, locale: Locale) -> Option<String> {
    const SHOWN: usize = 3;
    let first: Vec<String> = workloads.iter().take(SHOWN).map(ObjectRef::short).collect();
    let (first, more) = (first.join(", "), workloads.len().saturating_sub(SHOWN));
    let said = match (locale, more) {
        (_, _) if workloads.is_empty() => return None,
        (Locale::En, 0) => format!("this concerns {first}"),
        (Locale::En, more) => format!("this concerns {first}, and {more} more"),
        (Locale::Es, 0) => format!("esto afecta a {first}"),
        (Locale::Es, more) => format!("esto afecta a {first} y {more} más"),
    };
    Some(said)
}

/// A field as people write it.
pub fn field(pointer: &str) -> String {
    let (path, key) = match pointer.split_once("/annotations/").or_else(|| pointer.split_once("/labels/")) {
        Some((path, key)) => {
            let map = if pointer.contains("/annotations/") { "annotations" } else { "labels" };
            (format!("{path}/{map}"), Some(key.replace("~1", "/").replace("~0", "~")))
        }
        None => (pointer.to_owned(), None),
    };
    let path = path.trim_start_matches('/').replace('/', ".");
    key.map_or_else(|| path.clone(), |key| format!("{path}[{key}]"))
}

/// One line that says how it stands, also where nothing is wrong.
pub fn closing(report: &Report, locale: Locale) -> String {
    format!("{}: {}", found(report, locale), seen(report, locale))
}

/// How it stands, in numbers.
pub fn found(report: &Report, locale: Locale) -> String {
    let [errors, warnings] = [Severity::Error, Severity::Warning].map(|severity| report.count(severity));
    match errors + warnings {
        0 if !report.hidden.is_empty() => {
            pick(locale, "no finding is shown", "no se muestra ningún hallazgo").to_owned()
        }
        0 if !report.unread.is_empty() => {
            pick(locale, "nothing is wrong in what could be read", "no hay nada mal en lo que se pudo leer")
                .to_owned()
        }
        0 if !report.unseen.is_empty() => {
            pick(locale, "nothing is wrong in what may be read", "no hay nada mal en lo que se puede leer")
                .to_owned()
        }
        0 => pick(locale, "nothing is wrong", "no hay nada mal").to_owned(),
        _ => numbers([0, warnings, errors], locale),
    }
}

/// What is missing where nothing is wrong because nobody requests anything.
fn nothing_requested(report: &Report, locale: Locale) -> Option<&'static str> {
    let Looked { workloads, requesting, .. } = report.looked;
    let is_fine =
        [Severity::Error, Severity::Warning].into_iter().all(|severity| report.count(severity) == 0);
    (is_fine && workloads > 0 && requesting == 0).then(|| {
        pick(
            locale,
            "nothing requests injection: instrumentation.opentelemetry.io/inject-LANGUAGE in a pod template does",
            "nada solicita la inyección: lo hace instrumentation.opentelemetry.io/inject-LENGUAJE en una plantilla de pod",
        )
    })
}

/// What was looked at, and how much of what was found is not shown or can be corrected.
pub fn seen(report: &Report, locale: Locale) -> String {
    let Looked { workloads, requesting, instrumentations, pods, is_cluster, .. } = report.looked;
    let some_pods = if is_cluster { format!(", {}", counted(pods, "pod", "pods")) } else { String::new() };
    let instrumentations = counted(instrumentations, "Instrumentation", "Instrumentations");
    let mut text = match locale {
        Locale::En => format!(
            "looked at {} ({requesting} requesting injection){some_pods} and {instrumentations}",
            counted(workloads, "workload", "workloads")
        ),
        Locale::Es => format!(
            "{} {} ({requesting} con inyección solicitada){some_pods} y {instrumentations}",
            if workloads == 1 { "se ha mirado" } else { "se han mirado" },
            counted(workloads, "carga de trabajo", "cargas de trabajo")
        ),
    };
    // Writing to a string cannot fail.
    if let Some(nothing) = nothing_requested(report, locale) {
        let _ = write!(text, "; {nothing}");
    }
    let unread = report.unread.len();
    if unread > 0 {
        let _ = match locale {
            Locale::En => write!(text, "; {} cannot be read", counted(unread, "file", "files")),
            Locale::Es => write!(text, "; no se puede leer {}", counted(unread, "fichero", "ficheros")),
        };
    }
    let left_out = report.looked.left_out;
    if left_out > 0 {
        let _ = match locale {
            Locale::En => write!(text, "; left out: {}", counted(left_out, "file", "files")),
            Locale::Es => write!(text, "; sin mirar: {}", counted(left_out, "fichero", "ficheros")),
        };
    }
    let hidden = report.hidden.len();
    if hidden > 0 {
        let _ = match locale {
            Locale::En => write!(text, "; not shown: {hidden}"),
            Locale::Es => write!(text, "; sin mostrar: {hidden}"),
        };
    }
    let fixable = report.told().filter(|item| item.is_fixable()).count();
    if fixable > 0 {
        let _ = match locale {
            Locale::En => write!(text, "; --fix corrects {fixable}"),
            Locale::Es => write!(text, "; --fix corrige {fixable}"),
        };
    }
    text
}

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

const fn severity_style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Info => AnsiColor::Green,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(Color::Ansi(color)))
}
