//! How a read-only server asks the writer how far the log is durable.

use super::*;
use crate::http::durable_beyond;

#[tokio::test(start_paused = true)]
async fn the_writer_tells_how_far_it_is_durable_as_soon_as_that_moves() {
    let writer = At(memory_server());
    writer.0.append("k", &["0", "1"]).await;
    let within = Duration::from_secs(10);
    let ask = async |known: u64| durable_beyond(&writer, None, Sequence::new(known), within).await;
    let began = tokio::time::Instant::now();
    assert_eq!(ask(0).await.map(Sequence::get), Ok(2));
    assert!(began.elapsed().is_zero());
    // Nothing happens.
    assert_eq!(ask(2).await.map(Sequence::get), Ok(2));
    assert_eq!(began.elapsed(), within);
    let appending = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        writer.0.append("other", &["2"]).await;
    };
    let (told, ()) = tokio::join!(ask(2), appending);
    assert_eq!(told.map(Sequence::get), Ok(3));
    assert_eq!(began.elapsed().as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_of_a_writer_tells_nothing() {
    let zero = Sequence::ZERO;
    let within = Duration::from_secs(10);
    let json = [("content-type", "application/json")];
    for (writer, why) in [
        (Scripted::default(), "no answer in time"),
        (Scripted::answering(200, &json, "{}"), "does not say"),
        (
            Scripted::answering(401, &json, "{}"),
            "reader.writer_token_file",
        ),
        (
            Scripted::answering(
                503,
                &[("log-durable-sequence", "7")],
                r#"{"code": "unavailable"}"#,
            ),
            "status 503 unavailable",
        ),
        (
            Scripted::answering(404, &[("log-durable-sequence", "7")], "<html>"),
            "status 404",
        ),
    ] {
        let told = durable_beyond(&writer, Some("a-token"), zero, within).await;
        let told = told.expect_err("nothing is told");
        assert!(told.contains(why), "{told}");
        let seen = writer.seen.lock();
        assert_eq!(seen[0].headers()["authorization"], "Bearer a-token");
    }
}
