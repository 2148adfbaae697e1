//! The messages are those of `openapi/log.proto`.

use std::collections::BTreeMap;

/// Fields that coming servers may send, by message and number.
const AHEAD: &[(&str, u32)] = &[("Conflict", 3)];

type Messages = BTreeMap<String, BTreeMap<u32, (String, String)>>;

/// The fields of each message, by number: name, and type as far as both sides say it.
fn of_proto(text: &str) -> Messages {
    let mut messages = Messages::new();
    let mut message = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("message ") {
            message = name.split(' ').next().unwrap_or_default().to_owned();
        }
        let field = line
            .split_once(';')
            .and_then(|(field, _)| field.split_once(" = "));
        let Some((field, number)) = field.filter(|_| !line.starts_with("//")) else {
            continue;
        };
        let words: Vec<_> = field.split(' ').collect();
        let Ok(number) = number.parse() else { continue };
        let kind = words[..words.len() - 1].join(" ");
        let fields = messages.entry(message.clone()).or_default();
        fields.insert(number, (words[words.len() - 1].to_owned(), kind));
    }
    messages
}

fn of_rust(text: &str) -> Messages {
    let mut messages = Messages::new();
    let (mut message, mut attribute) = (String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub struct ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some(found) = line.strip_prefix("#[prost(") {
            attribute = found.to_owned();
        } else if let Some(field) = line.strip_prefix("pub ").filter(|_| !attribute.is_empty()) {
            let (name, kind) = field.split_once(": ").expect("a field");
            let number = attribute.split("tag = \"").nth(1).expect("a tag");
            let number = number.trim_end_matches("\")]").parse().expect("a number");
            let scalar = attribute.split([',', ' ']).next().expect("a type");
            let kind = if attribute.starts_with("message") {
                let inner = kind.trim_end_matches([',', '>']);
                inner
                    .rsplit(['<', ' '])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            } else {
                scalar.to_owned()
            };
            let label = ["repeated", "optional"]
                .into_iter()
                .find(|label| attribute.contains(label));
            // Messages are optional in any case.
            let label =
                label.filter(|label| !(attribute.starts_with("message") && *label == "optional"));
            let kind = label.map_or(kind.clone(), |label| format!("{label} {kind}"));
            let fields = messages.entry(message.clone()).or_default();
            fields.insert(number, (name.to_owned(), kind));
            attribute.clear();
        }
    }
    messages
}

#[test]
fn every_message_has_fields_that_log_proto_has() {
    let proto = of_proto(include_str!("../../../../log.proto"));
    let rust = of_rust(include_str!("../wire.rs"));
    assert!(rust.len() >= 11, "{rust:?}");
    for (message, fields) in rust {
        for (number, field) in fields {
            if AHEAD.contains(&(message.as_str(), number)) {
                continue;
            }
            let described = proto.get(&message).and_then(|fields| fields.get(&number));
            assert_eq!(Some(&field), described, "field {number} of {message}");
        }
    }
}
