//! Detects connections that are idle, and clients that do not send a head or do not take an answer in time.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::Malformed;
use log_domain::budget::Permit;
use parking_lot::Mutex;
use poem::http::Version;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Bounds;
use super::heads::Heads;
use super::lingering::{AT_STOP, Linger, Lingering, Place};
use super::requests::Requests;

/// A head of HTTP/2 that has not ended takes so many times `limits.header_bytes` in memory, at most: its fields as they are on the wire, and
/// again as slots of a map, of which one may have come as a single byte.
const OPEN_BLOCK: usize = 4;

/// So much of a head is within what any connection takes.
const SMALL_HEAD: usize = 8 << 10;

/// What a connection is doing.
pub(super) struct Activity {
    headers: Duration,
    header_bytes: usize,
    idle: Duration,
    linger: Linger,
    requests: Requests,
    state: Mutex<State>,
    changed: Notify,
}

/// Why a connection should be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// It never had a request, or one whose head did not end or had no room.
    Silent,
    /// It has none now.
    Idle,
    /// It has not taken anything of an answer for too long.
    Stalled,
    /// It was closed, and has lingered for long enough.
    Lingered,
}

struct State {
    /// Requests whose answers are not sent yet.
    in_flight: usize,
    had_requests: bool,
    /// Its clients say other things between requests, too.
    http2: bool,
    /// The heads of its requests over HTTP/1.
    heads: Heads,
    /// When the last request ended, or the connection began.
    quiet_since: Instant,
    /// When the first byte of a request's head came.
    head_since: Option<Instant>,
    /// How much of it has come, and the room that it takes.
    head_bytes: usize,
    head_room: Option<Permit>,
    /// Since when the head of an HTTP/2 request is not whole, and the room that it takes.
    open_block: Option<(Instant, Option<Permit>)>,
    /// Since when the socket takes nothing of what is sent.
    stalled_since: Option<Instant>,
    /// HTTP/2 answers of which something waits to be taken, by their numbers, and since when. A client may keep its socket
    /// moving and take nothing of a stream.
    offered: HashMap<u64, Instant>,
    /// How many answers there have been.
    answers: u64,
    /// Others need its place.
    evicted: bool,
    /// A request was answered before all of it was read.
    unread: bool,
    lingering: Option<Lingering>,
    /// When the server was told to stop.
    stopping_since: Option<Instant>,
    /// When the connection is looked at next: not after it has to be closed.
    looked_at_next: Instant,
    /// Whether a request has come since it was last looked at.
    was_busy: bool,
}

impl Activity {
    pub(super) fn new(bounds: &Bounds, linger: Linger) -> Arc<Self> {
        let state = State {
            in_flight: 0,
            had_requests: false,
            http2: false,
            heads: Heads::default(),
            quiet_since: Instant::now(),
            head_since: None,
            head_bytes: 0,
            head_room: None,
            open_block: None,
            stalled_since: None,
            offered: HashMap::new(),
            answers: 0,
            evicted: false,
            unread: false,
            lingering: None,
            stopping_since: None,
            looked_at_next: Instant::now(),
            was_busy: false,
        };
        Arc::new(Self {
            headers: bounds.headers,
            header_bytes: bounds.header_bytes,
            idle: bounds.idle,
            linger,
            requests: bounds.requests.clone(),
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// The head of a request is there. It may have to be refused as malformed.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> (Busy, Option<Malformed>) {
        let mut state = self.state.lock();
        state.in_flight += 1;
        state.had_requests = true;
        state.was_busy = true;
        state.http2 = version == Version::HTTP_2;
        state.head_since = None;
        state.head_room = None;
        let malformed = match state.http2 {
            true => None,
            false => state.heads.hand_out().map(Malformed),
        };
        drop(state);
        (Busy(Arc::clone(self)), malformed)
    }

    /// A request is answered before all of it was read: what still comes is discarded when the connection is closed.
    pub(super) fn leave_unread(&self) {
        self.state.lock().unread = true;
    }

    /// The server stops: answers that clients do not take, and lingering connections, must not delay it.
    pub(super) fn stopping(&self) {
        self.state.lock().stopping_since = Some(Instant::now());
        self.changed.notify_one();
    }

    /// Resolves when the connection should be closed, to the reason.
    pub(super) async fn expired(&self) -> Expired {
        loop {
            let at = match self.look(&mut self.state.lock()) {
                ControlFlow::Break(why) => return why,
                ControlFlow::Continue(at) => at,
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = sleep_until(at) => {}
            }
        }
    }

    /// Why the connection is to be closed now, or when to look again.
    fn look(&self, state: &mut State) -> ControlFlow<Expired, Instant> {
        let (at, why) = self.next_deadline(state);
        let now = Instant::now();
        if let Some(why) = why
            && at <= now
        {
            return ControlFlow::Break(why);
        }
        // A busy connection is looked at again within the time that a head has: no head that begins meanwhile can expire before that, so none
        // of them has to wake the connection up.
        let was_busy = std::mem::take(&mut state.was_busy);
        state.looked_at_next = match was_busy {
            true => at.min(now + self.headers),
            false => at,
        };
        ControlFlow::Continue(state.looked_at_next)
    }

    /// Whether the connection has to be closed before it is looked at next.
    fn is_sooner(&self, state: &State) -> bool {
        self.next_deadline(state).0 < state.looked_at_next
    }

    /// As [`Activity::deadline`], and not later than the end of the time for a head that has begun, regardless of other activity.
    fn next_deadline(&self, state: &State) -> (Instant, Option<Expired>) {
        let deadline = self.deadline(state);
        let block = state
            .open_block
            .as_ref()
            .map(|(since, _)| *since + self.headers);
        match block.filter(|at| *at < deadline.0 && *at > Instant::now()) {
            Some(at) => (at, None),
            None => deadline,
        }
    }

    /// When the connection is to be closed and why, or when to look again.
    fn deadline(&self, state: &State) -> (Instant, Option<Expired>) {
        if let Some((since, room)) = &state.open_block
            && (room.is_none() || *since + self.headers <= Instant::now())
        {
            return (Instant::now(), Some(Expired::Silent));
        }
        if state.evicted {
            let stalled = state.in_flight > 0 || state.oldest_stall().is_some();
            let why = if stalled {
                Expired::Stalled
            } else {
                Expired::Idle
            };
            return (Instant::now(), Some(why));
        }
        if let Some(lingering) = &state.lingering {
            let deadline = lingering.deadline(state.stopping_since);
            return (deadline, Some(Expired::Lingered));
        }
        // The library forgets an answer that it has all of, so a socket may be stalled without a request in flight.
        if let Some(since) = state.oldest_stall() {
            let deadline = since + self.idle;
            let at_stop = |stopping| deadline.min(since.max(stopping) + AT_STOP);
            let deadline = state.stopping_since.map_or(deadline, at_stop);
            return (deadline, Some(Expired::Stalled));
        }
        if state.in_flight > 0 {
            // Whatever stalls from now on has this much time at least.
            let least = state
                .stopping_since
                .map_or(self.idle, |_| self.idle.min(AT_STOP));
            return (Instant::now() + least, None);
        }
        if !state.had_requests {
            return (state.quiet_since + self.headers, Some(Expired::Silent));
        }
        let head = state.head_since.map(|since| since + self.headers);
        let deadline = head.unwrap_or(state.quiet_since + self.idle);
        (deadline, Some(Expired::Idle))
    }

    /// Whether every request in flight is an answer that its client does not take.
    pub(super) fn only_stalled(&self) -> bool {
        let state = self.state.lock();
        state.stalled_since.is_some() || state.in_flight <= state.offered.len()
    }

    /// Since when the connection has had nothing to do; nothing if it is not idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        let busy = state.in_flight > 0 || state.oldest_stall().is_some();
        let idle = !busy && state.lingering.is_none() && !state.evicted;
        idle.then_some(state.quiet_since)
    }

    /// Since when an answer of it is not taken.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.oldest_stall().filter(|_| !state.evicted)
    }

    /// Closes the connection, because others need its place.
    pub(super) fn evict(&self) {
        self.state.lock().evicted = true;
        self.changed.notify_one();
    }

    /// A number for an answer.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state.lock();
        state.answers += 1;
        state.answers
    }

    /// Records whether a part of an answer waits to be taken.
    pub(super) fn offer(&self, answer: u64, waits: bool) {
        let mut state = self.state.lock();
        if waits {
            state.offered.insert(answer, Instant::now());
        } else {
            state.offered.remove(&answer);
        }
    }

    /// The connection is half-closed. It lingers if its client is not done, and there is room.
    pub(super) fn begin_lingering(&self) -> Option<Place> {
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

    pub(super) fn heard(&self) {
        if let Some(lingering) = &mut self.state.lock().lingering {
            lingering.heard();
        }
    }

    /// These bytes have come. A head for which there is no room ends the connection.
    pub(super) fn received(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        state.heads.read(bytes);
        if state.heads.has_open_block() != state.open_block.is_some() {
            self.change_block(&mut state);
        }
        let bytes = bytes.len();
        // What still comes of a request that was answered early is no head of another one.
        if state.in_flight > 0 || state.http2 || state.heads.are_in_body() {
            return;
        }
        let begins = state.head_since.is_none();
        if begins {
            state.head_since = Some(Instant::now());
            state.head_bytes = 0;
        }
        state.head_bytes += bytes;
        let refused =
            state.head_bytes > SMALL_HEAD && !self.requests.hold(&mut state.head_room, bytes);
        state.evicted |= refused;
        let is_sooner = (begins || refused) && self.is_sooner(&state);
        drop(state);
        if is_sooner {
            self.changed.notify_one();
        }
    }

    /// The head of an HTTP/2 request begins, and takes room until it ends. Without room the connection ends.
    fn change_block(&self, state: &mut State) {
        if state.open_block.take().is_none() {
            let mut room = None;
            let most = OPEN_BLOCK * self.header_bytes;
            self.requests.hold(&mut room, most);
            state.open_block = Some((Instant::now(), room));
        }
        self.changed.notify_one();
    }

    /// The socket takes what is sent, or does not.
    pub(super) fn taken(&self, taken: bool) {
        let mut state = self.state.lock();
        if taken == state.stalled_since.is_some() {
            state.stalled_since = (!taken).then(Instant::now);
            drop(state);
            self.changed.notify_one();
        }
    }
}

impl State {
    fn oldest_stall(&self) -> Option<Instant> {
        let offered = self.offered.values().min().copied();
        self.stalled_since.into_iter().chain(offered).min()
    }
}

/// A request in flight, until it is dropped.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
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
        let is_sooner = self.0.is_sooner(&state);
        drop(state);
        if is_sooner {
            self.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::pin;

    use tokio::time::advance;

    use super::*;

    const HEADERS: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// That of a connection with small bounds.
    pub(in crate::serving) fn activity() -> Arc<Activity> {
        let bounds = Bounds {
            connections: 1,
            requests: Requests::new(1, 1 << 20),
            streams: 1,
            header_bytes: 64 << 10,
            headers: HEADERS,
            idle: IDLE,
            linger: Duration::ZERO,
            shutdown: IDLE,
        };
        Activity::new(&bounds, Linger::new(Duration::ZERO))
    }

    /// Why and when a connection is closed, and how often its task was woken up until then.
    async fn closed(activity: Arc<Activity>) -> (Expired, Instant, u32) {
        let mut expired = pin!(activity.expired());
        let mut woken = 0;
        let why = poll_fn(|context| {
            woken += 1;
            expired.as_mut().poll(context)
        });
        (why.await, Instant::now(), woken)
    }

    #[tokio::test(start_paused = true)]
    async fn requests_on_a_busy_connection_are_no_reason_to_look_at_it() {
        let activity = activity();
        let closed = tokio::spawn(closed(Arc::clone(&activity)));
        for _ in 0..1_000 {
            activity.received(HEAD);
            let (busy, malformed) = activity.begin(Version::HTTP_11);
            assert!(malformed.is_none());
            advance(Duration::from_millis(25)).await;
            drop(busy);
            advance(Duration::from_millis(25)).await;
        }
        let last = Instant::now() - Duration::from_millis(25);
        let (why, at, woken) = closed.await.expect("no panic");
        assert_eq!((why, at - last), (Expired::Idle, IDLE));
        assert!(woken <= 12, "{woken} times in {:?}", IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_closes_a_connection_in_time_however_busy_it_was() {
        for pause in [0, 1, 9_999, 10_001, 30_000] {
            let activity = activity();
            let closed = tokio::spawn(closed(Arc::clone(&activity)));
            advance(Duration::from_millis(5)).await;
            activity.received(HEAD);
            let (busy, _) = activity.begin(Version::HTTP_11);
            advance(Duration::from_millis(pause)).await;
            drop(busy);
            advance(Duration::from_millis(pause)).await;
            activity.received(&HEAD[..3]);
            let begun = Instant::now();
            let (why, at, _) = closed.await.expect("no panic");
            assert_eq!((why, at - begun), (Expired::Idle, HEADERS), "{pause} ms");
        }
    }

    #[test]
    fn what_still_comes_of_an_answered_request_takes_no_room_of_heads() {
        let activity = activity();
        activity.received(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n");
        let (busy, _) = activity.begin(Version::HTTP_11);
        drop(busy);
        let chunk = [b"100000\r\n", &vec![0; 1 << 20][..], b"\r\n"].concat();
        for _ in 0..10 {
            activity.received(&chunk);
            let state = activity.state.lock();
            assert!(!state.evicted && state.head_room.is_none());
        }
        activity.received(b"0\r\n\r\n");
        activity.received(&[b'a'; 9 << 10]);
        assert!(activity.state.lock().head_room.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_wakes_a_connection_up_as_seldom_as_an_idle_one() {
        let activity = activity();
        let closed = tokio::spawn(closed(Arc::clone(&activity)));
        activity.received(HEAD);
        let (busy, _) = activity.begin(Version::HTTP_11);
        advance(60 * IDLE).await;
        drop(busy);
        let ended = Instant::now();
        let (why, at, woken) = closed.await.expect("no panic");
        assert_eq!((why, at - ended), (Expired::Idle, IDLE));
        assert!(woken < 70, "{woken} times");
    }
}
