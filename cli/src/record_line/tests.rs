use base64::engine::general_purpose::STANDARD;
use opendata_log::wire;
use proptest::prelude::*;

use super::*;
use crate::json::push_record;

type KeyAndValue = (Vec<u8>, Vec<u8>);

/// The records of lines.
fn read(lines: &[&str], key: Option<&[u8]>) -> Result<Vec<KeyAndValue>, String> {
    let mut batch = BatchBuilder::default();
    let mut reader = LineReader::default();
    let mut expected = Vec::new();
    for line in lines {
        reader.push(line.as_bytes(), key, &mut batch)?;
        expected.push((reader.key.clone(), reader.value.clone()));
    }
    assert_eq!(batch.records(), lines.len() as u64);
    Ok(expected)
}

#[test]
fn bytes_and_text_are_read_and_what_another_log_gave_is_ignored() {
    let read = read(
        &[
            r#"{"sequence":7,"key":"az0=","value":"/w==","timestampMs":9}"#,
            r#"{"keyText":"k\n","valueText":"\u00e9"}"#,
            r#" {"value":"","keyText":"k","headers":[{"name":"n","valueText":"v"}]} "#,
            r#"{"value":"\/w==","keyText":"k","headers":null}"#,
        ],
        None,
    );
    let expected = [
        (&b"k="[..], &b"\xff"[..]),
        (b"k\n", "é".as_bytes()),
        (b"k", b""),
        (b"k", b"\xff"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(read, Ok(expected));
}

#[test]
fn a_key_that_is_given_takes_the_place_of_that_of_the_line() {
    let lines = [
        r#"{"valueText":"a"}"#,
        r#"{"keyText":"other","valueText":"b"}"#,
    ];
    let read = read(&lines, Some(b"k")).expect("lines");
    assert!(read.iter().all(|(key, _)| key == b"k"));
}

#[test]
fn what_is_wrong_is_said() {
    for (line, why) in [
        ("", "it is no object such as"),
        ("{", "it ends within the object, at column 1"),
        (
            "{\"keyText\":\"k\",\"valueTe\n",
            "it ends within the object, at column 23",
        ),
        ("\u{feff}{}", "it begins with a byte order mark"),
        ("[]", "it is no object such as"),
        ("1", "it is no object such as"),
        (
            r#"{"keyText":"k"}"#,
            "value (base64) or valueText is missing",
        ),
        (r#"{"valueText":"v"}"#, "key (base64) or keyText is missing"),
        (
            r#"{"keyText":"k","key":"aw==","value":""}"#,
            "key and keyText exclude each other",
        ),
        (
            r#"{"keyText":"k","value":"plain text"}"#,
            "value is no base64",
        ),
        (
            r#"{"keyText":"","value":""}"#,
            "key must have at least one byte",
        ),
        (
            r#"{"keyText":"k","value":"","seq":1}"#,
            "unknown field `seq`",
        ),
        (
            r#"{"keyText":"k","value":"","value":""}"#,
            "duplicate field `value`",
        ),
        (r#"{"keyText":"k","value":1}"#, "expected a text"),
        (
            r#"{"keyText":"k","value":"","headers":[{"name":"n"}]}"#,
            "headers: value (base64)",
        ),
        (
            r#"{"keyText":"k","value":""} {}"#,
            "trailing characters at column 28",
        ),
    ] {
        let refused = read(&[line], None).expect_err(line);
        assert!(refused.contains(why), "{line}: {refused}");
        assert!(!refused.contains("line 1"), "{refused}");
    }
}

fn record() -> impl Strategy<Value = wire::Value> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let headers = prop::collection::vec(("[ -~é]{1,9}", bytes()), 0..3);
    let key = prop::collection::vec(any::<u8>(), 1..40);
    (any::<u64>(), key, bytes(), any::<i64>(), headers).prop_map(
        |(sequence, key, value, timestamp_ms, headers)| wire::Value {
            sequence,
            value: value.into(),
            timestamp_ms,
            headers: headers
                .into_iter()
                .map(|(name, value)| wire::Header {
                    name: Some(name),
                    value: Some(value.into()),
                })
                .collect(),
            key: Some(key.into()),
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_exported_is_imported_as_it_was(records in prop::collection::vec(record(), 1..8)) {
        let mut exported = String::new();
        for record in &records {
            push_record(&record.clone().into(), &bytes::Bytes::new(), Some(7), &mut exported);
        }
        let mut from_lines = BatchBuilder::default();
        let mut reader = LineReader::default();
        let mut expected = BatchBuilder::default();
        for (line, record) in exported.lines().zip(&records) {
            let (sequence, key) = place(line.as_bytes()).expect("a line of an export");
            let of_record = record.key.as_deref().unwrap_or_default();
            prop_assert_eq!((sequence, key.as_slice()), (record.sequence, of_record));
            let read = reader.push(line.as_bytes(), None, &mut from_lines);
            prop_assert_eq!(read, Ok(()));
            let headers: Vec<(&str, &[u8])> = record
                .headers
                .iter()
                .map(|header| (header.name.as_deref().unwrap(), header.value.as_deref().unwrap()))
                .collect();
            expected.push(record.key.as_deref().unwrap(), &record.value, &headers)?;
        }
        prop_assert_eq!(exported.lines().count(), records.len());
        // A batch has no other way to be looked at than its bytes.
        prop_assert_eq!(format!("{from_lines:?}"), format!("{expected:?}"));
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in "\\PC*", key in any::<bool>()) {
        let key = key.then_some(&b"k"[..]);
        let _ = LineReader::default().push(line.as_bytes(), key, &mut BatchBuilder::default());
    }

    #[test]
    fn a_value_in_base64_of_another_length_is_refused_or_read_whole(value in "[A-Za-z0-9+/]{0,9}={0,2}") {
        let line = format!(r#"{{"keyText":"k","value":"{value}"}}"#);
        let read = read(&[&line], None).map(|records| records[0].1.clone());
        prop_assert_eq!(read.ok(), STANDARD.decode(&value).ok());
    }
}
