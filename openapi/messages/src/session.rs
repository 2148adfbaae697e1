//! The answers of an append session.

use prost::Message;

use crate::{AppendResponse, ERROR, ErrorResponse, SUCCESS};

/// Takes the next answer off what was received of a session; `None` if the next bytes are no whole answer, and then nothing is taken.
pub fn session_answer(received: &mut &[u8]) -> Option<Result<AppendResponse, ErrorResponse>> {
    // Both begin with `status`, which tells them apart.
    let mut rest = *received;
    let error = ErrorResponse::decode_length_delimited(&mut rest).ok();
    if let Some(error) = error.filter(|error| error.status == ERROR) {
        *received = rest;
        return Some(Err(error));
    }
    let mut rest = *received;
    let answer = AppendResponse::decode_length_delimited(&mut rest).ok();
    let answer = answer.filter(|answer| answer.status == SUCCESS)?;
    *received = rest;
    Some(Ok(answer))
}
