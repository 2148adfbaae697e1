//! The emulator of Google Cloud Storage that the other tests stand on: does it refuse what Google refuses?
//! <https://cloud.google.com/storage/docs/xml-api/reference-status>

use std::time::Duration;

use log_testkit::gcs::Gcs;
use log_testkit::http::{self, Answer};

const ABSENT: &str = "x-goog-if-generation-match: 0";

fn ask(gcs: &Gcs, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let timeout = Duration::from_secs(10);
    http::request(gcs.port(), method, path, headers, body, timeout).expect("an answer")
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
    assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
}

fn with_bucket() -> Gcs {
    let gcs = Gcs::start();
    gcs.create_bucket("bucket");
    gcs
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn a_put_succeeds_only_if_the_generation_is_the_one_it_names() {
    let gcs = with_bucket();
    let put = |header: &str| ask(&gcs, "PUT", "/bucket/a%2Fb", &[header], b"body");
    assert_eq!(put(ABSENT).status, 200);
    for wrong in [ABSENT, "x-goog-if-generation-match: 2"] {
        refused(&put(wrong), 412, "PreconditionFailed");
    }
    assert_eq!(put("x-goog-if-generation-match: 1").status, 200);
    refused(
        &put("x-goog-if-generation-match: 1"),
        412,
        "PreconditionFailed",
    );
    refused(
        &put("x-goog-if-generation-match: one"),
        400,
        "InvalidArgument",
    );
    // A generation is not given again when the object is gone and comes back.
    assert_eq!(ask(&gcs, "DELETE", "/bucket/a%2Fb", &[], b"").status, 204);
    assert_eq!(put(ABSENT).status, 200);
    refused(
        &put("x-goog-if-generation-match: 1"),
        412,
        "PreconditionFailed",
    );
}

#[test]
fn of_many_conditional_puts_exactly_one_succeeds() {
    let gcs = with_bucket();
    let put = |body: &str| ask(&gcs, "PUT", "/bucket/a", &[ABSENT], body.as_bytes()).status;
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let racers = ["1", "2", "3", "4"].map(|body| scope.spawn(move || put(body)));
        racers.map(|racer| racer.join().expect("no panic")).into()
    });
    let won = statuses.iter().filter(|&&status| status == 200).count();
    assert_eq!(won, 1, "{statuses:?}");
}

#[test]
fn what_is_not_there_and_who_has_no_token_is_refused() {
    let gcs = with_bucket();
    refused(&ask(&gcs, "GET", "/other/a", &[], b""), 404, "NoSuchBucket");
    refused(&ask(&gcs, "PUT", "/other/a", &[], b""), 404, "NoSuchBucket");
    refused(
        &ask(&gcs, "GET", "/other?list-type=2", &[], b""),
        404,
        "NoSuchBucket",
    );
    refused(&ask(&gcs, "GET", "/bucket/a", &[], b""), 404, "NoSuchKey");
    refused(
        &ask(&gcs, "DELETE", "/bucket/a", &[], b""),
        404,
        "NoSuchKey",
    );
    refused(
        &ask(&gcs, "PUT", "/bucket/a?acl", &[], b""),
        400,
        "InvalidArgument",
    );
    gcs.accept_token("right");
    for headers in [&[][..], &["authorization: Bearer wrong"]] {
        let answer = ask(&gcs, "GET", "/bucket?list-type=2", headers, b"");
        refused(&answer, 401, "AuthenticationRequired");
    }
    let right = ["authorization: Bearer right"];
    assert_eq!(
        ask(&gcs, "GET", "/bucket?list-type=2", &right, b"").status,
        200
    );
}

#[test]
fn ranges_and_lists_have_their_bounds() {
    let gcs = with_bucket();
    for key in ["a", "dir%2F1", "dir%2F2", "z"] {
        ask(&gcs, "PUT", &format!("/bucket/{key}"), &[], b"0123456789");
    }
    let part = ask(&gcs, "GET", "/bucket/a", &["range: bytes=2-4"], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &b"234"[..]));
    let beyond = ask(&gcs, "GET", "/bucket/a", &["range: bytes=10-11"], b"");
    refused(&beyond, 416, "InvalidRange");
    let list = |query: &str| {
        text(&ask(
            &gcs,
            "GET",
            &format!("/bucket?list-type=2&{query}"),
            &[],
            b"",
        ))
    };
    let page = list("max-keys=2");
    assert!(
        page.contains("<Key>dir/1</Key>") && !page.contains("<Key>dir/2</Key>"),
        "{page}"
    );
    assert!(page.contains("<NextContinuationToken>dir/1<"), "{page}");
    let rest = list("continuation-token=dir%2F1");
    assert!(
        rest.contains("<Key>dir/2</Key>") && !rest.contains("<Key>dir/1</Key>"),
        "{rest}"
    );
    assert!(rest.contains("<IsTruncated>false"), "{rest}");
    let folders = list("delimiter=%2F");
    assert!(
        folders.contains("<Prefix>dir/</Prefix>") && !folders.contains("dir/1"),
        "{folders}"
    );
    let prefix = list("prefix=dir%2F&start-after=dir%2F1");
    assert!(
        prefix.contains("dir/2") && !prefix.contains("<Key>a<"),
        "{prefix}"
    );
}

#[test]
fn an_upload_in_parts_is_there_when_it_is_complete_and_not_before() {
    let gcs = with_bucket();
    let large = vec![b'x'; 5 << 20];
    let begin = || {
        let begun = text(&ask(&gcs, "POST", "/bucket/a?uploads=", &[], b""));
        let (_, rest) = begun.split_once("<UploadId>").expect("an id");
        rest.split_once('<').expect("its end").0.to_owned()
    };
    let part = |id: &str, number: u32, body: &[u8]| {
        let path = format!("/bucket/a?partNumber={number}&uploadId={id}");
        ask(&gcs, "PUT", &path, &[], body)
    };
    let complete = |id: &str, numbers: &[u32]| {
        let parts = numbers.iter();
        let parts = parts.map(|number| format!("<Part><PartNumber>{number}</PartNumber></Part>"));
        let body: String = parts.collect();
        let path = format!("/bucket/a?uploadId={id}");
        ask(&gcs, "POST", &path, &[], body.as_bytes())
    };
    let id = begin();
    assert_eq!(part(&id, 1, &large).status, 200);
    assert_eq!(part(&id, 2, b"end").status, 200);
    refused(&ask(&gcs, "GET", "/bucket/a", &[], b""), 404, "NoSuchKey");
    refused(&complete(&id, &[1, 3]), 400, "InvalidPart");
    assert_eq!(complete(&id, &[1, 2]).status, 200);
    let whole = ask(&gcs, "GET", "/bucket/a", &[], b"").body;
    assert_eq!(whole.len(), large.len() + 3);
    refused(&complete(&id, &[1, 2]), 404, "NoSuchUpload");

    let small = begin();
    part(&small, 1, b"small");
    part(&small, 2, b"end");
    refused(&complete(&small, &[1, 2]), 400, "EntityTooSmall");
    let aborted = format!("/bucket/a?uploadId={small}");
    assert_eq!(ask(&gcs, "DELETE", &aborted, &[], b"").status, 204);
    refused(&part(&small, 3, b""), 404, "NoSuchUpload");
}
