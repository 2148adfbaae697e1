//! What the document says of answers, errors among them.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use super::schema::{self, Described};
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::proto::ErrorResponse;
use crate::http::wire::reply::Reply;

/// The reasons that an operation's documentation lists.
const DOCUMENTED: [Reason; 8] = [
    Reason::InvalidArgument,
    Reason::Conflict,
    Reason::TooLarge,
    Reason::UnsupportedMediaType,
    Reason::Overloaded,
    Reason::Internal,
    Reason::Unavailable,
    Reason::DeadlineExceeded,
];

impl<M: Described> ApiResponse for Reply<M> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done.",
                status: Some(200),
                status_range: None,
                content: schema::in_both_formats::<M>(),
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        schema::register::<M>(registry);
    }
}

impl ApiResponse for Failure {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: DOCUMENTED.map(documented).into(),
        }
    }

    fn register(registry: &mut Registry) {
        schema::register::<ErrorResponse>(registry);
    }
}

/// How an operation that needs a token may be refused, for the document.
pub(in crate::http) fn refusals() -> [MetaResponse; 2] {
    [Reason::Unauthenticated, Reason::PermissionDenied].map(documented)
}

fn documented(reason: Reason) -> MetaResponse {
    let row = reason.row();
    MetaResponse {
        description: row.when,
        status: Some(row.status.as_u16()),
        status_range: None,
        content: schema::in_both_formats::<ErrorResponse>(),
        headers: headers(reason),
    }
}

fn headers(reason: Reason) -> Vec<MetaHeader> {
    let header = |name: &str, schema, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(schema)),
    };
    match reason {
        Reason::Overloaded | Reason::Unavailable => vec![header(
            "retry-after",
            schema::unsigned_64(),
            "Seconds to wait before the same is sent again. Without it, sending it again is of no use.",
        )],
        Reason::Unauthenticated => vec![header(
            "www-authenticate",
            MetaSchema::new("string"),
            "The scheme to use: Bearer.",
        )],
        Reason::UnsupportedMediaType => vec![header(
            "accept-encoding",
            MetaSchema::new("string"),
            "The content encodings that a body may have, if that is what was refused.",
        )],
        _ => Vec::new(),
    }
}
