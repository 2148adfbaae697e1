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
        "Reads the records of the first key, beginning with the first appended record."),
    link("append", "countAppended", "count", &[("key_base64", FIRST_KEY_SENT), ("start_seq", FIRST_SEQUENCE)],
        "Counts the records of the first key, beginning with the first appended record."),
    link("append", "followAppended", "stream", &[("key_base64", FIRST_KEY_SENT), ("start_seq", FIRST_SEQUENCE)],
        "Follows the first key, beginning with the first appended record."),
    link("append", "segmentOfAppended", "listSegments", &[("start_seq", FIRST_SEQUENCE)],
        "Lists the segment of the records and the segments after it."),
    link("scan", "nextPage", "scan", &[("key_base64", KEY), ("start_seq", NEXT_SEQUENCE)],
        "Returns the next page."),
    link("scan", "follow", "stream", &[("key_base64", KEY), ("start_seq", NEXT_SEQUENCE)],
        "Follows the key from the end of the page."),
    link("scan", "countRead", "count", &[("key_base64", KEY), ("end_seq", NEXT_SEQUENCE)],
        "Counts the records of the key up to the end of the page."),
    link("listKeys", "nextPage", "listKeys", &[("start_after_base64", "$response.body#/nextStartAfter")],
        "Returns the next page, if there are more keys."),
    link("listKeys", "readFirst", "scan", &[("key_base64", FIRST_KEY)],
        "Reads the first key."),
    link("listKeys", "countFirst", "count", &[("key_base64", FIRST_KEY)],
        "Counts the records of the first key."),
    link("listSegments", "keysOfFirst", "listKeys", &[("start_segment", "$response.body#/segments/0/id")],
        "Lists the keys in the first segment and later ones."),
    link("listSegments", "readFromFirst", "scan", &[("start_seq", "$response.body#/segments/0/startSeq")],
        "Reads a key, beginning with the first segment."),
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
