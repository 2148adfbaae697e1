//! Bytes as padded standard base64.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use prost::bytes::Bytes;
use serde::Serializer;
use serde::ser::SerializeSeq;

pub(crate) fn base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
}

pub(crate) fn optional_base64<S: Serializer>(
    bytes: &Option<Bytes>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => base64(bytes, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn repeated_base64<S: Serializer>(
    list: &[Bytes],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_seq(Some(list.len()))?;
    for bytes in list {
        out.serialize_element(&Base64Display::new(bytes, &STANDARD).to_string())?;
    }
    out.end()
}
