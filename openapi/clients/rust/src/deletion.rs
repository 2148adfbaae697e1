//! Deletions of keys. One with a bound that may have been applied is sent again: the floor of a key never goes back. One of all
//! records is not: it would also delete what was appended since.

use crate::append::told_apart;
use crate::error::Error;
use crate::http::Http;
use crate::reading::{encoded, repeatable};
use crate::retry::Retry;
use crate::wire::DeleteKeyResponse;

const PATH: &str = "/api/v1/log/key";

/// Asks until it is answered, there is no use in asking again, or there were enough attempts. Gives the floor.
pub(crate) async fn delete(
    http: &Http,
    retry: &Retry,
    key: &[u8],
    before: Option<u64>,
) -> Result<u64, Error> {
    let is_bounded = before.is_some();
    let mut parameters = vec![("key_base64", encoded(key))];
    parameters.extend(before.map(|before| ("before_seq", before.to_string())));
    let once = || delete_once(http, retry, &parameters, is_bounded);
    Ok(retry.until_answered(once).await?.trimmed_before)
}

async fn delete_once(
    http: &Http,
    retry: &Retry,
    parameters: &[(&str, String)],
    is_bounded: bool,
) -> Result<DeleteKeyResponse, Error> {
    let asked = http.delete(PATH, parameters).await;
    let answered = match is_bounded {
        true => repeatable(asked, retry),
        false => told_apart(asked, "deletion", true, retry),
    };
    answered.map_err(|error| error.of_request("DELETE", &http.url_of(PATH)))
}
