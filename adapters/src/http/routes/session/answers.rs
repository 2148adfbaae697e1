//! The answers of a session, as they are sent.

use bytes::Bytes;
use log_domain::append::ends_session;
use log_domain::{Appended, Error, Result};
use prost::Message;

use crate::http::wire::append_response;
use crate::http::wire::failure::Failure;
use crate::http::wire::request_id::RequestId;

/// Bytes of an answer to an append that was applied, at most about.
const ANSWER_BYTES: usize = 32;

/// Writes answers.
pub(super) struct Answers {
    request_id: RequestId,
    frames: Vec<u8>,
}

impl Answers {
    /// The answers to the frames of this request.
    pub(super) fn new(request_id: RequestId) -> Self {
        Self {
            request_id,
            frames: Vec::new(),
        }
    }

    /// Answers requests with their outcomes, up to the one that ends the session; whether one does. `of_producer` says of each whether it has a
    /// producer.
    ///
    /// What is behind one whose outcome is not known may have been applied with it, and is answered too: of what has no answer nothing is applied.
    pub(super) fn add(&mut self, outcomes: Vec<Result<Appended>>, of_producer: &[bool]) -> bool {
        self.frames.reserve(outcomes.len() * ANSWER_BYTES);
        let applied =
            |outcome: &Result<_>| matches!(outcome, Ok(_) | Err(Error::OutcomeUnknown { .. }));
        let last_applied = outcomes.iter().rposition(applied);
        let mut has_ended = false;
        let outcomes = outcomes.into_iter().zip(of_producer).enumerate();
        for (place, (outcome, of_producer)) in outcomes {
            if has_ended && Some(place) > last_applied {
                break;
            }
            has_ended |= ends_session(*of_producer, &outcome);
            match outcome {
                Ok(appended) => self.success(&appended),
                Err(error) => self.failure(&Failure::from(error)),
            }
        }
        has_ended
    }

    fn success(&mut self, appended: &Appended) {
        let answer = append_response::of(appended);
        // A `Vec` has room for it.
        let _ = answer.encode_length_delimited(&mut self.frames);
    }

    /// Answers a request that was refused.
    pub(super) fn failure(&mut self, failure: &Failure) {
        let answer = failure.logged_answer(&self.request_id);
        // A `Vec` has room for it.
        let _ = answer.encode_length_delimited(&mut self.frames);
    }

    /// What was added since the last call.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.frames).into()
    }
}
