//! What is known of an append after something went wrong, without producers.

use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Fake, Reply, Step};
use super::{LARGE, builder, client};
use crate::wire::{self, ErrorResponse};
use crate::{Appended, Error, ErrorKind, LogClient, Retry};

const CODES: [(u16, &str, ErrorKind); 13] = [
    (400, "invalid_argument", ErrorKind::InvalidArgument),
    (401, "unauthenticated", ErrorKind::Unauthenticated),
    (403, "permission_denied", ErrorKind::PermissionDenied),
    (404, "not_found", ErrorKind::NotFound),
    (405, "method_not_allowed", ErrorKind::MethodNotAllowed),
    (413, "too_large", ErrorKind::TooLarge),
    (
        415,
        "unsupported_media_type",
        ErrorKind::UnsupportedMediaType,
    ),
    (421, "not_writer", ErrorKind::NotWriter),
    (429, "overloaded", ErrorKind::Overloaded),
    (503, "unavailable", ErrorKind::Unavailable),
    (503, "fenced", ErrorKind::Fenced),
    (504, "deadline_exceeded", ErrorKind::DeadlineExceeded),
    (500, "internal", ErrorKind::Internal),
];

async fn append(server: &Fake, attempts: u32, bytes: usize) -> Result<Appended, Error> {
    let client = builder(&server.url(), attempts).without_producers();
    let client = client.build().unwrap();
    client.append([("orders", vec![0; bytes])]).await
}

async fn ends_in(steps: Vec<Step>, attempts: u32, bytes: usize) -> (Error, Fake) {
    let server = Fake::start(steps.clone()).await;
    match append(&server, attempts, bytes).await {
        Err(error) => (error, server),
        Ok(appended) => panic!("{steps:?} ended in {appended:?}"),
    }
}

#[tokio::test]
async fn every_code_arrives_as_a_kind_of_its_own_in_both_formats() {
    for (status, code, kind) in CODES {
        let binary = ErrorResponse {
            status: wire::ERROR.to_owned(),
            message: "scripted".to_owned(),
            code: code.to_owned(),
            ..Default::default()
        };
        let replies = [Reply::error(status, code), Reply::message(status, &binary)];
        let replies = replies.map(|reply| Step::Answer(reply.header("x-request-id", "r-1")));
        let server = Fake::start(replies).await;
        for _ in 0..2 {
            let counted = client(&server.url(), 1).count("orders", ..).await;
            let error = counted.expect_err("an error");
            assert_eq!((error.kind(), error.status()), (&kind, Some(status)));
            assert_eq!(error.request_id(), Some("r-1"));
            let url = server.url();
            assert_eq!(
                error.to_string(),
                format!("scripted (GET {url}/api/v1/log/count)")
            );
            assert!(!error.is_unknown_outcome());
        }
    }
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_is_the_error_that_the_server_sent() {
    for (status, code, kind) in CODES {
        let early = Step::Early(Reply::error(status, code));
        let (error, server) = ends_in(vec![early], 1, LARGE).await;
        let expected = match kind {
            // Nobody has read the whole request.
            ErrorKind::DeadlineExceeded => ErrorKind::Unavailable,
            kind => kind,
        };
        assert_eq!((error.kind(), error.status()), (&expected, Some(status)));
        assert!(!error.is_unknown_outcome() && server.values().is_empty());
    }
}

#[tokio::test]
async fn an_append_that_was_sent_in_part_was_not_applied() {
    let reset = Step::EarlyReset(Reply::error(413, "too_large"));
    let (error, _) = ends_in(vec![reset], 1, LARGE).await;
    let kinds = [ErrorKind::TooLarge, ErrorKind::Unavailable];
    assert!(kinds.contains(error.kind()), "{error:?}");

    let (error, server) = ends_in(vec![Step::CutRequest(100_000)], 1, LARGE).await;
    assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error:?}");
    assert!(error.message().contains("nothing was applied"), "{error}");
    // It is sent again, and then once.
    server.does([Step::CutRequest(100_000)]);
    assert_eq!(
        append(&server, 2, LARGE).await.expect("an append").start,
        Some(0)
    );
    assert_eq!(server.values().len(), 1);
}

#[tokio::test]
async fn an_append_that_may_have_been_applied_is_unknown_and_is_sent_once() {
    let junk = Reply::json(200, r#"{"status":"success"}"#);
    let moved = Reply::page(308).header("location", "http://elsewhere/");
    let unsure = [
        Step::LostAnswer,
        Step::CutAnswer(3),
        Step::Answer(Reply::error(504, "deadline_exceeded")),
        Step::Answer(Reply::error(502, "bad_gateway")),
        Step::Answer(Reply::page(200)),
        Step::Answer(Reply::page(404)),
        Step::Answer(Reply::page(502)),
        Step::Answer(junk),
        Step::Answer(moved.clone()),
        Step::Answer(Reply::message(200, &wire::CountResponse::default())),
    ];
    for step in unsure {
        let (error, server) = ends_in(vec![step.clone()], 3, 5).await;
        assert!(error.is_unknown_outcome(), "{step:?}: {error:?}");
        assert_eq!(error.kind(), &ErrorKind::OutcomeUnknown, "{step:?}");
        assert_eq!(server.requests().len(), 1, "{step:?}");
    }
    let (error, _) = ends_in(vec![Step::Answer(moved)], 1, 5).await;
    assert!(error.message().contains("http://elsewhere/"), "{error}");
}

#[tokio::test]
async fn a_server_that_stays_silent_leaves_the_outcome_unknown() {
    let server = Fake::start([Step::Silence]).await;
    let builder = builder(&server.url(), 1).without_producers();
    let client = builder.timeout(Duration::from_millis(200)).build().unwrap();
    let error = client.append([("orders", "first")]).await.unwrap_err();
    assert!(
        error.is_unknown_outcome() && error.message().contains("silence"),
        "{error}"
    );
    assert_eq!(server.values(), ["first"]);
}

#[tokio::test]
async fn what_a_server_or_a_proxy_certainly_did_not_apply_is_not_unknown() {
    let late = r#"{"status":"error","code":"deadline_exceeded","message":"no body in time; nothing was applied"}"#;
    let (error, _) = ends_in(vec![Step::Answer(Reply::json(504, late))], 1, 5).await;
    assert_eq!(
        (error.kind(), error.status()),
        (&ErrorKind::Unavailable, Some(504))
    );
    for status in [401, 413, 429] {
        let (error, server) = ends_in(vec![Step::Answer(Reply::page(status))], 3, 5).await;
        assert_eq!(error.kind(), &ErrorKind::UnexpectedAnswer, "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_append_waits_for_a_server_that_is_busy_or_opens_its_log() {
    for (status, code) in [(429, "overloaded"), (503, "unavailable")] {
        let busy = Reply::error(status, code).header("retry-after", "0");
        let steps = vec![Step::Answer(busy); 4];
        let (error, _) = ends_in(steps.clone(), 4, 5).await;
        assert_eq!(error.status(), Some(status));
        let server = Fake::start(steps).await;
        append(&server, 5, 5).await.expect("the fifth attempt");
        assert_eq!((server.requests().len(), server.values().len()), (5, 1));
    }
    let long = Reply::error(429, "overloaded").header("retry-after", "60");
    let began = Instant::now();
    let (error, server) = ends_in(vec![Step::Answer(long)], 5, 5).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert!(server.requests().len() == 1 && began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_date_in_retry_after_is_compared_with_that_of_the_answer() {
    let busy = Reply::error(503, "unavailable").header("date", "Thu, 01 Jan 2026 00:00:00 GMT");
    let at = busy
        .clone()
        .header("retry-after", "Thu, 01 Jan 2026 00:00:07 GMT");
    let (error, _) = ends_in(vec![Step::Answer(at)], 1, 5).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let odd = busy.header("retry-after", "soon");
    let (error, _) = ends_in(vec![Step::Answer(odd)], 5, 5).await;
    assert_eq!(error.retry_after(), None);
}

#[tokio::test]
async fn a_server_that_lost_the_log_is_not_asked_again() {
    let (error, server) = ends_in(vec![Step::Answer(Reply::error(503, "fenced"))], 5, 5).await;
    assert_eq!(error.kind(), &ErrorKind::Fenced);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_append_survives_a_restart_between_two_requests() {
    let mut server = Fake::start([]).await;
    let url = server.url();
    let impatient = client(&url, 1);
    impatient
        .append([("orders", "first")])
        .await
        .expect("an append");
    server.stop().await;
    let error = impatient.append([("orders", "lost")]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (&ErrorKind::Unavailable, None)
    );
    assert!(error.retry_after().is_some() && error.to_string().contains(&url));

    let patient = Retry {
        attempts: 100,
        pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(50),
        ..Retry::default()
    };
    let patient = LogClient::builder(&url)
        .no_proxy()
        .retry(patient)
        .build()
        .unwrap();
    let appended = tokio::spawn(async move { patient.append([("orders", "second")]).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.restart().await;
    assert_eq!(appended.await.unwrap().expect("an append").start, Some(1));
    impatient
        .append([("orders", "third")])
        .await
        .expect("the client of before");
    assert_eq!(server.values(), ["first", "second", "third"]);
}

#[tokio::test]
async fn a_name_or_certificate_that_is_wrong_means_that_nothing_was_sent() {
    let server = Fake::start([]).await;
    let tls = builder(&server.url().replace("http:", "https:"), 1);
    let tls = tls.timeout(Duration::from_millis(500)).build().unwrap();
    let error = tls.append([("orders", "first")]).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error:?}");
    assert!(server.requests().is_empty());
}
