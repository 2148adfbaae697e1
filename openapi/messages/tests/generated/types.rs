//! The messages as Rust types.

use prost_build::{Config, Module};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{FieldDescriptorProto, FileDescriptorProto};

/// Lists that JSON leaves out when they are empty. Other lists are what a message is about, and are always there.
const ABSENT_WHEN_EMPTY: [(&str, &str); 8] = [
    ("Record", "headers"),
    ("Value", "headers"),
    ("AppendRequest", "preconditions"),
    ("AppendRequest", "cursors"),
    ("AppendResponse", "parts"),
    ("ScanRequest", "positions"),
    ("ScanResponse", "positions"),
    ("ErrorResponse", "parts"),
];

pub(crate) fn types(file: &FileDescriptorProto) -> String {
    let mut config = Config::new();
    config.bytes(["."]);
    config.message_attribute(".", for_json("rename_all = \"camelCase\"", true));
    for message in &file.message_type {
        for field in &message.field {
            let path = format!(".{}.{}.{}", file.package(), message.name(), field.name());
            if let Some(attribute) = attribute(message.name(), field) {
                config.field_attribute(path, for_json(attribute, false));
            }
        }
    }
    let module = Module::from_protobuf_package_name(file.package());
    let generated = config.generate(vec![(module.clone(), file.clone())]);
    let mut generated = generated.expect("generated");
    generated.remove(&module).expect("the module of log.proto")
}

fn for_json(attribute: &str, derive: bool) -> String {
    let derive = if derive {
        "derive(serde::Serialize), "
    } else {
        ""
    };
    format!("#[cfg_attr(feature = \"json\", {derive}serde({attribute}))]")
}

/// How a field is written in JSON, if that is not as serde does it.
fn attribute(of: &str, field: &FieldDescriptorProto) -> Option<&'static str> {
    let message = field.r#type() == Type::Message;
    let repeated = field.label() == Label::Repeated;
    match (field.r#type(), repeated) {
        (Type::Bytes, false) if field.proto3_optional() => Some(
            "serialize_with = \"crate::json::optional_base64\", skip_serializing_if = \"Option::is_none\"",
        ),
        (Type::Bytes, false) => Some("serialize_with = \"crate::json::base64\""),
        (Type::Bytes, true) => Some(
            "serialize_with = \"crate::json::repeated_base64\", skip_serializing_if = \"Vec::is_empty\"",
        ),
        (Type::Bool, false) if !field.proto3_optional() => {
            Some("skip_serializing_if = \"std::ops::Not::not\"")
        }
        (_, true) => ABSENT_WHEN_EMPTY
            .contains(&(of, field.name()))
            .then_some("skip_serializing_if = \"Vec::is_empty\""),
        _ => (message || field.proto3_optional())
            .then_some("skip_serializing_if = \"Option::is_none\""),
    }
}
