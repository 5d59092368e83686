//! A page of the documentation, as far as a test can follow it.

/// Stands for any lines where it is a line of its own, and for any text within one.
const ANYTHING: &str = "…";

/// What stands between fences.
#[derive(Debug)]
pub(crate) struct Block {
    /// What follows the opening fence.
    pub(crate) info: String,
    /// The number of its first line in the page, counted from 0.
    pub(crate) first: usize,
    pub(crate) lines: Vec<String>,
    /// How many headings of second or third order stand before it.
    pub(crate) section: usize,
}

/// What somebody types, and what answers.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    pub(crate) text: &'a str,
    /// The number of the first line of the answer in the page, counted from 0.
    pub(crate) first: usize,
    pub(crate) answer: Vec<&'a str>,
}

/// All blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open, mut section) = (Vec::new(), None::<Block>, 0);
    for (number, line) in page.lines().enumerate() {
        match (open.take(), line.strip_prefix("```")) {
            (Some(block), Some(rest)) => {
                assert_eq!(rest, "", "line {}: a fence within a block", number + 1);
                blocks.push(block);
            }
            (Some(mut block), None) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, Some(info)) => {
                open = Some(Block { info: info.to_owned(), first: number + 1, lines: Vec::new(), section });
            }
            (None, None) => section += usize::from(line.starts_with("## ") || line.starts_with("### ")),
        }
    }
    assert!(open.is_none(), "the last block has no end");
    blocks
}

impl Block {
    /// Whether it shows what somebody types.
    pub(crate) fn is_console(&self) -> bool {
        self.info.split(' ').next() == Some("console")
    }

    /// Whether its commands need a cluster.
    pub(crate) fn needs_cluster(&self) -> bool {
        self.info == "console cluster"
    }

    /// The file that it is, or changes.
    pub(crate) fn title(&self) -> Option<&str> {
        self.info.split_once(" title=").map(|(_, title)| title)
    }

    /// What is typed, with the answers.
    pub(crate) fn commands(&self) -> Vec<Command<'_>> {
        let mut commands: Vec<Command<'_>> = Vec::new();
        for (number, line) in (self.first..).zip(&self.lines) {
            if let Some(text) = line.strip_prefix("$ ") {
                commands.push(Command { text, first: number + 1, answer: Vec::new() });
            } else {
                let command =
                    commands.last_mut().unwrap_or_else(|| panic!("line {number}: no command comes first"));
                command.answer.push(line);
            }
        }
        commands
    }

    /// A text with the change that this block is applied. What it is about must stand there once.
    pub(crate) fn changed(&self, text: &str) -> String {
        let side = |other: char| -> String {
            let lines = self.lines.iter().filter(|line| !line.starts_with(other));
            lines.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect()
        };
        let (old, new) = (side('+'), side('-'));
        let line = self.first + 1;
        assert_eq!(text.matches(&old).count(), 1, "line {line}: this must stand there once:\n{old}\n{text}");
        text.replacen(&old, &new, 1)
    }
}

/// Whether an answer is the one that the page shows.
pub(crate) fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, printed) => printed.is_none(),
        (Some((&ANYTHING, rest)), _) => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        (Some((line, shown)), Some((other, printed))) => line_fits(line, other) && fits(shown, printed),
        (Some(_), None) => false,
    }
}

pub(crate) fn line_fits(shown: &str, printed: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANYTHING) else { return shown == printed };
    let Some(printed) = printed.strip_prefix(start) else { return false };
    let ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
    ends.into_iter().any(|at| line_fits(rest, &printed[at..]))
}

/// An answer as the page shall show it: what was left out stays so, as far as the line that follows is still printed.
pub(crate) fn rewritten(shown: &[&str], printed: &[&str]) -> Vec<String> {
    let parts: Vec<&[&str]> = shown.split(|line| *line == ANYTHING).collect();
    let (mut lines, mut left) = (Vec::new(), printed);
    for (number, part) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        if number > 0 {
            let next = |line: &&str| left.iter().position(|other| line_fits(line, other));
            let skipped =
                part.first().map_or(if is_last { left.len() } else { 0 }, |line| next(line).unwrap_or(0));
            lines.extend((skipped > 0).then(|| ANYTHING.to_owned()));
            left = &left[skipped..];
        }
        let (taken, rest) = left.split_at(if is_last { left.len() } else { part.len().min(left.len()) });
        for line in taken {
            let as_shown = part.iter().find(|shown| line_fits(shown, line));
            lines.push((*as_shown.unwrap_or(line)).to_owned());
        }
        left = rest;
    }
    lines
}

#[test]
fn left_out_lines_and_words_fit_anything_and_nothing_else_does() {
    let printed = ["one 1", "two 2", "three 3"];
    for (shown, expected) in [
        (&["one 1", "two 2", "three 3"][..], true),
        (&["…"], true),
        (&["…", "three 3"], true),
        (&["one …", "…", "three 3", "…"], true),
        (&["one 1", "…", "… 3"], true),
        (&["one 1", "three 3"], false),
        (&["…", "two 2"], false),
        (&["one 2", "…"], false),
        (&["…", "four …"], false),
        (&[], false),
    ] {
        assert_eq!(fits(shown, &printed), expected, "{shown:?}");
    }
    assert_eq!(rewritten(&["…", "two 2", "…"], &printed), ["…", "two 2", "…"]);
    assert_eq!(rewritten(&["…", "two …", "three 4"], &printed), ["…", "two …", "three 3"]);
    assert_eq!(rewritten(&["one 2", "…"], &printed), ["one 1", "…"]);
    assert_eq!(rewritten(&[], &printed), printed);
}
