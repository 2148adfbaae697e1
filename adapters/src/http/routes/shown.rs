//! Says in every answer to a read how far the server shows the log.

use std::sync::Arc;

use log_domain::{LogReader, LogService, Right};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use crate::http::wire::durable_sequence::DurableSequence;
use crate::http::wire::route_table;

/// Adds the header to what the routes answer to reads of the log, and to their errors.
pub(in crate::http) struct Shown<E, S> {
    pub(in crate::http) routes: E,
    pub(in crate::http) service: Arc<LogService<S>>,
}

impl<E: Endpoint, S: LogReader> Endpoint for Shown<E, S> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let route = route_table::find(request.uri().path());
        let right = route.and_then(|route| route.right(request.method()));
        let is_read = right == Some(Right::Read) && route.is_some_and(|route| !route.for_operators);
        let answer = self.routes.call(request).await;
        if !is_read {
            return answer.map(IntoResponse::into_response);
        }
        let durable = DurableSequence(self.service.watermarks().durable.get());
        match answer {
            Ok(answer) => {
                let mut response = answer.into_response();
                durable.put_on(response.headers_mut());
                Ok(response)
            }
            Err(mut error) => {
                error.set_data(durable);
                Err(error)
            }
        }
    }
}
