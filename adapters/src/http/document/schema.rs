//! The messages as the OpenAPI document describes them: as `log.proto` does, and with what only JSON has.

use poem_openapi::registry::{MetaMediaType, MetaSchema, MetaSchemaRef, Registry};
use serde_json::json;

use crate::http::wire::proto::{
    Described, ERROR, ErrorResponse, FieldDescription, FieldType, MessageDescription, SUCCESS,
};
use supplement::Supplement;

mod supplement;

/// Puts `M` into the document.
pub(in crate::http) fn register<M: Described>(registry: &mut Registry) {
    register_message(registry, M::DESCRIPTION);
}

/// Puts a message into the document, and the messages inside it.
fn register_message(registry: &mut Registry, message: &'static MessageDescription) {
    if registry.schemas.contains_key(message.name) {
        return;
    }
    let schema = schema(message);
    registry.schemas.insert(message.name.to_owned(), schema);
    for field in message.fields {
        if let FieldType::Message(inside) = field.field_type {
            register_message(registry, inside);
        }
    }
}

/// `M` as the content of a body, in both formats.
pub(in crate::http) fn in_both_formats<M: Described>() -> Vec<MetaMediaType> {
    let name = M::DESCRIPTION.name;
    let binary = MetaSchema {
        description: Some("The message of this name in openapi/log.proto."),
        title: Some(name.to_owned()),
        ..MetaSchema::new_with_format("string", "binary")
    };
    vec![
        MetaMediaType {
            content_type: "application/json",
            schema: MetaSchemaRef::Reference(name.to_owned()),
        },
        MetaMediaType {
            content_type: "application/protobuf",
            schema: inline(binary),
        },
    ]
}

/// Bytes in a body.
pub(in crate::http) fn binary(description: &'static str) -> MetaSchemaRef {
    inline(MetaSchema {
        description: Some(description),
        ..MetaSchema::new_with_format("string", "binary")
    })
}

/// Generators know `int64` and not `uint64`, and take a format that they do not know for 32 bits. No sequence and no
/// count comes near the end of it.
pub(in crate::http) fn unsigned_64() -> MetaSchema {
    MetaSchema {
        minimum: Some(0.0),
        ..MetaSchema::new_with_format("integer", "int64")
    }
}

pub(in crate::http) fn unsigned_32() -> MetaSchema {
    MetaSchema {
        maximum: Some(f64::from(u32::MAX)),
        ..unsigned_64()
    }
}

pub(in crate::http) fn unix_ms() -> MetaSchema {
    MetaSchema::new_with_format("integer", "int64")
}

/// One event of a stream.
pub(in crate::http) fn event() -> MetaSchemaRef {
    let text = |description| MetaSchema {
        description: Some(description),
        ..MetaSchema::new("string")
    };
    let event = MetaSchema {
        enum_items: vec!["message".into(), "trimmed".into(), "error".into()],
        default: Some("message".into()),
        ..text(
            "Absent for records. `trimmed`: earlier records were trimmed. `error`: the last event.",
        )
    };
    let id = text("Sequence of the record, for `Last-Event-ID`.");
    let data = text(
        "A `Value` in JSON; for `trimmed`, `{\"trimmedBefore\": n}`; for an `error`, an `ErrorResponse`.",
    );
    inline(MetaSchema {
        description: Some("One event of the stream."),
        required: vec!["data"],
        properties: vec![
            ("id", inline(id)),
            ("event", inline(event)),
            ("data", inline(data)),
        ],
        example: Some(json!({
            "id": "0",
            "data": "{\"sequence\":0,\"value\":\"Zmlyc3Q=\",\"timestampMs\":1795385000000}"
        })),
        ..MetaSchema::new("object")
    })
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}

/// The example of a message.
pub(super) fn example_of(message: &str) -> serde_json::Value {
    supplement::of(message).example
}

fn schema(message: &'static MessageDescription) -> MetaSchema {
    let supplement = supplement::of(message.name);
    let bytes = |field: &FieldDescription| field.field_type == FieldType::Bytes;
    let mut properties = Vec::new();
    // Fields for text follow those for bytes.
    for fields in message.fields.chunk_by(|a, b| bytes(a) && bytes(b)) {
        let described = fields
            .iter()
            .map(|field| (field.json_name, field_schema(message, field, &supplement)));
        properties.extend(described);
        let texts = supplement.texts.iter();
        let texts = texts.filter(|text| fields.iter().any(|field| field.json_name == text.of));
        properties.extend(texts.map(|text| {
            let is_list = |field: &FieldDescription| field.json_name == text.of && field.repeated;
            let schema = match fields.iter().any(is_list) {
                true => list_of(MetaSchema::new("string")),
                false => MetaSchema::new("string"),
            };
            let schema = MetaSchema {
                description: Some(text.description),
                ..schema
            };
            (text.name, inline(schema))
        }));
    }
    MetaSchema {
        description: Some(message.comment),
        required: supplement.required.to_vec(),
        properties,
        example: Some(supplement.example),
        ..MetaSchema::new("object")
    }
}

fn list_of(element: MetaSchema) -> MetaSchema {
    MetaSchema {
        items: Some(Box::new(inline(element))),
        ..MetaSchema::new("array")
    }
}

fn field_schema(
    message: &MessageDescription,
    field: &'static FieldDescription,
    supplement: &Supplement,
) -> MetaSchemaRef {
    let mut schema = match field.field_type {
        FieldType::Bool => MetaSchema::new("boolean"),
        FieldType::Bytes if field.repeated => {
            list_of(MetaSchema::new_with_format("string", "byte"))
        }
        FieldType::Bytes => MetaSchema::new_with_format("string", "byte"),
        FieldType::String => MetaSchema::new("string"),
        FieldType::Int32 => MetaSchema::new_with_format("integer", "int32"),
        FieldType::Int64 => unix_ms(),
        FieldType::Uint32 => unsigned_32(),
        FieldType::Uint64 => unsigned_64(),
        FieldType::Message(inside) => {
            let reference = MetaSchemaRef::Reference(inside.name.to_owned());
            if !field.repeated {
                return reference;
            }
            MetaSchema {
                items: Some(Box::new(reference)),
                ..MetaSchema::new("array")
            }
        }
    };
    if !field.optional && !supplement.required.contains(&field.json_name) {
        schema.default = match field.field_type {
            FieldType::Bool => Some(false.into()),
            FieldType::Uint64 => Some(0.into()),
            _ => None,
        };
    }
    if field.name == "status" {
        let error = message == ErrorResponse::DESCRIPTION;
        schema.enum_items = vec![if error { ERROR } else { SUCCESS }.into()];
    }
    schema.description = Some(field.comment);
    (supplement.limit)(field.json_name, &mut schema);
    inline(schema)
}
