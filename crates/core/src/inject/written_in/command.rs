//! What a command line runs, as far as it is plain to see.

use super::{Content, DOTNET, JAVA, NODEJS, PYTHON};
use crate::inject::command::{is_python, is_shell, name_of};

/// What a command line says.
#[derive(Debug, PartialEq)]
pub(super) enum Run {
    /// In the end this runs.
    Only(Content),
    /// These occur, and what runs in the end is not plain to see.
    Among(Vec<Content>),
    /// Nothing occurs that is known.
    Unknown,
}

/// What the words of a command line run.
pub(super) fn run(words: &[&str]) -> Run {
    let named = mentioned(words);
    if named.is_empty() {
        return Run::Unknown;
    }
    let last = match script(words) {
        None => started_by(words).filter(|_| named.len() == 1),
        Some(text) => commands(text).and_then(|commands| last_of(&commands)),
    };
    last.map_or(Run::Among(named), Run::Only)
}

/// Whether a command line that runs something shows what it is to run: without a command, the image says what the words are
/// for.
pub(super) fn is_whole(words: &[&str], (what, _): Content) -> bool {
    let ends = |word: &str, endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    let is_server = |word: &&str| ["gunicorn", "hypercorn", "uvicorn"].contains(word);
    let shows = |word: &str| match what {
        "java" => word == "-jar",
        "nodejs" => ends(word, &[".js", ".cjs", ".mjs"]),
        "python" => word == "-m" || ends(word, &[".py"]),
        "dotnet" => ends(word, &[".dll"]),
        _ => false,
    };
    pieces(words).any(shows)
        || (words.first().is_some_and(is_server) && pieces(words).any(|it| it.contains(':')))
}

/// The words, also those within scripts.
fn pieces<'a>(words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let separates = |one: char| one.is_whitespace() || "\"'`;&|(){}<>=".contains(one);
    words.iter().flat_map(move |word| word.split(separates)).filter(|piece| !piece.is_empty())
}

/// What the programs and files run that are named anywhere, each once.
fn mentioned(words: &[&str]) -> Vec<Content> {
    let mut named: Vec<Content> = Vec::new();
    for content in pieces(words).filter_map(|piece| of_name(name_of(piece))) {
        if !named.contains(&content) {
            named.push(content);
        }
    }
    named
}

/// What a program runs, or a file that is started as one.
fn of_name(program: &str) -> Option<Content> {
    match program {
        "java" | "catalina.sh" => Some(JAVA),
        "node" | "nodejs" | "nodemon" | "npm" | "npx" | "pm2" | "pm2-runtime" | "pnpm" | "ts-node"
        | "yarn" => Some(NODEJS),
        "celery" | "django-admin" | "flask" | "gunicorn" | "hypercorn" | "pipenv" | "poetry" | "uv"
        | "uvicorn" | "uwsgi" => Some(PYTHON),
        "dotnet" => Some(DOTNET),
        name if is_python(name) => Some(PYTHON),
        name => match name.rsplit_once('.')?.1 {
            "py" => Some(PYTHON),
            "js" | "cjs" | "mjs" => Some(NODEJS),
            _ => None,
        },
    }
}

/// The words from the program on that others start.
fn program<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str] {
    let starts_others = ["exec", "env", "nohup", "tini", "dumb-init"];
    let is_it = |word: &&str| {
        !word.starts_with('-') && !starts_others.contains(&name_of(word)) && !word.contains('=')
    };
    words.iter().position(is_it).and_then(|first| words.get(first..)).unwrap_or_default()
}

/// What a simple command runs.
fn started_by(words: &[&str]) -> Option<Content> {
    let (first, rest) = program(words).split_first()?;
    let next = rest.first().copied().unwrap_or_default();
    let is_it = match name_of(first) {
        "pipenv" | "poetry" | "uv" => next == "run",
        // Hadoop has a program of this name.
        "yarn" => ["dev", "node", "run", "serve", "start", "workspace"].contains(&next),
        _ => true,
    };
    of_name(name_of(first)).filter(|_| is_it)
}

/// The script that a shell is told to run.
fn script<'a>(words: &[&'a str]) -> Option<&'a str> {
    let (shell, mut rest) = program(words).split_first()?;
    if !is_shell(name_of(shell)) {
        return None;
    }
    loop {
        let (option, others) = rest.split_first()?;
        let letters = option.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
        rest = others;
        // The name of another option follows.
        if letters.ends_with('o') {
            rest = rest.get(1..)?;
        }
        if letters.contains('c') {
            return rest.first().copied();
        }
    }
}

/// The simple commands of a script that are run one after another; `None` for a script of which more can come.
fn commands(script: &str) -> Option<Vec<Vec<String>>> {
    let (mut commands, mut command, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut rest = script.chars().peekable();
    while let Some(one) = rest.next() {
        let follows = rest.peek().copied();
        match (quote, one) {
            (_, '`') | (Some(_), '\\') | (None, '(' | ')' | '|') => return None,
            (_, '$') if follows == Some('(') => return None,
            (Some(open), _) if open == one => quote = None,
            (None, '"' | '\'') => {
                quote = Some(one);
                word.get_or_insert_default();
            }
            (None, '\\') => match rest.next()? {
                '\n' => {}
                escaped => word.get_or_insert_default().push(escaped),
            },
            (None, '#') if word.is_none() => return None,
            // An output is led to another one.
            (None, '&') if word.as_ref().is_some_and(|word| word.ends_with('>')) => {
                word.get_or_insert_default().push(one);
            }
            (None, '&') if follows != Some('&') => return None,
            (None, '&' | ';' | '\n') => {
                if one == '&' {
                    rest.next();
                }
                command.extend(word.take());
                commands.push(std::mem::take(&mut command));
            }
            (None, space) if space.is_whitespace() => command.extend(word.take()),
            _ => word.get_or_insert_default().push(one),
        }
    }
    command.extend(word);
    commands.push(command);
    commands.retain(|command: &Vec<String>| !command.is_empty());
    let keywords = ["!", "{", "case", "do", "else", "for", "function", "if", "then", "until", "while"];
    let is_plain = |command: &Vec<String>| {
        command.first().is_some_and(|first| !keywords.contains(&first.as_str()) && !first.contains('$'))
    };
    (quote.is_none() && commands.iter().all(is_plain)).then_some(commands)
}

fn words_of(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

/// What the last of several commands runs, where what comes before it has ended: it takes the place of the shell, or only
/// what does not last, or is of the same language, stands before it.
fn last_of(commands: &[Vec<String>]) -> Option<Content> {
    let (last, before) = commands.split_last()?;
    let last = words_of(last);
    let content = started_by(&last).filter(|content| mentioned(&last) == [*content])?;
    let ends = |command: &Vec<String>| {
        let words = words_of(command);
        let is_of_same = started_by(&words) == Some(content);
        (is_of_same || words.first().is_some_and(|first| does_not_last(first)))
            && mentioned(&words).iter().all(|other| *other == content)
    };
    let is_exec = |words: &[&str]| words.iter().find(|word| !word.contains('=')) == Some(&"exec");
    let is_last = is_exec(&last) || before.iter().all(ends);
    (is_last && !before.iter().any(|command| is_exec(&words_of(command)))).then_some(content)
}

/// Whether a program, or a command of the shell, is none that serves.
fn does_not_last(program: &str) -> bool {
    let known = [
        ".", ":", "[", "apk", "apt-get", "cat", "cd", "chmod", "chown", "cp", "date", "echo", "export", "id",
        "ln", "ls", "mkdir", "mv", "pip", "pip3", "printf", "pwd", "rm", "set", "sleep", "source", "test",
        "touch", "trap", "true", "ulimit", "umask", "unset",
    ];
    known.contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The language that runs, or all that occur, each with a question mark.
    fn shown(words: &[&str]) -> String {
        match run(words) {
            Run::Only((what, _)) => what.to_owned(),
            Run::Among(named) => named.iter().flat_map(|(what, _)| [what, "?"]).collect(),
            Run::Unknown => String::new(),
        }
    }

    #[test]
    fn of_several_programs_the_one_that_is_left_counts() {
        for (script, expected) in [
            ("exec python3.12 a.py", "python"),
            ("java -version; node server.js", "java?nodejs?"),
            ("node prepare.js && exec java -jar app.jar", "java"),
            ("node prepare.js\nA='b c' exec java $JAVA_OPTS -jar app.jar 2>&1\n", "java"),
            ("python3 wait.py && java -jar /app.jar", "python?java?"),
            ("cd /app && python app.py", "python"),
            ("pip install -r all.txt && python manage.py migrate && gunicorn app:app", "python"),
            ("npm start", "nodejs"),
            ("/app/server; python3 cleanup.py", "python?"),
            ("/app/wait && exec node server.js", "nodejs"),
            ("node a.js & java -jar b.jar", "nodejs?java?"),
            ("node a.js | tee log", "nodejs?"),
            ("if [ -f a ]; then exec java -jar a.jar; fi", "java?"),
            ("exec java -jar a.jar; node b.js", "java?nodejs?"),
            ("echo 'java -jar a.jar'; node b.js", "java?nodejs?"),
            ("exec \"$@\"", ""),
            ("node $(which app)", "nodejs?"),
            ("node 'a.js", "nodejs?"),
            ("/app/start.sh", ""),
        ] {
            assert_eq!(shown(&["sh", "-c", script]), expected, "{script}");
        }
        assert_eq!(shown(&["/bin/bash", "-euo", "pipefail", "-lc", "exec node a.js"]), "nodejs");
        assert_eq!(shown(&["tini", "--", "sh", "-c", "exec node a.js"]), "nodejs");
        assert_eq!(shown(&["sh", "start.py"]), "python?");
    }

    #[test]
    fn programs_tell_their_language() {
        for (command, expected) in [
            ("/usr/bin/java -jar a.jar", "java"),
            ("catalina.sh run", "java"),
            ("tini -g -- python a.py", "python"),
            ("env A=b nohup node a.js", "nodejs"),
            ("/venv/bin/gunicorn app:app", "python"),
            ("poetry run uvicorn app:app", "python"),
            ("poetry run node a.js", "python?nodejs?"),
            ("uv sync", "python?"),
            ("yarn start", "nodejs"),
            ("yarn nodemanager", "nodejs?"),
            ("pm2-runtime start a.py", "nodejs?python?"),
            ("nodemon --exec python", "nodejs?python?"),
            ("/app/start.py", "python"),
            ("./server.mjs", "nodejs"),
            ("dotnet a.dll", "dotnet"),
            ("k6 run a.js", "nodejs?"),
            ("spark-submit a.py", "python?"),
            ("python-app", ""),
            ("/app/server", ""),
        ] {
            assert_eq!(shown(&command.split(' ').collect::<Vec<_>>()), expected, "{command}");
        }
    }
}
