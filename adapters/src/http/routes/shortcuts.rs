//! Operations that are called without the router.

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use poem_openapi::OpenApi;

use crate::http::wire::unknown_parameters::{self, Table};

/// Calls some operations directly, and passes all other requests on.
///
/// The router matches a path several times and passes a request through a dozen layers, most of which allocate: an eighth of the instructions of
/// an append of one record. Only operations without parameters in their paths can be called directly, because the router reads those.
pub(in crate::http) struct Shortcuts<E> {
    operations: Table,
    others: E,
}

impl<E> Shortcuts<E> {
    /// Shortcuts to the operations of `api`, in front of `others`.
    pub(in crate::http) fn new<T: OpenApi>(api: T, others: E) -> Self {
        let mut operations = Table::new();
        api.add_routes(&mut operations);
        unknown_parameters::refuse_unknown(T::meta(), &mut operations);
        Self { operations, others }
    }

    fn operation(&self, request: &Request) -> Option<&BoxEndpoint<'static>> {
        let methods = self.operations.get(request.uri().path())?;
        methods.get(request.method())
    }
}

impl<E: Endpoint> Endpoint for Shortcuts<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match self.operation(&request) {
            Some(operation) => operation.call(request).await,
            None => Ok(self.others.call(request).await?.into_response()),
        }
    }
}
