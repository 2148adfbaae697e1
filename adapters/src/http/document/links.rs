//! Links of the OpenAPI document: which operation continues with the result of another.

use serde_yaml::{Mapping, Value as Yaml};

/// A link from the answer 200 of one operation to another one.
struct Link {
    from: &'static str,
    name: &'static str,
    to: &'static str,
    /// The target's parameters, and where each is found in the request or the answer.
    parameters: &'static [(&'static str, &'static str)],
    description: &'static str,
}

const FIRST_KEY_SENT: &str = "$request.body#/records/0/key";
const FIRST_SEQUENCE: &str = "$response.body#/startSequence";
const KEY: &str = "$response.body#/key";
const NEXT_SEQUENCE: &str = "$response.body#/nextSequence";
const FIRST_KEY: &str = "$response.body#/keys/0/key";

#[rustfmt::skip]
const LINKS: [Link; 12] = [
    link("append", "readAppended", "scan", &[("key_base64", FIRST_KEY_SENT), ("start_seq", FIRST_SEQUENCE)],
        "Reads the records of the first key from the first one appended on."),
    link("append", "countAppended", "count", &[("key_base64", FIRST_KEY_SENT), ("start_seq", FIRST_SEQUENCE)],
        "Counts the records of the first key from the first one appended on."),
    link("append", "followAppended", "stream", &[("key_base64", FIRST_KEY_SENT), ("start_seq", FIRST_SEQUENCE)],
        "Follows the first key from the first record appended on."),
    link("append", "segmentOfAppended", "listSegments", &[("start_seq", FIRST_SEQUENCE)],
        "Lists the segment that the records are in, and those after it."),
    link("scan", "nextPage", "scan", &[("key_base64", KEY), ("start_seq", NEXT_SEQUENCE)],
        "Goes on where the page ended."),
    link("scan", "follow", "stream", &[("key_base64", KEY), ("start_seq", NEXT_SEQUENCE)],
        "Follows the key from where the page ended."),
    link("scan", "countRead", "count", &[("key_base64", KEY), ("end_seq", NEXT_SEQUENCE)],
        "Counts the records of the key up to where the page ended."),
    link("listKeys", "nextPage", "listKeys", &[("start_after_base64", "$response.body#/nextStartAfter")],
        "Goes on where the page ended, if there are more."),
    link("listKeys", "readFirst", "scan", &[("key_base64", FIRST_KEY)],
        "Reads the first of the keys."),
    link("listKeys", "countFirst", "count", &[("key_base64", FIRST_KEY)],
        "Counts the records of the first of the keys."),
    link("listSegments", "keysOfFirst", "listKeys", &[("start_segment", "$response.body#/segments/0/id")],
        "Lists the keys from the first of the segments on."),
    link("listSegments", "readFromFirst", "scan", &[("start_seq", "$response.body#/segments/0/startSeq")],
        "Reads a key from the first of the segments on."),
];

const fn link(
    from: &'static str,
    name: &'static str,
    to: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    description: &'static str,
) -> Link {
    Link {
        from,
        name,
        to,
        parameters,
        description,
    }
}

/// The links of an operation's answer 200, by their names.
pub(in crate::http) fn of(operation: &str) -> Mapping {
    LINKS
        .iter()
        .filter(|link| link.from == operation)
        .map(|link| (Yaml::from(link.name), Yaml::from(link.described())))
        .collect()
}

impl Link {
    fn described(&self) -> Mapping {
        let parameters: Mapping = self
            .parameters
            .iter()
            .map(|(name, found)| (Yaml::from(*name), Yaml::from(*found)))
            .collect();
        [
            ("operationId", Yaml::from(self.to)),
            ("parameters", Yaml::from(parameters)),
            ("description", Yaml::from(self.description)),
        ]
        .into_iter()
        .map(|(name, value)| (Yaml::from(name), value))
        .collect()
    }
}
