//! What answers requests: first that the server is starting, then the server.

use std::sync::{Arc, OnceLock};

use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::{Endpoint, Request, Response, Result};

type Boxed = BoxEndpoint<'static, Response>;

/// One endpoint that becomes another one when the log is open.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Sides>);

struct Sides {
    before: Boxed,
    after: OnceLock<Boxed>,
}

impl Gate {
    /// Answers with `before` until it is opened.
    pub(crate) fn new(before: impl Endpoint<Output = Response> + 'static) -> Self {
        Self(Arc::new(Sides {
            before: before.boxed(),
            after: OnceLock::new(),
        }))
    }

    /// Answers with `after` from now on. Only the first call counts.
    pub(crate) fn open(&self, after: impl Endpoint<Output = Response> + 'static) {
        let _already_open = self.0.after.set(after.boxed());
    }
}

impl Endpoint for Gate {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        self.0
            .after
            .get()
            .unwrap_or(&self.0.before)
            .call(request)
            .await
    }
}
