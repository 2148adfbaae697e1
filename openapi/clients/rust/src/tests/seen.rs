//! What a client passes on of what it appended and read.

use std::time::Duration;

use reqwest::Url;

use super::fake::{Fake, Reply, Step};
use super::{builder, client};
use crate::wire::{self, ScanResponse, Value};
use crate::{AppendOptions, ErrorKind, LogClient, ReadOptions, Selection, Visibility};

/// A page of one record, and how much of the log the server says to be durable.
fn page(next_sequence: u64, durable: Option<u64>) -> Step {
    let value = Value {
        sequence: next_sequence.saturating_sub(1),
        ..Value::default()
    };
    let page = ScanResponse {
        status: wire::SUCCESS.to_owned(),
        values: vec![value],
        next_sequence,
        ..ScanResponse::default()
    };
    let reply = Reply::message(200, &page);
    Step::Answer(match durable {
        Some(durable) => reply.header("log-durable-sequence", &durable.to_string()),
        None => reply,
    })
}

fn durable() -> AppendOptions {
    AppendOptions::new().await_durable(true)
}

/// The parameter of the request that came last.
fn passed(server: &Fake, name: &str) -> Option<String> {
    let path = server.requests().last().expect("a request").path.clone();
    let url = Url::parse(&format!("http://server{path}")).expect("a path");
    let mut parameters = url.query_pairs();
    parameters.find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

/// One read of each kind, and what each of them passed.
async fn reads(client: &LogClient, server: &Fake) -> Vec<Option<String>> {
    let mut all = Vec::new();
    let mut note = || all.push(passed(server, "at_least"));
    client.scan("orders", ..).next().await;
    note();
    client.last("orders", 1).next().await;
    note();
    client.count("orders", ..).await.unwrap();
    note();
    client.keys("").next().await;
    note();
    client.tail("orders", 0).next().await;
    note();
    all
}

#[tokio::test]
async fn reads_require_what_the_client_appended_once_that_is_durable() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 1);
    client.append([("orders", "first")]).await.unwrap();
    assert_eq!(client.at_least(), 0, "a crash can undo it");
    assert_eq!(reads(&client, &server).await, vec![None; 5]);
    let more = [("orders", "second"), ("orders", "third")];
    client.append_with(more, durable()).await.unwrap();
    assert_eq!(client.clone().at_least(), 3);
    let three = Some("3".to_owned());
    assert_eq!(reads(&client, &server).await, vec![three; 5]);
    client.scan("orders", ..).next().await;
    assert_eq!(passed(&server, "timeout_ms").as_deref(), Some("5000"));
    let scan = client.scan_with("orders", .., ReadOptions::new().at_least(2));
    drop({ scan }.next().await);
    assert_eq!(passed(&server, "at_least").as_deref(), Some("2"));
    let options = ReadOptions::new().at_least(0);
    client.count_with("orders", .., options).await.unwrap();
    assert_eq!(passed(&server, "at_least"), None);

    let forgetful = builder(&server.url(), 1).read_your_writes(false);
    let forgetful = forgetful.build().unwrap();
    forgetful
        .append_with([("orders", "fourth")], durable())
        .await
        .unwrap();
    assert_eq!(reads(&forgetful, &server).await, vec![None; 5]);
    // It is there for another client.
    client.remember(forgetful.at_least());
    client.remember(1);
    assert_eq!(client.at_least(), 4);
}

#[tokio::test]
async fn a_page_is_remembered_as_far_as_it_is_durable() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 1);
    let durable_only = ReadOptions::new().visibility(Visibility::Durable);
    // Nothing is known of what a server does not say, whatever was asked for.
    for (next, durable, known) in [
        (5, None, 0),
        (5, Some(3), 3),
        (6, Some(9), 6),
        (4, Some(9), 6),
    ] {
        server.does([page(next, durable)]);
        let mut scan = client.scan_with("orders", .., durable_only.clone());
        scan.next().await.unwrap().unwrap();
        assert_eq!(client.at_least(), known, "{next} of {durable:?}");
    }
    server.does([page(8, Some(8)), page(9, Some(9))]);
    client.tail("orders", 0).next().await.unwrap().unwrap();
    assert_eq!(client.at_least(), 8);
    let several = Selection::keys(["orders", "payments"]);
    let mut several = client.scan_several(several, .., ReadOptions::new());
    several.next().await.unwrap().unwrap();
    assert_eq!(client.at_least(), 9);
    let request = server.requests().last().unwrap().clone();
    let request = <wire::ScanRequest as prost::Message>::decode(request.body).unwrap();
    assert_eq!(
        (request.at_least, request.timeout_ms),
        (Some(8), Some(5000))
    );
}

#[tokio::test]
async fn a_read_of_a_server_that_is_behind_is_sent_again_and_then_says_what_may_be_wrong() {
    let behind = || Step::Answer(Reply::error(503, "behind").header("retry-after", "0"));
    let server = Fake::start([]).await;
    server.put("orders", "first");
    let client = client(&server.url(), 2);
    client.remember(1);
    server.does([behind()]);
    let mut scan = client.scan("orders", ..);
    assert!(scan.next().await.unwrap().is_ok());
    server.does([behind()]);
    let mut tail = client.tail("orders", 0);
    assert!(tail.next().await.unwrap().is_ok());
    server.does([behind(), behind()]);
    let before = server.requests().len();
    let error = client.count("orders", ..).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Behind);
    assert!(
        error.message().contains("restored from a backup"),
        "{error}"
    );
    assert_eq!(server.requests().len(), before + 2);
    let late = Step::Answer(Reply::error(503, "behind").header("retry-after", "60"));
    server.does([late]);
    let error = client.count("orders", ..).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn a_server_that_only_reads_is_asked_once_to_change_something() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 5);
    let refused = || Step::Answer(Reply::error(421, "not_writer"));
    let before_cursors = client.cursor("c").await.unwrap();
    assert_eq!(before_cursors, None);
    macro_rules! is_refused_once {
        ($($doing:expr),*) => {
            $(
                server.does([refused()]);
                let before = server.requests().len();
                let error = $doing.await.unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::NotWriter, "{error}");
                assert!(!error.is_unknown_outcome());
                assert_eq!(server.requests().len(), before + 1);
            )*
        };
    }
    is_refused_once!(
        client.append([("orders", "first")]),
        client.trim_before(1),
        client.trim_before_time(1),
        client.delete_key("orders", None),
        client.delete_key("orders", 1),
        client.move_cursor("c", 1, 0),
        client.delete_cursor("c")
    );
}
