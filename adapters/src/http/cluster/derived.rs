//! Requests that a node derives from one that it answers: to partitions, for the same client.

use poem::Request;
use poem::http::{HeaderValue, header};

use crate::http::wire::format::Format;
use crate::http::wire::request_id::RequestId;

/// A request of the client of `request` for `target`. It is answered in protobuf.
pub(super) fn of(request: &Request, target: &str) -> Request {
    let mut derived = Request::default();
    if let Ok(target) = target.parse() {
        *derived.uri_mut() = target;
    }
    let accepted = HeaderValue::from_static(Format::Protobuf.content_type());
    derived.headers_mut().insert(header::ACCEPT, accepted);
    if let Some(token) = request.headers().get(header::AUTHORIZATION) {
        let token = token.clone();
        derived.headers_mut().insert(header::AUTHORIZATION, token);
    }
    if let Some(id) = request.data::<RequestId>() {
        derived.set_data(id.clone());
    }
    derived
}
