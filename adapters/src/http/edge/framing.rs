//! Rejects requests that two servers could parse differently (request smuggling), before they have any effect.
//!
//! hyper itself answers 400 to a `Transfer-Encoding` that does not end in `chunked`, to one in HTTP/1.0, and to lengths that differ. It
//! takes both `Transfer-Encoding` and `Content-Length` for chunked, and drops the length before a handler could see it: what only the
//! bytes of a request tell, the connection looks for.

use poem::Request;
use poem::http::uri::Authority;
use poem::http::{Version, header};

use crate::http::wire::failure::Failure;

/// In a request's data: its bytes are malformed, which the HTTP library does not say, and the API refuses it for this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Refuses what is malformed by RFC 9110 (section 7.2), RFC 9112 (3.2 and 6.1) or RFC 9113 (8.3.1), although it could be parsed.
pub(in crate::http) fn check(request: &Request) -> Result<(), Failure> {
    if let Some(Malformed(why)) = request.data() {
        return Err(Failure::invalid(*why));
    }
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 {
        return Err(Failure::invalid("there is more than one header Host"));
    }
    if hosts == 0 && request.version() == Version::HTTP_11 {
        return Err(Failure::invalid("the header Host is missing"));
    }
    if let Some(host) = headers.get(header::HOST)
        && !host.is_empty()
        && host
            .to_str()
            .map_or(true, |host| host.parse::<Authority>().is_err())
    {
        return Err(Failure::invalid("the header Host is not a host"));
    }
    if request.version() == Version::HTTP_2
        && let (Some(host), Some(target)) = (headers.get(header::HOST), request.uri().authority())
        && !host
            .as_bytes()
            .eq_ignore_ascii_case(target.as_str().as_bytes())
    {
        return Err(Failure::invalid("Host and :authority differ"));
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(sole), None) if sole.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Failure::invalid(
            "the only Transfer-Encoding that is supported is chunked",
        )),
    }
}
