//! Record headers, such as a trace id or a content type.
//!
//! They are encoded once, when the record is taken, in the form in which they are stored and answered: each is a
//! `repeated Header headers = 4` field of the message `Value` in `openapi/log.proto`, with both fields of `Header`
//! present and in order:
//!
//! ```text
//! 22 <varint length> 0A <varint length> <name> 12 <varint length> <value>
//! ```

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Limits, Result, varint};

const HEADERS_FIELD: u8 = 0x22;
const NAME_FIELD: u8 = 0x0a;
const VALUE_FIELD: u8 = 0x12;

/// Length of a header's name at most, in characters: code points, as the length of a text is counted in a JSON schema.
pub const NAME_CHARACTERS: usize = 256;

/// The headers of one record, in order. Several may have the same name.
///
/// Most records have none, which costs them one word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Option<Bytes>);

/// One header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name: 1 to [`NAME_CHARACTERS`] characters without control characters.
    pub name: &'a str,
    /// The value; may be empty.
    pub value: &'a [u8],
}

impl Headers {
    /// Takes `headers`, pairs of a name and a value, for one record.
    ///
    /// # Errors
    /// As [`HeadersBuilder::push`].
    pub fn parse<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut builder = HeadersBuilder::new(limits);
        for (name, value) in headers {
            builder.push(name.as_bytes(), value)?;
        }
        Ok(builder.take())
    }

    /// Headers read back from a run, encoded as described on the [module](self). They are not walked.
    pub fn stored(encoded: Bytes) -> Self {
        Self(Some(encoded).filter(|encoded| !encoded.is_empty()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The headers, encoded as described on the [module](self).
    pub fn encoded(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The headers one by one. Damaged ones end with [`Error::Corrupt`].
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            encoded: self.encoded(),
            at: 0,
        }
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = Result<Header<'a>>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Walks [`Headers`].
#[derive(Debug)]
pub struct Iter<'a> {
    encoded: &'a [u8],
    at: usize,
}

impl<'a> Iter<'a> {
    fn decode(&mut self) -> Option<Header<'a>> {
        let mut at = self.at;
        let header = field(self.encoded, &mut at, HEADERS_FIELD)?;
        let mut within = 0;
        let name = field(header, &mut within, NAME_FIELD)?;
        let value = field(header, &mut within, VALUE_FIELD)?;
        self.at = at;
        Some(Header {
            name: std::str::from_utf8(name).ok()?,
            value,
        })
    }
}

/// The content of the length-delimited field at `*at`, which must have this tag.
fn field<'a>(bytes: &'a [u8], at: &mut usize, tag: u8) -> Option<&'a [u8]> {
    if *bytes.get(*at)? != tag {
        return None;
    }
    *at += 1;
    let length = usize::try_from(varint::get(bytes, at)?).ok()?;
    let end = at.checked_add(length)?;
    let content = bytes.get(*at..end)?;
    *at = end;
    Some(content)
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Header<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.encoded.len();
        if self.at >= length {
            return None;
        }
        let at = self.at;
        Some(self.decode().ok_or_else(|| {
            self.at = length;
            Error::Corrupt(format!("record headers, at byte {at} of {length}"))
        }))
    }
}

/// Takes headers one by one, for one record after another.
#[derive(Debug)]
pub struct HeadersBuilder {
    most: usize,
    most_bytes: usize,
    count: usize,
    bytes: usize,
    buffer: BytesMut,
}

impl HeadersBuilder {
    /// A builder of headers within `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            most: limits.record_headers,
            most_bytes: limits.record_header_bytes,
            count: 0,
            bytes: 0,
            buffer: BytesMut::new(),
        }
    }

    /// How many headers the current record has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a header to the current record.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty, is not UTF-8 or has control characters; [`Error::TooLarge`] for a name over
    /// [`NAME_CHARACTERS`], for more headers than [`Limits::record_headers`], and for names and values that together are over
    /// [`Limits::record_header_bytes`].
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        within("number of headers", self.count + 1, self.most)?;
        let name = checked(name)?;
        self.count += 1;
        self.bytes += name.len() + value.len();
        within(
            "record headers (names and values) in bytes",
            self.bytes,
            self.most_bytes,
        )?;
        let part = |length: usize| 1 + varint::len(length as u64) + length;
        let length = part(name.len()) + part(value.len());
        self.buffer.reserve(part(length));
        self.put(HEADERS_FIELD, length);
        self.put(NAME_FIELD, name.len());
        self.buffer.extend_from_slice(name.as_bytes());
        self.put(VALUE_FIELD, value.len());
        self.buffer.extend_from_slice(value);
        Ok(())
    }

    fn put(&mut self, tag: u8, length: usize) {
        self.buffer.put_u8(tag);
        varint::put(&mut self.buffer, length as u64);
    }

    /// The headers of the current record; the next ones are for another.
    pub fn take(&mut self) -> Headers {
        if self.buffer.is_empty() {
            return Headers::default();
        }
        let encoded = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        (self.count, self.bytes) = (0, 0);
        Headers(Some(encoded))
    }
}

fn checked(name: &[u8]) -> Result<&str> {
    if name.is_empty() {
        return Err(Error::invalid(
            "a header name must have at least one character",
        ));
    }
    let name =
        std::str::from_utf8(name).map_err(|_| Error::invalid("a header name must be UTF-8"))?;
    within(
        "header name in characters",
        name.chars().count(),
        NAME_CHARACTERS,
    )?;
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "a header name must not have control characters",
        ));
    }
    Ok(name)
}

fn within(what: &'static str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit {
        return Err(Error::TooLarge {
            what,
            actual: actual as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(headers: &Headers) -> Vec<(String, Vec<u8>)> {
        let headers = headers.iter().map(|header| header.expect("not damaged"));
        headers
            .map(|header| (header.name.to_owned(), header.value.to_vec()))
            .collect()
    }

    #[test]
    fn the_encoding_is_the_headers_field_of_a_value() {
        let headers: [(&str, &[u8]); 2] = [("a", b"12"), ("ä", b"")];
        let headers = Headers::parse(headers, &Limits::default()).expect("headers");
        assert_eq!(
            headers.encoded(),
            b"\x22\x07\x0a\x01a\x12\x0212\x22\x06\x0a\x02\xc3\xa4\x12\x00"
        );
        assert!(Headers::default().encoded().is_empty());
    }

    #[test]
    fn what_is_over_a_limit_or_no_name_is_refused() {
        let limits = Limits {
            record_headers: 2,
            record_header_bytes: 600,
            ..Limits::default()
        };
        let says = |headers: &[(&[u8], usize)]| {
            let mut builder = HeadersBuilder::new(&limits);
            let taken = headers
                .iter()
                .try_for_each(|(name, value)| builder.push(name, &vec![7; *value]));
            taken.map_err(|error| error.to_string())
        };
        let (longest, long) = ("ä".repeat(256), "ä".repeat(257));
        assert_eq!(says(&[(b"a", 0), (b"a", 598)]), Ok(()));
        assert_eq!(says(&[(longest.as_bytes(), 0)]), Ok(()));
        for (headers, refused) in [
            (
                &[(&b"a"[..], 0), (b"b", 0), (b"c", 0)][..],
                "number of headers is 3, over the limit of 2",
            ),
            (
                &[(b"a", 500), (b"bc", 98)],
                "record headers (names and values) in bytes is 601, over the limit of 600",
            ),
            (
                &[(long.as_bytes(), 0)],
                "header name in characters is 257, over the limit of 256",
            ),
            (
                &[(b"", 1)],
                "a header name must have at least one character",
            ),
            (&[(b"\xff", 0)], "a header name must be UTF-8"),
            (
                &[(b"a\n", 0)],
                "a header name must not have control characters",
            ),
            (
                &["\u{85}".as_bytes()].map(|name| (name, 0)),
                "a header name must not have control characters",
            ),
        ] {
            assert_eq!(says(headers), Err(refused.to_owned()));
        }
    }

    #[test]
    fn a_builder_begins_anew_for_each_record() {
        let limits = Limits {
            record_headers: 1,
            record_header_bytes: 3,
            ..Limits::default()
        };
        let mut builder = HeadersBuilder::new(&limits);
        for value in [b"12", b"34"] {
            builder.push(b"a", value).expect("within the limits");
            let taken = builder.take();
            assert_eq!(pairs(&taken), [("a".to_owned(), value.to_vec())]);
        }
        assert!(builder.take().is_empty());
    }

    proptest! {
        #[test]
        fn every_header_comes_back_in_order(
            headers in prop::collection::vec(("[^\\p{Cc}]{1,50}", prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        ) {
            let given = headers.iter().map(|(name, value)| (&name[..], &value[..]));
            let taken = Headers::parse(given, &Limits::default()).expect("within the limits");
            prop_assert_eq!(taken.is_empty(), headers.is_empty());
            prop_assert_eq!(pairs(&Headers::stored(Bytes::copy_from_slice(taken.encoded()))), headers);
        }

        #[test]
        fn damaged_bytes_end_in_an_error_and_never_in_a_panic(encoded: Vec<u8>) {
            let _ = Headers::stored(encoded.into()).iter().collect::<Result<Vec<_>>>();
        }
    }
}
