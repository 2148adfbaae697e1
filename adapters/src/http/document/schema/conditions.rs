//! Preconditions and producers, and what is answered about them.

use poem_openapi::registry::{MetaSchema, Registry};
use serde_json::json;

use super::{Described, as_text, base64, field, object, one_byte_or_more, unsigned_64};
use crate::http::wire::proto::{Conflict, Precondition, Producer};

impl Described for Precondition {
    const NAME: &'static str = "Precondition";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "That a key has no record at or above a sequence: exactly one of `key` and `keyText`. Unknown fields are refused.",
            &["key", "noRecordSince"],
            [
                field(
                    "key",
                    one_byte_or_more(),
                    "The key, which need not be one that is appended to.",
                ),
                as_text("keyText", "The key as text, in place of `key`."),
                field(
                    "noRecordSince",
                    unsigned_64(),
                    "No record of the key has this sequence or a higher one: the `nextSequence` of a scan that read the key to \
                     its end. 0: the key has no record.",
                ),
            ],
            json!({"key": "b3JkZXJz", "noRecordSince": 0}),
        )
    }
}

impl Described for Producer {
    const NAME: &'static str = "Producer";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        let id = MetaSchema {
            min_length: Some(1),
            max_length: Some(128),
            ..MetaSchema::new("string")
        };
        let zero = || MetaSchema {
            default: Some(0.into()),
            ..unsigned_64()
        };
        object(
            "Who sends a request, and which of its requests it is. The same request is applied once, however often it is sent. \
             Unknown fields are refused.",
            &["id"],
            [
                field(
                    "id",
                    id,
                    "Its name, 1 to 128 bytes: one that no other client has, such as a random UUID.",
                ),
                field(
                    "epoch",
                    zero(),
                    "Its instance. A higher one takes over, and the lower ones are refused from then on.",
                ),
                field(
                    "sequence",
                    zero(),
                    "The number of the request: 0 for the first of an epoch, and then one more for each.",
                ),
            ],
            json!({"id": "0192f0c1-7d3a-7cc4-8f4e-5d1f0a9b3c21", "epoch": 0, "sequence": 0}),
        )
    }
}

impl Described for Conflict {
    const NAME: &'static str = "Conflict";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "The first precondition that does not hold.",
            &["key"],
            [
                field("key", base64(), "Its key."),
                field(
                    "lastSequence",
                    unsigned_64(),
                    "The sequence of the last record of the key.",
                ),
            ],
            json!({"key": "b3JkZXJz", "lastSequence": 1}),
        )
    }
}
