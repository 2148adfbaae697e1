//! Text in place of base64, in what is sent and in what is answered.

use futures::StreamExt;

use super::*;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Appends a record of the key `k` with a value in base64.
async fn append_base64(server: &Server, value: &str) {
    let body = format!(r#"{{"records":[{{"keyText":"k","value":"{value}"}}]}}"#);
    let answer = server.append_json(body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn keys_and_values_may_be_sent_and_read_as_text() {
    let server = memory_server();
    let body = r#"{"records":[
        {"keyText":"größe","valueText":"erste\n\"Zeile\" \ud83d\ude00"},
        {"key":"Z3LDtsOfZQ==","valueText":""},
        {"keyText":"größe","value":"/w=="},
        {"key_text":"größe","key":null,"value_text":"last","value":null}
    ]}"#;
    let answer = server.append_json(body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");

    let scan = "/api/v1/log/scan?key=gr%C3%B6%C3%9Fe&format=text";
    let page = server.get(scan).await;
    let json = page.json();
    assert_eq!(json["keyText"], "größe");
    assert!(json.get("key").is_none(), "{json}");
    let values = json["values"].as_array().expect("values");
    assert_eq!(values[0]["valueText"], "erste\n\"Zeile\" 😀");
    assert_eq!(values[1]["valueText"], "");
    assert_eq!(values[3]["valueText"], "last");
    // What is no text is base64 under the usual name.
    assert_eq!(values[2]["value"], "/w==");
    for (index, value) in values.iter().enumerate() {
        let has = |name| value.get(name).is_some();
        assert_ne!(has("value"), has("valueText"), "{value}");
        assert_eq!(value["sequence"], index);
    }
    assert_eq!(json["nextSequence"], 4);

    let base64 = server.get("/api/v1/log/scan?key=gr%C3%B6%C3%9Fe").await;
    let explicit = server.get(&scan.replace("=text", "=base64")).await;
    assert_eq!(base64.body, explicit.body);
    assert_eq!(base64.json()["key"], "Z3LDtsOfZQ==");
    assert_eq!(base64.json()["values"][3]["value"], "bGFzdA==");
}

#[tokio::test]
async fn a_listing_of_keys_as_text_is_continued_as_it_says() {
    let server = memory_server();
    for key in ["YQ==", "Yg==", "/w=="] {
        let body = format!(r#"{{"records":[{{"key":"{key}","valueText":"v"}}]}}"#);
        assert_eq!(server.append_json(body).await.status, StatusCode::OK);
    }
    let page = server.get("/api/v1/log/keys?format=text&limit=1").await;
    assert_eq!(
        page.line(),
        r#"{"status":"success","keys":[{"keyText":"a"}],"nextStartAfterText":"a"}"#
    );
    let page = server
        .get("/api/v1/log/keys?format=text&start_after=a")
        .await;
    assert_eq!(
        page.line(),
        r#"{"status":"success","keys":[{"keyText":"b"},{"key":"/w=="}]}"#
    );
}

#[tokio::test]
async fn a_stream_as_text_has_one_line_of_data_for_each_record() {
    let server = memory_server();
    server.append("k", &["one\ntwo\r\u{2028}"]).await;
    append_base64(&server, "/w==").await;
    let uri = "/api/v1/log/stream?key=k&end_seq=2&format=text";
    let answer = server.get(uri).await;
    let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    let data: Vec<Json> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert_eq!(data.len(), 2, "{text}");
    assert_eq!(data[0]["valueText"], "one\ntwo\r\u{2028}");
    assert_eq!(data[1]["value"], "/w==");
}

#[tokio::test]
async fn text_never_makes_an_answer_much_longer_than_what_is_in_it() {
    let server = memory_server();
    server
        .append(
            "k",
            &[
                "\u{1b}[31mred\u{1b}[0m",
                &"\u{1}".repeat(1_000),
                &"\"".repeat(1_000),
            ],
        )
        .await;
    let page = server.get("/api/v1/log/scan?key=k&format=text").await;
    let values = &page.json()["values"];
    assert_eq!(values[0]["valueText"], "\u{1b}[31mred\u{1b}[0m");
    assert!(values[1]["value"].is_string(), "{values}");
    assert_eq!(values[2]["valueText"], "\"".repeat(1_000));
    assert!(page.body.len() < 4_000, "{}", page.body.len());
}

#[tokio::test]
async fn protobuf_has_no_text() {
    let server = memory_server();
    server.append("k", &["v"]).await;
    let accept = [("accept", "application/protobuf")];
    for query in ["scan?key=k", "keys?limit=2"] {
        let usual = server
            .send(get(&format!("/api/v1/log/{query}"), &accept))
            .await;
        let text = server
            .send(get(&format!("/api/v1/log/{query}&format=text"), &accept))
            .await;
        assert_eq!(text.body, usual.body, "{query}");
    }
}

#[tokio::test]
async fn exactly_one_of_base64_and_text_is_taken() {
    let server = memory_server();
    for (record, says) in [
        (
            r#"{"key":"aw","keyText":"k","value":""}"#,
            "record[0]: key and keyText exclude each other",
        ),
        (
            r#"{"keyText":"k","valueText":"","value":""}"#,
            "record[0]: value and valueText exclude each other",
        ),
        (
            r#"{"keyText":"k"}"#,
            "record[0]: value is missing: send value (base64) or valueText",
        ),
        (
            r#"{"valueText":"v","keyText":null}"#,
            "record[0]: key is missing: send key (base64) or keyText",
        ),
        (
            r#"{"keyText":"","valueText":""}"#,
            "record[0]: a key must have at least one byte",
        ),
        (
            r#"{"keyText":7,"valueText":""}"#,
            "expected a string as `keyText`",
        ),
        (
            "1",
            "record[0]: expected an object with `key` and `value` in base64, or with `keyText` and `valueText`, for example \
             {\"keyText\": \"k\", \"valueText\": \"v\"} at line 1 column 13, and not integer `1`",
        ),
        (r#"{"keyText":"k","valueText":"\ud800"}"#, "record[0]"),
        (
            r#"{"key":"hello world","valueText":""}"#,
            "(text goes into keyText)",
        ),
    ] {
        let body = format!(r#"{{"records":[{record}]}}"#);
        let message = server
            .append_json(body)
            .await
            .error(400, "invalid_argument");
        assert!(message.contains(says), "{record}: {message}");
    }
    let message = server.get("/api/v1/log/scan?key=k&format=utf8").await;
    let message = message.error(400, "invalid_argument");
    assert_eq!(message, "format: expected base64 or text");
}

#[tokio::test]
async fn limits_are_those_of_the_bytes_and_text_longer_than_base64_would_be_fits() {
    let limits = Limits {
        value_bytes: 4,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let with = |value: &str| format!(r#"{{"records":[{{"keyText":"k","valueText":"{value}"}}]}}"#);
    let answer = server.append_json(with("ääx")).await;
    let message = answer.error(413, "too_large");
    assert!(message.contains("is 5, over the limit of 4"), "{message}");
    assert_eq!(server.append_json(with("ää")).await.status, StatusCode::OK);

    // Nearly all of the body is text, which base64 of the same length could never be.
    let server = memory_server();
    let long = "x".repeat(100_000);
    let body = format!(
        r#"{{"records":[{{"key":"aw==","value":"dg=="}},{{"keyText":"k","valueText":"{long}"}}]}}"#
    );
    assert_eq!(server.append_json(body).await.status, StatusCode::OK);
    let page = server
        .get("/api/v1/log/scan?key=k&format=text")
        .await
        .json();
    assert_eq!(page["values"][0]["valueText"], "v");
    assert_eq!(page["values"][1]["valueText"], long);
}

#[tokio::test]
async fn a_byte_order_mark_before_json_is_accepted_and_utf_16_is_named() {
    let server = memory_server();
    let body = r#"{"records":[{"keyText":"k","valueText":"v"}]}"#;
    let marked = format!("{BYTE_ORDER_MARK}{body}");
    assert_eq!(server.append_json(marked).await.status, StatusCode::OK);
    let pieces: Vec<_> = format!("{BYTE_ORDER_MARK}{body}").into_bytes();
    let pieces = futures::stream::iter(pieces)
        .map(|byte| std::io::Result::Ok(Bytes::copy_from_slice(&[byte])));
    let request = post("/api/v1/log/append", &[]).body(Body::from_bytes_stream(pieces));
    assert_eq!(server.send(request).await.status, StatusCode::OK);

    let twice = format!("{BYTE_ORDER_MARK}{BYTE_ORDER_MARK}{body}");
    server
        .append_json(twice)
        .await
        .error(400, "invalid_argument");
    let utf_16: Vec<u8> = BYTE_ORDER_MARK
        .encode_utf16()
        .chain(body.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let message = server.append_json(utf_16).await;
    let message = message.error(400, "invalid_argument");
    assert_eq!(message, "the body is UTF-16; send JSON as UTF-8");
}
