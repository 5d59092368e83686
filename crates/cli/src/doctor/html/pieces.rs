//! Which parts of a sentence can be pasted: commands, keys, fields, values and options.

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The part.
    pub text: String,
    /// Whether it can be pasted.
    pub is_code: bool,
}

/// The programs whose commands are named.
const PROGRAMS: [&str; 2] = ["ingraft ", "kubectl "];
/// What ends a command.
const ENDS: [&str; 3] = ["; ", " says more", " dice más"];
const OPENING: [char; 4] = ['"', '\'', '(', '«'];
const CLOSING: [char; 9] = ['"', '\'', ')', '»', ',', ';', '.', ':', '?'];

/// A sentence in parts, which together are the sentence.
pub fn pieces(sentence: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    let mut begins = true;
    while !rest.is_empty() {
        let (skipped, length, is_code) = next(rest, begins);
        let (before, after) = rest.split_at(skipped);
        let (text, after) = after.split_at(length);
        add(&mut pieces, before, false);
        add(&mut pieces, text, is_code);
        let space = after.len() - after.trim_start_matches(|c: char| !c.is_whitespace()).trim_start().len();
        let (between, after) = after.split_at(space);
        add(&mut pieces, between, false);
        begins = between.trim_end() == ":" || (text.ends_with(':') && between.trim_end().is_empty());
        rest = after;
    }
    pieces
}

fn add(pieces: &mut Vec<Piece>, text: &str, is_code: bool) {
    match pieces.last_mut() {
        Some(last) if last.is_code == is_code => last.text.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece { text: text.to_owned(), is_code }),
    }
}

/// How many bytes precede the next word, how long it is, and whether it can be pasted. `begins` is whether a command may
/// begin here.
fn next(rest: &str, begins: bool) -> (usize, usize, bool) {
    if begins && PROGRAMS.iter().any(|program| rest.starts_with(program)) {
        let end = ENDS.iter().filter_map(|end| rest.find(end)).min();
        return (0, end.unwrap_or(rest.len()), true);
    }
    let word = rest.split(char::is_whitespace).next().unwrap_or_default();
    let opened = word.trim_start_matches(OPENING);
    let skipped = word.len() - opened.len();
    let closed = opened.trim_end_matches(CLOSING);
    let is_call =
        closed.contains('(') && opened.get(closed.len()..).is_some_and(|rest| rest.starts_with(')'));
    let core = opened.get(..closed.len() + usize::from(is_call)).unwrap_or(closed);
    if !is_code(core) {
        return (0, word.len(), false);
    }
    // A key with its value is one line to paste.
    let value = || {
        let after = rest.get(skipped + core.len()..)?.strip_prefix(": '")?;
        Some(core.len() + ": '".len() + after.find('\'')? + 1)
    };
    (skipped, value().unwrap_or(core.len()), true)
}

/// Whether a word is none of a language that people speak.
fn is_code(word: &str) -> bool {
    let is_field = || {
        let steps: Vec<&str> = word.split('.').collect();
        steps.len() > 1
            && word.starts_with(|c: char| c.is_lowercase())
            && steps.iter().all(|step| !step.is_empty())
            && steps.iter().any(|step| step.len() > 2)
    };
    let is_variable = || {
        let rest = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        word.len() > 5 && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(rest)
    };
    let is_path = || word.contains('/') && word.chars().any(char::is_alphanumeric);
    word.starts_with("--")
        || word.starts_with("$(")
        || is_path()
        || word.contains('_')
        || is_field()
        || is_variable()
}

/// A part of what can be pasted, after which a line may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The part.
    pub text: &'a str,
    /// Whether no line may end within it: an option would be torn apart behind its hyphens.
    pub is_whole: bool,
}

/// The longest option that a narrow screen has room for.
const LONGEST_OPTION: usize = 32;

/// What can be pasted, in parts after which a line may end.
pub fn chunks(code: &str) -> Vec<Chunk<'_>> {
    let of_word = |word| {
        let option = str::trim_end(word);
        let is_whole = option.starts_with('-') && option.len() <= LONGEST_OPTION;
        let cut = move |c: char| !is_whole && matches!(c, '/' | '.' | '=' | '_' | '[');
        word.split_inclusive(cut).map(move |text| Chunk { text, is_whole })
    };
    code.split_inclusive(' ').flat_map(of_word).collect()
}

/// The words of a name in CamelCase.
pub fn words(name: &str) -> Vec<&str> {
    let starts = name.char_indices().filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at);
    let mut words = Vec::new();
    let mut from = 0;
    for at in starts.chain([name.len()]) {
        words.extend(name.get(from..at).filter(|word| !word.is_empty()));
        from = at;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentence with what can be pasted between backticks.
    fn marked(sentence: &str) -> String {
        let mark = |piece: Piece| if piece.is_code { format!("`{}`", piece.text) } else { piece.text };
        pieces(sentence).into_iter().map(mark).collect()
    }

    #[test]
    fn lines_end_where_people_would_end_them() {
        for expected in [
            "http:/|/|gateway.|obs:4318",
            "kubectl |apply |<--server-side >|<-f >|<->",
            "a.|b/|c: |'d'",
            "--enable-a-language-of-which-nobody-has-heard=|true",
        ] {
            let code = expected.replace(['|', '<', '>'], "");
            let mark = |chunk: Chunk<'_>| {
                if chunk.is_whole { format!("<{}>", chunk.text) } else { chunk.text.to_owned() }
            };
            let marked: Vec<String> = chunks(&code).into_iter().map(mark).collect();
            assert_eq!(marked.join("|"), expected);
        }
    }

    #[test]
    fn a_name_has_words() {
        assert_eq!(words("EndpointNotAUrl"), ["Endpoint", "Not", "A", "Url"]);
        assert_eq!(words("name"), ["name"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn commands_keys_and_fields_can_be_pasted() {
        for expected in [
            "set `spec.exporter.endpoint`, such as `http://gateway.obs:4318`",
            "install it: `ingraft manifests crds | kubectl apply --server-side -f -`",
            "para anularlo: `kubectl annotate deployment/web -n shop ingraft.dev/blocked-`; y después",
            "`kubectl logs POD -c app --previous` says more",
            "read what kubectl describe and kubectl logs say of its pods",
            "write `instrumentation.opentelemetry.io/inject-sdk: 'obs/shared'` in `spec.template.metadata.annotations`",
            "add `ingraft.dev/nodejs-esm: 'true'` if Node.js is 18.19 or newer",
            "set `JAVA_TOOL_OPTIONS` to a literal value, or remove \"optional: true\" from its source",
            "remove `$(SECOND)` from FIRST, or set `PYTHONPATH`",
            "start the operator with `--enable-python-instrumentation=true`",
            "write `http/protobuf` or grpc",
            "put it in quotes: '1'",
            "write \"`a/b`\" (`c_d`).",
            "añade   espacios\ny líneas",
            "`<script>alert(1)</script>`",
            "",
        ] {
            assert_eq!(marked(&expected.replace('`', "")), expected);
        }
    }
}
