//! Appends that are split by partition: what became of each part.

use bytes::Bytes;
use prost::Message;

use crate::append::{Request, append_once};
use crate::error::Error;
use crate::http::Http;
use crate::part::{AppendPart, of_answer};
use crate::retry::Retry;
use crate::wire::AppendRequest;

/// Sends an append that is split, until it is known what became of it, or that nobody knows.
pub(crate) async fn append(
    http: &Http,
    retry: &Retry,
    request: &Request,
) -> Result<Vec<AppendPart>, Error> {
    let split = AppendRequest {
        atomic: Some(false),
        ..AppendRequest::default()
    };
    // In place of the producer, which it cannot have.
    let parts = request.parts(Bytes::from(split.encode_to_vec()));
    let once = || append_once(http, retry, &parts, &request.about);
    let answer = retry.until_answered(once).await?;
    Ok(of_answer(answer.parts))
}
