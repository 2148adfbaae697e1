//! The two formats of the wire and how a request chooses between them.

use poem::http::{HeaderMap, header};
use poem::{FromRequest, Request, RequestBody};

use super::failure::{Failure, Reason};

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Format {
    /// ProtoJSON.
    Json,
    /// Binary protobuf.
    Protobuf,
}

impl Format {
    /// What the client wants to have answered: of the two what it gives the highest `q`, of equals the first one, and JSON
    /// if it names neither.
    pub(in crate::http) fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let media_ranges = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let mut preferred = (Self::Json, 0.0);
        for (format, quality) in media_ranges.filter_map(accepted_format) {
            if quality > preferred.1 {
                preferred = (format, quality);
            }
        }
        preferred.0
    }

    /// What the client has sent. A body without a content type is JSON.
    pub(in crate::http) fn of_body(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(content_type) = headers.get(header::CONTENT_TYPE) else {
            return Ok(Self::Json);
        };
        let sent = content_type.to_str().map(essence).unwrap_or_default();
        if is_protobuf(sent) {
            Ok(Self::Protobuf)
        } else if is_json(sent) {
            Ok(Self::Json)
        } else {
            Err(Failure::new(
                Reason::UnsupportedMediaType,
                "the content type is not supported; use application/json, application/protobuf+json or \
                 application/protobuf",
            ))
        }
    }

    /// The content type of an answer.
    pub(in crate::http) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

/// The media type of messages behind their lengths.
pub(in crate::http) const DELIMITED: &str = "application/protobuf; delimited=true";

/// Checks that a body is of that type; spaces and case do not matter.
///
/// # Errors
/// When it is of another one, or compressed.
pub(in crate::http) fn check_delimited(headers: &HeaderMap) -> Result<(), Failure> {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let mut parameters = sent.split(';').skip(1).map(str::trim);
    let is_delimited = parameters.any(|parameter| parameter.eq_ignore_ascii_case("delimited=true"));
    if is_protobuf(essence(sent)) && is_delimited && !headers.contains_key(header::CONTENT_ENCODING)
    {
        return Ok(());
    }
    Err(Failure::new(
        Reason::UnsupportedMediaType,
        format!("a session is {DELIMITED}, without a content encoding"),
    ))
}

impl<'a> FromRequest<'a> for Format {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::accepted(request.headers()))
    }
}

/// The format that a media range stands for, and its weight, from 0, "not that", to 1.
fn accepted_format(range: &str) -> Option<(Format, f32)> {
    let named = essence(range);
    let anything = ["*/*", "application/*"].contains(&named);
    let format = if is_protobuf(named) {
        Format::Protobuf
    } else if anything || is_json(named) {
        Format::Json
    } else {
        return None;
    };
    let weight = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_weight = name.trim().eq_ignore_ascii_case("q");
        is_weight.then(|| value.trim().parse().ok())?
    });
    Some((format, weight.unwrap_or(1.0)))
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type
        .split_once(';')
        .map_or(media_type, |(essence, _)| essence)
        .trim()
}

fn is_protobuf(essence: &str) -> bool {
    ["application/protobuf", "application/x-protobuf"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

fn is_json(essence: &str) -> bool {
    ["application/json", "application/protobuf+json"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header value"));
        headers
    }

    #[test]
    fn what_a_client_prefers_is_answered_and_json_if_it_does_not_say() {
        for (accept, expected) in [
            ("application/protobuf", Format::Protobuf),
            ("Application/X-Protobuf; q=0.9", Format::Protobuf),
            ("text/html, application/protobuf;v=1", Format::Protobuf),
            ("application/protobuf+json", Format::Json),
            ("application/json", Format::Json),
            ("*/*", Format::Json),
            ("application/*", Format::Json),
            ("", Format::Json),
            ("text/html", Format::Json),
            ("application/json, application/protobuf", Format::Json),
            ("application/protobuf, application/json", Format::Protobuf),
            ("application/protobuf, */*", Format::Protobuf),
            ("*/*, application/protobuf", Format::Json),
            ("*/*;q=0.1, application/protobuf", Format::Protobuf),
            (
                "application/json;q=0.5, application/protobuf;q=0.9",
                Format::Protobuf,
            ),
            (
                "application/json;q=0.9, application/protobuf;q=0.5",
                Format::Json,
            ),
            (
                "application/json ; Q=0.5 ,application/protobuf",
                Format::Protobuf,
            ),
            ("application/protobuf;q=0", Format::Json),
            (
                "application/protobuf;v=1;q=0.2, application/json;q=0.3",
                Format::Json,
            ),
            ("application/protobuf;q=high", Format::Protobuf),
        ] {
            let accepted = Format::accepted(&headers(header::ACCEPT, accept));
            assert_eq!(accepted, expected, "{accept}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn a_body_is_read_by_its_content_type_whatever_its_case_and_parameters() {
        for (sent, expected) in [
            ("application/json; charset=utf-8", Some(Format::Json)),
            ("APPLICATION/PROTOBUF+JSON", Some(Format::Json)),
            ("application/x-protobuf", Some(Format::Protobuf)),
            ("application/protobuf;proto=a.B", Some(Format::Protobuf)),
            ("text/plain", None),
            ("application/protobuffer", None),
            ("", None),
        ] {
            let format = Format::of_body(&headers(header::CONTENT_TYPE, sent));
            assert_eq!(format.ok(), expected, "{sent}");
        }
    }
}
