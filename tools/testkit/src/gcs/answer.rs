//! Answers as Google's XML API gives them.

use std::time::{SystemTime, UNIX_EPOCH};

/// An answer with these header lines and this body.
pub(super) fn answer(status: u16, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} .\r\nconnection: close\r\n");
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    // The answer to HEAD says how long the body would be, in a header of its own making.
    if !headers
        .iter()
        .any(|header| header.starts_with("content-length:"))
    {
        answer.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    answer.push_str("\r\n");
    [answer.as_bytes(), body].concat()
}

/// An answer in XML.
pub(super) fn xml(status: u16, headers: &[String], body: &str) -> Vec<u8> {
    let body = format!("<?xml version='1.0' encoding='UTF-8'?>{body}");
    answer(status, headers, body.as_bytes())
}

/// An error.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Vec<u8> {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    xml(status, &[], &body)
}

/// Text in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What is percent-encoded in a path or, with `+` for a space, in a query.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3);
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A time as in the header `last-modified` and as in a list.
pub(super) fn times(time: SystemTime) -> (String, String) {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut year = 1970;
    let mut day = days;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let name = DAYS[(days % 7) as usize];
    let day = day + 1;
    (
        format!("{name}, {day:02} {} {year} {clock} GMT", MONTHS[month]),
        format!(
            "{year}-{:02}-{day:02}T{clock}.{:03}Z",
            month + 1,
            since.subsec_millis()
        ),
    )
}
