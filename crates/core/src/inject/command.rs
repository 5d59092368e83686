//! What the command of a container does to variables, as far as the manifest shows it.

use super::pod::Container;

/// Which of some variables a container's command sets to something else, removes, or has its program ignore.
pub(crate) fn lost(container: Container<'_>, variables: &[&str]) -> Vec<String> {
    let mut lost = Vec::new();
    let mut command = Simple::default();
    for word in container.words() {
        let is_script = command.takes_script;
        if is_script {
            command = Simple::default();
        }
        let script = word.replace([';', '&', '|', '(', ')', '\n'], " ; ");
        let tokens: Vec<&str> = if is_script { script.split_whitespace().collect() } else { vec![word] };
        let keeps = |name: &str| ["$", "${", "$("].iter().any(|mark| word.contains(&format!("{mark}{name}")));
        for token in tokens {
            let names = command.next(token.trim_matches(['"', '\'']), variables);
            lost.extend(names.into_iter().filter(|name| !keeps(name)));
        }
    }
    variables.iter().filter(|name| lost.contains(name)).map(|&name| name.to_owned()).collect()
}

/// A simple command of a shell, as far as it has been read.
#[derive(Default)]
struct Simple {
    program: String,
    /// Whether the next word is the name of a variable that `env` removes.
    removes: bool,
    /// Whether the next word is a script.
    takes_script: bool,
}

impl Simple {
    /// Reads one more word, and says which variables are lost by it.
    fn next<'v>(&mut self, token: &str, variables: &[&'v str]) -> Vec<&'v str> {
        let named = |name: &str| variables.iter().copied().filter(move |known| *known == name).collect();
        if token == ";" {
            *self = Self::default();
            return Vec::new();
        }
        if std::mem::take(&mut self.removes) {
            return named(token);
        }
        let is_assigning = matches!(&*self.program, "" | "env" | "export");
        if let Some((name, _)) =
            token.split_once('=').filter(|(name, _)| is_assigning && !name.starts_with('-'))
        {
            return named(name);
        }
        match (&*self.program, token) {
            ("env", "-i" | "-" | "--ignore-environment") => return variables.to_vec(),
            ("env", "-u" | "--unset") => self.removes = true,
            ("env", _) if token.starts_with("--unset=") => {
                return named(token.trim_start_matches("--unset="));
            }
            ("unset", _) => return named(token),
            (shell, _) if is_shell(shell) && token.starts_with('-') => {
                self.takes_script = !token.starts_with("--") && token.ends_with('c');
            }
            (program, _) if is_python(program) && token.starts_with('-') => {
                // The letters of options without a value.
                let mut letters = token.chars().skip(1).take_while(|letter| !"cmWX-".contains(*letter));
                if letters.any(|letter| matches!(letter, 'E' | 'I')) {
                    return variables.iter().copied().filter(|name| name.starts_with("PYTHON")).collect();
                }
                if token.contains(['c', 'm']) {
                    "-".clone_into(&mut self.program);
                }
            }
            ("" | "env", _) if !token.starts_with('-') => {
                let program = name_of(token);
                let starts_others = ["exec", "tini", "dumb-init", "nohup", "time", "then", "do", "if", "!"];
                self.program =
                    if starts_others.contains(&program) { String::new() } else { program.to_owned() };
            }
            // What follows is for the program that runs.
            (program, _) if is_python(program) => "-".clone_into(&mut self.program),
            _ => {}
        }
        Vec::new()
    }
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a program runs scripts of a POSIX shell.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "ash" | "dash")
}

/// Whether a program is an interpreter of Python, such as `python3.12`.
pub(super) fn is_python(program: &str) -> bool {
    program.strip_prefix("python").is_some_and(|version| !version.contains(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn knows_what_takes_the_place_of_injected_values() {
        let lost = |command: Value| {
            let json = json!({"name": "app", "command": command});
            lost(Container { json: &json, ..Container::new("app") }, &["JAVA_TOOL_OPTIONS", "PYTHONPATH"])
        };
        let (java, python, none) = (&["JAVA_TOOL_OPTIONS"][..], &["PYTHONPATH"][..], &[][..]);
        let both = &["JAVA_TOOL_OPTIONS", "PYTHONPATH"][..];
        for (command, expected) in [
            (json!(["sh", "-c", "JAVA_TOOL_OPTIONS=\"-Xmx1g -Da=b\" java -jar a.jar"]), java),
            (json!(["bash", "-ec", "cd /app && export JAVA_TOOL_OPTIONS=-Xmx1g; exec java"]), java),
            (json!(["sh", "-c", "unset JAVA_TOOL_OPTIONS\njava"]), java),
            (json!(["env", "JAVA_TOOL_OPTIONS=-Xmx1g", "java"]), java),
            (json!(["env", "-u", "JAVA_TOOL_OPTIONS", "java"]), java),
            (json!(["/usr/bin/env", "-i", "java"]), both),
            (json!(["sh", "-c", "PYTHONPATH=/app exec python app.py"]), python),
            (json!(["python3", "-E", "app.py"]), python),
            (json!(["python", "-uI", "-m", "app"]), python),
            (json!(["env", "A=b", "python3.12", "-sE", "app.py"]), python),
            (json!(["sh", "-c", "export JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Xmx1g\"; java"]), none),
            (json!(["sh", "-c", "JAVA_TOOL_OPTIONS=\"-Xmx1g ${JAVA_TOOL_OPTIONS:-}\" java"]), none),
            (json!(["env", "PYTHONPATH=/app:$(PYTHONPATH)", "python"]), none),
            (json!(["sh", "-c", "echo JAVA_TOOL_OPTIONS=none; java"]), none),
            (json!(["python", "app.py", "-E"]), none),
            (json!(["python", "-m", "app", "-E"]), none),
            (json!(["python", "-c", "import E"]), none),
            (json!(["java", "-jar", "a.jar", "PYTHONPATH=1"]), none),
        ] {
            assert_eq!(lost(command.clone()), expected, "{command}");
        }
    }
}
