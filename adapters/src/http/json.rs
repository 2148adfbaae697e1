//! ProtoJSON answers, written straight into one buffer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A JSON text being written.
#[derive(Debug, Default)]
pub(super) struct JsonText(Vec<u8>);

impl JsonText {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Appends `text` as it is: punctuation, names, and strings that need no escape.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Appends a number.
    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// Appends a string of padded standard base64.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.raw("\"");
        let start = self.0.len();
        self.0.resize(start + base64_len(bytes.len()), 0);
        // The space is exact, so this cannot fail; if it did, less would be written, not something wrong.
        let written = STANDARD.encode_slice(bytes, &mut self.0[start..]);
        self.0.truncate(start + written.unwrap_or(0));
        self.raw("\"")
    }

    /// Appends a string that may need escapes.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        let quoted = serde_json::Value::from(text).to_string();
        self.raw(&quoted)
    }

    /// Appends `items` with commas between.
    pub(super) fn list<T>(
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
    pub(super) fn value(&mut self, sequence: u64, value: &[u8], timestamp_ms: i64) -> &mut Self {
        self.raw("{\"sequence\":").number(sequence);
        self.raw(",\"value\":").bytes(value);
        self.raw(",\"timestampMs\":").number(timestamp_ms);
        self.raw("}")
    }
}

/// Bytes of a [`JsonText::value`] beside its base64, at most.
pub(super) const VALUE_OVERHEAD: usize =
    r#"{"sequence":18446744073709551615,"value":"","timestampMs":-9223372036854775808},"#.len();

/// How long `bytes` bytes are in padded base64.
pub(super) fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
