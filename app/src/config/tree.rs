//! Settings as a tree of sections and values.

use figment::value::{Dict, Value};
use serde::Serialize;

use super::Refusal;

/// The tree of settings that a struct holds.
pub(super) fn of(settings: impl Serialize) -> Result<Dict, Refusal> {
    let tree = Value::serialize(settings).map_err(|error| Refusal(error.to_string()))?;
    Ok(tree.into_dict().unwrap_or_default())
}

/// The settings of a tree, each with its path, in the order of their names.
pub(super) fn leaves(tree: &Dict) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    for (name, value) in tree {
        match value {
            Value::Dict(_, section) => leaves.extend(
                self::leaves(section)
                    .into_iter()
                    .map(|(path, value)| (format!("{name}.{path}"), value)),
            ),
            value => leaves.push((name.clone(), text(value))),
        }
    }
    leaves
}

/// A value as it is written in a file; nothing for a setting that is not set.
pub(super) fn text(value: &Value) -> String {
    match value {
        // A size is printed with a fraction, which says nothing when it is 0.
        Value::String(_, text) => text.replace(".0 ", " "),
        Value::Char(_, char) => char.to_string(),
        Value::Bool(_, bool) => bool.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|number| number.to_string())
            .or_else(|| number.to_i128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => String::new(),
        Value::Array(_, values) => {
            let values: Vec<_> = values.iter().map(text).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Dict(_, dict) => {
            let values: Vec<_> = leaves(dict)
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{{{}}}", values.join(", "))
        }
    }
}
