//! Fields of binary protobuf that this server does not know.

use super::failure::Failure;
use super::proto::Field;

/// A field that has the wrong type, or that this server does not know. It may be a condition of a newer version, so nothing
/// is applied without it. `prefix` stands before the name of a field with the wrong type.
#[cold]
pub(in crate::http::wire) fn unexpected<F: Field>(number: u32, prefix: &str) -> Failure {
    let fields = F::MESSAGE.fields;
    if let Some(field) = fields.iter().find(|field| field.number == number) {
        let name = field.name;
        return Failure::invalid(format!("{prefix}{name} has the wrong wire type"));
    }
    let known = fields
        .iter()
        .map(|field| format!("{} = {}", field.name, field.number));
    Failure::invalid(format!(
        "unknown field {number} of {} (accepted: {})",
        F::MESSAGE.name,
        known.collect::<Vec<_>>().join(", ")
    ))
}
