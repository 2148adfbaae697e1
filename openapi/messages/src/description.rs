//! Messages and fields as `log.proto` declares them, for whatever is derived from them.

/// A message that `log.proto` declares.
pub trait Described: Send + Sync + 'static {
    /// Its declaration.
    const DESCRIPTION: &'static MessageDescription;
}

/// The declaration of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct MessageDescription {
    /// Its name.
    pub name: &'static str,
    /// Its comment, as one paragraph.
    pub comment: &'static str,
    /// Its fields, in the order of their numbers.
    pub fields: &'static [FieldDescription],
}

/// The declaration of a field.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its number.
    pub number: u32,
    /// Its name in `log.proto`.
    pub name: &'static str,
    /// Its name in JSON, in lowerCamelCase.
    pub json_name: &'static str,
    /// Its type; for a repeated field the type of one element.
    pub field_type: FieldType,
    /// Whether it is a list.
    pub repeated: bool,
    /// Whether a message without it differs from one with an empty value.
    pub optional: bool,
    /// Its comment, as one paragraph.
    pub comment: &'static str,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `bool`
    Bool,
    /// `bytes`
    Bytes,
    /// `string`
    String,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// A message.
    Message(&'static MessageDescription),
}

/// The fields of a message as an enum, so that a decoder written by hand covers all of them.
pub trait Field: Copy + Eq + 'static {
    /// The message.
    const MESSAGE: &'static MessageDescription;

    /// All names that a field can have in JSON: in lowerCamelCase, and as in `log.proto` where that differs. The boolean is
    /// true for names of text, such as `keyText`, that is sent in place of bytes.
    const JSON_NAMES: &'static [(&'static str, Self, bool)];

    /// Its number.
    fn number(self) -> u32;
}
