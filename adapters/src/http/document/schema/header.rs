//! The headers of records.

use log_domain::headers::NAME_CHARACTERS;
use poem_openapi::registry::{MetaSchema, Registry};
use serde_json::json;

use super::{Described, Field, as_text, base64, field, list_of, object};
use crate::http::wire::proto::Header;

/// The field `headers` of a message.
pub(super) fn headers(registry: &mut Registry, description: &'static str) -> Field {
    field("headers", list_of::<Header>(registry), description)
}

impl Described for Header {
    const NAME: &'static str = "Header";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        let name = MetaSchema {
            min_length: Some(1),
            max_length: Some(NAME_CHARACTERS),
            pattern: Some(r"^[^\x00-\x1f\x7f-\x9f]+$".to_owned()),
            ..MetaSchema::new("string")
        };
        object(
            "One header of a record, such as a trace id or a content type: a name, and exactly one of `value` and `valueText`. \
             Several headers of a record may have the same name; they keep their order. Unknown fields are refused.",
            &["name", "value"],
            [
                field(
                    "name",
                    name,
                    "What it is called: 1 to 256 characters, no control characters.",
                ),
                field(
                    "value",
                    base64(),
                    "What it says. An empty value is a value; a missing one is an error.",
                ),
                as_text(
                    "valueText",
                    "The value as text, in place of `value`: when it is sent, and when it is answered with `format=text`, if it \
                     is text.",
                ),
            ],
            json!({"name": "content-type", "value": "dGV4dC9wbGFpbg=="}),
        )
    }
}
