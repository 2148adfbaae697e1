//! Appends that are sent until it is known what became of them.

use tokio::time::{Instant, sleep};

use crate::append::{Request, append_once, appended};
use crate::error::{Error, ErrorKind, LostAppends};
use crate::http::Http;
use crate::producer::{Producers, Turn};
use crate::record::Appended;
use crate::retry::Retry;

/// What an error means for an append.
enum Verdict {
    /// It was applied, by an attempt whose answer was lost.
    Applied(Appended),
    /// It is over.
    Failed(Error),
    /// It is to be sent again, by the same producer that began anew.
    Renewed,
    /// It may be of use to send it again.
    Unsettled(Error),
}

/// The attempts to deliver one append.
struct Delivery<'a> {
    retry: &'a Retry,
    failed: u32,
    /// Since when it may have been applied.
    unknown_since: Option<Instant>,
    /// Whether only something that is no log server ever answered: the address may be wrong.
    only_pages: bool,
}

/// Appends exactly once: an attempt of which nobody knows whether it was applied is repeated for [`Retry::patience`].
pub(crate) async fn append(
    http: &Http,
    retry: &Retry,
    producers: &Producers,
    request: &Request,
) -> Result<Appended, Error> {
    let mut turn = producers.turn().await;
    let mut delivery = Delivery {
        retry,
        failed: 0,
        unknown_since: None,
        only_pages: true,
    };
    loop {
        let parts = request.parts(turn.field());
        let error = match append_once(http, retry, parts).await {
            Ok(answer) => {
                let appended = appended(&answer);
                turn.applied(appended, request.await_durable);
                return Ok(appended);
            }
            Err(error) => error,
        };
        match judged(&mut turn, error, delivery.unknown_since.is_some(), request) {
            Verdict::Applied(appended) => return Ok(appended),
            Verdict::Failed(error) => return Err(error),
            Verdict::Renewed => {}
            Verdict::Unsettled(error) => delivery.failed(error, &mut turn).await?,
        }
    }
}

/// What `error` means for the append, which `may_be_applied` by an earlier attempt.
fn judged(turn: &mut Turn<'_>, error: Error, may_be_applied: bool, request: &Request) -> Verdict {
    let sequence = turn.sequence();
    match error.kind() {
        // The server judges the producer first, so no earlier attempt was applied.
        ErrorKind::Conflict(_) => {
            turn.refused();
            Verdict::Failed(error)
        }
        ErrorKind::ProducerSequenceTooOld if may_be_applied => {
            let appended = Appended {
                start: None,
                count: request.records,
            };
            turn.applied(appended, request.await_durable);
            Verdict::Applied(appended)
        }
        ErrorKind::ProducerOutOfOrder { expected } if *expected < sequence => {
            let expected = *expected;
            Verdict::Failed(lost(turn, expected, error))
        }
        ErrorKind::ProducerUnknown if turn.durable_below() < sequence => {
            let first = turn.durable_below();
            Verdict::Failed(lost(turn, first, error).with_unknown_outcome(may_be_applied))
        }
        ErrorKind::ProducerUnknown if !may_be_applied && sequence > 0 => {
            // It was idle for so long that the server forgot it, and nothing depends on what it knew.
            turn.restart();
            Verdict::Renewed
        }
        kind if kind.is_of_producer() => {
            turn.replace();
            turn.refused();
            Verdict::Failed(error.with_unknown_outcome(may_be_applied))
        }
        _ => Verdict::Unsettled(error),
    }
}

/// The server applies `expected` next: what was acknowledged from there on is lost, and this append was refused.
fn lost(turn: &mut Turn<'_>, expected: u64, error: Error) -> Error {
    let lost = LostAppends {
        requests: turn.sequence() - expected,
        appended: turn.undurable_from(expected),
    };
    let perhaps = match error.kind() {
        ErrorKind::ProducerUnknown => "may have been",
        _ => "were",
    };
    let message = format!(
        "{} appends that were acknowledged before they were durable {perhaps} lost in a crash of the server; this one was refused",
        lost.requests
    );
    turn.restart();
    turn.refused();
    error.into_cause_of(ErrorKind::AppendsLost(lost), message)
}

impl Delivery<'_> {
    /// Waits until the next attempt; gives the error back that the append ends in when there is none.
    async fn failed(&mut self, error: Error, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.failed += 1;
        let is_unknown = error.is_unknown_outcome();
        self.only_pages &= is_unknown && error.status().is_some_and(|status| status != 504);
        if is_unknown {
            self.unknown_since.get_or_insert_with(Instant::now);
        }
        let Some(since) = self.unknown_since else {
            let Some(pause) = self.retry.pause_for(&error, self.failed) else {
                turn.refused();
                return Err(error);
            };
            sleep(pause).await;
            return Ok(());
        };
        let asked = error.retry_after().unwrap_or_default();
        let pause = self.retry.pause_after(self.failed).max(asked);
        let pause = pause.min(self.retry.longest_pause);
        let was_enough = since.elapsed() + pause > self.retry.patience
            || self.only_pages && self.failed >= self.retry.attempts;
        if was_enough || !passes(error.kind()) {
            return Err(unknown(error));
        }
        sleep(pause).await;
        Ok(())
    }
}

/// Whether the same request may have another outcome later, here or at the server that a proxy chooses then.
fn passes(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::OutcomeUnknown
            | ErrorKind::Unavailable
            | ErrorKind::Overloaded
            | ErrorKind::Fenced
            | ErrorKind::Internal
    )
}

/// The last error of an append that an earlier attempt may have applied.
fn unknown(error: Error) -> Error {
    if error.is_unknown_outcome() {
        return error;
    }
    let message = format!(
        "an earlier attempt of the append may have been applied; the last one: {}",
        error.message()
    );
    error.into_cause_of(ErrorKind::OutcomeUnknown, message)
}
