//! Why a request has no answer.

use std::error::Error as StdError;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// The words of each cause.
    pub(crate) reason: String,
    /// Whether the request certainly was not sent: there was no connection.
    pub(crate) was_not_sent: bool,
    /// Whether it could never be sent.
    pub(crate) is_hopeless: bool,
    pub(crate) source: Option<reqwest::Error>,
}

impl NoAnswer {
    /// Nothing came in time.
    pub(crate) fn silence() -> Self {
        Self {
            reason: "there was silence for too long".to_owned(),
            was_not_sent: false,
            is_hopeless: false,
            source: None,
        }
    }

    pub(crate) fn of(error: reqwest::Error) -> Self {
        Self {
            reason: reason(&error),
            was_not_sent: error.is_connect() || error.is_builder(),
            is_hopeless: error.is_builder(),
            source: Some(error),
        }
    }
}

/// Why there was no answer, down to the cause; each cause in its own words, without the URL, which errors name anyway.
fn reason(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(each) = cause {
        let text = each.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        cause = each.source();
    }
    if error.is_timeout() {
        words.insert(0, "there was silence for too long".to_owned());
    }
    if words.is_empty() {
        words.push(error.to_string());
    }
    words.join(": ")
}
