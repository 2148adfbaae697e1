//! Cursors: named positions that the server keeps.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use prost::Message;
use reqwest::Method;

use crate::arguments;
use crate::error::{Error, ErrorKind};
use crate::http::Http;
use crate::partition::About;
use crate::reading::{self, repeatable};
use crate::retry::Retry;
use crate::wire::{self, CursorResponse, CursorsResponse, DeleteCursorResponse, PutCursorRequest};

const CURSORS: &str = "/api/v1/log/cursors";
const CURSORS_PAGE: u64 = 1000;

/// A named position that the server keeps: how far a consumer has got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cursor {
    /// Its name.
    pub name: String,
    /// The sequence that is to be read next.
    pub position: u64,
    /// When it was moved last, in milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// How many sequences there are between the position and the end of the log, over all keys.
    pub lag: u64,
}

impl From<CursorResponse> for Cursor {
    fn from(answer: CursorResponse) -> Self {
        Self {
            name: answer.name,
            position: answer.position,
            updated_ms: answer.updated_ms,
            lag: answer.lag,
        }
    }
}

impl From<wire::Cursor> for Cursor {
    fn from(cursor: wire::Cursor) -> Self {
        Self {
            name: cursor.name,
            position: cursor.position,
            updated_ms: cursor.updated_ms,
            lag: cursor.lag,
        }
    }
}

/// The cursor of this name; `None` if there is none.
pub(crate) async fn get(http: &Http, retry: &Retry, name: &str) -> Result<Option<Cursor>, Error> {
    arguments::cursor(name)?;
    let found =
        reading::read::<CursorResponse>(http, retry, &path_of(name), &[], &About::cursor(name))
            .await;
    match found {
        Ok(answer) => Ok(Some(answer.into())),
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Moves a cursor. A move from an expected position that may have been made is made once, and found out to have been made.
pub(crate) async fn put(
    http: &Http,
    retry: &Retry,
    name: &str,
    request: &PutCursorRequest,
) -> Result<Cursor, Error> {
    arguments::cursor(name)?;
    let path = path_of(name);
    let body = [Bytes::from(request.encode_to_vec())];
    let about = About::cursor(name);
    let sent = AtomicU32::new(0);
    let once = || {
        sent.fetch_add(1, Ordering::Relaxed);
        put_once(http, retry, &path, &body, &about)
    };
    let moved = retry.until_answered(once).await;
    match moved {
        Err(error) if sent.load(Ordering::Relaxed) > 1 && is_at(&error, name, request.position) => {
            // An attempt whose answer was lost has moved it.
            let found = get(http, retry, name).await?;
            found.ok_or(error)
        }
        moved => moved.map(Into::into),
    }
}

fn is_at(error: &Error, name: &str, position: Option<u64>) -> bool {
    match error.kind() {
        ErrorKind::Conflict(conflict) => {
            conflict.cursor.as_deref() == Some(name) && conflict.position == position
        }
        _ => false,
    }
}

async fn put_once(
    http: &Http,
    retry: &Retry,
    path: &str,
    body: &[Bytes],
    about: &About,
) -> Result<CursorResponse, Error> {
    let (asked, _) = http.put_or_post(Method::PUT, path, &[], body, about).await;
    repeatable(asked, retry).map_err(|error| error.of_request("PUT", &http.url_of(path)))
}

/// Deletes a cursor; says whether there was one, as far as the last attempt found it.
pub(crate) async fn delete(http: &Http, retry: &Retry, name: &str) -> Result<bool, Error> {
    arguments::cursor(name)?;
    let path = path_of(name);
    let about = About::cursor(name);
    let once = || delete_once(http, retry, &path, &about);
    Ok(retry.until_answered(once).await?.deleted)
}

async fn delete_once(
    http: &Http,
    retry: &Retry,
    path: &str,
    about: &About,
) -> Result<DeleteCursorResponse, Error> {
    let asked = http.delete(path, &[], about).await;
    repeatable(asked, retry).map_err(|error| error.of_request("DELETE", &http.url_of(path)))
}

/// All cursors whose names begin with `prefix`, in byte order, read page by page.
pub(crate) async fn list(
    http: &Http,
    retry: &Retry,
    prefix: &str,
    about: &About,
) -> Result<Vec<Cursor>, Error> {
    let mut cursors: Vec<Cursor> = Vec::new();
    let mut after = None;
    loop {
        let mut parameters = vec![("limit", CURSORS_PAGE.to_string())];
        if !prefix.is_empty() {
            parameters.push(("prefix", prefix.to_owned()));
        }
        parameters.extend(after.map(|after| ("start_after", after)));
        parameters.extend(about.parameter());
        let page: CursorsResponse = reading::read(http, retry, CURSORS, &parameters, about).await?;
        cursors.extend(page.cursors.into_iter().map(Into::into));
        match page.next_start_after {
            Some(next) => after = Some(next),
            None => return Ok(cursors),
        }
    }
}

/// The path of a cursor, with its name percent-encoded.
fn path_of(name: &str) -> String {
    let mut path = format!("{CURSORS}/");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            // Writing to memory does not fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
    }
    path
}
