//! The sequencer with an engine that crashes, against the model.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

mod log;

use log::Log;

use super::*;
use crate::model::Model;
use crate::{Key, Limits, Record, SegmentId, SequenceRange};

/// A table with room for a few keys only.
const SMALL_TABLE: u64 = 1_500;

#[derive(Debug, Clone)]
enum Do {
    /// Commands that arrive together, each a list of keys.
    Append(Vec<Vec<u8>>),
    LookUp {
        at: prop::sample::Index,
        fails: bool,
    },
    Flush,
    Settle,
    Wait(i64),
    Crash,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let batch = prop::collection::vec(0u8..40, 1..8);
    let step = prop_oneof![
        10 => prop::collection::vec(batch, 1..5).prop_map(Do::Append),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(at, fails)| Do::LookUp { at, fails }),
        3 => Just(Do::Flush),
        3 => Just(Do::Settle),
        3 => (0i64..200).prop_map(Do::Wait),
        1 => Just(Do::Crash),
        1 => Just(Do::Close),
    ];
    prop::collection::vec(step, 0..60)
}

fn batch(keys: &[u8], number: u64) -> Batch {
    let limits = Limits::default();
    let records = keys.iter().map(|key| {
        let value = Bytes::from(format!("{number}"));
        Record::parse(Bytes::from(vec![b'k', *key]), value, &limits).expect("a record")
    });
    Batch::new(records.collect(), &limits).expect("a batch")
}

proptest! {
    #[test]
    fn what_is_committed_is_what_the_model_says_whatever_is_evicted_or_crashes(
        seal_ms in prop::option::of(1u64..500),
        seal_bytes in prop::option::of(10u64..300),
        key_table_bytes in prop_oneof![Just(SMALL_TABLE), Just(1 << 20)],
        steps in steps(),
    ) {
        let seal = SealPolicy { interval: seal_ms.map(Duration::from_millis), bytes: seal_bytes };
        let mut log = Log::new(Policy { seal, key_table_bytes });
        // What was applied, each with the time of its commit. A crash takes the end of it away.
        let mut history: Vec<(u64, Appended, i64)> = Vec::new();
        let mut granted = BTreeSet::new();
        for step in steps {
            let ready = match step {
                Do::Append(batches) => {
                    let first = log.commands.len() as u64;
                    for (number, keys) in (first..).zip(&batches) {
                        log.commands.insert(number, batch(keys, number));
                    }
                    (first..log.commands.len() as u64).collect()
                }
                Do::LookUp { at, fails } if !log.lookups.is_empty() => {
                    log.look_up(at.index(log.lookups.len()), fails)
                }
                Do::LookUp { .. } => Vec::new(),
                Do::Settle => { log.settle(); Vec::new() }
                Do::Flush => { log.flush(); Vec::new() }
                Do::Wait(ms) => { log.now_ms += ms; Vec::new() }
                Do::Crash => {
                    let durable = log.durable.watermark();
                    history.retain(|(_, appended, _)| appended.start < durable);
                    log.crash();
                    Vec::new()
                }
                Do::Close => { log.close(); Vec::new() }
            };
            if ready.is_empty() {
                continue;
            }
            for (command, appended, time_ms) in log.run(&ready) {
                let sequences = appended.start.get()..appended.start.plus(appended.count).get();
                for sequence in sequences {
                    prop_assert!(granted.insert(sequence), "sequence {sequence} was given twice");
                }
                history.push((command, appended, time_ms));
            }
        }
        compare(&log, seal, &history)?;
    }
}

/// Everything that the engine holds, compared with the model's answers for the same appends.
fn compare(
    log: &Log,
    seal: SealPolicy,
    history: &[(u64, Appended, i64)],
) -> std::result::Result<(), TestCaseError> {
    // A group is one commit: its segment is chosen once. The model appends batch by batch, so it is told of the group.
    let mut model = Model::new(seal);
    let mut expected = Vec::new();
    for commit in log.writes.iter().filter(|write| !write.records.is_empty()) {
        let start = commit.records[0].sequence;
        let end = start.plus(commit.records.len() as u64);
        let within: Vec<_> = history
            .iter()
            .filter(|(_, appended, _)| start <= appended.start && appended.start < end)
            .collect();
        let records = within
            .iter()
            .flat_map(|(command, ..)| log.commands[command].records());
        let whole = Batch::new(records.cloned().collect(), &Limits::default());
        let whole = whole.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let time_ms = commit.state.last_time_ms;
        model.resume_at(start);
        let (appended, _) = model.append(&whole, time_ms).expect("appended");
        prop_assert_eq!(appended.start, start);
        let mut sequence = start;
        for record in whole.records() {
            expected.push((sequence, record.key.clone(), record.value.clone(), time_ms));
            sequence = sequence.plus(1);
        }
        for (_, _, at_ms) in within {
            prop_assert_eq!(*at_ms, time_ms);
        }
    }
    let held: Vec<_> = log
        .records()
        .map(|r| (r.sequence, r.key.clone(), r.value.clone(), r.time_ms))
        .collect();
    prop_assert_eq!(held, expected);
    let segments: Vec<Segment> = log.writes.iter().filter_map(|w| w.new_segment).collect();
    prop_assert_eq!(segments, model.segments(SequenceRange::ALL));
    let listed: BTreeSet<(Key, SegmentId)> = log.directory().into_keys().collect();
    let held: BTreeSet<(Key, SegmentId)> =
        log.records().map(|r| (r.key.clone(), r.segment)).collect();
    prop_assert_eq!(listed, held);
    Ok(())
}

#[test]
fn a_command_that_waits_does_not_hold_up_the_others() {
    let mut log = Log::new(Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    });
    // Until a key is forgotten and has to be looked up.
    let mut forgotten = None;
    for number in 0..60 {
        log.commands
            .insert(number, batch(&[number as u8 % 30], number));
        if log.run(&[number]).is_empty() {
            forgotten = Some(number);
            break;
        }
    }
    let waits = forgotten.expect("the table is small");
    let (also_waits, known) = (100, 101);
    let key = waits as u8 % 30;
    log.commands
        .insert(also_waits, batch(&[key, 50], also_waits));
    log.commands
        .insert(known, batch(&[(waits as u8 - 1) % 30], known));

    let placed = log.run(&[also_waits, known]);
    assert_eq!(placed.len(), 1);
    assert_eq!(placed[0].0, known);

    // The key is looked up once, and an answer that comes later than the other one is waited for too.
    assert_eq!(log.lookups.len(), 2);
    let of_the_other = log.look_up(1, false);
    assert_eq!(of_the_other, [also_waits]);
    assert_eq!(log.run(&of_the_other), []);
    let ready = log.look_up(0, false);
    assert_eq!(ready, [waits, also_waits]);
    let placed: Vec<u64> = log.run(&ready).iter().map(|placed| placed.0).collect();
    assert_eq!(placed, [waits, also_waits]);
}

#[test]
fn what_was_left_open_in_the_directory_is_settled_with_the_next_commit() {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        key_table_bytes: 1 << 20,
    });
    for number in 0..4 {
        log.commands.insert(number, batch(&[1, 2], number));
    }
    let key = |key| Key::stored(Bytes::from(vec![b'k', key]));
    log.run(&[0]);
    log.flush();
    log.crash();
    // The next segment begins after a restart: no append waits to know how many records came before.
    log.now_ms += 1_000;
    assert_eq!(log.run(&[1]).len(), 1);
    assert_eq!(log.directory()[&(key(1), 2)], None);
    log.settle();
    log.settle();
    log.run(&[2]);
    for number in [1, 2] {
        assert_eq!(log.directory()[&(key(number), 2)], Some(1));
    }
    log.now_ms += 1_000;
    log.run(&[3]);
    assert_eq!(log.directory()[&(key(1), 3)], Some(3));
}

#[test]
fn a_lookup_that_fails_is_asked_again() {
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    };
    let mut log = Log::new(policy);
    log.commands.insert(0, batch(&[1], 0));
    log.run(&[0]);
    log.flush();
    log.crash();
    // After a crash in mid-segment nothing is known of a key.
    log.commands.insert(1, batch(&[1], 1));
    assert_eq!(log.run(&[1]), []);
    assert_eq!(log.look_up(0, true), [1]);
    assert_eq!(log.run(&[1]), []);
    assert_eq!(log.look_up(0, false), [1]);
    assert_eq!(log.run(&[1]).len(), 1);
}

#[test]
fn a_bound_below_the_records_is_reported_as_damage() {
    let recovered = Recovered {
        last_number: EngineNumber::of_commit(Sequence::new(5)),
        ..Recovered::default()
    };
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    };
    let refused = Sequencer::recover(recovered, policy);
    assert!(matches!(refused, Err(Error::Corrupt(_))));
}
