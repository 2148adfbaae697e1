//! Scans, counts and lists.

use futures::TryStreamExt;

use super::client;
use super::fake::{Fake, Reply, Step, header};
use crate::{Error, ErrorKind, LogClient, ReadOptions, Records, Visibility};

async fn values(records: Records) -> Result<Vec<String>, Error> {
    let text = |record: crate::SequencedRecord| String::from_utf8(record.value.to_vec()).unwrap();
    records.map_ok(text).try_collect().await
}

async fn filled() -> Fake {
    let server = Fake::start([]).await;
    for number in 0..5 {
        server.put("orders", number.to_string());
        server.put("others", "x");
    }
    server
}

#[tokio::test]
async fn a_scan_reads_page_by_page_and_says_where_to_continue() {
    let server = filled().await;
    let client = client(&server.url(), 1);
    let pages = ReadOptions::new().page(2);
    let mut records = client.scan_with("orders", .., pages.clone());
    assert_eq!(records.next_sequence(), 0);
    for sequence in [0, 2, 4] {
        let record = records.next().await.unwrap().unwrap();
        assert_eq!(record.sequence, sequence);
        assert!(records.next_sequence() > sequence && records.next_sequence() <= sequence + 2);
    }
    assert_eq!(
        values(client.scan_with("orders", 2..=6, pages))
            .await
            .unwrap(),
        ["1", "2", "3"]
    );
    while let Some(record) = records.next().await {
        record.unwrap();
    }
    // What an append may depend on: no record of the key has this sequence or a higher one.
    assert_eq!(records.next_sequence(), 10);
    assert!(records.next().await.is_none(), "the end stays the end");
}

#[tokio::test]
async fn the_last_records_come_in_order_and_say_where_a_tail_continues() {
    let server = filled().await;
    let client = client(&server.url(), 1);
    let mut records = client.last("orders", 2);
    assert_eq!(records.next_sequence(), 0);
    for sequence in [6, 8] {
        assert_eq!(records.next().await.unwrap().unwrap().sequence, sequence);
    }
    assert_eq!(records.next_sequence(), 10);
    assert!(records.next().await.is_none());
    let options = ReadOptions::new()
        .visibility(Visibility::Durable)
        .start_time_ms(7);
    let all = values(client.last_with("orders", 100, options)).await;
    assert_eq!(all.unwrap(), ["0", "1", "2", "3", "4"]);
    assert!(values(client.last("none", 1)).await.unwrap().is_empty());
    let paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths[0], "/api/v1/log/scan?key_base64=b3JkZXJz&last=2");
    assert_eq!(
        paths[1],
        "/api/v1/log/scan?key_base64=b3JkZXJz&last=100&visibility=durable&start_time_ms=7"
    );
    assert_eq!(paths.len(), 3);
}

#[tokio::test]
async fn a_read_is_repeated_when_its_answer_is_lost_or_cut() {
    let server = filled().await;
    server.does([
        Step::LostAnswer,
        Step::CutAnswer(10),
        Step::Serve,
        Step::CutAnswer(1),
    ]);
    let client = client(&server.url(), 3);
    assert_eq!(values(client.scan("orders", ..)).await.unwrap().len(), 5);
    server.does([Step::LostAnswer]);
    let counted = client.count("orders", 1..).await.unwrap();
    assert_eq!((counted.count, counted.trimmed_before), (4, None));
    server.does(vec![Step::LostAnswer; 3]);
    let error = client.count("orders", ..).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_answer_that_no_log_server_gives_is_an_error_and_not_asked_for_again() {
    let server = filled().await;
    let client = client(&server.url(), 3);
    let bodies = [
        "{}",
        "null",
        r#"{"status":"success"}"#,
        r#"{"status":"error","code":"X","message":"x"}"#,
    ];
    let odd = bodies
        .iter()
        .flat_map(|body| [200, 502].map(|status| Reply::json(status, body)));
    for reply in odd.chain([200, 404, 502].map(Reply::page)) {
        server.does([Step::Answer(reply.clone())]);
        let error = client.count("orders", ..).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::UnexpectedAnswer, "{reply:?}");
        server.does([Step::Answer(reply)]);
        let error = values(client.scan("orders", ..)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::UnexpectedAnswer);
    }
    assert_eq!(server.requests().len(), 22);
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let server = filled().await;
    for key in ["a", "b", "ordinary"] {
        server.put(key, "x");
    }
    let client = client(&server.url(), 1);
    let keys: Vec<_> = client.keys("").try_collect().await.unwrap();
    assert_eq!(keys, ["a", "b", "orders", "ordinary", "others"]);
    let mut keys = client.keys("ord");
    assert_eq!(keys.next().await.unwrap().unwrap(), "orders");
    assert_eq!(keys.next().await.unwrap().unwrap(), "ordinary");
    assert!(keys.next().await.is_none());
}

#[tokio::test]
async fn options_token_and_path_are_sent() {
    let server = filled().await;
    let builder = LogClient::builder(&format!("{}/logs/", server.url())).no_proxy();
    let client = builder.token("token-of-the-tests").build().unwrap();
    let options = ReadOptions::new()
        .visibility(Visibility::Durable)
        .start_time_ms(7)
        .page(3);
    let error = values(client.scan_with(vec![0, 255], 1..4, options))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound);
    let request = &server.requests()[0];
    assert_eq!(
        request.path,
        "/logs/api/v1/log/scan?key_base64=AP8&start_seq=1&end_seq=4&limit=3&visibility=durable&start_time_ms=7"
    );
    assert_eq!(
        header(&request.head, "authorization"),
        Some("Bearer token-of-the-tests")
    );
    assert_eq!(
        header(&request.head, "accept"),
        Some("application/protobuf")
    );
}

#[tokio::test]
async fn a_page_that_is_empty_because_its_time_was_over_is_not_the_end() {
    let server = filled().await;
    let page = crate::wire::ScanResponse {
        status: crate::wire::SUCCESS.to_owned(),
        key: "orders".into(),
        next_sequence: 4,
        more: true,
        ..Default::default()
    };
    let late = Step::Answer(Reply::message(200, &page));
    server.does([late.clone(), late.clone()]);
    let client = client(&server.url(), 1);
    let mut records = client.scan("orders", ..);
    for sequence in [4, 6, 8] {
        assert_eq!(records.next().await.unwrap().unwrap().sequence, sequence);
    }
    assert!(records.next().await.is_none());
    assert!(!records.more());
    server.does([late.clone()]);
    let mut records = client.last("orders", 9);
    assert!(records.next().await.is_none());
    assert_eq!((records.next_sequence(), records.more()), (4, true));
    server.does([late]);
    let mut records = client.tail("orders", 0);
    assert_eq!(records.next().await.unwrap().unwrap().sequence, 4);
    let keys = crate::wire::KeysResponse {
        status: crate::wire::SUCCESS.to_owned(),
        next_start_after: Some("orders".into()),
        ..Default::default()
    };
    server.does([Step::Answer(Reply::message(200, &keys))]);
    let keys: Vec<_> = client.keys("").try_collect().await.unwrap();
    assert_eq!(keys, ["others"]);
}

#[tokio::test]
async fn what_was_trimmed_is_told_with_the_first_record_after_it() {
    let page = |records: &[u64], next_sequence, trimmed_before| {
        let value = |sequence: &u64| crate::wire::Value {
            sequence: *sequence,
            value: "v".into(),
            ..Default::default()
        };
        let page = crate::wire::ScanResponse {
            status: crate::wire::SUCCESS.to_owned(),
            key: "orders".into(),
            values: records.iter().map(value).collect(),
            next_sequence,
            trimmed_before,
            more: false,
            positions: Vec::new(),
        };
        Step::Answer(Reply::message(200, &page))
    };
    let server = Fake::start([page(&[7], 8, Some(5)), page(&[], 9, None)]).await;
    let client = client(&server.url(), 1);
    let mut records = client.scan("orders", ..);
    assert_eq!(records.trimmed_before(), None);
    assert_eq!(records.next().await.unwrap().unwrap().sequence, 7);
    assert_eq!(records.trimmed_before(), Some(5));
    assert!(records.next().await.is_none());
    // A tail keeps it until there is a record.
    server.does([page(&[], 8, Some(8)), page(&[8], 9, None)]);
    let mut records = client.tail("orders", 6);
    assert_eq!(records.next().await.unwrap().unwrap().sequence, 8);
    assert_eq!(records.trimmed_before(), Some(8));
}
