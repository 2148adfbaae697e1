//! Examples of what operations answer that can tell of trimmed records: with all records, and without some. For all other operations, the
//! example of the schema says it.

use serde_json::{Value as Json, json};
use serde_yaml::{Mapping, Value as Yaml};

use super::schema::example_of;

/// The examples of what an operation answers, by name; none if the schema has the only one.
pub(in crate::http) fn of(operation: &str) -> Mapping {
    let examples: Vec<(&str, Json)> = match operation {
        "scan" => vec![
            ("complete", example_of("ScanResponse")),
            (
                "trimmed",
                json!({
                    "status": "success",
                    "key": "b3JkZXJz",
                    "values": [{
                        "sequence": 1,
                        "value": "c2Vjb25k",
                        "timestampMs": 1_795_385_000_000_u64,
                        "headers": [{"name": "content-type", "value": "dGV4dC9wbGFpbg=="}]
                    }],
                    "nextSequence": 2,
                    "trimmedBefore": 1
                }),
            ),
        ],
        "count" => vec![
            ("complete", example_of("CountResponse")),
            (
                "trimmed",
                json!({"status": "success", "count": 1, "trimmedBefore": 1}),
            ),
        ],
        _ => Vec::new(),
    };
    let examples = examples.into_iter().map(|(name, value)| {
        let value = serde_yaml::to_value(value).unwrap_or_default();
        let example: Mapping = [("value".into(), value)].into_iter().collect();
        (Yaml::from(name), Yaml::from(example))
    });
    examples.collect()
}
