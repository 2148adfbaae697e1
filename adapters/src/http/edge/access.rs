//! Authorization: passes the token in the header `Authorization` to the [`Authorizer`].

use std::sync::Arc;

use log_domain::{Authorizer, Credentials, Denied, Right, Rights};
use poem::http::{HeaderMap, header};

use crate::http::routes::access::Granted;
use crate::http::wire::failure::Failure;

/// The scheme of the header, in any case.
const SCHEME: &str = "bearer";

/// Allows all requests if there is no authorizer.
#[derive(Clone)]
pub(in crate::http) struct Access(pub(in crate::http) Option<Arc<dyn Authorizer>>);

impl Access {
    /// Checks that a request with these headers has `right`.
    pub(in crate::http) fn check(
        &self,
        headers: &HeaderMap,
        right: Option<Right>,
    ) -> Result<(), Failure> {
        let (Some(authorizer), Some(right)) = (&self.0, right) else {
            return Ok(());
        };
        let credentials = Credentials {
            bearer: bearer(headers),
        };
        authorizer
            .authorize(credentials, right)
            .map_err(|denied| Failure::denied(denied, right))
    }

    /// What the sender of a request with these headers may do.
    pub(in crate::http) fn granted(&self, headers: &HeaderMap) -> Granted {
        let all = |rights: Rights, right| rights.with(right);
        let Some(authorizer) = &self.0 else {
            let rights = Right::ALL.into_iter().fold(Rights::default(), all);
            return Granted {
                authentication: false,
                rights: Some(rights),
            };
        };
        let mut rights = None;
        for right in Right::ALL {
            let credentials = Credentials {
                bearer: bearer(headers),
            };
            let so_far = rights.unwrap_or_default();
            rights = match authorizer.authorize(credentials, right) {
                Ok(()) => Some(all(so_far, right)),
                Err(Denied::Insufficient) => Some(so_far),
                Err(Denied::Unauthenticated) => rights,
            };
        }
        Granted {
            authentication: true,
            rights,
        }
    }
}

/// The bearer token, if there is exactly one header and it holds exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(sent), None) = (sent.next(), sent.next()) else {
        return None;
    };
    let (scheme, token) = sent.to_str().ok()?.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_is_found_in_one_bearer_header_only() {
        let found = |sent: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        for sent in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(found(&[sent]).as_deref(), Some("abc"), "{sent:?}");
        }
        for sent in ["abc", "Basic abc", "Bearer", "Bearerabc", ""] {
            assert_eq!(found(&[sent]), None, "{sent:?}");
        }
        assert_eq!(found(&["Bearer abc", "Bearer abc"]), None);
        assert_eq!(found(&[]), None);
    }
}
