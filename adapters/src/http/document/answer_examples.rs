//! Examples of what operations answer that have several forms: with all records, without some that were trimmed, and of all partitions; an append as a whole, and in
//! parts. For all other operations, the example of the schema says it.

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
            (
                "unordered",
                json!({
                    "status": "success",
                    "key": "",
                    "values": [
                        {"sequence": 11, "value": "Zmlyc3Q=", "timestampMs": 1_795_385_000_000_u64, "key": "b3JkZXJz"},
                        {"sequence": 0, "value": "c2Vjb25k", "timestampMs": 1_795_385_000_000_u64, "key": "MQ=="}
                    ],
                    "nextSequence": 0,
                    "more": true,
                    "positions": [{"partition": 0, "nextSequence": 12}, {"partition": 1, "nextSequence": 1}]
                }),
            ),
        ],
        "append" => vec![
            ("whole", example_of("AppendResponse")),
            (
                "parts",
                json!({
                    "status": "success",
                    "recordsAppended": 3,
                    "startSequence": 0,
                    "parts": [
                        {"partition": 17, "outcome": "applied", "count": 2, "startSequence": 0},
                        {"partition": 43, "outcome": "applied", "count": 1, "startSequence": 8}
                    ]
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
