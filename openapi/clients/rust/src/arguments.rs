//! Settings and arguments, checked before anything is sent: the message says what is accepted, with an example.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::error::Error;
use crate::retry::Retry;

const URL_EXAMPLE: &str = "http://localhost:8080";

/// The address of a server, without a slash at its end.
pub(crate) fn url(text: &str) -> Result<String, Error> {
    let wrong = |why: &str| {
        Err(Error::invalid(format!(
            "url must be one such as {URL_EXAMPLE:?}{why}"
        )))
    };
    let Ok(url) = Url::parse(text) else {
        return wrong(&format!(", not {text:?}"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(" without a user name or password: give a token instead");
    }
    let begins = ["http://", "https://"].iter().any(|scheme| {
        let start = text.get(..scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme)
    });
    if !begins || url.host_str().is_none_or(str::is_empty) {
        return wrong(&format!(", not {text:?}"));
    }
    let is_odd = |each: char| each.is_whitespace() || each.is_control() || "?#".contains(each);
    if text.contains(is_odd) {
        return wrong(&format!(
            " without a query, fragment or white space, not {text:?}"
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The `Authorization` header for a token, as RFC 6750 and the server's token file have it. The message never shows it.
pub(crate) fn authorization(token: &str) -> Result<HeaderValue, Error> {
    let body = token.trim_end_matches('=');
    let fine = |each: char| each.is_ascii_alphanumeric() || "-._~+/".contains(each);
    if body.is_empty() || !body.chars().all(fine) {
        let hint = if token.trim() == token {
            ""
        } else {
            ": strip the white space around it"
        };
        return Err(Error::invalid(format!(
            "token must consist of A-Z a-z 0-9 - . _ ~ + / and = at its end{hint}"
        )));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|error| Error::invalid("token cannot be sent in a header").with_source(error))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A time that is more than nothing.
pub(crate) fn above_zero(name: &str, time: Duration) -> Result<Duration, Error> {
    if time.is_zero() {
        return Err(Error::invalid(format!(
            "{name} must be more than 0, such as Duration::from_secs(60)"
        )));
    }
    Ok(time)
}

/// A number that is at least 1.
pub(crate) fn at_least_one(name: &str, number: u64) -> Result<u64, Error> {
    if number == 0 {
        return Err(Error::invalid(format!("{name} must be at least 1, not 0")));
    }
    Ok(number)
}

pub(crate) fn retry(retry: Retry) -> Result<Retry, Error> {
    at_least_one("retry.attempts", u64::from(retry.attempts))?;
    Ok(retry)
}

pub(crate) fn key(key: &[u8]) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::invalid(
            "key must have at least one byte, such as \"orders\"",
        ));
    }
    Ok(())
}

/// The name of a cursor.
pub(crate) fn cursor(name: &str) -> Result<(), Error> {
    let is_fine = (1..=256).contains(&name.len())
        && !name.chars().any(char::is_control)
        && !matches!(name, "." | "..");
    if is_fine {
        return Ok(());
    }
    Err(Error::invalid(
        "the name of a cursor must have 1 to 256 bytes and no control characters, and must not be . or .., such as \"orders-projection\"",
    ))
}

/// Sequences from the first up to, not including, the second; without an end, all that there will be.
pub(crate) fn sequences(range: &impl RangeBounds<u64>) -> Result<(u64, Option<u64>), Error> {
    let beyond = || Error::invalid("range must not go beyond the largest sequence, such as 10..20");
    let after = |at: &u64| at.checked_add(1).ok_or_else(beyond);
    let start = match range.start_bound() {
        Bound::Included(at) => *at,
        Bound::Excluded(at) => after(at)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(at) => Some(after(at)?),
        Bound::Excluded(at) => Some(*at),
        Bound::Unbounded => None,
    };
    if let Some(end) = end.filter(|end| *end < start) {
        return Err(Error::invalid(format!(
            "range must not end before it begins, such as 10..20, not {start}..{end}"
        )));
    }
    Ok((start, end))
}
