//! Answers in the format that the client asked for.

use std::marker::PhantomData;

use bytes::Bytes;
use log_domain::Error;
use log_domain::budget::{Budget, Permit};
use poem::{IntoResponse, Response};
use prost::Message;
use serde::Serialize;

use super::format::Format;
use super::json::JsonText;

/// Bytes of answers that were not written out to their clients yet, if the configuration does not say.
pub(in crate::http) const ANSWER_BYTES: u64 = 512 << 20;

/// What is limited by that, for messages.
pub(in crate::http) const ANSWERS: &str = "the number of bytes in answers that were not read yet";

/// What can be written in both formats.
pub(in crate::http) trait Encode {
    /// The message that it is, as documented.
    type Message;

    /// Writes it as ProtoJSON.
    fn json(&self) -> Result<JsonText, Error>;

    /// Writes it as protobuf.
    fn protobuf(&self) -> Result<Vec<u8>, Error>;
}

/// Writes `answer`; JSON is a line of text, so that it ends as one on a terminal.
pub(in crate::http) fn encode(format: Format, answer: &impl Encode) -> Result<Vec<u8>, Error> {
    match format {
        Format::Json => answer.json().map(JsonText::into_line),
        Format::Protobuf => answer.protobuf(),
    }
}

/// A successful answer: an encoded `M`.
#[derive(Debug)]
pub(in crate::http) struct Reply<M> {
    format: Format,
    body: Bytes,
    /// How much memory `body` takes.
    capacity: usize,
    message: PhantomData<fn() -> M>,
}

impl<M> Reply<M> {
    pub(in crate::http) fn new(
        format: Format,
        answer: &impl Encode<Message = M>,
    ) -> Result<Self, Error> {
        let body = encode(format, answer)?;
        Ok(Self {
            format,
            capacity: body.capacity(),
            body: body.into(),
            message: PhantomData,
        })
    }

    /// Takes the answer's bytes from `budget` until they have been written out: clients that read slowly, or not at
    /// all, hold on to no more than that together.
    pub(in crate::http) fn held(mut self, budget: &Budget) -> Result<Self, Error> {
        let permit = budget.take(self.capacity as u64)?;
        self.body = held(self.body, permit);
        Ok(self)
    }
}

/// `body`, with `permit` given back when the last slice of it is dropped.
pub(in crate::http) fn held(body: Bytes, permit: Permit) -> Bytes {
    Bytes::from_owner(Held {
        body,
        _permit: permit,
    })
}

/// Bytes and the room they take. Slices of it share it, so the room is given back with the last of them.
struct Held {
    body: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl<M> IntoResponse for Reply<M> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(self.format.content_type())
            .body(self.body)
    }
}

/// A message is written as it is described. Pages of records and keys are not: they are written from what was read,
/// without becoming messages.
impl<M: Message + Serialize> Encode for M {
    type Message = Self;

    fn json(&self) -> Result<JsonText, Error> {
        JsonText::of(self, self.encoded_len() * 2 + 128)
    }

    fn protobuf(&self) -> Result<Vec<u8>, Error> {
        Ok(self.encode_to_vec())
    }
}
