//! Records as lines of JSON, as `export` writes them and people do by hand.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opendata_log::BatchBuilder;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};

const EXAMPLE: &str = r#"{"keyText": "orders", "valueText": "first"}"#;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A text that is borrowed from the line, unless it has escapes.
#[derive(Debug)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    key_text: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
    #[serde(borrow)]
    value_text: Option<Text<'a>>,
    #[serde(borrow, default)]
    headers: Option<Vec<HeaderOfLine<'a>>>,
    // Those of the log that the line comes from; this log gives its own.
    #[serde(default, rename = "sequence")]
    _sequence: Option<IgnoredAny>,
    #[serde(default, rename = "timestampMs")]
    _timestamp_ms: Option<IgnoredAny>,
    // Its key says in which partition it is.
    #[serde(default, rename = "partition")]
    _partition: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeaderOfLine<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
    #[serde(borrow)]
    value_text: Option<Text<'a>>,
}

/// Reads lines into batches. It keeps its buffers from line to line.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl LineReader {
    /// Adds the record of a line to `batch`. With `key`, it is a record of that key, whatever the line says.
    ///
    /// # Errors
    /// What is wrong with the line. Nothing was added then.
    pub(crate) fn push(
        &mut self,
        line: &[u8],
        key: Option<&[u8]>,
        batch: &mut BatchBuilder,
    ) -> Result<(), String> {
        self.push_where(line, key, |_| Some(batch))
    }

    /// As [`LineReader::push`], to the batch that `batch_of` gives for the key. Without one, the record is left out.
    ///
    /// # Errors
    /// As for [`LineReader::push`].
    pub(crate) fn push_where<'b>(
        &mut self,
        line: &[u8],
        key: Option<&[u8]>,
        batch_of: impl FnOnce(&[u8]) -> Option<&'b mut BatchBuilder>,
    ) -> Result<(), String> {
        // Without the newline, what is cut off ends the line, where it would else be a character of a text.
        let line = line.trim_ascii_end();
        if line.starts_with(BYTE_ORDER_MARK) {
            return Err("it begins with a byte order mark; remove these three bytes".to_owned());
        }
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(format!("it is no object such as {EXAMPLE}"));
        }
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| wrong(&error))?;
        self.key.clear();
        match key {
            Some(key) => self.key.extend_from_slice(key),
            None => decode("key", line.key, line.key_text, &mut self.key)?,
        }
        self.value.clear();
        decode("value", line.value, line.value_text, &mut self.value)?;
        let decoded: Vec<(Cow<'_, str>, Vec<u8>)> = line
            .headers
            .unwrap_or_default()
            .into_iter()
            .map(|header| {
                let mut value = Vec::new();
                decode("value", header.value, header.value_text, &mut value)
                    .map_err(|why| format!("headers: {why}"))?;
                Ok((header.name.0, value))
            })
            .collect::<Result<_, String>>()?;
        let Some(batch) = batch_of(&self.key) else {
            return Ok(());
        };
        let headers: Vec<(&str, &[u8])> = decoded
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_slice()))
            .collect();
        let pushed = batch.push(&self.key, &self.value, &headers);
        pushed.map_err(|error| error.message().to_owned())
    }
}

/// Appends the bytes that one of two fields has.
fn decode(
    name: &str,
    base64: Option<Text<'_>>,
    text: Option<Text<'_>>,
    bytes: &mut Vec<u8>,
) -> Result<(), String> {
    match (base64, text) {
        (Some(base64), None) => STANDARD
            .decode_vec(base64.0.as_bytes(), bytes)
            .map_err(|error| format!("{name} is no base64 ({error}); text is {name}Text")),
        (None, Some(text)) => {
            bytes.extend_from_slice(text.0.as_bytes());
            Ok(())
        }
        (None, None) => Err(format!("{name} (base64) or {name}Text is missing")),
        (Some(_), Some(_)) => Err(format!("{name} and {name}Text exclude each other")),
    }
}

/// Without the line number that serde adds, which is always 1.
fn wrong(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return format!("it ends within the object, at column {}", error.column());
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} at column {}", error.column()),
        None => text,
    }
}

/// The sequence and the key that a line of an export has.
pub(crate) fn place(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    #[derive(Deserialize)]
    struct Placed<'a> {
        sequence: u64,
        key: &'a str,
    }
    let line: Placed<'_> = serde_json::from_slice(line).ok()?;
    Some((line.sequence, STANDARD.decode(line.key).ok()?))
}

#[cfg(test)]
mod tests;
