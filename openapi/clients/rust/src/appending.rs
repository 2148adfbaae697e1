//! Streams of appends: many on one request, and the same again when it breaks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;
use futures::stream::{BoxStream, Fuse, StreamExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::append::{Request, appended};
use crate::error::{Error, ErrorKind};
use crate::exactly_once::{Delivery, Verdict, judged};
use crate::http::Http;
use crate::partition::About;
use crate::producer::{Producer, Producers};
use crate::record::Appended;
use crate::retry::Retry;
use crate::seen::Seen;
use crate::session::{Session, Told, broken};
use crate::wire::AppendResponse;

/// Appends without an outcome, unless it is set otherwise.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;

/// How long the server may take to end a session in which everything is answered.
const END: Duration = Duration::from_secs(1);

/// A stream of appends, and what is known of it.
pub(crate) struct Appending {
    http: Arc<Http>,
    retry: Retry,
    seen: Arc<Seen>,
    appends: Fuse<BoxStream<'static, Result<Request, Error>>>,
    /// None: appends are not protected.
    producers: Option<Arc<Producers>>,
    producer: Option<Producer>,
    most: usize,
    most_bytes: usize,
    /// Appends without an outcome. The first one is the next request of the producer.
    outstanding: VecDeque<Outstanding>,
    /// The length of their frames.
    bytes: usize,
    /// So many of them, from the first one on, may have been applied in a session that broke.
    in_doubt: usize,
    session: Option<Session>,
    /// The attempts since the last outcome.
    delivery: Delivery,
    /// What the last append with an outcome was about.
    about: Option<About>,
    /// Whether the producer may be of another partition, as the server refused its first request. `None`: that was not found out yet.
    is_elsewhere: Option<bool>,
    /// No more appends are taken. With an error: because of an append that cannot be sent.
    ended: Option<Result<(), Error>>,
}

struct Outstanding {
    request: Request,
    bytes: usize,
    /// Where it ends in the session that is open.
    end: u64,
}

/// What is waited for.
enum Event {
    Taken(Option<Result<Request, Error>>),
    Told(Told),
    Silence,
}

impl Appending {
    pub(crate) fn new(
        http: Arc<Http>,
        retry: Retry,
        seen: Arc<Seen>,
        producers: Option<Arc<Producers>>,
        appends: BoxStream<'static, Result<Request, Error>>,
    ) -> Self {
        Self {
            http,
            retry,
            seen,
            appends: appends.fuse(),
            producer: producers.as_ref().map(|producers| producers.of_stream()),
            producers,
            most: MOST,
            most_bytes: MOST_BYTES,
            outstanding: VecDeque::new(),
            bytes: 0,
            in_doubt: 0,
            session: None,
            delivery: Delivery::new(),
            about: None,
            is_elsewhere: None,
            ended: None,
        }
    }

    /// No more appends, and bytes of them, are without an outcome.
    pub(crate) fn bound(&mut self, appends: usize, bytes: usize) {
        (self.most, self.most_bytes) = (appends, bytes);
    }

    /// The next outcome; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Appended>, Error> {
        let mut silent_since = Instant::now();
        loop {
            self.take_what_is_ready();
            if self.outstanding.is_empty() {
                silent_since = Instant::now();
                if let Some(ended) = self.ended.take() {
                    self.end().await;
                    ended?;
                    self.hand_back();
                    return Ok(None);
                }
            } else if self.session.is_none() {
                if let Err(error) = self.open().await {
                    self.failed(error).await?;
                }
                silent_since = Instant::now();
                continue;
            }
            match self.event(silent_since).await {
                Event::Taken(append) => {
                    // Until now, there was nothing that the server could have answered.
                    if self.outstanding.is_empty() {
                        silent_since = Instant::now();
                    }
                    self.take(append);
                }
                Event::Told(told) => {
                    if let Some(outcome) = self.told(told).await? {
                        return Ok(Some(outcome));
                    }
                }
                Event::Silence => {
                    let error = broken("there was silence for too long");
                    self.broken(error).await?;
                }
            }
        }
    }

    async fn event(&mut self, silent_since: Instant) -> Event {
        let has_room = self.has_room();
        let waits = !self.outstanding.is_empty();
        let session = self.session.as_mut();
        let told = async {
            match session {
                Some(session) => session.next(&self.http, &self.retry).await,
                None => std::future::pending().await,
            }
        };
        // The longest time is that of a clock that was never set.
        let silence = silent_since.checked_add(self.http.silence);
        let silence = async {
            match silence {
                Some(silence) => sleep_until(silence).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            told = told => Event::Told(told),
            append = self.appends.next(), if has_room => Event::Taken(append),
            () = silence, if waits => Event::Silence,
        }
    }

    fn has_room(&self) -> bool {
        let few = self.outstanding.len() < self.most && self.bytes < self.most_bytes;
        self.ended.is_none() && (self.outstanding.is_empty() || few)
    }

    /// Takes appends that are there already. While there are answers, only when half of the room is free: so they are sent together.
    fn take_what_is_ready(&mut self) {
        let is_answered = self.session.as_ref().is_some_and(Session::has_received);
        let half_is_taken =
            self.outstanding.len() > self.most / 2 || self.bytes > self.most_bytes / 2;
        if is_answered && half_is_taken {
            return;
        }
        while self.has_room() {
            let Some(append) = self.appends.next().now_or_never() else {
                return;
            };
            self.take(append);
        }
    }

    fn take(&mut self, append: Option<Result<Request, Error>>) {
        match append {
            Some(Ok(request)) => {
                let mut append = Outstanding {
                    request,
                    bytes: 0,
                    end: 0,
                };
                let after = self.outstanding.len() as u64;
                send(
                    &mut append,
                    after,
                    self.producer.as_ref(),
                    self.session.as_ref(),
                );
                self.bytes += append.bytes;
                self.outstanding.push_back(append);
                return;
            }
            Some(Err(error)) => self.ended = Some(Err(error)),
            None => self.ended = Some(Ok(())),
        }
        if let Some(session) = &self.session {
            session.end();
        }
    }

    /// What the first append without an outcome is about, or what the last one was.
    fn about(&self) -> About {
        let first = self.outstanding.front();
        let about = first
            .map(|first| &first.request.about)
            .or(self.about.as_ref());
        about.cloned().unwrap_or_default()
    }

    /// The partitions may have moved. As long as there was no outcome, the producer becomes that of the partition.
    async fn prepare(&mut self, about: &About) {
        self.http.prepare(self.is_elsewhere == Some(true)).await;
        if self.is_elsewhere.is_some() {
            self.is_elsewhere = Some(false);
        }
        if self.about.is_some() || !self.http.cluster.has_partitions() {
            return;
        }
        if let (Some(producers), Some(producer)) = (&self.producers, self.producer.take()) {
            let id = producer.id().to_owned();
            let producer = producers.exchanged(producer, about);
            if id != producer.id() {
                self.in_doubt = 0;
                self.delivery.settled();
            }
            self.producer = Some(producer);
        }
    }

    /// Opens a session and sends all that has no outcome.
    async fn open(&mut self) -> Result<(), Error> {
        let about = self.about();
        self.prepare(&about).await;
        let session = Session::open(&self.http, &self.retry, &about).await?;
        self.bytes = 0;
        for (after, append) in (0..).zip(&mut self.outstanding) {
            send(append, after, self.producer.as_ref(), Some(&session));
            self.bytes += append.bytes;
        }
        if self.ended.is_some() {
            session.end();
        }
        self.session = Some(session);
        self.delivery.opened();
        Ok(())
    }

    async fn told(&mut self, told: Told) -> Result<Option<Appended>, Error> {
        match told {
            Told::Answer(answer) => return Ok(self.answered(&answer)),
            Told::Refusal(error) => return self.refused(error).await,
            Told::End => {
                self.session = None;
                if !self.outstanding.is_empty() {
                    let message = "the server ended the session before it took the append; nothing of it was applied";
                    let error = Error::new(ErrorKind::Unavailable, message);
                    let again = Some(self.retry.pause);
                    self.failed(error.with_retry_after(again)).await?;
                }
            }
            Told::Broken(error) => self.broken(error).await?,
        }
        Ok(None)
    }

    fn answered(&mut self, answer: &AppendResponse) -> Option<Appended> {
        let Some(first) = self.outstanding.front() else {
            self.session = None;
            return None;
        };
        let (appended, is_durable) = (appended(answer), first.request.await_durable);
        if let Some(producer) = &mut self.producer {
            producer.applied(appended, is_durable);
        }
        if let Some(start) = appended.start.filter(|_| is_durable) {
            self.seen
                .advance(start + appended.count, &first.request.about);
        }
        Some(self.settled(appended))
    }

    /// The first append has an outcome.
    fn settled(&mut self, appended: Appended) -> Appended {
        if let Some(first) = self.outstanding.pop_front() {
            self.bytes -= first.bytes;
            if let Some(producer) = &mut self.producer {
                producer.was_about(&first.request.about);
            }
            self.about = Some(first.request.about);
        }
        self.in_doubt = self.in_doubt.saturating_sub(1);
        self.delivery.settled();
        appended
    }

    /// The first append was refused, or its outcome is unknown.
    async fn refused(&mut self, error: Error) -> Result<Option<Appended>, Error> {
        let Some(first) = self.outstanding.front() else {
            // Something is wrong with what was not sent: the session is over.
            self.session = None;
            return Ok(None);
        };
        let Some(producer) = &mut self.producer else {
            let behind = self.give_up().saturating_sub(1);
            let error = if *error.kind() == ErrorKind::DeadlineExceeded {
                error.into_kind(ErrorKind::OutcomeUnknown)
            } else {
                error
            };
            return Err(with_others(error.with_retry_after(None), behind));
        };
        if *error.kind() == ErrorKind::DeadlineExceeded {
            let error = error.into_kind(ErrorKind::OutcomeUnknown);
            self.broken(error).await?;
            return Ok(None);
        }
        let is_fresh = self.is_elsewhere.is_none() && self.about.is_none();
        let about = &first.request.about;
        let is_elsewhere = producer.about().tag.is_some() && producer.about() != about;
        if is_fresh && is_elsewhere && error.kind().is_of_producer() {
            // The next session finds out.
            self.is_elsewhere = Some(true);
            self.session = None;
            return Ok(None);
        }
        match judged(producer, error, self.in_doubt > 0, &first.request) {
            Verdict::Applied(appended) => Ok(Some(self.settled(appended))),
            Verdict::Failed(error) => {
                self.session = None;
                // Nothing behind an append was applied that certainly was not.
                let is_unknown = error.is_unknown_outcome();
                let others = self.in_doubt.saturating_sub(1);
                Err(with_others(error, if is_unknown { others } else { 0 }))
            }
            Verdict::Renewed => {
                self.session = None;
                Ok(None)
            }
            Verdict::Unsettled(error) => {
                self.session = None;
                self.failed(error).await?;
                Ok(None)
            }
        }
    }

    /// The session broke: what was sent whole may have been applied.
    async fn broken(&mut self, error: Error) -> Result<(), Error> {
        let sent = self.give_up();
        if self.outstanding.is_empty() {
            return Ok(());
        }
        self.in_doubt = self.in_doubt.max(sent);
        if self.in_doubt > 0 {
            return self.failed(error).await;
        }
        let message = "the session broke while the append was being sent; nothing was applied";
        let error = error.into_cause_of(ErrorKind::Unavailable, message.to_owned());
        self.failed(error.with_retry_after(Some(self.retry.pause)))
            .await
    }

    /// Gives the session up; gives how many appends without an outcome were sent in it.
    fn give_up(&mut self) -> usize {
        let Some(session) = self.session.take() else {
            return 0;
        };
        let sent = session.give_up();
        let sent = self.outstanding.iter().take_while(|each| each.end <= sent);
        sent.count()
    }

    /// Waits until the next attempt.
    ///
    /// # Errors
    /// What the stream ends in when there is none.
    async fn failed(&mut self, error: Error) -> Result<(), Error> {
        let others = self.in_doubt.saturating_sub(1);
        if self.in_doubt > 0 {
            if self.producer.is_none() {
                return Err(with_others(error, others));
            }
            self.delivery.doubt();
        }
        let pause = self.delivery.pause(&self.retry, error);
        sleep(pause.map_err(|error| with_others(error, others))?).await;
        Ok(())
    }

    /// Everything is answered: the server ends the session, and the connection can be used again.
    async fn end(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.end();
            // All is known, however it ends.
            let _ = timeout(END, session.next(&self.http, &self.retry)).await;
        }
    }

    /// It ended in order, with an outcome for each append: the producer is as good for the next stream.
    fn hand_back(&mut self) {
        if let (Some(producers), Some(producer)) = (&self.producers, self.producer.take()) {
            producers.settled(producer);
        }
    }
}

/// Sends an append as the request that is so many after the next one; without a session, only finds out how long it is.
fn send(
    append: &mut Outstanding,
    after: u64,
    producer: Option<&Producer>,
    session: Option<&Session>,
) {
    let producer = producer.map(|producer| producer.field(after));
    let parts = append.request.parts(producer.unwrap_or_default());
    append.bytes = parts.iter().map(bytes::Bytes::len).sum();
    if let Some(session) = session {
        append.end = session.send(&parts);
    }
}

/// The error of an append behind which so many may have been applied.
fn with_others(error: Error, others: usize) -> Error {
    match others {
        0 => error,
        _ => error.with_note(&format!(
            "; up to {others} appends behind it may have been applied, too"
        )),
    }
}
