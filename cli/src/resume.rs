//! The command that continues where one was interrupted.

use std::ffi::OsString;

use crate::text::quoted;

/// The words of a command line.
#[derive(Debug, Clone)]
pub(crate) struct Invocation(Vec<String>);

impl Invocation {
    /// Those of a process: the program comes first.
    pub(crate) fn new(arguments: Vec<OsString>) -> Self {
        let mut words: Vec<String> = arguments
            .into_iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        if let Some(program) = words.first_mut() {
            // By its name, if it was found by that.
            let name = program.rsplit('/').next().unwrap_or_default();
            if name == "opendata-log" && !program.starts_with('.') && program.starts_with("/usr/") {
                *program = name.to_owned();
            }
        }
        Self(words)
    }

    /// The command with the options `dropped`, which all take a value, taken out, and `added` at its end. It has no token, which is
    /// for the variable then.
    pub(crate) fn with(&self, dropped: &[&str], added: &[&str]) -> String {
        let mut words = Vec::new();
        let mut rest = self.0.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                // What follows is no option.
                words.extend(added.iter().map(|word| quoted(word)));
                words.push(word.clone());
                words.extend(rest.map(|word| quoted(word)));
                return words.join(" ");
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let is_dropped = dropped.contains(&name);
            if name == "--token" || is_dropped {
                if value.is_none() {
                    rest.next();
                }
                continue;
            }
            words.push(quoted(word));
        }
        words.extend(added.iter().map(|word| quoted(word)));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(words: &[&str]) -> Invocation {
        Invocation::new(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_command_continues_from_its_new_place_with_all_else_as_it_was() {
        let tail = invocation(&[
            "opendata-log",
            "tail",
            "my key",
            "--from",
            "3",
            "--output=raw",
        ]);
        assert_eq!(
            tail.with(&["--from", "--last"], &["--from", "12"]),
            "opendata-log tail 'my key' --output=raw --from 12"
        );
        let tail = invocation(&["opendata-log", "tail", "--last=5", "--", "-k"]);
        assert_eq!(
            tail.with(&["--from", "--last"], &["--from", "12"]),
            "opendata-log tail --from 12 -- -k"
        );
    }

    #[test]
    fn a_token_is_never_shown() {
        for words in [
            &["opendata-log", "scan", "k", "--token", "secret"][..],
            &["opendata-log", "scan", "k", "--token=secret"],
        ] {
            let command = invocation(words).with(&[], &["--from", "1"]);
            assert_eq!(command, "opendata-log scan k --from 1");
        }
    }
}
