//! What commands print, on standard output.

use std::io::{BufWriter, ErrorKind, IsTerminal, StdoutLock, Write, stderr, stdin, stdout};

use anstyle::{AnsiColor, Style};
use bytes::Bytes;
use opendata_log::SequencedRecord;
use serde::Serialize;

use crate::arguments::OutputKind;
use crate::exit::{Failure, Outcome};
use crate::json;
use crate::text;

const SEQUENCE: Style = AnsiColor::Yellow.on_default();
const TIME: Style = Style::new().dimmed();
const KEY: Style = AnsiColor::Cyan.on_default();
const HEADER: Style = AnsiColor::Magenta.on_default();

/// Standard output.
pub(crate) struct Output {
    kind: OutputKind,
    is_coloured: bool,
    is_terminal: bool,
    to: BufWriter<StdoutLock<'static>>,
    line: String,
}

impl Output {
    pub(crate) fn new(kind: OutputKind) -> Self {
        let is_terminal = stdout().is_terminal();
        Self {
            kind,
            is_coloured: kind == OutputKind::Auto && is_terminal && may_colour(),
            is_terminal,
            to: BufWriter::with_capacity(64 * 1024, stdout().lock()),
            line: String::new(),
        }
    }

    pub(crate) fn kind(&self) -> OutputKind {
        self.kind
    }

    /// A number alone: with separators for people, and without where a program may read it.
    pub(crate) fn number(&self, number: u64) -> String {
        match self.is_terminal {
            true => text::number(number),
            false => number.to_string(),
        }
    }

    /// A record; `key` is that of a read of one key, and for people it is not repeated in each line. `partition` is that of a read of several.
    pub(crate) fn record(
        &mut self,
        record: &SequencedRecord,
        key: &Bytes,
        partition: Option<u32>,
    ) -> Outcome {
        self.line.clear();
        match self.kind {
            OutputKind::Raw => {
                self.bytes(&record.value)?;
                return self.bytes(b"\n");
            }
            OutputKind::Json => json::push_record(record, key, partition, &mut self.line),
            OutputKind::Auto => {
                let is_coloured = self.is_coloured;
                push_for_people(record, partition, is_coloured, &mut self.line);
            }
        }
        let written = self.to.write_all(self.line.as_bytes());
        self.wrote(written)
    }

    /// A line of text, and a newline.
    pub(crate) fn line(&mut self, text: &str) -> Outcome {
        let written = writeln!(self.to, "{text}");
        self.wrote(written)
    }

    /// Text as it is, such as a table.
    pub(crate) fn text(&mut self, text: &str) -> Outcome {
        self.bytes(text.as_bytes())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        let written = self.to.write_all(bytes);
        self.wrote(written)
    }

    /// An object in a line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Outcome {
        self.line(&json::text(value))
    }

    /// Everything is to be seen now.
    pub(crate) fn flush(&mut self) -> Outcome {
        let flushed = self.to.flush();
        self.wrote(flushed)
    }

    fn wrote(&self, written: std::io::Result<()>) -> Outcome {
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::reader_left(),
            _ => Failure::io("cannot write to standard output", &error),
        })
    }
}

/// `SEQUENCE TIME KEY VALUE`, and each header on a line of its own. Of several partitions, the sequence is `PARTITION:SEQUENCE`.
fn push_for_people(
    record: &SequencedRecord,
    partition: Option<u32>,
    is_coloured: bool,
    line: &mut String,
) {
    let sequence = match partition {
        Some(partition) => format!("{partition}:{}", record.sequence),
        None => record.sequence.to_string(),
    };
    push(&sequence, SEQUENCE, is_coloured, line);
    line.push_str("  ");
    push(&text::time(record.timestamp_ms), TIME, is_coloured, line);
    line.push_str("  ");
    if let Some(key) = &record.key {
        push(&text::shown(key), KEY, is_coloured, line);
        line.push_str("  ");
    }
    line.push_str(&text::shown(&record.value));
    line.push('\n');
    for header in &record.headers {
        line.push_str("    ");
        let name = text::shown(header.name.as_bytes());
        push(&name, HEADER, is_coloured, line);
        line.push_str(": ");
        line.push_str(&text::shown(&header.value));
        line.push('\n');
    }
}

fn push(text: &str, style: Style, is_coloured: bool, line: &mut String) {
    if is_coloured {
        line.push_str(&style.render().to_string());
    }
    line.push_str(text);
    if is_coloured {
        line.push_str(&style.render_reset().to_string());
    }
}

/// Colours may be switched off: <https://no-color.org>.
fn may_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !is_set("NO_COLOR") && !is_dumb
}

/// Says something on standard error that is no failure.
pub(crate) fn note(line: &str) {
    // Nobody can be told if this fails.
    drop(writeln!(stderr(), "{line}"));
}

/// Asks whether to go on; `question` ends in a question mark.
///
/// # Errors
/// When nobody can be asked, or the answer is no.
pub(crate) fn confirm(question: &str, yes: bool) -> Outcome {
    if yes {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::usage(
            "this cannot be undone: add --yes (without a terminal nobody can be asked)",
        ));
    }
    // Then the answer is empty.
    drop(write!(stderr(), "{question} [y/N] "));
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    read.map_err(|error| Failure::io("cannot read the answer", &error))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("nothing was done")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_style_adds_what_a_terminal_obeys() {
        let mut plain = String::new();
        push("7", SEQUENCE, false, &mut plain);
        assert_eq!(plain, "7");
        let mut coloured = String::new();
        push("7", SEQUENCE, true, &mut coloured);
        assert_eq!(coloured, "\u{1b}[33m7\u{1b}[0m");
    }
}
