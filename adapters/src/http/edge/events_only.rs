//! Refusals for clients that take events and nothing else, as the `EventSource` of browsers does.
//!
//! An `EventSource` does not reconnect after a status other than 200. So transient errors are sent as an event, after
//! which the stream ends and the client reconnects. Permanent errors (an invalid parameter, a missing right) keep their status.

use std::time::Duration;

use poem::Response;
use poem::http::{HeaderMap, header};

use crate::http::routes::stream::error_event;
use crate::http::wire::failure::Failure;
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::{Route, STREAM};

const KIND: &str = "text/event-stream";

/// Whether a request to `route` accepts events alone. Clients that read the status also accept another type.
pub(in crate::http) fn accepted(route: Option<Route>, headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let mut ranges = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let is_events = |range: &str| {
        let kind = range.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(KIND)
    };
    let names_any = headers.contains_key(header::ACCEPT);
    route.is_some_and(|route| route.path == STREAM) && names_any && ranges.all(is_events)
}

/// An answer of one event, which tells such a client when to come back; nothing if it should not.
pub(in crate::http) fn refusal(failure: &Failure, request: &RequestId) -> Option<Response> {
    let again = failure.passes_after()?;
    let told = failure.logged_answer(request);
    let mut body = retry(again).into_bytes();
    body.extend_from_slice(&error_event(&told));
    let response = Response::builder().content_type(KIND);
    Some(response.body(body))
}

/// For how long an `EventSource` waits before it comes back.
fn retry(again: Duration) -> String {
    format!("retry: {}\n", again.as_millis())
}
