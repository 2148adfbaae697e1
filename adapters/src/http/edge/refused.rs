//! Requests that are rejected because a budget is exhausted.

use log_domain::Error;

/// In a request's data: the server has no room for the request, and the API answers so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// What there is too much of, in words.
    pub what: &'static str,
    /// How much there may be.
    pub limit: u64,
}

impl From<Refused> for Error {
    fn from(Refused { what, limit }: Refused) -> Self {
        Self::Overloaded { what, limit }
    }
}
