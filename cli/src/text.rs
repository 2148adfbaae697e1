//! Bytes as text for people. No value can drive the terminal: control characters are escaped.

use std::fmt::Write;

/// Text as it is, but for characters that a terminal obeys; bytes that are no text as `\xff`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|each| push(each, &mut text));
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A message in one line, without anything that a terminal obeys.
pub(crate) fn in_one_line(message: &str) -> String {
    shown(message.trim().as_bytes())
}

fn push(each: char, text: &mut String) {
    match each {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        _ if each.is_control() || is_invisible(each) => {
            // As above.
            let _ = write!(text, "\\u{{{:x}}}", u32::from(each));
        }
        _ => text.push(each),
    }
}

/// Characters that change the order or the lines of what is around them.
fn is_invisible(each: char) -> bool {
    matches!(
        each,
        '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// A word of a command line, quoted if a shell would read it otherwise.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |each: char| each.is_ascii_alphanumeric() || "-_./:=,@%+".contains(each);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.chars().any(|each| each.is_control()) {
        let mut ansi = String::from("$'");
        for byte in word.bytes() {
            match byte {
                b'\'' | b'\\' => ansi.extend(['\\', char::from(byte)]),
                0x20..=0x7e => ansi.push(char::from(byte)),
                // As above.
                _ => drop(write!(ansi, "\\x{byte:02x}")),
            }
        }
        return ansi + "'";
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A number with separators between its thousands.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, such as `1 record` and `2 records`.
pub(crate) fn count(of: u64, what: &str) -> String {
    let plural = if of == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(of))
}

/// A time (Unix ms) in UTC, to the millisecond.
pub(crate) fn time(unix_ms: i64) -> String {
    let epoch = std::time::UNIX_EPOCH;
    let after = u64::try_from(unix_ms)
        .ok()
        .and_then(|ms| epoch.checked_add(std::time::Duration::from_millis(ms)));
    // Beyond the year 9999 there is no such text.
    match after.filter(|_| unix_ms < 253_402_300_800_000) {
        Some(time) => humantime::format_rfc3339_millis(time).to_string(),
        None => format!("{unix_ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_shown_and_what_drives_a_terminal_is_escaped() {
        assert_eq!(
            shown("Grüße, 世界 {\"a\": 1}".as_bytes()),
            "Grüße, 世界 {\"a\": 1}"
        );
        assert_eq!(
            shown(b"a\nb\t\x1b[31mred\x07"),
            "a\\nb\\t\\u{1b}[31mred\\u{7}"
        );
        assert_eq!(shown("\u{9b}2J\u{202e}".as_bytes()), "\\u{9b}2J\\u{202e}");
        assert_eq!(shown(b"\xffok\xc3"), "\\xffok\\xc3");
    }

    #[test]
    fn numbers_and_times_are_readable() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000_000), "1,000,000");
        assert_eq!(count(1, "record"), "1 record");
        assert_eq!(count(1200, "record"), "1,200 records");
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_795_385_000_123), "2026-11-22T22:03:20.123Z");
        assert_eq!(time(-1), "-1 ms");
        assert_eq!(time(i64::MAX), "9223372036854775807 ms");
    }

    #[test]
    fn words_are_quoted_as_a_shell_reads_them() {
        assert_eq!(quoted("orders/1"), "orders/1");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a\nb"), r"$'a\x0ab'");
    }

    proptest! {
        #[test]
        fn whatever_is_shown_has_no_character_that_a_terminal_obeys(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!shown(&bytes).chars().any(|each| each.is_control() || is_invisible(each)));
        }

        #[test]
        fn text_without_control_characters_is_shown_as_it_is(text in "[ -~äöü世界]*") {
            prop_assert_eq!(shown(text.as_bytes()), text);
        }
    }
}
