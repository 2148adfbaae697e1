//! Content codings: what a body is compressed with, and what a client takes.

use poem::http::{HeaderMap, header};

use super::failure::{Failure, Reason};
use crate::quoted::quoted;

/// What a body is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 8878, with windows of at most 8 MiB (RFC 9659).
    Zstd,
}

/// The codings that are known, in the order in which they are preferred.
pub(in crate::http) const ACCEPTED: &str = "zstd, gzip";

impl Coding {
    /// Its name in headers.
    pub(in crate::http) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("zstd") {
            Some(Self::Zstd)
        } else if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }

    /// What a request's body is compressed with, if it is.
    ///
    /// # Errors
    /// When that is none of those that are known, or more than one.
    pub(in crate::http) fn of_body(headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let mut found = None;
        for name in names(headers, header::CONTENT_ENCODING) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            let coding = Self::named(name).ok_or_else(|| {
                let name = quoted(name);
                refused(format!("the content encoding {name} is not supported"))
            })?;
            if found.replace(coding).is_some() {
                return Err(refused("more than one content encoding".to_owned()));
            }
        }
        Ok(found)
    }

    /// What the client would rather have an answer compressed with than not at all: the coding with the highest `q`, of
    /// equals zstd.
    pub(in crate::http) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let (mut zstd, mut gzip, mut identity, mut any) = (None, None, None, None);
        for range in names(headers, header::ACCEPT_ENCODING) {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let name = name.trim();
            let place = match Self::named(name) {
                Some(Self::Zstd) => &mut zstd,
                Some(Self::Gzip) => &mut gzip,
                None if name.eq_ignore_ascii_case("identity") => &mut identity,
                None if name == "*" => &mut any,
                None => continue,
            };
            *place = Some(weight(parameters));
        }
        // What is not listed is as good as `*`; without one it is not wanted, but for no coding at all.
        let weight_of = |coding: Option<f32>| coding.or(any).unwrap_or(0.0);
        let (zstd, gzip) = (weight_of(zstd), weight_of(gzip));
        let (best, weight) = if zstd >= gzip {
            (Self::Zstd, zstd)
        } else {
            (Self::Gzip, gzip)
        };
        (weight > 0.0 && weight >= identity.unwrap_or(0.0)).then_some(best)
    }
}

fn refused(message: String) -> Failure {
    let message = format!("{message}; send the body as gzip, as zstd, or as it is");
    Failure::new(Reason::UnsupportedContentCoding, message)
}

/// The members of a list that may be spread over several headers. What is no text stands for a name that is not known.
fn names(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
}

fn weight(parameters: &str) -> f32 {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_weight = name.trim().eq_ignore_ascii_case("q");
        is_weight.then(|| value.trim().parse().ok())?
    });
    weight.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn what_a_client_prefers_is_chosen_and_nothing_if_it_does_not_ask() {
        for (accept, expected) in [
            ("", None),
            ("identity", None),
            ("br, deflate", None),
            ("gzip", Some(Coding::Gzip)),
            ("X-GZIP", Some(Coding::Gzip)),
            ("zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip;q=1.0, zstd;q=0.5", Some(Coding::Gzip)),
            ("gzip; Q=0.2 , zstd;q=0.1", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=0, *", Some(Coding::Zstd)),
            ("zstd;q=0, *;q=0.1", Some(Coding::Gzip)),
            ("*", Some(Coding::Zstd)),
            ("*;q=0", None),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
            ("identity;q=0, gzip;q=0.1", Some(Coding::Gzip)),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, &[accept]);
            assert_eq!(Coding::accepted(&headers), expected, "{accept}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), None);
        let two = headers(header::ACCEPT_ENCODING, &["gzip;q=0.9", "zstd;q=0.1"]);
        assert_eq!(Coding::accepted(&two), Some(Coding::Gzip));
    }

    #[test]
    fn a_body_has_one_coding_that_is_known_or_none() {
        for (sent, expected) in [
            (&[][..], Ok(None)),
            (&["identity"], Ok(None)),
            (&[""], Ok(None)),
            (&["GZip"], Ok(Some(Coding::Gzip))),
            (&["x-gzip"], Ok(Some(Coding::Gzip))),
            (&["identity, zstd"], Ok(Some(Coding::Zstd))),
            (
                &["br"],
                Err("\"br\" is not supported; send the body as gzip, as zstd, or as it is"),
            ),
            (&["deflate"], Err("\"deflate\"")),
            (&["gzip, zstd"], Err("more than one content encoding")),
            (&["gzip", "gzip"], Err("more than one content encoding")),
        ] {
            let found = Coding::of_body(&headers(header::CONTENT_ENCODING, sent));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{sent:?}"),
                (Err(found), Err(says)) => {
                    assert!(found.to_string().contains(says), "{sent:?}: {found}");
                }
                (found, _) => panic!("{sent:?}: {found:?}"),
            }
        }
    }
}
