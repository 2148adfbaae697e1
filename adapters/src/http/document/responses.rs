//! Responses in the document, including errors.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use super::schema;
use crate::http::wire::durable_sequence;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::proto::{Described, ErrorResponse};
use crate::http::wire::reply::Reply;

/// The reasons that an operation's documentation lists.
const DOCUMENTED: [Reason; 10] = [
    Reason::InvalidArgument,
    Reason::NotFound,
    Reason::Conflict,
    Reason::TooLarge,
    Reason::UnsupportedMediaType,
    Reason::NotWriter,
    Reason::Overloaded,
    Reason::Internal,
    Reason::Unavailable,
    Reason::DeadlineExceeded,
];

impl<M: Described> ApiResponse for Reply<M> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Success.",
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

/// The errors of authentication and authorization, for operations that need a token.
pub(in crate::http) fn refusals() -> [MetaResponse; 2] {
    [Reason::Unauthenticated, Reason::PermissionDenied].map(documented)
}

/// The header of every answer to a read.
pub(in crate::http) fn durable_sequence() -> MetaHeader {
    MetaHeader {
        name: durable_sequence::HEADER.as_str().to_owned(),
        description: Some(durable_sequence::MEANING.to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(schema::unsigned_64())),
    }
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
            "Seconds to wait before a retry. Without this header, a retry does not help.",
        )],
        Reason::Unauthenticated => vec![header(
            "www-authenticate",
            MetaSchema::new("string"),
            "The authentication scheme: Bearer.",
        )],
        Reason::UnsupportedMediaType => vec![header(
            "accept-encoding",
            MetaSchema::new("string"),
            "The accepted content encodings, if the content encoding was rejected.",
        )],
        _ => Vec::new(),
    }
}
