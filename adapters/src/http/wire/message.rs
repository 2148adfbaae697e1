//! Bodies that are one message as a whole.

use log_domain::Error;
use serde::Deserializer;
use serde::de::Visitor;

use super::failure::Failure;
use super::proto::Field;

/// Reads the only object of a JSON body, which is a message with the fields `F`.
///
/// # Errors
/// When it is not one, or more follows.
pub(in crate::http::wire) fn json<'de, F: Field, V: Visitor<'de>>(
    body: &'de [u8],
    visitor: V,
) -> Result<V::Value, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(visitor);
    read.and_then(|decoded| json.end().map(|()| decoded))
        .map_err(|error| refused::<F>(&error.to_string()))
}

/// What a client is told whose body is not a message with the fields `F`.
pub(in crate::http::wire) fn refused<F: Field>(why: &str) -> Failure {
    Error::invalid(format!("the body is not a {}: {why}", F::MESSAGE.name)).into()
}
