//! Keys name streams.

use bytes::Bytes;

use crate::{Error, Limits, Result};

/// The name of a stream: 1 byte up to [`Limits::key_bytes`], any bytes, compared as bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// Takes `bytes` for a key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when empty, [`Error::TooLarge`] when over [`Limits::key_bytes`].
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::invalid("a key must have at least one byte"));
        }
        if bytes.len() > limits.key_bytes {
            return Err(Error::TooLarge {
                what: "key in bytes",
                actual: bytes.len() as u64,
                limit: limits.key_bytes as u64,
            });
        }
        Ok(Self(bytes))
    }

    /// A key that a store read back: it passed [`Key::parse`] when it was written, perhaps under other limits.
    pub fn stored(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key(\"{}\")", self.0.escape_ascii())
    }
}
