//! Protection against cross-site requests: which web pages may change the log.
//!
//! A page of any origin can make a browser send requests, from a machine that may reach servers which the page's author
//! cannot. The browser sends the page's origin in `Origin` on every request other than GET and HEAD, and a page cannot
//! suppress it. Clients other than browsers send no such header, and none is required.

use poem::Request;
use poem::http::uri::{Authority, Scheme};
use poem::http::{HeaderMap, HeaderValue, Method, header};

use super::hosts::Host;
use crate::http::wire::failure::{Failure, Reason};
use crate::quoted::{cut, quoted_entry};

/// What a browser says of the page that asks, to servers on this machine or with TLS.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Examples of origins, for messages.
const EXAMPLE: &str = "https://app.example.com or http://localhost:3000, or * for all";

/// The origins whose pages may use the server, besides its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Those of every site.
    Any,
    /// These, as browsers write them.
    Listed(Vec<HeaderValue>),
}

impl Default for AllowedOrigins {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl AllowedOrigins {
    /// Reads a list of origins, or of `*`.
    ///
    /// # Errors
    /// One line about the first entry that is neither, with an example.
    pub fn new(listed: &[String]) -> Result<Self, String> {
        let origins: Vec<_> = listed
            .iter()
            .filter(|entry| *entry != "*")
            .map(|entry| {
                let refused = || {
                    let entry = quoted_entry(entry, listed);
                    format!("{entry} is not an origin; expected, for example, {EXAMPLE}")
                };
                parse(entry).ok_or_else(refused)
            })
            .collect::<Result<_, _>>()?;
        Ok(if origins.len() < listed.len() {
            Self::Any
        } else {
            Self::Listed(origins)
        })
    }

    /// Whether pages of this origin may use the server.
    pub(in crate::http) fn allows(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.contains(origin),
        }
    }

    /// Refuses a request that could change something and comes from a page that may not.
    pub(in crate::http) fn check(&self, request: &Request) -> Result<(), Failure> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(());
        }
        let site = Site::of(request.headers());
        match sole_origin(request.headers()) {
            Sole::None if matches!(site, Site::Other) => Err(refusal("another site")),
            Sole::None => Ok(()),
            Sole::One(origin) if self.allows(origin) || is_own(origin, site, request) => Ok(()),
            Sole::One(origin) => {
                let origin = String::from_utf8_lossy(origin.as_bytes());
                Err(refusal(&cut(&origin)))
            }
            Sole::Many => Err(refusal("several origins")),
        }
    }
}

/// What `Sec-Fetch-Site` says of the page that asks.
#[derive(Debug, Clone, Copy)]
enum Site {
    /// Nothing: the browser is old, or asks over plain HTTP.
    Unsaid,
    /// It is the server's own.
    Own,
    /// There is no page: a user entered the address.
    Nobody,
    /// It is of another site.
    Other,
}

impl Site {
    /// What all headers say, if they say the same. No browser sends two, so who does has something to hide.
    fn of(headers: &HeaderMap) -> Self {
        let mut said = headers.get_all(SEC_FETCH_SITE).iter();
        let Some(first) = said.next() else {
            return Self::Unsaid;
        };
        match first.as_bytes() {
            _ if said.any(|other| other != first) => Self::Other,
            b"same-origin" => Self::Own,
            b"none" => Self::Nobody,
            _ => Self::Other,
        }
    }
}

/// How many headers `Origin` there are.
pub(in crate::http) enum Sole<'a> {
    None,
    One(&'a HeaderValue),
    Many,
}

/// The header `Origin`, if there is exactly one.
pub(in crate::http) fn sole_origin(headers: &HeaderMap) -> Sole<'_> {
    let mut sent = headers.get_all(header::ORIGIN).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Sole::None,
        (Some(origin), None) => Sole::One(origin),
        _ => Sole::Many,
    }
}

/// Whether the page comes from this server. The browser knows, also when a proxy has changed the name; where it does not say
/// so, the page's origin has the name that is asked for.
fn is_own(origin: &HeaderValue, site: Site, request: &Request) -> bool {
    match site {
        Site::Own => return true,
        Site::Nobody | Site::Other => return false,
        Site::Unsaid => {}
    }
    let target = request.uri().authority().map(Authority::as_str);
    let host = request.headers().get(header::HOST);
    let asked = target.or_else(|| host?.to_str().ok());
    let (Some(asked), Ok(origin)) = (asked, origin.to_str()) else {
        return false;
    };
    let Some((scheme, page)) = origin.split_once("://") else {
        return false;
    };
    // TLS may have ended at a proxy, but what comes over TLS does not come from a page without it.
    let own_port = match scheme {
        "https" => 443,
        "http" if *request.scheme() != Scheme::HTTPS => 80,
        _ => return false,
    };
    let named = |name| {
        let host = Host::parse(name)?;
        Some((host.name, host.port.unwrap_or(own_port)))
    };
    named(page).is_some_and(|page| named(asked) == Some(page))
}

/// An origin as browsers write it: without its scheme's own port, in lower case.
fn parse(entry: &str) -> Option<HeaderValue> {
    let (scheme, rest) = entry.split_once("://")?;
    let scheme: Scheme = scheme.parse().ok()?;
    let host = Host::parse(rest)?;
    let own = match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    let port = host.port.filter(|port| Some(*port) != own);
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let origin = format!("{scheme}://{}{port}", host.name).to_ascii_lowercase();
    HeaderValue::from_str(&origin).ok()
}

fn refusal(whose: &str) -> Failure {
    Failure::new(
        Reason::PermissionDenied,
        format!(
            "a web page of {whose} may not change anything here; if it should, add its origin to the setting \
             http.cors.allow_origins"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(entries: &[&str]) -> AllowedOrigins {
        let entries: Vec<_> = entries.iter().copied().map(str::to_owned).collect();
        AllowedOrigins::new(&entries).expect("origins")
    }

    fn may_change(origins: &AllowedOrigins, method: Method, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder()
            .method(method)
            .uri_str("/api/v1/log/append");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        origins.check(&request.finish()).is_ok()
    }

    #[test]
    fn a_change_is_refused_unless_the_page_is_the_servers_own_or_allowed() {
        let origins = listed(&["https://App.example:443", "http://localhost:3000"]);
        let host = ("host", "log.example:8080");
        for (may, headers) in [
            (true, vec![]),
            (true, vec![("origin", "https://app.example")]),
            (true, vec![("origin", "http://localhost:3000")]),
            (false, vec![("origin", "http://localhost:3001")]),
            (false, vec![("origin", "http://app.example")]),
            (false, vec![("origin", "https://app.example.evil.example")]),
            (false, vec![("origin", "null")]),
            (false, vec![("origin", "")]),
            (
                false,
                vec![
                    ("origin", "https://app.example"),
                    ("origin", "https://app.example"),
                ],
            ),
            (true, vec![("origin", "http://log.example:8080")]),
            (true, vec![("origin", "https://LOG.example:8080")]),
            (false, vec![("origin", "http://log.example:8081")]),
            (false, vec![("origin", "http://log.example")]),
            // The browser's own word counts more than names.
            (
                true,
                vec![
                    ("origin", "http://any.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
            ),
            (
                false,
                vec![
                    ("origin", "http://log.example:8080"),
                    ("sec-fetch-site", "same-site"),
                ],
            ),
            (
                false,
                vec![
                    ("origin", "http://log.example:8080"),
                    ("sec-fetch-site", "cross-site"),
                ],
            ),
            (
                false,
                vec![
                    ("origin", "chrome-extension://abc"),
                    ("sec-fetch-site", "none"),
                ],
            ),
            // Without Origin the page is unknown.
            (false, vec![("sec-fetch-site", "cross-site")]),
            (false, vec![("sec-fetch-site", "same-site")]),
            (true, vec![("sec-fetch-site", "same-origin")]),
            // No browser says two things.
            (
                false,
                vec![
                    ("origin", "http://any.example"),
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "cross-site"),
                ],
            ),
            (
                false,
                vec![
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "none"),
                ],
            ),
            (
                true,
                vec![
                    ("origin", "http://any.example"),
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "same-origin"),
                ],
            ),
            (true, vec![("sec-fetch-site", "none")]),
        ] {
            let headers = [headers, vec![host]].concat();
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert_eq!(may_change(&origins, method, &headers), may, "{headers:?}");
            }
            assert!(may_change(&origins, Method::GET, &headers), "{headers:?}");
            assert!(may_change(&origins, Method::HEAD, &headers), "{headers:?}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_need_not_be_written() {
        for (origin, host) in [
            ("https://log.example", "log.example:443"),
            ("https://log.example", "log.example"),
            ("http://log.example", "log.example:80"),
            ("http://[::1]", "[::1]:80"),
        ] {
            let headers = [("origin", origin), ("host", host)];
            assert!(may_change(&listed(&[]), Method::POST, &headers), "{origin}");
        }
        let headers = [
            ("origin", "http://log.example"),
            ("host", "log.example:443"),
        ];
        assert!(!may_change(&listed(&[]), Method::POST, &headers));
    }

    #[test]
    fn a_star_allows_every_page() {
        let origins = listed(&["https://app.example", "*"]);
        assert_eq!(origins, AllowedOrigins::Any);
        for origin in ["https://any.example", "null"] {
            assert!(may_change(&origins, Method::POST, &[("origin", origin)]));
        }
    }

    #[test]
    fn an_entry_that_is_no_origin_is_refused_with_an_example() {
        for entry in [
            "app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://*.example",
            "https://u@app.example",
            "https://",
            "https://app.example:many",
            "null",
            "",
            "https://a b",
        ] {
            let refused = AllowedOrigins::new(&[entry.to_owned()]).expect_err(entry);
            assert!(refused.contains(EXAMPLE), "{refused}");
        }
    }
}
