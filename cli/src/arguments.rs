//! Arguments that several commands have.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use opendata_log::Selection;

use crate::exit::{Failure, Outcome};
use crate::text;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputKind {
    /// Text for people; with colours on a terminal.
    Auto,
    /// An object a line, with the names of the HTTP API; bytes in base64.
    Json,
    /// Each value and a newline, as it is.
    Raw,
}

/// How answers are printed.
#[derive(Debug, Args)]
pub(crate) struct OutputArg {
    /// What is printed: text for people, an object of JSON a line, or each value and a newline.
    #[arg(
        long,
        short,
        value_enum,
        value_name = "KIND",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) output: OutputKind,
}

/// One key.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct KeyArg {
    /// The key.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// The key, in base64: for bytes that are no text.
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    key_base64: Option<Bytes>,
}

impl KeyArg {
    pub(crate) fn key(&self) -> Outcome<Bytes> {
        one(self.key.as_ref(), self.key_base64.as_ref())
    }
}

/// One key, or all that begin with a prefix.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct KeysArg {
    /// The key.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// The key, in base64: for bytes that are no text.
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    key_base64: Option<Bytes>,
    /// All keys that begin with this, in the order of their records; '' is the whole log.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The same, in base64.
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    prefix_base64: Option<Bytes>,
}

/// Which keys are read.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    /// This one.
    One(Bytes),
    /// All that begin with this.
    Prefix(Bytes),
}

impl KeysArg {
    pub(crate) fn keys(&self) -> Outcome<Keys> {
        let prefix = self.prefix.clone().map(Bytes::from);
        match prefix.or_else(|| self.prefix_base64.clone()) {
            Some(prefix) => Ok(Keys::Prefix(prefix)),
            None => one(self.key.as_ref(), self.key_base64.as_ref()).map(Keys::One),
        }
    }
}

impl Keys {
    /// The key that records belong to which do not name theirs.
    pub(crate) fn of_unnamed(&self) -> Bytes {
        match self {
            Self::One(key) => key.clone(),
            Self::Prefix(_) => Bytes::new(),
        }
    }

    /// Whether this key is one of them.
    pub(crate) fn have(&self, key: &[u8]) -> bool {
        match self {
            Self::One(one) => one == key,
            Self::Prefix(prefix) => key.starts_with(prefix),
        }
    }

    /// As the client selects them.
    pub(crate) fn selection(&self) -> Selection {
        match self {
            Self::One(key) => Selection::keys([key.clone()]),
            Self::Prefix(prefix) => Selection::prefix(prefix.clone()),
        }
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::One(key) => format!("key {}", text::shown(key)),
            Self::Prefix(prefix) if prefix.is_empty() => "the whole log".to_owned(),
            Self::Prefix(prefix) => format!("keys with prefix {}", text::shown(prefix)),
        }
    }
}

fn one(key: Option<&String>, base64: Option<&Bytes>) -> Outcome<Bytes> {
    let key = match (key, base64) {
        (Some(key), _) => Bytes::from(key.clone()),
        (None, Some(key)) => key.clone(),
        (None, None) => Bytes::new(),
    };
    match key.is_empty() {
        true => Err(Failure::usage(
            "the key must have at least one byte, such as orders",
        )),
        false => Ok(key),
    }
}

/// Bytes of base64, with either alphabet, padded or not.
pub(crate) fn from_base64(text: &str) -> Result<Bytes, String> {
    let alphabet = match text.contains(['-', '_']) {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(alphabet, config).decode(text);
    match decoded {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(format!("it is no base64: {error}")),
    }
}

/// A number that is at least 1.
pub(crate) fn at_least_one(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_both_alphabets_with_and_without_padding() {
        for text in ["/+8=", "/+8", "_-8=", "_-8"] {
            assert_eq!(
                from_base64(text).as_deref(),
                Ok(&[0xff, 0xef][..]),
                "{text}"
            );
        }
        assert!(from_base64("*").is_err());
    }

    #[test]
    fn a_limit_is_at_least_1() {
        assert_eq!(at_least_one("3"), Ok(3));
        assert!(at_least_one("0").is_err());
        assert!(at_least_one("-1").is_err());
    }
}
