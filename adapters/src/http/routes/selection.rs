//! Which records to read, as the parameters of several routes say it.

use log_domain::{Error, Limits, LogReader, LogService, PageLimit, Scan, Side};

use crate::http::wire::failure::Failure;
use crate::http::wire::param;
use crate::http::wire::scan_request::ScanRequest;

/// The scan that `request` asks for, in pages of this size: from where its cursor is, if it names one.
///
/// # Errors
/// [`Error::NoCursor`]; refuses a start together with a cursor, but not the default, which some clients send.
pub(in crate::http) async fn scan_of<S: LogReader>(
    request: ScanRequest,
    limit: PageLimit,
    service: &LogService<S>,
) -> Result<Scan, Failure> {
    let selection = request.selected.selection(service.limits())?;
    let start = request.start_seq.unwrap_or_default();
    let start = match &request.cursor {
        Some(_) if start > 0 => {
            return Err(Failure::invalid("cursor and start_seq exclude each other"));
        }
        // What lies before a cursor is read.
        Some(name) => {
            let position = service.cursor(name).await?.position.get();
            position.min(request.end_seq.unwrap_or(u64::MAX))
        }
        None => start,
    };
    Ok(Scan {
        selection,
        range: param::range(start, request.end_seq)?,
        start_time_ms: request.start_time_ms,
        limit,
        side: Side::Oldest,
        visibility: request.visibility.unwrap_or_default(),
    })
}

/// What `limit` allows.
pub(in crate::http) fn page_limit(limit: u64, limits: &Limits) -> Result<PageLimit, Error> {
    PageLimit::new(limit, limits)
}

/// How many records or keys a page has if the client does not say.
pub(in crate::http) fn default_limit() -> u64 {
    32
}
