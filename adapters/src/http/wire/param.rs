//! Parameters of queries and paths: found, decoded and checked strictly.

use std::borrow::Cow;

use bytes::Bytes;
use log_domain::{CursorName, Error, Key, Limits, SequenceRange, Visibility};

use super::failure::Failure;
use super::json::ByteFormat;
use super::lenient_base64;
use super::unknown_names;

/// A parameter of the query string.
///
/// Not poem-openapi's own `Query`: that one takes bytes that are not UTF-8 for replacement characters, the first of
/// two values for both, and words its errors in its own way.
#[derive(Debug)]
pub(in crate::http) struct Param<T>(pub(in crate::http) T);

/// A type that a parameter can have.
pub(in crate::http) trait ParamValue: Sized + Send {
    /// Whether the request must have it.
    const REQUIRED: bool = true;

    /// Reads its text.
    ///
    /// # Errors
    /// What is expected instead.
    fn parse(text: &str) -> Result<Self, String>;

    /// What it is when it is not there, if it need not be.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: ParamValue> Param<T> {
    /// Finds and reads the parameter `name`; it is what `default` gives if it is not there.
    ///
    /// # Errors
    /// When it is missing, given twice, or not what is expected.
    pub(in crate::http) fn from_query(
        query: &str,
        name: &str,
        default: Option<fn() -> T>,
    ) -> Result<Self, Failure> {
        let Some(text) = find(query, name)? else {
            let absent = default.map_or_else(T::absent, |value| Some(value()));
            let absent = absent.ok_or_else(|| Failure::invalid("missing").of(name))?;
            return Ok(Self(absent));
        };
        let value = T::parse(&text);
        Ok(Self(
            value.map_err(|expected| Failure::invalid(expected).of(name))?,
        ))
    }
}

/// A parameter of the query string that can be given any number of times.
#[derive(Debug)]
pub(in crate::http) struct Params<T>(pub(in crate::http) Vec<T>);

impl<T: ParamValue> Params<T> {
    /// Finds and reads all parameters `name`, in order.
    ///
    /// # Errors
    /// When one of them is not what is expected.
    pub(in crate::http) fn from_query(query: &str, name: &str) -> Result<Self, Failure> {
        let values = values(query, name).map(|text| {
            let value = T::parse(&text?);
            value.map_err(|expected| Failure::invalid(expected).of(name))
        });
        values.collect::<Result<_, _>>().map(Self)
    }
}

/// The decoded value of the parameter `name`.
fn find<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Failure> {
    let mut values = values(query, name);
    let found = values.next();
    if values.next().is_some() {
        return Err(Failure::invalid("given more than once").of(name));
    }
    found.transpose()
}

/// The decoded values of all parameters `name`.
fn values<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Result<Cow<'a, str>, Failure>> {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if *decode(key) != *name.as_bytes() {
            return None;
        }
        Some(utf8(decode(value)).ok_or_else(|| Failure::invalid("not UTF-8").of(name)))
    })
}

/// Refuses a query with a parameter that is not `declared`.
pub(in crate::http) fn refuse_unknown(query: &str, declared: &[String]) -> Result<(), Failure> {
    for pair in query.split('&').filter(|pair| !matches!(*pair, "" | "=")) {
        let name = decode(pair.split_once('=').map_or(pair, |(name, _)| name));
        if !declared.iter().any(|known| known.as_bytes() == &*name) {
            let known: Vec<&str> = declared.iter().map(String::as_str).collect();
            let name = String::from_utf8_lossy(&name);
            return Err(Failure::invalid(unknown_names::unknown(
                "query parameter",
                &name,
                &known,
            )));
        }
    }
    Ok(())
}

fn utf8(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Decodes `application/x-www-form-urlencoded` text. As everywhere, a `%` that starts no escape stands for itself.
fn decode(text: &str) -> Cow<'_, [u8]> {
    unescaped(text, b' ')
}

/// Decodes text in which `+` stands for `plus`.
fn unescaped(text: &str, plus: u8) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (byte, after) {
            (b'+', _) => plus,
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => byte,
        });
    }
    Cow::Owned(decoded)
}

fn nibble(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

impl<T: ParamValue> ParamValue for Option<T> {
    const REQUIRED: bool = false;

    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

macro_rules! number {
    ($type:ty, $what:literal) => {
        impl ParamValue for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse()
                    .map_err(|_| concat!("expected ", $what).to_owned())
            }
        }
    };
}

number!(u32, "a number in digits, at most 4294967295");
number!(u64, "a number in digits, at most 18446744073709551615");
number!(i64, "a 64-bit number");

impl ParamValue for bool {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected true or false".to_owned())
    }
}

impl ParamValue for Visibility {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "memory" => Ok(Self::Memory),
            "durable" => Ok(Self::Durable),
            _ => Err("expected memory or durable".to_owned()),
        }
    }
}

impl ParamValue for ByteFormat {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "base64" => Ok(Self::Base64),
            "text" => Ok(Self::Text),
            _ => Err("expected base64 or text".to_owned()),
        }
    }
}

/// Bytes that are given as UTF-8 text.
#[derive(Debug)]
pub(in crate::http) struct Text(pub(in crate::http) Bytes);

impl ParamValue for Text {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Bytes::copy_from_slice(text.as_bytes())))
    }
}

/// Bytes that are given as base64, in any of its variants.
#[derive(Debug)]
pub(in crate::http) struct Base64(pub(in crate::http) Bytes);

impl ParamValue for Base64 {
    fn parse(text: &str) -> Result<Self, String> {
        // A `+` that was not escaped arrives as a space; nothing else can be meant by one.
        let text = text.replace(' ', "+");
        let bytes = lenient_base64::decode(&text);
        bytes
            .map(|bytes| Self(bytes.into()))
            .map_err(|error| format!("expected base64: {error}"))
    }
}

/// Text of any length.
impl ParamValue for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl ParamValue for CursorName {
    fn parse(text: &str) -> Result<Self, String> {
        CursorName::parse(text).map_err(|error| error.to_string())
    }
}

/// The name of a cursor that is the last segment of the path.
#[derive(Debug)]
pub(in crate::http) struct CursorInPath(pub(in crate::http) CursorName);

impl CursorInPath {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not the name of a cursor.
    pub(in crate::http) fn parse(path: &str) -> Result<Self, Failure> {
        let segment = path.rsplit('/').next().unwrap_or_default();
        let name = utf8(unescaped(segment, b'+'));
        let name = name.ok_or_else(|| Failure::invalid("not UTF-8").of("name"))?;
        let name = CursorName::parse(&name).map_err(|error| Failure::from(error).of("name"))?;
        Ok(Self(name))
    }
}

/// What was given by one or the other of two parameters.
pub(in crate::http) fn either(
    name: &str,
    text: Option<Text>,
    base64: Option<Base64>,
) -> Result<Option<Bytes>, Failure> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(Failure::invalid(format!(
            "{name} and {name}_base64 exclude each other"
        ))),
        (Some(Text(bytes)), None) | (None, Some(Base64(bytes))) => Ok(Some(bytes)),
        (None, None) => Ok(None),
    }
}

/// The key that was given by `key` or `key_base64`.
pub(in crate::http) fn key(
    text: Option<Text>,
    base64: Option<Base64>,
    limits: &Limits,
) -> Result<Key, Failure> {
    let bytes = either("key", text, base64)?;
    let bytes = bytes.ok_or_else(|| Failure::invalid("key: missing (or key_base64)"))?;
    Key::parse(bytes, limits).map_err(|error| Failure::from(error).of("key"))
}

/// The range of `start_seq` and `end_seq`.
pub(in crate::http) fn range(start: u64, end: Option<u64>) -> Result<SequenceRange, Error> {
    SequenceRange::new(start.into(), end.unwrap_or(u64::MAX).into())
}
