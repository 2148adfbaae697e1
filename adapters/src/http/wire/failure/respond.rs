//! A failure as an HTTP response.

use poem::Response;
use poem::http::header;

use super::{Failure, Reason};
use crate::http::wire::coding;
use crate::http::wire::format::Format;
use crate::http::wire::reply::encode;
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table;

impl Failure {
    /// The answer to a request for `path`.
    pub(in crate::http) fn respond(
        &self,
        format: Format,
        path: &str,
        request: &RequestId,
    ) -> Response {
        let row = self.reason.row();
        let mut response = Response::builder()
            .status(row.status)
            .content_type(format.content_type());
        if let Some(seconds) = row.retry_after {
            response = response.header(header::RETRY_AFTER, seconds);
        }
        if self.reason == Reason::Unauthenticated {
            response = response.header(header::WWW_AUTHENTICATE, "Bearer");
        }
        if self.reason == Reason::UnsupportedContentCoding {
            response = response.header(header::ACCEPT_ENCODING, coding::ACCEPTED);
        }
        if self.reason == Reason::MethodNotAllowed
            && let Some(route) = route_table::find(path)
        {
            response = response.header(header::ALLOW, route.allow);
        }
        response.body(encode(format, &self.logged_answer(request)).unwrap_or_default())
    }
}
