//! What the OpenAPI document has beyond what is derived from the handlers: tokens, from the table of routes; errors that an
//! operation cannot return; the initial values of Swagger UI.

use std::collections::HashMap;

use poem_openapi::OpenApi;
use poem_openapi::registry::{
    MetaApi, MetaOperation, MetaOperationParam, MetaParamIn, MetaSchemaRef, MetaSecurityScheme,
    Registry,
};

use super::parameters::ParamSchema;
use super::responses;
use crate::http::wire::route_table::{self, PARTITION, Route};
use crate::http::wire::unknown_parameters;

/// The scheme's name in the document.
const SCHEME: &str = "bearerAuth";

/// `T`, with its document amended.
pub(in crate::http) struct Amended<T>(pub(in crate::http) T);

impl<T: OpenApi> OpenApi for Amended<T> {
    fn meta() -> Vec<MetaApi> {
        let mut apis = T::meta();
        for path in apis.iter_mut().flat_map(|api| &mut api.paths) {
            let needs = route_table::find(&path.path).and_then(|route| route.needs);
            for operation in &mut path.operations {
                leave_out_what_cannot_happen(operation);
                // A server without tokens asks for none, and probes are never asked for one.
                operation.security = vec![HashMap::new()];
                if needs.is_some() {
                    let token = HashMap::from([(SCHEME, Vec::new())]);
                    operation.security.insert(0, token);
                    operation.responses.responses.extend(responses::refusals());
                }
                let meaning = match operation.operation_id {
                    Some("append") => |_| None,
                    Some("session") => of_a_session,
                    Some("trim") => of_a_trim,
                    Some("deleteKey") => of_a_deletion,
                    Some("putCursor" | "deleteCursor") => of_a_change_of_a_cursor,
                    Some("getCursor") => of_a_cursor,
                    _ => of_a_read,
                };
                let responses = &mut operation.responses.responses;
                responses.sort_by_key(|response| response.status);
                for response in responses.iter_mut() {
                    if let Some(meaning) = meaning(response.status) {
                        response.description = meaning;
                    }
                }
                for response in responses.iter_mut().filter(|r| r.description.is_empty()) {
                    response.description = "Success.";
                }
                let is_log = path.path.starts_with("/api/v1/log/");
                if is_log && !changes_the_log(operation) {
                    let answers = operation.responses.responses.iter_mut();
                    let answers = answers.filter(|answer| answer.status == Some(200));
                    answers.for_each(|answer| answer.headers.push(responses::durable_sequence()));
                }
                let route = route_table::find(&path.path);
                if route.is_some_and(Route::takes_partition) {
                    operation.params.push(partition(operation.operation_id));
                }
                operation.params.iter_mut().for_each(amend);
            }
        }
        apis
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "A token from the server's token file, if one is configured. Appending, and moving and deleting cursors, require the right \
                     append, trimming and deleting keys the right admin, all other operations require read; admin includes both.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn add_routes(self, table: &mut unknown_parameters::Table) {
        self.0.add_routes(table);
        unknown_parameters::refuse_unknown(T::meta(), table);
    }
}

/// The meaning of a shared error for operations that apply nothing.
fn of_a_read(status: Option<u16>) -> Option<&'static str> {
    Some(match status? {
        413 => "The key exceeds its limit; the message names the limit.",
        429 => {
            "A concurrency limit is reached, or too many bytes of responses have not been read by clients; retry later."
        }
        503 => {
            "Code unavailable: the store cannot be reached or the server is stopping; retry later. Code \
             fenced: another writer took over; do not retry on this server. Code behind: the server does not show the log \
             as far as `at_least` requires; retry, or read from the server that writes the log."
        }
        504 => "The deadline of the request passed; retry.",
        _ => return None,
    })
}

/// The same for the beginning of a session.
fn of_a_session(status: Option<u16>) -> Option<&'static str> {
    Some(match status? {
        400 => {
            "A query parameter is not known, or not a partition. What is wrong with a frame, its answer says."
        }
        415 => {
            "The content type is not application/protobuf with delimited=true, or there is a content encoding."
        }
        429 => "Too many clients follow or have a session; retry later.",
        _ => return None,
    })
}

/// The same for a trim.
fn of_a_trim(status: Option<u16>) -> Option<&'static str> {
    Some(match status? {
        413 => "The body is over 4 KiB.",
        504 => {
            "The outcome is unknown, unless the message says that nothing was applied. Repeat the trim."
        }
        _ => return None,
    })
}

/// The same for the deletion of a key.
fn of_a_deletion(status: Option<u16>) -> Option<&'static str> {
    Some(match status? {
        413 => "The key exceeds its limit; the message names the limit.",
        429 => {
            "A queue is full, or the deleted records of too many keys are still to be removed from storage. Nothing was \
             deleted; retry later."
        }
        504 => {
            "The outcome is unknown, unless the message says that nothing was applied. Repeat the deletion."
        }
        _ => return None,
    })
}

/// The same for the read of a cursor.
fn of_a_cursor(status: Option<u16>) -> Option<&'static str> {
    match status? {
        413 => Some("The name exceeds 256 bytes."),
        _ => of_a_read(status),
    }
}

/// The same for a move or the deletion of a cursor.
fn of_a_change_of_a_cursor(status: Option<u16>) -> Option<&'static str> {
    Some(match status? {
        409 => {
            "The cursor is not at `expected`: `conflict` has its position. Nothing was changed; read the cursor and decide again."
        }
        413 => "The name exceeds 256 bytes, or the body 4 KiB.",
        429 => {
            "A queue is full, or there are as many cursors as the server allows (10,000 by default). Nothing was changed; retry \
             later, or delete cursors."
        }
        504 => {
            "The outcome is unknown, unless the message says that nothing was applied. Read the cursor."
        }
        _ => return None,
    })
}

/// All handlers share one list of errors. Only appends and moves of cursors have preconditions, and only reads that name a cursor miss it. Without a body none is of the wrong type, without parameters nothing is wrong,
/// and without a body or a key nothing is too large.
fn leave_out_what_cannot_happen(operation: &mut MetaOperation) {
    let has_body = operation.request.is_some();
    let has_input = has_body || !operation.params.is_empty();
    let has_key = |param: &MetaOperationParam| matches!(param.name.as_str(), "key" | "name");
    let has_key = operation.params.iter().any(has_key);
    let reads_cursor = |param: &MetaOperationParam| param.name == "cursor";
    // Some name it in their body.
    let reads_cursor = matches!(
        operation.operation_id,
        Some("getCursor" | "scanKeys" | "streamKeys")
    ) || operation.params.iter().any(reads_cursor);
    let changes = changes_the_log(operation);
    // It answers what is wrong with a frame.
    let is_session = operation.operation_id == Some("session");
    let responses = &mut operation.responses.responses;
    responses.retain(|response| match response.status {
        Some(404) => reads_cursor,
        Some(413 | 504) if is_session => false,
        Some(409) => matches!(operation.operation_id, Some("append" | "putCursor")),
        Some(421) => changes,
        Some(415) => has_body,
        Some(413) => has_body || has_key,
        Some(400 | 429 | 504) => has_input,
        _ => true,
    });
}

fn changes_the_log(operation: &MetaOperation) -> bool {
    matches!(
        operation.operation_id,
        Some("append" | "session" | "trim" | "deleteKey" | "putCursor" | "deleteCursor")
    )
}

/// The parameter of operations that are about one partition.
fn partition(operation: Option<&str>) -> MetaOperationParam {
    let description = match operation {
        Some("session") => {
            "In a cluster, the partition of the records. Default: that of the first frame."
        }
        Some("scan" | "scanKeys") => {
            "In a cluster, the partition to read, for a prefix without a whole tag, which does not tell it. Default with `order=none`: all of them."
        }
        Some("stream" | "streamKeys") => {
            "In a cluster, the partition to read, for a prefix without a whole tag, which does not tell it."
        }
        Some("listKeys" | "listCursors") => {
            "In a cluster, the partition to list. Default: all of them."
        }
        _ => "In a cluster, the partition that the request is about.",
    };
    MetaOperationParam {
        name: PARTITION.to_owned(),
        schema: u32::schema(),
        in_type: MetaParamIn::Query,
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        explode: true,
        style: None,
    }
}

fn amend(param: &mut MetaOperationParam) {
    let MetaSchemaRef::Inline(schema) = &mut param.schema else {
        return;
    };
    match param.name.as_str() {
        "limit" => schema.minimum = Some(1.0),
        "key" => schema.example = Some("orders".into()),
        "name" => schema.example = Some("orders-projection".into()),
        _ => {}
    }
}
