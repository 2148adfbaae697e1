//! Appends that are split by partition.

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::wire::{self, AppendResponse, ErrorResponse};
use crate::{AppendOptions, ErrorKind, PartOutcome};

fn part(partition: u32, outcome: &str, start: Option<u64>) -> wire::AppendPart {
    let why = start.is_none().then(|| outcome.to_owned());
    wire::AppendPart {
        partition,
        outcome: outcome.to_owned(),
        count: 1,
        start_sequence: start,
        code: why.clone(),
        message: why,
        conflict: None,
    }
}

fn refusal(status: u16, code: &str, parts: Vec<wire::AppendPart>) -> Step {
    let told = ErrorResponse {
        status: wire::ERROR.to_owned(),
        message: "scripted".to_owned(),
        code: code.to_owned(),
        parts,
        ..Default::default()
    };
    Step::Answer(Reply::message(status, &told).header("retry-after", "0"))
}

#[tokio::test]
async fn what_became_of_each_part_is_told_and_only_what_was_not_applied_is_sent_again() {
    let applied = || part(1, "applied", Some(7));
    let success = AppendResponse {
        status: wire::SUCCESS.to_owned(),
        records_appended: 1,
        parts: vec![applied()],
        ..Default::default()
    };
    let server = Fake::start([
        // Nothing was applied, so it is sent again.
        refusal(503, "unavailable", vec![part(1, "refused", None)]),
        Step::Answer(Reply::message(200, &success)),
        refusal(
            504,
            "deadline_exceeded",
            vec![applied(), part(2, "unknown", None)],
        ),
        refusal(504, "deadline_exceeded", Vec::new()),
    ])
    .await;
    let client = client(&server.url(), 5);
    let append = || client.append_split([("orders", "v")], AppendOptions::new());
    let parts = append().await.unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!((parts[0].partition, parts[0].count), (1, 1));
    assert_eq!(parts[0].outcome, PartOutcome::Applied { start: 7 });
    for expected in [2, 0] {
        let error = append().await.expect_err("unknown");
        assert_eq!(error.kind(), &ErrorKind::OutcomeUnknown);
        assert!(error.is_unknown_outcome());
        assert_eq!(error.parts().len(), expected);
        let last = error.parts().last().map(|part| &part.outcome);
        assert!(last.is_none_or(|last| matches!(last, PartOutcome::Unknown { .. })));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let sent: wire::AppendRequest = prost::Message::decode(requests[0].body.clone()).unwrap();
    assert_eq!((sent.atomic, sent.producer), (Some(false), None));
}

#[tokio::test]
async fn an_append_that_was_applied_in_part_is_an_error_of_its_own() {
    let parts = vec![part(1, "applied", Some(0)), part(2, "refused", None)];
    let mut step = refusal(409, "partly_applied", parts);
    if let Step::Answer(reply) = &mut step {
        reply.headers.clear();
    }
    let server = Fake::start([step]).await;
    let client = client(&server.url(), 5);
    let error = client.append_split([("orders", "v")], AppendOptions::new());
    let error = error.await.expect_err("refused in part");
    assert_eq!(
        (error.kind(), error.status()),
        (&ErrorKind::PartlyApplied, Some(409))
    );
    assert!(!error.is_unknown_outcome());
    let refused = PartOutcome::Refused {
        code: "refused".to_owned(),
        message: "refused".to_owned(),
    };
    assert_eq!(error.parts()[1].outcome, refused);
    assert_eq!(server.requests().len(), 1);
}
