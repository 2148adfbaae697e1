//! What the check of a store ran into: in one line, and whether to try again.

use log_domain::Error;
use object_store::client::{HttpError, HttpErrorKind};

use crate::causes::chain;
use crate::concealed::in_one_line;

/// Something that is wrong with the store, the credentials, or the way to them.
#[derive(Debug)]
pub(super) struct Trouble {
    /// In one line.
    pub(super) message: String,
    /// Whether it could be gone in a moment.
    pub(super) passes: bool,
    /// Whether nothing but another configuration can help.
    invalid: bool,
}

impl Trouble {
    /// Something that no waiting helps against.
    pub(super) fn invalid(message: String) -> Self {
        Self {
            message,
            passes: false,
            invalid: true,
        }
    }

    /// Something that may be gone in a moment.
    pub(super) fn passing(message: String) -> Self {
        Self {
            message,
            passes: true,
            invalid: false,
        }
    }

    /// Credentials could not be got.
    pub(super) fn of_credentials(source: &str, error: &object_store::Error) -> Self {
        let reason = reason(error);
        Self {
            message: format!("cannot get credentials from {source}: {reason}"),
            passes: passes(error),
            invalid: false,
        }
    }

    /// The store did not do `what`.
    pub(super) fn of_store(holder: &str, what: &str, error: &object_store::Error) -> Self {
        let reason = reason(error);
        // The errors of a list have no kind but a status.
        let message = match status(error) {
            Some(404) => format!("the {holder} does not exist ({reason})"),
            Some(401 | 403) => {
                format!("the credentials are not valid here, or may not {what} ({reason})")
            }
            _ => format!("cannot {what}: {reason}"),
        };
        Self {
            message,
            passes: passes(error),
            invalid: false,
        }
    }

    /// The same, after the check has tried for so many seconds.
    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.message = format!("{} (tried for {seconds} s)", self.message);
        self
    }

    /// The error to end the start with, which names the proxy in between.
    pub(super) fn error(self, proxy: &Option<String>) -> Error {
        let message = match proxy {
            Some(proxy) => format!("{}; requests go through {proxy}", self.message),
            None => self.message,
        };
        let message = in_one_line(&message);
        match self.invalid {
            true => Error::invalid(message),
            false => Error::unavailable(message),
        }
    }
}

/// Whether the store does not know the precondition.
pub(super) fn is_not_implemented(error: &object_store::Error) -> bool {
    status(error) == Some(501) || code(&error.to_string()) == Some("NotImplemented")
}

/// Whether the same request could succeed in a moment.
fn passes(error: &object_store::Error) -> bool {
    if let Some(status) = status(error) {
        return matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
    }
    let kind = chain(error).find_map(|cause| cause.downcast_ref::<HttpError>());
    let Some(kind) = kind.map(HttpError::kind) else {
        return false;
    };
    // A certificate that is not trusted, or an endpoint without TLS, is a failure to connect too.
    let tls = chain(error).map(ToString::to_string);
    let tls = tls.into_iter().any(|text| {
        let text = text.to_ascii_lowercase();
        ["certificate", "corrupt message", "handshake"]
            .iter()
            .any(|word| text.contains(word))
    });
    let comes_back = matches!(
        kind,
        HttpErrorKind::Connect
            | HttpErrorKind::Timeout
            | HttpErrorKind::Interrupted
            | HttpErrorKind::Request
    );
    comes_back && !tls
}

/// The status of the answer, if there was one; the clients tell it in words only.
fn status(error: &object_store::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// Why, in one line: the server's code and message if it sent them, else the whole chain of causes.
pub(super) fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    let message = match (code(&text), between(&text, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => chain(error).skip(1).fold(text, |text, cause| {
            let cause = cause.to_string();
            match text.contains(&cause) {
                true => text,
                false => format!("{text}: {cause}"),
            }
        }),
    };
    in_one_line(&message)
}

/// The code of an answer in XML.
fn code(text: &str) -> Option<&str> {
    between(text, "Code")
}

fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    fn transport(kind: HttpErrorKind, text: &str) -> object_store::Error {
        let cause = std::io::Error::other(text.to_owned());
        object_store::Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(kind, cause)),
        }
    }

    #[test]
    fn of_an_xml_answer_the_code_and_the_message_are_told() {
        let error = generic(
            "403: <?xml?>\n<Error><Code>AccessDenied</Code>\n<Message>Access\nDenied</Message></Error>",
        );
        assert_eq!(reason(&error), "AccessDenied: Access Denied");
    }

    #[test]
    fn anything_else_is_told_whole_in_one_line() {
        let error = generic("no route\n  to host");
        assert_eq!(reason(&error), "Generic S3 error: no route to host");
    }

    #[test]
    fn what_can_be_gone_in_a_moment_is_told_from_what_stays() {
        let answered = |status| generic(&format!("non-2xx status code: {status} Words: body"));
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(passes(&answered(status)), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 407, 412, 501] {
            assert!(!passes(&answered(status)), "{status}");
        }
        for kind in [
            HttpErrorKind::Connect,
            HttpErrorKind::Timeout,
            HttpErrorKind::Interrupted,
        ] {
            assert!(passes(&transport(kind, "refused")), "{kind:?}");
        }
        assert!(!passes(&transport(HttpErrorKind::Unknown, "odd")));
        let untrusted = "invalid peer certificate: UnknownIssuer";
        assert!(!passes(&transport(HttpErrorKind::Connect, untrusted)));
        assert!(!passes(&generic("No such file")));
    }

    #[test]
    fn a_password_in_a_url_is_not_told() {
        let trouble = Trouble::passing("GET http://me:secret@host:1/b refused".into());
        let proxy = Some("the proxy http://you:secret@proxy/".into());
        let told = trouble.error(&proxy).to_string();
        assert!(!told.contains("secret"), "{told}");
        assert!(
            told.contains("http://********@host:1/b") && told.contains("proxy/"),
            "{told}"
        );
    }
}
