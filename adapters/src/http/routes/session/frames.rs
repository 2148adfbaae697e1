//! The frames of a session, as they arrive.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use log_domain::budget::Permit;
use log_domain::{Append, Durability, Error, Limits};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::http::wire::append_request;
use crate::http::wire::delimited::{Delimited, NoMessage};
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::reply::held;

/// So much is read of a session before it is committed, if so much is there.
const GROUP_BYTES: usize = 1 << 20;
const GROUP_FRAMES: usize = 4_096;

/// A session without room for what it received looks again after this time.
const ROOM_LOOK: Duration = Duration::from_millis(20);

/// What a client ends a session with is read and dropped for so long, so that its connection is not reset before it has read the answers.
const LINGER: Duration = Duration::from_secs(2);

/// The frames of a client.
pub(in crate::http) struct Frames {
    body: BoxStream<'static, io::Result<Bytes>>,
    received: Delimited,
    /// The room that they take.
    permit: Permit,
    timeout: Duration,
    /// Since when a frame waits for its rest.
    begun: Option<Instant>,
    has_ended: bool,
}

/// Requests that arrived together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) appends: Vec<(Append, Durability)>,
    /// What is wrong with the frame behind them, with which the session ends.
    pub(super) failure: Option<Failure>,
}

impl Frames {
    /// The frames of `body`, each of at most `limit` bytes. The room that they take is added to `permit`. A frame that has begun must be there
    /// within `timeout`.
    pub(in crate::http) fn new(
        body: BoxStream<'static, io::Result<Bytes>>,
        limit: usize,
        permit: Permit,
        timeout: Duration,
    ) -> Self {
        Self {
            body,
            received: Delimited::new(limit),
            permit,
            timeout,
            begun: None,
            has_ended: false,
        }
    }

    /// Waits for the next bytes, and takes those too that are there already.
    ///
    /// # Errors
    /// What the session ends with: a body that was cut off or ended within a frame, a frame that does not arrive in time, and no room.
    pub(in crate::http) async fn receive(&mut self) -> Result<(), Failure> {
        let next = match self.begun {
            None => self.body.next().await,
            Some(begun) => timeout_at(begun + self.timeout, self.body.next())
                .await
                .map_err(|_| self.late())?,
        };
        self.add(next).await?;
        let mut gave_way = false;
        while !self.has_ended && self.received.len() < GROUP_BYTES {
            match self.body.next().now_or_never() {
                Some(next) => {
                    self.add(next).await?;
                    gave_way = false;
                }
                None if gave_way => break,
                // The connection has one chunk at a time for the session, and takes the next one apart when it gets its turn.
                None => {
                    yield_now().await;
                    gave_way = true;
                }
            }
        }
        Ok(())
    }

    async fn add(&mut self, next: Option<io::Result<Bytes>>) -> Result<(), Failure> {
        let Some(piece) = next else {
            self.has_ended = true;
            return Ok(());
        };
        let piece = piece
            .map_err(|error| Failure::invalid(format!("the frames were not received: {error}")))?;
        let deadline = Instant::now() + self.timeout;
        while let Err(full) = self.permit.grow(piece.len() as u64) {
            if Instant::now() >= deadline {
                return Err(full.into());
            }
            sleep(ROOM_LOOK).await;
        }
        self.received.add(&piece);
        Ok(())
    }

    /// The requests that have arrived, up to the size of a group; without any if none has arrived whole.
    pub(super) fn group(&mut self, limits: &Limits) -> Group {
        let (mut group, mut bytes) = (Group::default(), 0);
        while group.appends.len() < GROUP_FRAMES && bytes < GROUP_BYTES {
            match self.next(limits) {
                Ok(Some((append, durability))) => {
                    bytes += (append.batch().bytes() + append.bookkeeping()) as usize;
                    group.appends.push((append, durability));
                }
                Ok(None) => break,
                Err(failure) => {
                    group.failure = Some(failure);
                    break;
                }
            }
        }
        group
    }

    fn next(&mut self, limits: &Limits) -> Result<Option<(Append, Durability)>, Failure> {
        let frame = self.frame()?;
        frame
            .map(|frame| append_request::decode_frame(frame, limits))
            .transpose()
    }

    /// The next frame as it is; `None` if it has not arrived whole.
    ///
    /// # Errors
    /// Nothing that follows is a frame.
    pub(in crate::http) fn frame(&mut self) -> Result<Option<Bytes>, Failure> {
        let frame = self.received.next().map_err(|error| match error {
            NoMessage::NoLength => Failure::invalid("a frame has no length"),
            NoMessage::TooLarge(actual, limit) => Failure::from(Error::TooLarge {
                what: "frame in bytes",
                actual,
                limit: limit as u64,
            }),
        })?;
        self.begun = match (&frame, self.received.len()) {
            (None, 1..) => self.begun.or_else(|| Some(Instant::now())),
            _ => None,
        };
        match frame {
            None if self.has_ended && self.received.len() > 0 => {
                Err(Failure::invalid("the body ends within a frame"))
            }
            frame => Ok(frame),
        }
    }

    /// Gives back the room of the requests that were answered, or passed on.
    pub(in crate::http) fn were_answered(&mut self) {
        self.permit.shrink_to(self.received.len() as u64);
    }

    /// `passed`, which was taken out of the frames, with room that it takes until it is dropped.
    ///
    /// # Errors
    /// When there is no room.
    pub(in crate::http) fn hold(&mut self, passed: Bytes) -> Result<Bytes, Failure> {
        self.were_answered();
        let permit = self.permit.another(passed.len() as u64)?;
        Ok(held(passed, permit))
    }

    /// Whether nothing more can arrive.
    pub(in crate::http) fn have_ended(&self) -> bool {
        self.has_ended
    }

    /// Reads and drops what the client sends until it has seen that the session is over.
    pub(in crate::http) async fn linger(mut self) {
        drop(self.permit);
        if self.has_ended {
            return;
        }
        let rest = async {
            while let Some(Ok(_)) = self.body.next().await {
                // Also if there is always more.
                tokio::task::yield_now().await;
            }
        };
        let _ = timeout(LINGER, rest).await;
    }

    fn late(&self) -> Failure {
        Failure::new(
            Reason::DeadlineExceeded,
            format!(
                "the rest of a frame did not arrive within {} ms; of this frame nothing was applied",
                self.timeout.as_millis()
            ),
        )
    }
}
