use super::*;
use crate::Limits;
use proptest::prelude::*;

/// Sequence, value and headers of a record.
type Pushed = (u64, (Vec<u8>, Headers));

fn run_of(records: &[Pushed], timestamp_ms: i64) -> Option<Run> {
    let mut builder = RunBuilder::new(timestamp_ms);
    push(&mut builder, records);
    builder.finish()
}

fn push(builder: &mut RunBuilder, records: &[Pushed]) {
    for (sequence, (value, headers)) in records {
        builder.push_with_headers(Sequence::new(*sequence), value, headers);
    }
}

fn entries(run: &Run) -> Vec<Pushed> {
    run.entries()
        .map(|entry| entry.expect("not damaged"))
        .map(|entry| (entry.sequence.get(), (entry.value.to_vec(), entry.headers)))
        .collect()
}

fn records() -> impl Strategy<Value = Vec<Pushed>> {
    let value = || prop::collection::vec(any::<u8>(), 0..40);
    let headers = prop::collection::vec(("[a-z]{1,5}", value()), 1..4).prop_map(|headers| {
        let headers = headers.iter().map(|(name, value)| (&name[..], &value[..]));
        Headers::parse(headers, &Limits::default()).expect("within the limits")
    });
    let headers = prop_oneof![Just(Headers::default()), headers];
    prop::collection::btree_map(0u64..1_000, (value(), headers), 1..30)
        .prop_map(|records| records.into_iter().collect())
}

#[test]
fn the_encoding_is_the_values_field_of_a_scan_response() {
    let record = (300, (b"hi".to_vec(), Headers::default()));
    let run = run_of(&[record], 1_700_000_000_000).expect("one record");
    assert_eq!(
        run.encoded().as_ref(),
        [
            0x1a, 14, 0x08, 0xac, 0x02, 0x12, 2, b'h', b'i', 0x18, 0x80, 0xd0, 0x95, 0xff, 0xbc,
            0x31
        ]
    );
}

#[test]
fn headers_are_the_last_field_of_a_value_and_nothing_without_them() {
    let headers: [(&str, &[u8]); 1] = [("a", b"1")];
    let headers = Headers::parse(headers, &Limits::default()).expect("headers");
    let run = run_of(
        &[
            (0, (b"hi".to_vec(), headers)),
            (1, (vec![], Headers::default())),
        ],
        7,
    );
    assert_eq!(
        run.expect("two records").encoded().as_ref(),
        b"\x1a\x10\x08\x00\x12\x02hi\x18\x07\x22\x06\x0a\x01a\x12\x011\x1a\x06\x08\x01\x12\x00\x18\x07"
    );
}

#[test]
fn a_key_stands_between_the_append_time_and_the_headers() {
    let headers: [(&str, &[u8]); 1] = [("a", b"1")];
    let headers = Headers::parse(headers, &Limits::default()).expect("headers");
    let mut builder = RunBuilder::new(7);
    let key = Key::stored(Bytes::from("k1"));
    builder.push_keyed(&key, Sequence::ZERO, b"hi", &headers);
    builder.push_keyed(&key, Sequence::new(1), b"", &Headers::default());
    let run = builder.finish().expect("two records");
    assert_eq!(
        run.encoded().as_ref(),
        b"\x1a\x14\x08\x00\x12\x02hi\x18\x07\x2a\x02k1\x22\x06\x0a\x01a\x12\x011\x1a\x0a\x08\x01\x12\x00\x18\x07\x2a\x02k1"
    );
}

proptest! {
    #[test]
    fn what_names_its_key_comes_back_with_it(records in records(), keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..9), 30)) {
        let key = |at: usize| Key::stored(keys[at].clone().into());
        let mut builder = RunBuilder::new(7);
        for (at, (sequence, (value, headers))) in records.iter().enumerate() {
            builder.push_keyed(&key(at), Sequence::new(*sequence), value, headers);
        }
        let run = builder.finish().expect("not empty");
        prop_assert_eq!(entries(&run), records.clone());
        let found: Vec<Option<Key>> = run.entries().map(|entry| entry.expect("not damaged").key).collect();
        prop_assert_eq!(found, (0..records.len()).map(|at| Some(key(at))).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_pushed_comes_back(records in records()) {
        let run = run_of(&records, 7).expect("not empty");
        prop_assert_eq!(entries(&run), records.clone());
        prop_assert_eq!(run.count() as usize, records.len());
        prop_assert_eq!(run.first().get(), records[0].0);
        prop_assert_eq!(run.last().get(), records[records.len() - 1].0);
    }

    #[test]
    fn a_cut_keeps_the_range_within_both_limits_and_says_if_more_is_there(
        records in records(), start in 0u64..1_100, length in 0u64..1_100, limit in 0usize..40, bytes in 0usize..600,
    ) {
        let run = run_of(&records, 7).expect("not empty");
        let range = SequenceRange::new(Sequence::new(start), Sequence::new(start + length)).expect("ordered");
        let (kept, more) = run.cut(range, limit, bytes).expect("not damaged");
        let in_range: Vec<_> = records.iter().filter(|(s, _)| *s >= start && *s < start + length).cloned().collect();
        let kept_entries = kept.as_ref().map_or(Vec::new(), entries);
        prop_assert_eq!(&in_range[..kept_entries.len()], &kept_entries[..]);
        prop_assert_eq!(more, kept_entries.len() < in_range.len());
        prop_assert!(kept_entries.len() <= limit);
        if let Some(kept) = &kept {
            prop_assert!(kept.encoded().len() <= bytes);
            prop_assert_eq!(kept.count() as usize, kept_entries.len());
            prop_assert_eq!(kept.first().get(), kept_entries[0].0);
            prop_assert_eq!(kept.last().get(), kept_entries[kept_entries.len() - 1].0);
        }
        if more && kept_entries.len() < limit {
            let one_more = run_of(&in_range[..=kept_entries.len()], 7).expect("not empty");
            prop_assert!(one_more.encoded().len() > bytes);
        }
    }

    #[test]
    fn a_cut_of_the_newest_keeps_the_end_of_the_range_within_both_limits_and_says_if_more_is_there(
        records in records(), start in 0u64..1_100, length in 0u64..1_100, limit in 0usize..40, bytes in 0usize..600,
    ) {
        let run = run_of(&records, 7).expect("not empty");
        let range = SequenceRange::new(Sequence::new(start), Sequence::new(start + length)).expect("ordered");
        let (kept, more) = run.cut_newest(range, limit, bytes).expect("not damaged");
        let in_range: Vec<_> = records.iter().filter(|(s, _)| *s >= start && *s < start + length).cloned().collect();
        let kept_entries = kept.as_ref().map_or(Vec::new(), entries);
        let left_out = in_range.len() - kept_entries.len();
        prop_assert_eq!(&in_range[left_out..], &kept_entries[..]);
        prop_assert_eq!(more, left_out > 0);
        prop_assert!(kept_entries.len() <= limit);
        if let Some(kept) = &kept {
            // What is kept is a run like one that was built of these records.
            prop_assert_eq!(Some(kept.clone()), run_of(&kept_entries, 7));
            prop_assert!(kept.encoded().len() <= bytes);
        }
        if more && kept_entries.len() < limit {
            let one_more = run_of(&in_range[left_out - 1..], 7).expect("not empty");
            prop_assert!(one_more.encoded().len() > bytes);
        }
    }

    #[test]
    fn a_head_stands_directly_before_the_records(
        records in records(), head in prop::collection::vec(any::<u8>(), 0..12), headroom in 0usize..10,
    ) {
        let mut builder = RunBuilder::with_headroom(7, headroom, 100);
        push(&mut builder, &records);
        let content = |(value, headers): &(Vec<u8>, Headers)| value.len() + headers.encoded().len();
        let capacity: usize = records.iter().map(|(_, record)| RunBuilder::max_len(content(record))).sum();
        prop_assert!(builder.len() <= capacity);
        let (run, framed) = builder.finish_behind(|_| head.clone()).expect("not empty");
        prop_assert_eq!(entries(&run), records);
        prop_assert_eq!(framed, [&head[..], run.encoded()].concat());
    }

    #[test]
    fn count_below_counts(records in records(), sequence in 0u64..1_100) {
        let run = run_of(&records, 7).expect("not empty");
        let expected = records.iter().filter(|(s, _)| *s < sequence).count() as u32;
        prop_assert_eq!(run.count_below(Sequence::new(sequence)).expect("not damaged"), expected);
    }

    #[test]
    fn damaged_bytes_end_in_an_error_and_never_in_a_panic(
        records in records(), position in any::<prop::sample::Index>(), byte: u8, keep in any::<prop::sample::Index>(),
    ) {
        let run = run_of(&records, 7).expect("not empty");
        let mut bytes = run.encoded().to_vec();
        let at = position.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(keep.index(bytes.len() + 1));
        let damaged = Run::stored(run.first(), run.last(), run.count(), 7, bytes.into());
        let _ = damaged.entries().collect::<Result<Vec<_>>>();
        let _ = damaged.cut(SequenceRange::ALL, 1, 10);
        let _ = damaged.cut_newest(SequenceRange::ALL, 1, 10);
    }
}
