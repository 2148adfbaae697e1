//! `GET` and `POST /api/v1/log/stream`: the records of a key or of several as server-sent events, those to come included.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, stream};
use log_domain::budget::{Budget, Permit};
use log_domain::service::Tail;
use log_domain::{CursorName, Error, LogReader, LogService, Page, PageLimit, Sequence, Visibility};
use poem::http::{StatusCode, header};
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use tokio::time::{Instant, sleep, timeout};

use super::at_least::reached;
use super::message_body::MessageBody;
use super::peer::Peer;
use super::selection::scan_of;
use super::unordered;
use crate::http::document::Tag;
use crate::http::document::parameters::ParamSchema;
use crate::http::document::schema;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::json::{ByteFormat, JsonText, VALUE_OVERHEAD, base64_len};
use crate::http::wire::param::{Base64, Param, Params, Text};
use crate::http::wire::proto::{self, ErrorResponse, Value};
use crate::http::wire::reply::{encode, held};
use crate::http::wire::request_id::RequestId;
use crate::http::wire::scan_request::{self, ScanRequest};
use crate::http::wire::selected::Selected;

/// Bytes and number of records that a stream reads at a time, whatever the page limit for others is. There may be many streams,
/// and their clients may be slow; and small records are a hundred times larger as events.
const PAGE_BYTES: usize = 64 << 10;
const PAGE_RECORDS: usize = 512;

/// Bytes of an event beside its value, at most.
const EVENT_OVERHEAD: usize = VALUE_OVERHEAD + "id: 18446744073709551615\ndata: \n\n".len() + 4;

/// A stream waits for room for its next events for so long, and looks for it so often.
const ROOM_WAIT: Duration = Duration::from_secs(10);
const ROOM_LOOK: Duration = Duration::from_millis(100);

const HEARTBEAT: &str = ": heartbeat\n\n";

pub(in crate::http) struct StreamRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// How long a stream waits for what it must show at least.
    pub(in crate::http) read_timeout: Duration,
    pub(in crate::http) heartbeat: Duration,
    /// Bytes of events that were not written out yet.
    pub(in crate::http) room: Budget,
    /// Bytes of bodies that are being received.
    pub(in crate::http) bodies: Budget,
    pub(in crate::http) body_timeout: Duration,
}

#[OpenApi]
impl<S: LogReader> StreamRoute<S> {
    /// Follow a key, or several keys
    ///
    /// Sends the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix (`prefix`; empty for the whole
    /// log) as server-sent events, in the order of their sequences. Give exactly one of these. In reads of several keys, each record has
    /// its `key`. The stream has first the existing records, then each record when it arrives, until
    /// `end_seq` is reached, the client disconnects or the server stops. Each event has the record's sequence as `id` and
    /// a `Value` as `data`. If there are no records, a comment line is sent every 15 s (by default). A client that
    /// reconnects with the header `Last-Event-ID` continues exactly after that event. If nothing is left because `end_seq`
    /// was reached, the status is 204, after which an `EventSource` does not reconnect. Up to 10,000 clients (by default) can
    /// follow at the same time, including scans with `follow`.
    ///
    /// With `cursor`, the stream starts at the position of that cursor, which must exist. Reading does not move it: move it with PUT,
    /// or with `cursors` of an append, once the records are processed.
    ///
    /// If records that the stream has yet to send were trimmed, an event of type `trimmed` without `id` comes before the next
    /// record, and the stream continues. Its `data` is `{"trimmedBefore": n}`: *n* is the first sequence that can still be there.
    ///
    /// If reading fails midway, an event of type `error` with an `ErrorResponse` as `data` ends the stream. A client that
    /// accepts only `text/event-stream`, such as an `EventSource`, receives status 200, `retry:` and such an event in place of
    /// 429, 503 and 504: any other status stops an `EventSource` permanently.
    #[oai(
        path = "/api/v1/log/stream",
        method = "get",
        operation_id = "stream",
        tag = "Tag::Log"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the route"
    )]
    async fn stream(
        &self,
        request_id: RequestId,
        peer: Peer,
        /// The `id` of the last received event: the stream begins after it. Takes precedence over `start_seq`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: LastEventId,
        /// The key, as UTF-8 text. Give either `key` or `key_base64`.
        key: Param<Option<Text>>,
        /// The key, as base64 (standard or URL-safe, padded or not).
        key_base64: Param<Option<Base64>>,
        /// First sequence to read.
        #[oai(default)]
        start_seq: Param<u64>,
        /// First sequence not to read. Default: the stream does not end.
        end_seq: Param<Option<u64>>,
        /// Skip the records before the first one that was appended at or after this time (Unix ms).
        start_time_ms: Param<Option<i64>>,
        /// `memory` (the default): all applied records. `durable`: only records that are durable on object storage.
        visibility: Param<Option<Visibility>>,
        /// `base64` (the default), or `text`: in JSON, a value or key that is UTF-8 text is returned in `valueText` or `keyText`. One that
        /// is not, or that is mostly control characters, is returned as base64 in its usual field. For people and shells.
        #[oai(name = "format")]
        byte_format: Param<Option<ByteFormat>>,
        /// Start at the position of this cursor, in place of `start_seq`.
        cursor: Param<Option<CursorName>>,
        /// Follow all keys that begin with this UTF-8 text. Empty for the whole log.
        prefix: Param<Option<Text>>,
        /// Follow all keys that begin with these bytes, as base64.
        prefix_base64: Param<Option<Base64>>,
        /// Follow these keys, as UTF-8 text: one for each time that the parameter is given, up to 1,000. For long lists, use POST.
        keys: Params<Text>,
        /// Follow these keys, as base64.
        keys_base64: Params<Base64>,
        /// Wait until the server shows every record below this sequence: 1 more than the sequence of a record that you appended or read.
        /// A writer has shown what it acknowledged, so it waits only for what is not there yet, or not yet durable. If it takes longer than 30 s (by default), the response is 503 with the code `behind`.
        at_least: Param<Option<u64>>,
    ) -> Result<EventStream, Failure> {
        let selected = Selected::of_query(
            (key, key_base64),
            (keys, keys_base64),
            (prefix, prefix_base64),
        )?;
        let request = ScanRequest {
            selected,
            start_seq: Some(start_seq.0),
            end_seq: end_seq.0,
            start_time_ms: start_time_ms.0,
            visibility: visibility.0,
            format: byte_format.0,
            cursor: cursor.0,
            at_least: at_least.0,
            ..ScanRequest::default()
        };
        self.events(request_id, peer, last_event_id, request).await
    }

    /// Follow many keys
    ///
    /// Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what the query parameters of the
    /// same names have.
    #[oai(
        path = "/api/v1/log/stream",
        method = "post",
        operation_id = "streamKeys",
        tag = "Tag::Log"
    )]
    async fn stream_keys(
        &self,
        request_id: RequestId,
        peer: Peer,
        /// The `id` of the last received event: the stream begins after it. Takes precedence over `startSeq`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: LastEventId,
        /// What to follow. A body without a content type is read as JSON.
        body: MessageBody<proto::ScanRequest>,
    ) -> Result<EventStream, Failure> {
        let received = body
            .receive(scan_request::BODY_BYTES, &self.bodies, self.body_timeout)
            .await?;
        let request = scan_request::decode(received.format, &received.body)?;
        drop(received);
        unordered::refuse_for_stream(&request)?;
        let has_pages = request.limit.is_some() || request.last.is_some();
        if has_pages || request.follow.is_some() || request.timeout_ms.is_some() {
            return Err(Failure::invalid(
                "limit, last, follow and timeoutMs are of scans: a stream follows, and has no pages",
            ));
        }
        self.events(request_id, peer, last_event_id, request).await
    }
}

impl<S: LogReader> StreamRoute<S> {
    async fn events(
        &self,
        request_id: RequestId,
        peer: Peer,
        last_event_id: LastEventId,
        request: ScanRequest,
    ) -> Result<EventStream, Failure> {
        let limits = self.service.limits();
        let limit = PageLimit {
            records: limits.page_records.min(PAGE_RECORDS),
            bytes: limits.page_bytes.min(PAGE_BYTES),
            time: Some(limits.page_time),
        };
        let bytes = request.format.unwrap_or_default();
        let visibility = request.visibility.unwrap_or_default();
        reached(
            &self.service,
            request.at_least,
            visibility,
            self.read_timeout,
        )
        .await?;
        let mut scan = scan_of(request, limit, &self.service).await?;
        if let Some(last) = last_event_id.0 {
            scan.range = scan.range.starting_at(last.plus(1));
            scan.start_time_ms = None;
            if scan.range.start() == scan.range.end() {
                return Ok(EventStream(None));
            }
        }
        let tail = self.service.tail(scan)?;
        let room = peer.streams(&self.room).clone();
        let events = events(tail, bytes, self.heartbeat, room, request_id);
        Ok(EventStream(Some(Body::from_bytes_stream(events))))
    }
}

/// What waits for the next records and then is asked again. It is kept over heartbeats, so that they never start a
/// read over.
type Next<S> = BoxFuture<'static, (Tail<S>, Result<Option<Page>, Error>)>;

/// The events of `tail`, each page made when the client has taken the one before.
fn events<S: LogReader>(
    tail: Tail<S>,
    bytes: ByteFormat,
    heartbeat: Duration,
    room: Budget,
    request_id: RequestId,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some(next(tail)), move |waiting| {
        let (room, request_id) = (room.clone(), request_id.clone());
        async move {
            let mut waiting = waiting?;
            let Ok((mut tail, read)) = timeout(heartbeat, &mut waiting).await else {
                return Some((Ok(Bytes::from_static(HEARTBEAT.as_bytes())), Some(waiting)));
            };
            let events = match read {
                Ok(None) => return None,
                Ok(Some(page)) => events_of(&mut tail, page, bytes, &room).await,
                Err(error) => Err(error),
            };
            match events.transpose()? {
                Ok(events) => Some((Ok(events), Some(next(tail)))),
                Err(error) => {
                    let told = Failure::from(error).logged_answer(&request_id);
                    Some((Ok(error_event(&told)), None))
                }
            }
        }
    })
}

fn next<S: LogReader>(mut tail: Tail<S>) -> Next<S> {
    Box::pin(async move {
        let page = tail.next().await;
        (tail, page)
    })
}

/// The events of a page, which take room until they are written out; nothing if the stream has ended meanwhile. While there is no room
/// nothing is held: the page, which may be one large record, is read again.
async fn events_of<S: LogReader>(
    tail: &mut Tail<S>,
    mut page: Page,
    bytes: ByteFormat,
    room: &Budget,
) -> Result<Option<Bytes>, Error> {
    let deadline = Instant::now() + ROOM_WAIT;
    loop {
        let space = space(&page);
        match room.take(space) {
            Ok(permit) => return written(&page, bytes, permit).map(Some),
            Err(Error::Overloaded { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
        drop(page);
        tail.put_back();
        let mut permit = wait_for(room, space, deadline).await?;
        let Some(again) = tail.next().await? else {
            return Ok(None);
        };
        page = again;
        // There may be more of it by now.
        let more = self::space(&page).saturating_sub(space);
        if permit.grow(more).is_ok() {
            return written(&page, bytes, permit).map(Some);
        }
    }
}

/// What the events of a page take, but for the one that says what was trimmed, but for text that is longer than base64, and for names of fields in headers.
fn space(page: &Page) -> u64 {
    (base64_len(page.bytes as usize) + page.records as usize * EVENT_OVERHEAD) as u64
}

fn written(page: &Page, bytes: ByteFormat, mut permit: Permit) -> Result<Bytes, Error> {
    let space = space(page);
    let mut out = JsonText::with_capacity(space as usize);
    if let Some(floor) = page.trimmed_before {
        out.raw("event: trimmed\ndata: {\"trimmedBefore\":");
        out.number(floor.get()).raw("}\n\n");
    }
    for run in &page.runs {
        for entry in run.entries() {
            let entry = entry?;
            out.raw("id: ").number(entry.sequence.get()).raw("\ndata: ");
            out.value(&entry, run.timestamp_ms(), bytes)?;
            out.raw("\n\n");
        }
    }
    let out = out.into_bytes();
    permit.grow((out.capacity() as u64).saturating_sub(space))?;
    Ok(held(out.into(), permit))
}

/// Waits until there is room.
async fn wait_for(room: &Budget, bytes: u64, deadline: Instant) -> Result<Permit, Error> {
    loop {
        match room.take(bytes) {
            Err(Error::Overloaded { .. }) if Instant::now() < deadline => sleep(ROOM_LOOK).await,
            other => return other,
        }
    }
}

/// The last event of a stream that fails.
pub(in crate::http) fn error_event(told: &ErrorResponse) -> Bytes {
    let json = encode(Format::Json, told).unwrap_or_default();
    let mut event = b"event: error\ndata: ".to_vec();
    event.extend_from_slice(json.trim_ascii_end());
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// A stream of events; without a body when there is nothing left to stream.
pub(in crate::http) struct EventStream(Option<Body>);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let Some(body) = self.0 else {
            return StatusCode::NO_CONTENT.into();
        };
        Response::builder()
            .content_type("text/event-stream")
            .header(header::CACHE_CONTROL, "no-store")
            .header("x-accel-buffering", "no")
            .body(body)
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let response = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: Vec::new(),
        };
        let events = MetaMediaType {
            content_type: "text/event-stream",
            schema: schema::event(),
        };
        MetaResponses {
            responses: vec![
                response(200, "The records, as they come.", vec![events]),
                response(
                    204,
                    "Nothing is left after Last-Event-ID: end_seq was reached.",
                    Vec::new(),
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        schema::register::<Value>(registry);
    }
}

/// The header that a reconnecting client sends.
pub(in crate::http) struct LastEventId(Option<Sequence>);

impl<'a> ApiExtractor<'a> for LastEventId {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = u64;
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(<u64 as ParamSchema>::schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<u64>,
    ) -> poem::Result<Self> {
        let sent = request.headers().get(options.name);
        let Some(sent) = sent.filter(|sent| !sent.is_empty()) else {
            return Ok(Self(None));
        };
        let sequence = sent.to_str().ok().and_then(|text| text.parse::<u64>().ok());
        let sequence = sequence.ok_or_else(|| {
            Failure::invalid("expected the id of an event of this stream").of(options.name)
        })?;
        Ok(Self(Some(Sequence::new(sequence))))
    }
}
