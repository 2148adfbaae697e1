//! Scans of all partitions.

use prost::Message;

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::wire::{self, ScanRequest, ScanResponse, Value};
use crate::{ErrorKind, Position, ReadOptions, SequencedRecord, UnorderedRecords};

/// A key of each of three partitions.
const KEYS: [&str; 3] = ["c", "a", "b"];

fn positions(next: &[(u32, u64)]) -> Vec<Position> {
    let positions = next.iter();
    let positions = positions.map(|&(partition, next_sequence)| Position {
        partition,
        next_sequence,
    });
    positions.collect()
}

/// A page of records with these keys and sequences.
fn page(values: &[(&str, u64)], next: &[(u32, u64)], more: bool) -> Step {
    let value = |&(key, sequence): &(&str, u64)| Value {
        sequence,
        key: Some(key.to_owned().into()),
        ..Value::default()
    };
    let page = ScanResponse {
        status: wire::SUCCESS.to_owned(),
        values: values.iter().map(value).collect(),
        more,
        positions: positions(next).into_iter().map(Into::into).collect(),
        ..ScanResponse::default()
    };
    Step::Answer(Reply::message(200, &page))
}

async fn next(records: &mut UnorderedRecords) -> Option<SequencedRecord> {
    records.next().await.map(|record| record.expect("a record"))
}

#[tokio::test]
async fn positions_are_those_after_the_last_record_that_was_handed_out() {
    let three = std::num::NonZeroU32::new(3).expect("not 0");
    assert_eq!(KEYS.map(|key| crate::partition_of(key, three)), [0, 1, 2]);
    let server = Fake::start([
        page(
            &[(KEYS[0], 4), (KEYS[0], 6), (KEYS[2], 1)],
            &[(1, 0), (2, 5), (0, 7)],
            true,
        ),
        page(&[], &[(2, 5), (0, 7), (1, 3)], true),
        page(&[(KEYS[1], 8)], &[(0, 9), (1, 9), (2, 9)], false),
    ])
    .await;
    let client = client(&server.url(), 1);
    let begin = positions(&[(0, 2)]);
    let mut records = client.scan_unordered("", begin.clone(), ReadOptions::new().page(3));
    assert_eq!(records.positions(), begin);
    for expected in [
        &[(0, 5), (1, 0), (2, 0)],
        &[(0, 7), (1, 0), (2, 0)],
        &[(1, 0), (2, 5), (0, 7)],
        &[(0, 9), (1, 9), (2, 9)],
    ] {
        assert!(next(&mut records).await.is_some());
        assert_eq!(records.positions(), positions(expected));
    }
    assert!(next(&mut records).await.is_none());
    let requests = server.requests();
    let asked = requests
        .iter()
        .map(|request| ScanRequest::decode(request.body.clone()).expect("a message"));
    let asked: Vec<ScanRequest> = asked.collect();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        asked[0],
        ScanRequest {
            prefix: Some("".into()),
            limit: Some(3),
            order: Some("none".to_owned()),
            positions: vec![begin[0].into()],
            ..ScanRequest::default()
        }
    );
    let again = asked[2].positions.iter();
    let again: Vec<Position> = again.map(|position| (*position).into()).collect();
    assert_eq!(again, positions(&[(2, 5), (0, 7), (1, 3)]));
}

#[tokio::test]
async fn one_partition_has_one_position_whatever_the_keys() {
    let server = Fake::start([page(&[("b", 4), ("a", 6)], &[(17, 7)], false)]).await;
    let client = client(&server.url(), 1).of_partition(17);
    let mut records = client.scan_unordered("", [], ReadOptions::new());
    assert!(records.positions().is_empty());
    next(&mut records).await.expect("a record");
    assert_eq!(records.positions(), positions(&[(17, 5)]));
    next(&mut records).await.expect("a record");
    assert_eq!(records.positions(), positions(&[(17, 7)]));
    let path = &server.requests()[0].path;
    assert_eq!(path, "/api/v1/log/scan?partition=17");
}

#[tokio::test]
async fn what_was_trimmed_is_told_and_a_page_is_asked_for_again() {
    let trimmed = wire::Position {
        partition: 0,
        next_sequence: 9,
        trimmed_before: Some(5),
    };
    let page = ScanResponse {
        status: wire::SUCCESS.to_owned(),
        positions: vec![trimmed],
        ..ScanResponse::default()
    };
    let unserved = Reply::error(503, "unavailable").header("retry-after", "0");
    let unserved = Step::Answer(unserved);
    let server = Fake::start([unserved.clone(), Step::Answer(Reply::message(200, &page))]).await;
    let mut records = client(&server.url(), 2).scan_unordered("a", [], ReadOptions::new());
    assert!(next(&mut records).await.is_none());
    assert_eq!(records.trimmed_before().get(&0), Some(&5));
    assert_eq!(records.positions(), positions(&[(0, 9)]));
    server.does([unserved.clone(), unserved]);
    let mut records = client(&server.url(), 2).scan_unordered("a", [], ReadOptions::new());
    let error = records.next().await.expect("an answer").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    assert!(records.next().await.is_none());
    let none = ReadOptions::new().page(0);
    let mut records = client(&server.url(), 2).scan_unordered("a", [], none);
    let error = records.next().await.expect("an answer").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidArgument);
}
