//! Settings and arguments that are refused before anything is sent.

use std::time::Duration;

use super::client;
use super::fake::Fake;
use crate::{Error, ErrorKind, LogClient, LogClientBuilder, ReadOptions, Record, Retry};

fn refused(builder: LogClientBuilder) -> String {
    let error = builder.build().expect_err("a wrong setting");
    assert_eq!(error.kind(), &ErrorKind::InvalidArgument);
    error.to_string()
}

#[tokio::test]
async fn a_wrong_address_is_refused_with_an_example() {
    let wrong = [
        "",
        "localhost:8080",
        "ftp://localhost",
        "http://",
        "http://localhost:port",
        "http://localhost:99999",
        "http://local host",
        "http://localhost/?key=k",
        "http://localhost/#a",
        "http://user:hidden@localhost",
        "http://localhost\n",
        "http:localhost",
    ];
    for url in wrong {
        let text = refused(LogClient::builder(url));
        assert!(
            text.starts_with("url must be one such as \"http://localhost:8080\""),
            "{text}"
        );
        assert!(!text.contains("hidden"), "{text}");
    }
    for url in ["http://localhost:8080", "HTTPS://[::1]/logs/"] {
        LogClient::builder(url).build().expect("an address");
    }
}

#[tokio::test]
async fn a_wrong_token_or_time_is_refused_and_no_token_is_shown() {
    let log = || LogClient::builder("http://localhost");
    for token in [
        "",
        "hidden\n",
        " hidden",
        "hid=den",
        "hidd\u{e9}n",
        "Bearer hidden",
    ] {
        let text = refused(log().token(token));
        assert!(
            text.starts_with("token must") && !text.contains("hid"),
            "{text}"
        );
        assert!(!format!("{:?}", log().token(token)).contains("hidden"));
    }
    assert!(refused(log().token("hidden\n")).contains("white space"));
    assert!(refused(log().timeout(Duration::ZERO)).starts_with("timeout must"));
    assert!(refused(log().concurrent_requests(0)).starts_with("concurrent_requests must"));
    assert!(refused(log().concurrent_appends(0)).starts_with("concurrent_appends must"));
    let never = Retry {
        attempts: 0,
        ..Retry::default()
    };
    assert!(refused(log().retry(never)).starts_with("retry.attempts must"));
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_by_name() {
    let log = || LogClient::builder("https://localhost");
    for file in [
        "/nowhere/ca.pem",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ] {
        let text = refused(log().ca_file(file));
        assert!(
            text.starts_with("ca_file must") && text.contains(file),
            "{text}"
        );
    }
}

#[tokio::test]
#[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
async fn a_wrong_argument_is_refused_before_anything_is_sent() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 1);
    let message = |error: Error| {
        assert_eq!(error.kind(), &ErrorKind::InvalidArgument);
        error.to_string()
    };
    let none: [Record; 0] = [];
    let error = client.append(none).await.unwrap_err();
    assert!(message(error).starts_with("records must"));
    let error = client
        .append([("orders", "first"), ("", "second")])
        .await
        .unwrap_err();
    assert!(message(error).starts_with("records[1]: key must"));
    assert!(message(client.count("", ..).await.unwrap_err()).starts_with("key must"));
    assert!(message(client.delete_key("", None).await.unwrap_err()).starts_with("key must"));
    assert!(message(client.count("orders", 5..2).await.unwrap_err()).contains("not 5..2"));
    assert!(message(client.segments(..=u64::MAX).await.unwrap_err()).starts_with("range must"));
    let streams = [
        client.scan("", ..),
        client.tail("", 0),
        client.scan("orders", 5..2),
        client.scan_with("orders", .., ReadOptions::new().page(0)),
        client.tail_with("orders", 0, ReadOptions::new().page(0)),
        client.last("", 1),
        client.last("orders", 0),
    ];
    for mut stream in streams {
        message(stream.next().await.unwrap().unwrap_err());
        assert!(stream.next().await.is_none());
    }
    assert!(server.requests().is_empty());
}
