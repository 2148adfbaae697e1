//! Headers of records. They are derived from the value, so a checker can verify the headers of a record.

use log_domain::{Headers, Limits};

/// Names and values of the headers of a record.
pub type HeadersSeen = Vec<(String, String)>;

/// The headers of the record with this value: none, one, or two of the same name.
pub fn headers_of(value: &str) -> HeadersSeen {
    let name = value.split(':').next().unwrap_or_default();
    let values: &[&str] = match name.bytes().map(u64::from).sum::<u64>() % 3 {
        0 => &[],
        1 => &[name],
        _ => &[name, "again"],
    };
    let headers = values.iter().map(|value| ("of".into(), (*value).into()));
    headers.collect()
}

/// The same headers as the domain has them.
///
/// # Errors
/// When they are over a limit.
pub fn as_sent(headers: &HeadersSeen) -> log_domain::Result<Headers> {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    Headers::parse(headers, &Limits::default())
}
