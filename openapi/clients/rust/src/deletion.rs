//! Deletions of keys. One with a bound that may have been applied is sent again: the floor of a key never goes back. One of all
//! records is not: it would also delete what was appended since.

use bytes::Bytes;

use crate::append::told_apart;
use crate::error::Error;
use crate::http::Http;
use crate::partition::About;
use crate::reading::{encoded, repeatable};
use crate::retry::Retry;
use crate::wire::DeleteKeyResponse;

const PATH: &str = "/api/v1/log/key";

/// Asks until it is answered, there is no use in asking again, or there were enough attempts. Gives the floor.
pub(crate) async fn delete(
    http: &Http,
    retry: &Retry,
    key: &Bytes,
    before: Option<u64>,
) -> Result<u64, Error> {
    let about = About::key(key);
    let is_bounded = before.is_some();
    let mut parameters = vec![("key_base64", encoded(key))];
    parameters.extend(before.map(|before| ("before_seq", before.to_string())));
    let once = || delete_once(http, retry, &parameters, is_bounded, &about);
    Ok(retry.until_answered(once).await?.trimmed_before)
}

async fn delete_once(
    http: &Http,
    retry: &Retry,
    parameters: &[(&str, String)],
    is_bounded: bool,
    about: &About,
) -> Result<DeleteKeyResponse, Error> {
    let asked = http.delete(PATH, parameters, about).await;
    let answered = match is_bounded {
        true => repeatable(asked, retry),
        false => told_apart(asked, "deletion", true, retry),
    };
    answered.map_err(|error| error.of_request("DELETE", &http.url_of(PATH)))
}
