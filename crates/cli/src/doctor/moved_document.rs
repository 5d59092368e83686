//! An object that is put before another one of its file: its document, or its item of a list.

use std::fmt::{Display, Formatter};

use anyhow::{Context as _, ensure};
use ingraft_cluster::documents::{self, Document};
use ingraft_core::Locale;
use serde_json::Value;

use super::files;

/// Where an object is written.
#[derive(Clone)]
pub struct Spot<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its JSON pointer there.
    pub pointer: String,
}

/// Why an object stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It is in another file.
    Elsewhere,
    /// It is in a list, and the other one is not.
    Shares,
    /// Something stands between that may have to come first.
    Needs,
    /// Its file is one of SOPS.
    Encrypted,
    /// Its lines cannot be told from those of others.
    Lines,
}

impl Stays {
    /// The reason for people.
    pub const fn message(self, locale: Locale) -> &'static str {
        let (english, spanish) = match self {
            Self::Elsewhere => ("it stands elsewhere", "está en otro lugar"),
            Self::Shares => ("it shares its document with others", "comparte su documento con otros"),
            Self::Needs => (
                "a Namespace or a definition that it may need stands between",
                "en medio hay un Namespace o una definición que puede necesitar",
            ),
            Self::Encrypted => (
                "its file is encrypted with SOPS, which takes every change of it for damage: use sops edit",
                "su fichero está cifrado con SOPS, que toma cualquier cambio por un daño: usa sops edit",
            ),
            Self::Lines => (
                "its lines cannot be told from those of others",
                "sus líneas no se distinguen de las de otros",
            ),
        };
        match locale {
            Locale::En => english,
            Locale::Es => spanish,
        }
    }
}

impl Display for Stays {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.message(Locale::En))
    }
}

impl std::error::Error for Stays {}

/// The list that an object is an item of, and its number there.
fn item(pointer: &str) -> Option<(&str, usize)> {
    let (list, number) = pointer.rsplit_once('/')?;
    Some((list, number.parse().ok()?))
}

/// Whether an object can be put before another one, as far as can be told without looking at the text. `all` are the documents
/// that were read. Returns where it stands.
pub fn check<'a, 'b>(
    before: &Spot<'_>,
    follows: Option<&'b Spot<'a>>,
    all: &[Document],
) -> Result<&'b Spot<'a>, Stays> {
    let follows = follows.filter(|follows| follows.document.file == before.document.file);
    let follows = follows.ok_or(Stays::Elsewhere)?;
    let is_needed = |object: &Value| {
        let kind = object.get("kind").and_then(Value::as_str);
        matches!(kind, Some("Namespace" | "CustomResourceDefinition"))
    };
    let needs = !follows.document.value.pointer(&follows.pointer).is_some_and(is_needed);
    if follows.document.offset == before.document.offset {
        let (Some((list, number)), Some((own_list, own))) = (item(&before.pointer), item(&follows.pointer))
        else {
            return Err(Stays::Shares);
        };
        if list != own_list || number >= own {
            return Err(Stays::Shares);
        }
        let items = follows.document.value.pointer(list).and_then(Value::as_array).into_iter().flatten();
        if needs && items.skip(number).take(own - number).any(is_needed) {
            return Err(Stays::Needs);
        }
        let is_item = line_of(follows).is_some_and(|(_, lines)| lines.trim_start().starts_with("- "));
        return if is_item { Ok(follows) } else { Err(Stays::Lines) };
    }
    if !follows.pointer.is_empty() || follows.document.offset < before.document.offset {
        return Err(Stays::Shares);
    }
    let is_between = |document: &&Document| {
        document.file == before.document.file
            && (before.document.offset..follows.document.offset).contains(&document.offset)
    };
    let between = all.iter().filter(is_between).flat_map(|document| documents::objects(&document.value));
    let needed =
        between.skip_while(|(pointer, _)| *pointer != before.pointer).any(|(_, object)| is_needed(object));
    if needs && needed { Err(Stays::Needs) } else { Ok(follows) }
}

/// The text of a file in which an object stands before another one.
pub fn moved(
    text: &str,
    before: &Spot<'_>,
    follows: Option<&Spot<'_>>,
    all: &[Document],
) -> anyhow::Result<String> {
    let follows = check(before, follows, all)?;
    let (before, follows) = if follows.document.offset == before.document.offset {
        return moved_item(text, before, follows);
    } else {
        (before.document, follows.document)
    };
    let earlier = |document: &&Document| document.file == before.file && document.offset < follows.offset;
    let last = all.iter().filter(earlier).map(|document| document.offset + document.text.len()).max();
    let gap = last.and_then(|end| text.get(end..follows.offset)).context("the file has changed meanwhile")?;
    // What separates them goes with it; what stands before that, such as a document of comments, stays.
    let separator =
        gap.rfind("\n---").map(|newline| newline + 1).or_else(|| gap.starts_with("---").then_some(0));
    let separator = follows.offset - gap.len() + separator.context("nothing separates them")?;
    let start = before.offset + head(text, before).len();
    let end = follows.offset + follows.text.len();
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let parts = text.get(..start).zip(text.get(start..separator)).zip(text.get(end..));
    let ((head, between), tail) = parts.context("the file has changed meanwhile")?;
    let body = follows.text.trim_end_matches(['\r', '\n']);
    let changed = format!("{head}{body}{line_end}---{line_end}{between}{tail}");
    // Nothing but the order changes.
    let values = |text: &str| -> anyhow::Result<Vec<String>> {
        let mut values: Vec<String> =
            documents::read(&before.file, text)?.iter().map(|document| document.value.to_string()).collect();
        values.sort_unstable();
        Ok(values)
    };
    let comments = |text: &str| text.matches('#').count();
    ensure!(values(text)? == values(&changed)? && comments(text) == comments(&changed), Stays::Lines);
    Ok(changed)
}

/// The number of the first line of an item within its document, and the text from there.
fn line_of<'a>(spot: &Spot<'a>) -> Option<(usize, &'a str)> {
    let line = spot.document.position_of(&spot.pointer).line.checked_sub(spot.document.line)?;
    let line = usize::try_from(line).ok()?;
    let start = spot.document.text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    Some((line, spot.document.text.get(start..)?))
}

/// The text of a file in which an item of a list stands before another one. Comments directly above an item go with it.
fn moved_item(text: &str, before: &Spot<'_>, follows: &Spot<'_>) -> anyhow::Result<String> {
    let document = before.document;
    let lines: Vec<&str> = document.text.split_inclusive('\n').collect();
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = |spot: &Spot<'_>| -> Option<(usize, usize)> {
        let (line, _) = line_of(spot)?;
        let dash = depth(lines.get(line)?);
        let is_above = |line: &&&str| depth(line) == dash && line.trim_start().starts_with('#');
        let above = lines.get(..line)?.iter().rev().take_while(is_above).count();
        Some((line - above, line))
    };
    let ((to, _), (from, line)) = first(before).zip(first(follows)).context(Stays::Lines)?;
    let dash = lines.get(line).map_or(0, |line| depth(line));
    let is_within = |line: &&&str| line.trim().is_empty() || depth(line) > dash;
    let within = lines.iter().skip(line + 1).take_while(is_within).count();
    let within = lines.iter().skip(line + 1).take(within);
    let blank = within.clone().rev().take_while(|line| line.trim().is_empty()).count();
    let end = line + 1 + within.len() - blank;
    let part = |lines: Option<&[&str]>| lines.map(<[&str]>::concat).context(Stays::Lines);
    let (mut own, between) = (part(lines.get(from..end))?, part(lines.get(to..from))?);
    if !own.ends_with('\n') {
        own.push_str(if text.contains("\r\n") { "\r\n" } else { "\n" });
    }
    let changed = [part(lines.get(..to))?, own, between, part(lines.get(end..))?].concat();
    // Nothing but the order changes.
    let mut expected = document.value.clone();
    let ((list, to), (_, from)) = item(&before.pointer).zip(item(&follows.pointer)).context(Stays::Lines)?;
    let items = expected.pointer_mut(list).and_then(Value::as_array_mut).context(Stays::Lines)?;
    items.get_mut(to..=from).context(Stays::Lines)?.rotate_right(1);
    let read = documents::read(&document.file, &changed)?;
    ensure!(read.len() == 1 && read.iter().all(|document| document.value == expected), Stays::Lines);
    files::replaced(text, document, &changed)
}

/// What stands at the head of the first document and is about the file: comments up to an empty line, or what editors read.
fn head<'a>(text: &str, first: &'a Document) -> &'a str {
    if !text.get(..first.offset).is_some_and(|before| before.trim().trim_end_matches('-').is_empty()) {
        return "";
    }
    // The byte order mark stays the first of all.
    let mark = first.text.len() - first.text.trim_start_matches('\u{feff}').len();
    let lines = first.text.get(mark..).unwrap_or_default().split_inclusive('\n');
    let comments = lines.take_while(|line| line.trim().is_empty() || line.starts_with('#'));
    let (mut length, mut head) = (mark, mark);
    for line in comments {
        let is_of_editor = ["yaml-language-server:", "vim:", "-*-"].iter().any(|word| line.contains(word));
        length += line.len();
        if line.trim().is_empty() || is_of_editor {
            head = length;
        }
    }
    first.text.get(..head).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved_in(text: &str) -> String {
        let documents = documents::read("all.yaml", text).unwrap();
        let spots = documents.iter().flat_map(|document| {
            documents::objects(&document.value)
                .into_iter()
                .map(move |(pointer, object)| (Spot { document, pointer }, object))
        });
        let spots: Vec<_> = spots.collect();
        let last = spots.iter().find(|(_, object)| object["kind"] == "Instrumentation");
        moved(text, &spots[0].0, last.map(|(spot, _)| spot), &documents).unwrap()
    }

    #[test]
    fn comments_stay_with_what_they_are_about() {
        assert_eq!(
            moved_in(
                "# yaml-language-server: a\n# the web\nkind: Pod\n---\n# the base --- of all\nkind: Instrumentation\n"
            ),
            "# yaml-language-server: a\n# the base --- of all\nkind: Instrumentation\n---\n# the web\nkind: Pod\n",
        );
        assert_eq!(
            moved_in(
                "# Licence\n\n# the web\nkind: Pod\n---\n# nothing else\n---\nkind: Instrumentation\n---\nkind: Job\n"
            ),
            "# Licence\n\nkind: Instrumentation\n---\n# the web\nkind: Pod\n---\n# nothing else\n---\nkind: Job\n",
        );
        assert_eq!(
            moved_in("\u{feff}kind: Pod\n---\nkind: Instrumentation\n"),
            "\u{feff}kind: Instrumentation\n---\nkind: Pod\n",
        );
        assert_eq!(
            moved_in("---\r\nkind: Pod\r\n---\r\nkind: Instrumentation\r\n"),
            "---\r\nkind: Instrumentation\r\n---\r\nkind: Pod\r\n",
        );
    }

    #[test]
    fn an_item_of_a_list_is_moved_with_its_comments() {
        assert_eq!(
            moved_in(
                "# all\nitems:\n# the web\n- kind: Pod\n  a: |\n    x\n\n# the base\n- kind: Instrumentation # b\n  c: 1\n\nkind: List\n"
            ),
            "# all\nitems:\n# the base\n- kind: Instrumentation # b\n  c: 1\n# the web\n- kind: Pod\n  a: |\n    x\n\n\nkind: List\n",
        );
        assert_eq!(
            moved_in("kind: List\nitems:\n  - kind: Pod\n  - kind: Job\n  - kind: Instrumentation\n    a: 1"),
            "kind: List\nitems:\n  - kind: Instrumentation\n    a: 1\n  - kind: Pod\n  - kind: Job\n",
        );
    }

    #[test]
    fn what_may_not_be_moved_stays() {
        let stays = |text: &str| {
            let documents = documents::read("all.yaml", text).unwrap();
            let of = |kind: &str| {
                documents.iter().find_map(|document| {
                    let objects = documents::objects(&document.value);
                    let (pointer, _) = objects.into_iter().find(|(_, object)| object["kind"] == kind)?;
                    Some(Spot { document, pointer })
                })
            };
            check(&of("Pod").unwrap(), of("Instrumentation").as_ref(), &documents).map(|_| ()).unwrap_err()
        };
        let list = "{kind: List, items: [{kind: Pod}, {kind: Instrumentation}]}\n";
        assert_eq!(stays(list), Stays::Lines);
        assert_eq!(stays("kind: Pod\n---\nkind: List\nitems: [{kind: Instrumentation}]\n"), Stays::Shares);
        assert_eq!(stays("kind: Pod\n---\nkind: Namespace\n---\nkind: Instrumentation\n"), Stays::Needs);
        assert_eq!(
            stays("kind: List\nitems:\n- kind: Pod\n- kind: Namespace\n- kind: Instrumentation\n"),
            Stays::Needs
        );
        assert_eq!(stays("kind: Pod\n"), Stays::Elsewhere);
    }
}
