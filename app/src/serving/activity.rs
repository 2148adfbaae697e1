//! What a connection is doing, and when it has done too little for too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use log_adapters::sending::Sending;
use parking_lot::Mutex;
use poem::http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::lingering::{AT_STOP, Linger, Lingering, MAX_BYTES};

/// What comes to a connection that lingers is discarded in pieces of so many bytes.
const DISCARDED: usize = 8 << 10;

/// What a connection is doing.
pub(super) struct Activity {
    headers: Duration,
    idle: Duration,
    linger: Linger,
    state: Mutex<State>,
    changed: Notify,
}

/// Why a connection should be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// It never had a request.
    Silent,
    /// It has none now, or takes nothing of its answers.
    Idle,
    /// It was closed, and has lingered for long enough.
    Lingered,
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
    /// A request was answered before all of it was read.
    unread: bool,
    lingering: Option<Lingering>,
    /// When the server was told to stop.
    stopping_since: Option<Instant>,
}

impl Activity {
    pub(super) fn new(headers: Duration, idle: Duration, linger: Linger) -> Arc<Self> {
        let state = State {
            in_flight: 0,
            had_requests: false,
            http2: false,
            quiet_since: Instant::now(),
            head_since: None,
            stalled_since: None,
            unread: false,
            lingering: None,
            stopping_since: None,
        };
        Arc::new(Self {
            headers,
            idle,
            linger,
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

    /// A request is answered before all of it was read: what still comes is discarded when the connection is closed.
    pub(super) fn leave_unread(&self) {
        self.state.lock().unread = true;
    }

    /// The server stops: what nobody takes, and connections that linger, must not delay it.
    pub(super) fn stopping(&self) {
        self.state.lock().stopping_since = Some(Instant::now());
        self.changed.notify_one();
    }

    /// Resolves when the connection should be closed, to the reason.
    pub(super) async fn expired(&self) -> Expired {
        loop {
            let deadline = self.deadline(&self.state.lock());
            let Some((deadline, why)) = deadline else {
                self.changed.notified().await;
                continue;
            };
            if deadline <= Instant::now() {
                return why;
            }
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    fn deadline(&self, state: &State) -> Option<(Instant, Expired)> {
        if let Some(lingering) = &state.lingering {
            let deadline = lingering.deadline(state.stopping_since);
            return Some((deadline, Expired::Lingered));
        }
        if state.in_flight > 0 {
            let since = state.stalled_since?;
            let deadline = match state.stopping_since {
                None => since + self.idle,
                Some(stopping) => (since + self.idle).min(since.max(stopping) + AT_STOP),
            };
            return Some((deadline, Expired::Idle));
        }
        if !state.had_requests {
            return Some((state.quiet_since + self.headers, Expired::Silent));
        }
        let head = state.head_since.map(|since| since + self.headers);
        let deadline = head.unwrap_or(state.quiet_since + self.idle);
        Some((deadline, Expired::Idle))
    }

    /// The connection is half-closed. It lingers if its client is not done, and there is room.
    fn begin_lingering(&self) -> Option<OwnedSemaphorePermit> {
        let mut state = self.state.lock();
        if !state.unread && state.head_since.is_none() {
            return None;
        }
        let (lingering, place) = self.linger.begin()?;
        state.lingering = Some(lingering);
        drop(state);
        self.changed.notify_one();
        Some(place)
    }

    fn heard(&self) {
        if let Some(lingering) = &mut self.state.lock().lingering {
            lingering.heard();
        }
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

    /// Something else that the same request does.
    pub(super) fn another(&self) -> Self {
        self.0.state.lock().in_flight += 1;
        Self(Arc::clone(&self.0))
    }

    /// The connection that it is on.
    pub(super) fn activity(&self) -> &Activity {
        &self.0
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
    closing: Closing,
}

/// How far a connection is closed.
enum Closing {
    /// Not at all.
    Open,
    /// Nothing more is sent, and so many bytes more are discarded.
    Lingering {
        left: u64,
        _place: OwnedSemaphorePermit,
    },
    /// In both directions.
    Closed,
}

impl<Io> Watched<Io> {
    pub(super) fn new(io: Io, activity: Arc<Activity>) -> Self {
        Self {
            io,
            activity,
            closing: Closing::Open,
        }
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

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
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

    /// Half-closes the connection and is done when the client is, too.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &self.closing {
                Closing::Open => {
                    ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
                    self.closing = match self.activity.begin_lingering() {
                        Some(place) => Closing::Lingering {
                            left: MAX_BYTES,
                            _place: place,
                        },
                        None => Closing::Closed,
                    };
                }
                Closing::Lingering { .. } => {
                    let mut buffer = [0; DISCARDED];
                    let mut buffer = ReadBuf::new(&mut buffer);
                    let read = ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer));
                    let read = read.map_or(0, |()| buffer.filled().len() as u64);
                    self.activity.heard();
                    match &mut self.closing {
                        Closing::Lingering { left, .. } if read > 0 && read < *left => {
                            *left -= read
                        }
                        closing => *closing = Closing::Closed,
                    }
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}
