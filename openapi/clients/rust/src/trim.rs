//! Trims of the log. One that may have been applied is sent again: a floor never goes back.

use bytes::Bytes;
use prost::Message;
use reqwest::Method;

use crate::error::Error;
use crate::http::Http;
use crate::partition::About;
use crate::reading::repeatable;
use crate::retry::Retry;
use crate::wire::{TrimRequest, TrimResponse};

const PATH: &str = "/api/v1/log/trim";

/// Asks until it is answered, there is no use in asking again, or there were enough attempts. Gives the floor.
pub(crate) async fn trim(
    http: &Http,
    retry: &Retry,
    request: &TrimRequest,
    partition: Option<u32>,
) -> Result<u64, Error> {
    let body = [Bytes::from(request.encode_to_vec())];
    let once = || trim_once(http, retry, &body, partition);
    Ok(retry.until_answered(once).await?.trimmed_before)
}

async fn trim_once(
    http: &Http,
    retry: &Retry,
    body: &[Bytes],
    partition: Option<u32>,
) -> Result<TrimResponse, Error> {
    let about = About::partition(partition);
    let parameters = about.parameter();
    let asked = http.put_or_post(Method::POST, PATH, parameters.as_slice(), body, &about);
    let (asked, _) = asked.await;
    repeatable(asked, retry).map_err(|error| error.of_request("POST", &http.url_of(PATH)))
}
