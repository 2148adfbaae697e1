//! What a connection is doing, and when it has done too little for too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use log_adapters::sending::Sending;
use parking_lot::Mutex;
use poem::http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What a connection is doing.
pub(super) struct Activity {
    headers: Duration,
    idle: Duration,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// Requests whose answers are not sent yet.
    in_flight: usize,
    had_requests: bool,
    /// Its clients say other things between requests, too.
    http2: bool,
    /// When the last request ended, or the connection began.
    quiet_since: Instant,
    /// When the first byte of a request's head came.
    head_since: Option<Instant>,
    /// Since when the client takes nothing of what is sent.
    stalled_since: Option<Instant>,
}

impl Activity {
    pub(super) fn new(headers: Duration, idle: Duration) -> Arc<Self> {
        let state = State {
            in_flight: 0,
            had_requests: false,
            http2: false,
            quiet_since: Instant::now(),
            head_since: None,
            stalled_since: None,
        };
        Arc::new(Self {
            headers,
            idle,
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// The head of a request is there.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Busy {
        let mut state = self.state.lock();
        state.in_flight += 1;
        state.had_requests = true;
        state.http2 = version == Version::HTTP_2;
        state.head_since = None;
        drop(state);
        self.changed.notify_one();
        Busy(Arc::clone(self))
    }

    /// Resolves when the connection should be closed, to whether it ever had a request.
    pub(super) async fn expired(&self) -> bool {
        loop {
            let (deadline, had_requests) = {
                let state = self.state.lock();
                (self.deadline(&state), state.had_requests)
            };
            let Some(deadline) = deadline else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = sleep_until(deadline) => return had_requests,
            }
        }
    }

    fn deadline(&self, state: &State) -> Option<Instant> {
        if state.in_flight > 0 {
            return state.stalled_since.map(|since| since + self.idle);
        }
        if !state.had_requests {
            return Some(state.quiet_since + self.headers);
        }
        let head = state.head_since.map(|since| since + self.headers);
        Some(head.unwrap_or(state.quiet_since + self.idle))
    }

    fn received(&self) {
        let mut state = self.state.lock();
        let begins = state.in_flight == 0 && !state.http2 && state.head_since.is_none();
        if begins {
            state.head_since = Some(Instant::now());
            drop(state);
            self.changed.notify_one();
        }
    }

    fn taken(&self, taken: bool) {
        let mut state = self.state.lock();
        if taken == state.stalled_since.is_some() {
            state.stalled_since = (!taken).then(Instant::now);
            drop(state);
            self.changed.notify_one();
        }
    }
}

/// A request in flight, until it is dropped.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    /// `body`, with the request in flight until it is sent or given up.
    pub(super) fn until_sent<B>(self, body: B) -> Sending<B, Self> {
        Sending::new(body, self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
        drop(state);
        self.0.changed.notify_one();
    }
}

/// A connection whose bytes are noticed.
pub(super) struct Watched<Io> {
    io: Io,
    activity: Arc<Activity>,
}

impl<Io> Watched<Io> {
    pub(super) fn new(io: Io, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Watched<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, into);
        if into.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.activity.taken(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, bytes);
        self.activity.taken(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
