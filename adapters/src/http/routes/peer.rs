//! What a server knows of the connection that a request came on, and tells the API with the request.

use std::sync::{Arc, OnceLock};

use log_domain::budget::Budget;
use poem::{FromRequest, Request, RequestBody};

/// No connection takes more of a budget that all share than one of so many parts.
const PARTS: u64 = 4;

/// A connection, of which each request has the same in its data. A request without one counts as a connection of its own.
#[derive(Debug, Clone, Default)]
pub struct Peer(Arc<Shares>);

#[derive(Debug, Default)]
struct Shares {
    answers: OnceLock<Budget>,
    appends: OnceLock<Budget>,
    passed: OnceLock<Budget>,
    streams: OnceLock<Budget>,
}

impl Peer {
    /// What the connection may take of the budget of answers.
    pub(in crate::http) fn answers(&self, whole: &Budget) -> &Budget {
        self.0.answers.get_or_init(|| part(whole))
    }

    /// What the sessions of the connection may take of the budget of appends.
    pub(in crate::http) fn appends(&self, whole: &Budget) -> &Budget {
        self.0.appends.get_or_init(|| part(whole))
    }

    /// What may be taken of the budget of what is passed to other nodes.
    pub(in crate::http) fn passed(&self, whole: &Budget) -> &Budget {
        self.0.passed.get_or_init(|| part(whole))
    }

    /// What the connection may take of the budget of streams.
    pub(in crate::http) fn streams(&self, whole: &Budget) -> &Budget {
        self.0.streams.get_or_init(|| part(whole))
    }
}

fn part(whole: &Budget) -> Budget {
    whole.part(whole.limit() / PARTS)
}

impl<'a> FromRequest<'a> for Peer {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data::<Self>().cloned().unwrap_or_default())
    }
}
