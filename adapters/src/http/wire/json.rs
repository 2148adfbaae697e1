//! ProtoJSON answers, written straight into one buffer.

use base64_simd::STANDARD;
use log_domain::run::Entry;
use log_domain::{Error, Headers};
use serde::Serialize;

/// How bytes are written in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::http) enum ByteFormat {
    /// As base64.
    #[default]
    Base64,
    /// As text where they are text, in a field whose name ends in `Text`; else as base64.
    Text,
}

/// Text may be twice as long in JSON, where `"` is `\"`, and by so many bytes more.
const ESCAPES: usize = 64;

/// The text that `bytes` are, if they are UTF-8. Text that escapes would make much longer, which is one of many control
/// characters, is not written as such: else a page could be six times as long as what is in it.
fn text(bytes: &[u8]) -> Option<&str> {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    };
    let text = std::str::from_utf8(bytes).ok()?;
    let longer: usize = bytes.iter().map(escaped).sum();
    (longer <= bytes.len() + ESCAPES).then_some(text)
}

/// A JSON text being written.
#[derive(Debug, Default)]
pub(in crate::http) struct JsonText(Vec<u8>);

impl JsonText {
    pub(in crate::http) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// A message that takes about `bytes` bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] if it cannot be written, which no message brings about.
    pub(in crate::http) fn of(message: &impl Serialize, bytes: usize) -> Result<Self, Error> {
        let mut text = Self::with_capacity(bytes);
        serde_json::to_writer(&mut text.0, message)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(text)
    }

    pub(in crate::http) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(in crate::http) fn into_line(mut self) -> Vec<u8> {
        self.raw("\n");
        self.0
    }

    /// Appends `text` as it is: punctuation, names, and strings that need no escape.
    pub(in crate::http) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Appends a number.
    pub(in crate::http) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// Appends a string of padded standard base64.
    pub(in crate::http) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.raw("\"");
        STANDARD.encode_append(bytes, &mut self.0);
        self.raw("\"")
    }

    /// Appends a string that may need escapes.
    pub(in crate::http) fn string(&mut self, text: &str) -> &mut Self {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, text);
        self
    }

    /// Appends the field `name` with its colon and its value: `"value":"Zmlyc3Q="`, or `"valueText":"first"`.
    pub(in crate::http) fn field(
        &mut self,
        name: &str,
        bytes: &[u8],
        format: ByteFormat,
    ) -> &mut Self {
        let text = match format {
            ByteFormat::Base64 => None,
            ByteFormat::Text => text(bytes),
        };
        self.raw("\"").raw(name);
        match text {
            Some(text) => self.raw("Text\":").string(text),
            None => self.raw("\":").bytes(bytes),
        }
    }

    /// Appends `items` with commas between.
    pub(in crate::http) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.raw("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]")
    }

    /// Appends a `Value` message.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the headers are damaged.
    pub(in crate::http) fn value(
        &mut self,
        entry: &Entry,
        timestamp_ms: i64,
        format: ByteFormat,
    ) -> Result<(), Error> {
        self.raw("{\"sequence\":")
            .number(entry.sequence.get())
            .raw(",");
        self.field("value", &entry.value, format);
        self.raw(",\"timestampMs\":").number(timestamp_ms);
        if !entry.headers.is_empty() {
            self.headers(&entry.headers, format)?;
        }
        if let Some(key) = &entry.key {
            self.raw(",").field("key", key.as_ref(), format);
        }
        self.raw("}");
        Ok(())
    }

    fn headers(&mut self, headers: &Headers, format: ByteFormat) -> Result<(), Error> {
        let mut before = ",\"headers\":[";
        for header in headers {
            let header = header?;
            self.raw(before).raw("{\"name\":").string(header.name);
            self.raw(",").field("value", header.value, format).raw("}");
            before = ",";
        }
        self.raw("]");
        Ok(())
    }
}

/// Bytes of a [`JsonText::value`] beside its base64, at most, but for headers.
pub(in crate::http) const VALUE_OVERHEAD: usize =
    r#"{"sequence":18446744073709551615,"valueText":"","timestampMs":-9223372036854775808,"keyText":""},"#
        .len();

/// How long `bytes` bytes are in padded base64.
pub(in crate::http) fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
