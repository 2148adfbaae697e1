//! Trims of the log. One that may have been applied is sent again: a floor never goes back.

use bytes::Bytes;
use prost::Message;

use crate::body::WatchedBody;
use crate::error::Error;
use crate::http::Http;
use crate::reading::repeatable;
use crate::retry::Retry;
use crate::wire::{TrimRequest, TrimResponse};

const PATH: &str = "/api/v1/log/trim";

/// Asks until it is answered, there is no use in asking again, or there were enough attempts. Gives the floor.
pub(crate) async fn trim(http: &Http, retry: &Retry, request: &TrimRequest) -> Result<u64, Error> {
    let body = Bytes::from(request.encode_to_vec());
    let once = || trim_once(http, retry, body.clone());
    Ok(retry.until_answered(once).await?.trimmed_before)
}

async fn trim_once(http: &Http, retry: &Retry, body: Bytes) -> Result<TrimResponse, Error> {
    let (body, _) = WatchedBody::new([body]);
    let asked = http.post(PATH, body).await;
    repeatable(asked, retry).map_err(|error| error.of_request("POST", &http.url_of(PATH)))
}
