//! Sessions at a node that does not serve their partition.

use crate::support::client::{Client, http};
use crate::support::place::Place;
use crate::support::session::{Outcome, Session, request};

use super::{start, until_served};

/// The next answer, which is there.
async fn answer(session: &mut Session) -> Outcome {
    let answer = session.answer().await.expect("not broken off");
    answer.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_at_any_node_appends_to_the_partition_of_its_first_frame() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let http = http();
    for number in 0..8 {
        let key = format!("key-{number}");
        for node in [&a, &b] {
            let mut session = Session::open(&http, node.url()).await.expect("a session");
            for value in ["0", "1", "2"] {
                session.send(request(&key, value, None));
            }
            let mut starts = Vec::new();
            for _ in 0..3 {
                let answer = answer(&mut session).await;
                starts.push(answer.expect("appended"));
            }
            assert!(starts.is_sorted(), "{starts:?}");
            // A frame of another partition is answered, and the session goes on.
            session.send(request(&format!("other-{number}"), "v", None));
            let other = answer(&mut session).await;
            session.send(request(&key, "3", None));
            let last = answer(&mut session).await;
            let last = last.expect("appended");
            assert!(last > starts[2], "{last} after {starts:?}");
            if let Err(code) = other {
                assert_eq!(code, "invalid_argument");
            }
            session.end();
            let end = session.answer().await.expect("not broken off");
            assert!(end.is_none(), "{end:?}");
        }
        for reader in [&a, &b] {
            let found = Client::new(reader).scan_all(key.as_bytes(), 100).await;
            let values: Vec<u8> = found.into_iter().flat_map(|(_, value)| value).collect();
            assert_eq!(values, b"01230123");
        }
    }
}
