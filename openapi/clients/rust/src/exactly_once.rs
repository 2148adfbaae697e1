//! Appends that are sent until it is known what became of them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::append::{Request, append_once, appended};
use crate::error::{Error, ErrorKind, LostAppends};
use crate::http::Http;
use crate::producer::{Producer, Producers};
use crate::record::Appended;
use crate::retry::Retry;

/// What an error means for an append.
pub(crate) enum Verdict {
    /// It was applied, by an attempt whose answer was lost.
    Applied(Appended),
    /// It is over.
    Failed(Error),
    /// It is to be sent again, by the same producer that began anew.
    Renewed,
    /// It may be of use to send it again.
    Unsettled(Error),
}

/// The attempts to deliver one append, or the first of several that are sent together.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Whether there was a session with the server.
    was_open: bool,
    failed: u32,
    /// Since when attempts fail.
    failed_since: Option<Instant>,
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
    let mut turn = producers.turn(&request.about).await;
    let mut delivery = Delivery::new();
    loop {
        let parts = request.parts(turn.producer().field(0));
        let error = match append_once(http, retry, &parts, &request.about).await {
            Ok(answer) => {
                let appended = appended(&answer);
                turn.producer().applied(appended, request.await_durable);
                turn.producer().was_about(&request.about);
                turn.settled();
                return Ok(appended);
            }
            Err(error) => error,
        };
        if error.kind().is_of_producer() {
            let about = turn.producer().about().clone();
            if http.is_elsewhere(&about, &request.about).await {
                // It was not applied: the first request of a producer has another sequence.
                turn.exchange(&request.about);
                delivery.settled();
                continue;
            }
        }
        let may_be_applied = delivery.unknown_since.is_some();
        match judged(turn.producer(), error, may_be_applied, request) {
            Verdict::Applied(appended) => {
                turn.producer().was_about(&request.about);
                turn.settled();
                return Ok(appended);
            }
            Verdict::Failed(error) => {
                turn.settled();
                return Err(error);
            }
            Verdict::Renewed => {}
            Verdict::Unsettled(error) => match delivery.pause(retry, error) {
                Ok(pause) => sleep(pause).await,
                Err(error) => {
                    if !error.is_unknown_outcome() {
                        turn.settled();
                    }
                    return Err(error);
                }
            },
        }
    }
}

/// What `error` means for the next request of the producer, which `may_be_applied` by an earlier attempt.
pub(crate) fn judged(
    producer: &mut Producer,
    error: Error,
    may_be_applied: bool,
    request: &Request,
) -> Verdict {
    let sequence = producer.sequence();
    match error.kind() {
        // The server judges the producer first, so no earlier attempt was applied.
        ErrorKind::Conflict(_) => Verdict::Failed(error),
        ErrorKind::ProducerSequenceTooOld if may_be_applied => {
            let appended = Appended {
                start: None,
                count: request.records,
            };
            producer.applied(appended, request.await_durable);
            Verdict::Applied(appended)
        }
        ErrorKind::ProducerOutOfOrder { expected } if *expected < sequence => {
            let expected = *expected;
            Verdict::Failed(lost(producer, expected, error))
        }
        ErrorKind::ProducerUnknown if producer.durable_below() < sequence => {
            let first = producer.durable_below();
            Verdict::Failed(lost(producer, first, error).with_unknown_outcome(may_be_applied))
        }
        ErrorKind::ProducerUnknown if !may_be_applied && sequence > 0 => {
            // It was idle for so long that the server forgot it, and nothing depends on what it knew.
            producer.restart();
            Verdict::Renewed
        }
        kind if kind.is_of_producer() => {
            producer.replace();
            Verdict::Failed(error.with_unknown_outcome(may_be_applied))
        }
        _ => Verdict::Unsettled(error),
    }
}

/// The server applies `expected` next: what was acknowledged from there on is lost, and this append was refused.
fn lost(producer: &mut Producer, expected: u64, error: Error) -> Error {
    let lost = LostAppends {
        requests: producer.sequence() - expected,
        appended: producer.undurable_from(expected),
    };
    let perhaps = match error.kind() {
        ErrorKind::ProducerUnknown => "may have been",
        _ => "were",
    };
    let message = format!(
        "{} appends that were acknowledged before they were durable {perhaps} lost in a crash of the server; this one was refused",
        lost.requests
    );
    producer.restart();
    error.into_cause_of(ErrorKind::AppendsLost(lost), message)
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self {
            was_open: false,
            failed: 0,
            failed_since: None,
            unknown_since: None,
            only_pages: true,
        }
    }

    /// The next append begins.
    pub(crate) fn settled(&mut self) {
        let was_open = self.was_open;
        *self = Self {
            was_open,
            ..Self::new()
        };
    }

    /// A session is open: the server is there. From now on it may be away for [`Retry::patience`], as while it restarts.
    pub(crate) fn opened(&mut self) {
        self.was_open = true;
    }

    /// The append may have been applied.
    pub(crate) fn doubt(&mut self) {
        self.unknown_since.get_or_insert_with(Instant::now);
    }

    /// How long to wait before the next attempt after one that failed with `error`.
    ///
    /// # Errors
    /// What the append ends in when there is no other attempt.
    pub(crate) fn pause(&mut self, retry: &Retry, error: Error) -> Result<Duration, Error> {
        self.failed += 1;
        let failed_since = *self.failed_since.get_or_insert_with(Instant::now);
        let is_unknown = error.is_unknown_outcome();
        self.only_pages &= is_unknown && error.status().is_some_and(|status| status != 504);
        if is_unknown {
            self.doubt();
        }
        if let Some(since) = self.unknown_since {
            let is_no_server = self.only_pages && self.failed >= retry.attempts;
            return match self.patient_pause(retry, &error, since) {
                Some(pause) if !is_no_server && passes(error.kind()) => Ok(pause),
                _ => Err(unknown(error)),
            };
        }
        let pause = if self.was_open && error.retry_after().is_some() {
            self.patient_pause(retry, &error, failed_since)
        } else {
            retry.pause_for(&error, self.failed)
        };
        pause.ok_or(error)
    }

    /// The pause if it is sent again for [`Retry::patience`] from `since` on; `None` at its end.
    fn patient_pause(&self, retry: &Retry, error: &Error, since: Instant) -> Option<Duration> {
        let asked = error.retry_after().unwrap_or_default();
        let pause = retry.pause_after(self.failed).max(asked);
        let pause = pause.min(retry.longest_pause);
        (since.elapsed() + pause <= retry.patience).then_some(pause)
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
            | ErrorKind::NotWriter
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
