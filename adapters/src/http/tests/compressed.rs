//! Bodies that are sent compressed, and answers that are asked for compressed.

use std::io::{Read, Write};

use futures::StreamExt;

use super::*;

const MIB: usize = 1 << 20;

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

pub(super) fn zstd(text: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(text, 1).expect("memory")
}

fn decompressed(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut whole),
        "zstd" => ::zstd::stream::copy_decode(body, &mut whole).map(|()| 0),
        other => panic!("{other}"),
    }
    .expect(coding);
    whole
}

fn append(coding: &str, body: impl Into<Body>) -> Request {
    post("/api/v1/log/append", &[("content-encoding", coding)]).body(body)
}

fn in_pieces(body: &[u8], length: usize) -> Body {
    let pieces: Vec<_> = body.chunks(length).map(Bytes::copy_from_slice).collect();
    Body::from_bytes_stream(futures::stream::iter(pieces).map(std::io::Result::Ok))
}

const ONE: &[u8] = br#"{"records":[{"keyText":"k","valueText":"v"}]}"#;

#[tokio::test]
async fn a_body_may_be_gzip_or_zstd_in_both_formats_and_in_pieces() {
    use prost::Message;

    let server = memory_server();
    let protobuf = crate::http::proto::AppendRequest {
        records: vec![crate::http::proto::Record {
            key: Some("k".into()),
            value: Some("v".repeat(100_000).into()),
            headers: Vec::new(),
        }],
        await_durable: false,
        ..Default::default()
    }
    .encode_to_vec();
    for (coding, compress) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("X-Gzip", gzip),
        ("zstd", zstd),
    ] {
        for length in [1, 7, 1_000_000] {
            let answer = server
                .send(append(coding, in_pieces(&compress(ONE), length)))
                .await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{coding} {length}: {answer:?}"
            );
            let headers = [
                ("content-encoding", coding),
                ("content-type", "application/protobuf"),
            ];
            let body = in_pieces(&compress(&protobuf), length);
            let request = post("/api/v1/log/append", &headers).body(body);
            let answer = server.send(request).await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{coding} {length}: {answer:?}"
            );
        }
        // Two members, or frames, are one body.
        let (first, second) = ONE.split_at(20);
        let body = [compress(first), compress(second)].concat();
        let answer = server.send(append(coding, body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{coding}: {answer:?}");
    }
    let plain = server.send(append("identity", ONE)).await;
    assert_eq!(plain.status, StatusCode::OK, "{plain:?}");
    let count = server.get("/api/v1/log/count?key=k").await.json();
    assert_eq!(count["count"], 3 * (3 * 2 + 1) + 1);
}

#[tokio::test]
async fn a_body_that_is_cut_or_damaged_or_not_compressed_is_refused() {
    let server = memory_server();
    for (coding, compress) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd)] {
        let good = compress(ONE);
        for length in 0..good.len() {
            let answer = server.send(append(coding, good[..length].to_vec())).await;
            let message = answer.error(400, "invalid_argument");
            assert!(
                message.starts_with(&format!("the body is not {coding}: ")),
                "{length}: {message}"
            );
        }
        for body in [ONE.to_vec(), [&good[..], b"more"].concat()] {
            let message = server.send(append(coding, body)).await;
            let message = message.error(400, "invalid_argument");
            assert!(message.contains(&format!("not {coding}")), "{message}");
        }
    }
    let mut damaged = gzip(ONE);
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    server
        .send(append("gzip", damaged))
        .await
        .error(400, "invalid_argument");
    let count = server.get("/api/v1/log/count?key=k").await.json();
    assert_eq!(count["count"], 0);
}

#[tokio::test]
async fn another_encoding_is_refused_by_its_name_with_those_that_are_taken() {
    let server = memory_server();
    for coding in ["br", "deflate", "compress", "gzip, gzip"] {
        let answer = server.send(append(coding, ONE)).await;
        let message = answer.error(415, "unsupported_media_type");
        assert!(
            coding.contains("gzip") || message.contains(coding),
            "{message}"
        );
        assert!(message.contains("gzip, as zstd"), "{message}");
        assert_eq!(answer.header("accept-encoding"), "zstd, gzip");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit_and_with_bounded_memory() {
    let zeros = vec![b' '; 64 * MIB];
    let deep = {
        // A frame with a window of 128 MiB: more than any frame may ask for.
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.window_log(27).expect("a window");
        encoder.write_all(&zeros).expect("memory");
        encoder.finish().expect("memory")
    };
    let limits = Limits {
        request_bytes: MIB,
        // Room for the output twice over, and for the window of one frame.
        append_queue_bytes: 12 * MIB,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        assert!(bomb.len() < MIB, "{}", bomb.len());
        let message = server
            .send(append(coding, bomb))
            .await
            .error(413, "too_large");
        assert!(
            message.contains("decompressed request body in bytes"),
            "{message}"
        );
        assert!(message.contains("over the limit of 1048576"), "{message}");
    }
    server
        .send(append("zstd", deep))
        .await
        .error(400, "invalid_argument");
    // A compressed body that is over the limit itself, though nothing comes out of it.
    let nothing = gzip(b"").repeat(MIB / 20 + 1);
    server
        .send(append("gzip", nothing))
        .await
        .error(413, "too_large");
    // All was given back.
    let full = vec![b' '; MIB];
    server
        .append_json(full)
        .await
        .error(400, "invalid_argument");
    assert_eq!(
        server.send(append("zstd", zstd(ONE))).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_comes_out_of_a_body_is_charged_to_the_budget_of_appends() {
    let limits = Limits {
        append_queue_bytes: MIB,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    for (coding, body) in [
        ("gzip", gzip(&vec![b' '; 4 * MIB])),
        ("zstd", zstd(&vec![b' '; 4 * MIB])),
    ] {
        let answer = server.send(append(coding, body)).await;
        answer.error(429, "overloaded");
        server.append("k", &["fits again"]).await;
    }
}

/// A server with a page of records that is worth compressing.
async fn filled(options: HttpOptions) -> Server {
    let server = memory_server_with(Limits::default(), options);
    let values: Vec<String> = (0..2_000).map(|number| format!("value {number}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    server.append("k", &values).await;
    server
}

#[tokio::test]
async fn an_answer_is_compressed_for_a_client_that_asks_for_it() {
    let server = filled(HttpOptions::default()).await;
    for uri in [
        "/api/v1/log/scan?key=k&limit=2000",
        "/openapi.json",
        "/openapi.yaml",
        "/docs/swagger-ui.css",
    ] {
        for accept in ["application/json", "application/protobuf"] {
            let plain = server.send(get(uri, &[("accept", accept)])).await;
            assert!(!plain.headers.contains_key("content-encoding"), "{uri}");
            assert_eq!(plain.header("vary"), "accept, accept-encoding", "{uri}");
            for (asked, coding) in [("gzip, deflate, br", "gzip"), ("gzip;q=0.5, zstd", "zstd")] {
                let headers = [("accept", accept), ("accept-encoding", asked)];
                let answer = server.send(get(uri, &headers)).await;
                assert_eq!(answer.status, StatusCode::OK);
                assert_eq!(answer.header("content-encoding"), coding, "{uri}");
                assert_eq!(answer.header("content-type"), plain.header("content-type"));
                assert!(answer.body.len() < plain.body.len() / 2, "{uri} {coding}");
                assert!(
                    decompressed(coding, &answer.body) == plain.body,
                    "{uri} {coding}"
                );
            }
        }
    }
}

#[tokio::test]
async fn short_answers_events_and_what_nobody_asked_for_are_not_compressed() {
    let server = filled(HttpOptions::default()).await;
    let zstd = ("accept-encoding", "zstd");
    for (uri, headers) in [
        ("/api/v1/log/count?key=k", &[zstd][..]),
        ("/api/v1/log/scan?key=", &[zstd]),
        ("/api/v1/log/stream?key=k&end_seq=2000", &[zstd]),
        (
            "/api/v1/log/scan?key=k&limit=2000",
            &[("accept-encoding", "identity")],
        ),
        (
            "/api/v1/log/scan?key=k&limit=2000",
            &[("accept-encoding", "br")],
        ),
        (
            "/api/v1/log/scan?key=k&limit=2000",
            &[("accept-encoding", "zstd;q=0")],
        ),
    ] {
        let answer = server.send(get(uri, headers)).await;
        assert!(
            !answer.headers.contains_key("content-encoding"),
            "{uri} {headers:?}"
        );
        assert!(answer.body.is_ascii(), "{uri}");
    }
}

#[tokio::test]
async fn an_answer_for_which_there_is_no_room_to_compress_it_is_sent_as_it_is() {
    let server = filled(HttpOptions {
        answer_bytes: 512 << 10,
        ..HttpOptions::default()
    })
    .await;
    let zstd = [("accept-encoding", "zstd")];
    let answer = server
        .send(get("/api/v1/log/scan?key=k&limit=2000", &zstd))
        .await;
    assert_eq!(
        answer.json()["values"].as_array().map(Vec::len),
        Some(2_000)
    );
}

#[tokio::test]
async fn what_anybody_may_ask_for_takes_nothing_of_the_room_for_answers() {
    // There is room to compress one answer.
    let server = filled(HttpOptions {
        answer_bytes: 3 << 19,
        ..HttpOptions::default()
    })
    .await;
    let mut unread = Vec::new();
    for coding in ["gzip", "zstd"] {
        let accept = ("accept-encoding", coding);
        for uri in [
            "/docs/swagger-ui-bundle.js",
            "/docs/swagger-ui.css",
            "/openapi.json",
            "/openapi.yaml",
        ] {
            for _ in 0..3 {
                let response = server.response(get(uri, &[accept])).await;
                assert_eq!(response.headers()["content-encoding"], coding, "{uri}");
                unread.push(response);
            }
        }
        let long = format!("/api/v1/log/scan?{}=1", "x".repeat(4_000));
        for uri in [&format!("/{}", "x".repeat(4_000)), &long] {
            let response = server.response(get(uri, &[accept])).await;
            assert!(response.status().is_client_error());
            assert!(!response.headers().contains_key("content-encoding"));
            unread.push(response);
        }
    }
    let scan = get(
        "/api/v1/log/scan?key=k&limit=2000",
        &[("accept-encoding", "gzip")],
    );
    let response = server.response(scan).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn an_answer_that_is_being_compressed_holds_its_budget_until_it_is_read_or_left() {
    let server = filled(HttpOptions {
        answer_bytes: 3 << 19,
        ..HttpOptions::default()
    })
    .await;
    let scan = |headers: &[(&str, &str)]| get("/api/v1/log/scan?key=k&limit=2000", headers);
    let compressed = |response: &Response| response.headers().contains_key("content-encoding");
    for _ in 0..3 {
        let first = server.response(scan(&[("accept-encoding", "gzip")])).await;
        assert!(compressed(&first));
        let second = server.response(scan(&[("accept-encoding", "gzip")])).await;
        assert!(!compressed(&second), "there is no room for two");
        drop(first);
    }
}
