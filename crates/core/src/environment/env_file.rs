//! Files that `fileKeyRef` names.

/// The longest line that Go's `bufio.Scanner` reads: with its end it has to fit into a buffer of 64 KiB.
const LONGEST_LINE: usize = 64 * 1024 - 1;

/// The file has not the form that the kubelet demands.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed;

/// The value of a key. Empty where there is none, which the kubelet takes for the same.
///
/// Only what comes before the key has to be well-formed:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/util/env/env_util.go>.
pub(super) fn value(content: &str, key: &str) -> Result<String, Malformed> {
    const BLANK: [char; 2] = [' ', '\t'];
    let mut lines = Lines(content);
    while let Some(line) = lines.next()? {
        let line = line.trim_start_matches(BLANK);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, assigned) = line.split_once('=').ok_or(Malformed)?;
        if name.is_empty() || name.ends_with(BLANK) {
            return Err(Malformed);
        }
        // As in a shell, which would run what follows the blank.
        if assigned.starts_with(BLANK) {
            if name == key {
                return Ok(String::new());
            }
            continue;
        }
        let quoted = assigned.strip_prefix('\'').ok_or(Malformed)?;
        let value = unquote(quoted, &mut lines)?;
        if name == key {
            return Ok(value);
        }
    }
    Ok(String::new())
}

/// The text up to the closing quote, which may be on a later line.
fn unquote<'c>(mut rest: &'c str, lines: &mut Lines<'c>) -> Result<String, Malformed> {
    let mut value = String::new();
    loop {
        if let Some((end, behind)) = rest.split_once('\'') {
            value.push_str(end);
            let behind = behind.trim_start_matches([' ', '\t']);
            return if behind.is_empty() || behind.starts_with('#') { Ok(value) } else { Err(Malformed) };
        }
        value.push_str(rest);
        value.push('\n');
        rest = lines.next()?.ok_or(Malformed)?;
    }
}

/// Lines as `bufio.ScanLines` finds them.
struct Lines<'c>(&'c str);

impl<'c> Lines<'c> {
    fn next(&mut self) -> Result<Option<&'c str>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (line, rest) = self.0.split_once('\n').unwrap_or((self.0, ""));
        self.0 = rest;
        if line.len() > LONGEST_LINE {
            return Err(Malformed);
        }
        Ok(Some(line.strip_suffix('\r').unwrap_or(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kubelet_reads() {
        let long = |length: usize, end| format!("Y='{}'{end}X='1'", "y".repeat(length - "Y=''".len()));
        for (content, value_of_x) in [
            ("", Ok("")),
            ("X='1'", Ok("1")),
            ("X='1'\nX='2'", Ok("1")),
            ("# X='0'\n\n \t X='a b' # why", Ok("a b")),
            ("X='$(A) \\n \"'", Ok("$(A) \\n \"")),
            ("X='a\r\nb\n\n c'\r\n", Ok("a\nb\n\n c")),
            ("Y='\nX='\nX='1'", Ok("1")),
            ("Y='a\nX=b'\nX='1'", Ok("1")),
            ("X= '1'\nX='2'", Ok("")),
            ("X=''", Ok("")),
            ("X='1'\nrubbish", Ok("1")),
            ("rubbish\nX='1'", Err(Malformed)),
            ("X='1' rubbish", Err(Malformed)),
            ("X='1", Err(Malformed)),
            ("X=1", Err(Malformed)),
            ("X ='1'", Err(Malformed)),
            ("='1'", Err(Malformed)),
            ("export X='1'", Ok("")),
            (&long(LONGEST_LINE, "\n"), Ok("1")),
            (&long(LONGEST_LINE + 1, "\n"), Err(Malformed)),
            (&long(LONGEST_LINE, "\r\n"), Err(Malformed)),
        ] {
            let expected = value_of_x.map(str::to_owned);
            assert_eq!(value(content, "X"), expected, "{}", content.get(..40).unwrap_or(content));
        }
    }
}
