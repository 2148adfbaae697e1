//! The S3 server that the other tests stand on: does it start, and does it keep what S3 promises?

use std::time::Duration;

use log_testkit::http;
use log_testkit::seaweedfs::SeaweedFs;

const ONLY_IF_ABSENT: &[&str] = &["if-none-match: *"];

#[test]
fn a_conditional_put_succeeds_once_and_keeps_the_first_body() {
    // Fencing rests on this answer: if it were 200, two writers could both believe that they own the log.
    let s3 = SeaweedFs::start();
    s3.create_bucket("conditional");
    let put = |body: &[u8]| {
        s3.request("PUT", "/conditional/manifest", ONLY_IF_ABSENT, body)
            .unwrap()
            .status
    };
    assert_eq!(put(b"first"), 200);
    assert_eq!(put(b"second"), 412);
    let kept = s3
        .request("GET", "/conditional/manifest", &[], b"")
        .unwrap();
    assert_eq!((kept.status, kept.body.as_slice()), (200, &b"first"[..]));
}

#[test]
fn of_many_conditional_puts_at_once_exactly_one_succeeds() {
    let s3 = SeaweedFs::start();
    s3.create_bucket("conditional");
    for round in 0..5 {
        let path = format!("/conditional/{round}");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..3)
                .map(|racer| {
                    let (s3, path) = (&s3, &path);
                    scope.spawn(move || {
                        let body = format!("racer {racer}");
                        s3.request("PUT", path, ONLY_IF_ABSENT, body.as_bytes())
                            .unwrap()
                            .status
                    })
                })
                .collect();
            racers.into_iter().map(|r| r.join().unwrap()).collect()
        });
        let won = statuses.iter().filter(|&&status| status == 200).count();
        assert_eq!(won, 1, "round {round}: {statuses:?}");
    }
}

#[test]
fn a_paused_server_is_silent_and_a_resumed_one_still_has_its_objects() {
    let s3 = SeaweedFs::start();
    s3.create_bucket("outage");
    assert_eq!(
        s3.request("PUT", "/outage/a", &[], b"kept").unwrap().status,
        200
    );
    s3.pause();
    let short = Duration::from_millis(500);
    assert!(http::request(s3.port(), "GET", "/outage/a", &[], b"", short).is_err());
    s3.resume();
    assert_eq!(
        s3.request("GET", "/outage/a", &[], b"").unwrap().body,
        b"kept"
    );
}
