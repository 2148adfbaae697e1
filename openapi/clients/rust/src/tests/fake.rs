//! A small log server on a port of its own, with a script of what goes wrong.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use prost::Message;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::fake_log::Log;
use crate::wire;

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Answers it.
    Serve,
    /// Answers with this after it has read the request.
    Answer(Reply),
    /// Answers as soon as it has the head, and discards the rest.
    Early(Reply),
    /// Answers as soon as it has the head, and closes the connection.
    EarlyReset(Reply),
    /// Resets the connection after so many bytes of the body.
    CutRequest(usize),
    /// Handles it, and closes the connection without an answer.
    LostAnswer,
    /// Handles it, forgets all producers, and closes the connection without an answer.
    LostAnswerAndProducers,
    /// Handles it, and closes the connection after so many bytes of the body of the answer.
    CutAnswer(usize),
    /// Handles it, and never answers.
    Silence,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: Bytes,
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<Request>>,
    log: Mutex<Log>,
    appended: Notify,
}

/// The server.
pub(super) struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Reply {
    /// An error as the server says it.
    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::json(
            status,
            &format!(r#"{{"status":"error","code":"{code}","message":"scripted"}}"#),
        )
    }

    pub(super) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: "application/json",
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// The page of a proxy.
    pub(super) fn page(status: u16) -> Self {
        Self {
            kind: "text/html",
            ..Self::json(status, "<h1>The proxy is unhappy</h1>")
        }
    }

    pub(super) fn message(status: u16, message: &impl Message) -> Self {
        Self {
            kind: wire::PROTOBUF,
            body: message.encode_to_vec(),
            ..Self::json(status, "")
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Fake {
    /// A server that does this with the first requests, and serves the others.
    pub(super) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            shared: Arc::default(),
            tasks: JoinSet::new(),
        };
        server.does(script);
        server.restart().await;
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it does with the next requests.
    pub(super) fn does(&self, script: impl IntoIterator<Item = Step>) {
        self.shared.script.lock().unwrap().extend(script);
    }

    /// Closes its connections and its port.
    pub(super) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Listens again on the port that it had.
    pub(super) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("bind");
        self.address = listener.local_addr().expect("an address");
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The values that were appended, in order.
    pub(super) fn values(&self) -> Vec<Bytes> {
        let log = self.shared.log.lock().unwrap();
        log.records.iter().map(|(_, value)| value.clone()).collect()
    }

    /// Does nothing of what it was told to do any more.
    pub(super) fn forget_script(&self) {
        self.shared.script.lock().unwrap().clear();
    }

    /// Keeps so many records, and what it knew of producers when it had them.
    pub(super) fn crash(&self, records: usize) {
        self.shared.log.lock().unwrap().crash(records);
    }

    /// Forgets all producers.
    pub(super) fn forget_producers(&self) {
        self.shared.log.lock().unwrap().forget_producers();
    }

    /// Appends a record without a request.
    pub(super) fn put(&self, key: &'static str, value: impl Into<Bytes>) {
        self.shared.put(key.into(), value.into());
    }
}

/// Ends when the client or the script closes the connection.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while serve_one(&mut stream, &shared).await.is_some() {}
}

async fn serve_one(stream: &mut TcpStream, shared: &Shared) -> Option<()> {
    let (head, mut body) = read_head(stream).await?;
    let step = shared.script.lock().unwrap().pop_front();
    let step = step.unwrap_or(Step::Serve);
    let path = head.split(' ').nth(1)?.to_owned();
    let length: usize = header(&head, "content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let most = match &step {
        Step::Early(_) | Step::EarlyReset(_) => 0,
        Step::CutRequest(most) => *most,
        _ => length,
    };
    while body.len() < most {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let request = Request {
        path,
        head,
        body: body.into(),
    };
    shared.requests.lock().unwrap().push(request.clone());
    match step {
        Step::Serve => {
            let reply = shared.handle(&request).await;
            write(stream, &reply, None).await
        }
        Step::Answer(reply) => write(stream, &reply, None).await,
        Step::Early(reply) => {
            write(stream, &reply.header("connection", "close"), None).await?;
            let _ = stream.shutdown().await;
            let mut rest = vec![0; 65536];
            while stream.read(&mut rest).await.ok()? > 0 {}
            None
        }
        Step::EarlyReset(reply) => {
            write(stream, &reply.header("connection", "close"), None).await?;
            None
        }
        Step::CutRequest(_) => None,
        Step::LostAnswer => {
            shared.handle(&request).await;
            None
        }
        Step::LostAnswerAndProducers => {
            shared.handle(&request).await;
            shared.log.lock().unwrap().forget_producers();
            None
        }
        Step::CutAnswer(after) => {
            let reply = shared.handle(&request).await;
            write(stream, &reply, Some(after)).await?;
            None
        }
        Step::Silence => {
            shared.handle(&request).await;
            std::future::pending().await
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, body));
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

async fn write(stream: &mut TcpStream, reply: &Reply, cut: Option<usize>) -> Option<()> {
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\ncontent-type: {}\r\ncontent-length: {}\r\n",
        reply.status,
        reply.kind,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let body = &reply.body[..cut.unwrap_or(reply.body.len()).min(reply.body.len())];
    stream.write_all(body).await.ok()
}

impl Shared {
    fn put(&self, key: Bytes, value: Bytes) {
        self.log.lock().unwrap().records.push((key, value));
        self.appended.notify_waiters();
    }

    async fn handle(&self, request: &Request) -> Reply {
        let url = Url::parse(&format!("http://server{}", request.path)).expect("a path");
        match url.path() {
            "/api/v1/log/append" => self.append(&request.body),
            "/api/v1/log/scan" => self.scan(&url).await,
            "/api/v1/log/count" => Reply::message(
                200,
                &wire::CountResponse {
                    status: wire::SUCCESS.to_owned(),
                    count: self.found(&url).len() as u64,
                    trimmed_before: self.trimmed(&url),
                },
            ),
            "/api/v1/log/key" => self.delete(&url),
            "/api/v1/log/keys" => self.keys(&url),
            path if path.starts_with("/api/v1/log/cursors") => self.cursors(&url, request),
            _ => Reply::error(404, "not_found"),
        }
    }

    fn append(&self, body: &Bytes) -> Reply {
        let request = wire::AppendRequest::decode(body.clone()).expect("an AppendRequest");
        let answer = self.log.lock().unwrap().append(request);
        self.appended.notify_waiters();
        match answer {
            Ok(answer) => Reply::message(200, &answer),
            Err(refusal) => Reply::message(409, &*refusal),
        }
    }

    /// Whatever is asked of cursors.
    fn cursors(&self, url: &Url, request: &Request) -> Reply {
        let mut log = self.log.lock().unwrap();
        let tip = log.records.len() as u64;
        let path = url.path().strip_prefix("/api/v1/log/cursors").unwrap();
        let answer = |name: &str, position: u64| wire::CursorResponse {
            status: wire::SUCCESS.to_owned(),
            name: name.to_owned(),
            position,
            updated_ms: 1,
            lag: tip - position,
        };
        let Some(name) = path.strip_prefix('/') else {
            let after = parameter(url, "start_after").unwrap_or_default();
            let prefix = parameter(url, "prefix").unwrap_or_default();
            let mut cursors = log.cursors.iter().filter(|(name, _)| {
                name.starts_with(&prefix) && (after.is_empty() || **name > after)
            });
            // Two a page, whatever was asked for.
            let page: Vec<_> = cursors.by_ref().take(2).collect();
            let last = page.last().map(|(name, _)| (*name).clone());
            let more = cursors.next().is_some();
            let page = page.into_iter().map(|(name, position)| wire::Cursor {
                name: name.clone(),
                position: *position,
                updated_ms: 1,
                lag: tip - position,
            });
            let answer = wire::CursorsResponse {
                status: wire::SUCCESS.to_owned(),
                cursors: page.collect(),
                next_start_after: last.filter(|_| more),
            };
            return Reply::message(200, &answer);
        };
        let name = name.replace("%2F", "/").replace("%20", " ");
        if request.head.starts_with("PUT ") {
            let wanted = wire::PutCursorRequest::decode(request.body.clone()).expect("a move");
            if let Err(refusal) = log.may_move(&name, wanted.expected) {
                return Reply::message(409, &*refusal);
            }
            let position = wanted.position.expect("a position");
            if position > tip {
                return Reply::error(400, "invalid_argument");
            }
            log.cursors.insert(name.clone(), position);
            return Reply::message(200, &answer(&name, position));
        }
        if request.head.starts_with("DELETE ") {
            let status = wire::SUCCESS.to_owned();
            let deleted = log.cursors.remove(&name).is_some();
            return Reply::message(200, &wire::DeleteCursorResponse { status, deleted });
        }
        match log.cursors.get(&name) {
            Some(position) => Reply::message(200, &answer(&name, *position)),
            None => Reply::error(404, "not_found"),
        }
    }

    fn delete(&self, url: &Url) -> Reply {
        let mut log = self.log.lock().unwrap();
        let tip = log.records.len() as u64;
        let before = parameter(url, "before_seq").map_or(tip, |_| number(url, "before_seq"));
        if before > tip {
            return Reply::error(400, "invalid_argument");
        }
        let floor = log.floors.entry(key(url)).or_default();
        *floor = before.max(*floor);
        let answer = wire::DeleteKeyResponse {
            status: wire::SUCCESS.to_owned(),
            trimmed_before: *floor,
        };
        Reply::message(200, &answer)
    }

    /// The floor of the key, if the range begins below it.
    fn trimmed(&self, url: &Url) -> Option<u64> {
        let floor = self.log.lock().unwrap().floor_of(&key(url));
        (number(url, "start_seq") < floor).then_some(floor)
    }

    async fn scan(&self, url: &Url) -> Reply {
        if parameter(url, "follow").is_some() {
            let wait = Duration::from_millis(number(url, "timeout_ms"));
            let appended = async {
                loop {
                    let next = self.appended.notified();
                    if !self.found(url).is_empty() {
                        return;
                    }
                    next.await;
                }
            };
            // Without a record it answers nothing.
            let _ = timeout(wait, appended).await;
        }
        let tip = self.log.lock().unwrap().records.len() as u64;
        let mut found = self.found(url);
        let limit = match parameter(url, "last") {
            Some(_) => {
                let last = number(url, "last") as usize;
                found.drain(..found.len().saturating_sub(last));
                usize::MAX
            }
            None => number(url, "limit") as usize,
        };
        let next_sequence = match found.get(limit) {
            Some(next) => next.sequence,
            None => tip.max(number(url, "start_seq")),
        };
        let answer = wire::ScanResponse {
            status: wire::SUCCESS.to_owned(),
            key: key(url),
            values: found.into_iter().take(limit).collect(),
            next_sequence,
            trimmed_before: self.trimmed(url),
            more: false,
            positions: Vec::new(),
        };
        Reply::message(200, &answer)
    }

    fn keys(&self, url: &Url) -> Reply {
        let after = parameter(url, "start_after_base64").map(|after| decoded(&after));
        let prefix = parameter(url, "prefix_base64").map_or_else(Bytes::new, |key| decoded(&key));
        let log = self.log.lock().unwrap();
        let mut keys: BTreeSet<Bytes> = log.records.iter().map(|(key, _)| key.clone()).collect();
        let is_after = |key: &Bytes| after.as_ref().is_none_or(|after| key > after);
        keys.retain(|key| key.starts_with(&prefix) && is_after(key));
        let page: Vec<_> = keys.iter().take(2).cloned().collect(); // Two, whatever was asked for.
        let answer = wire::KeysResponse {
            status: wire::SUCCESS.to_owned(),
            next_start_after: page.last().filter(|_| keys.len() > 2).cloned(),
            keys: page.into_iter().map(|key| wire::Key { key }).collect(),
        };
        Reply::message(200, &answer)
    }

    fn found(&self, url: &Url) -> Vec<wire::Value> {
        let (key, start) = (key(url), number(url, "start_seq"));
        let end = parameter(url, "end_seq").map_or(u64::MAX, |_| number(url, "end_seq"));
        let log = self.log.lock().unwrap();
        let start = start.max(log.floor_of(&key));
        let records = (0..).zip(log.records.iter());
        records
            .filter(|(sequence, record)| (start..end).contains(sequence) && record.0 == key)
            .map(|(sequence, record)| wire::Value {
                sequence,
                value: record.1.clone(),
                timestamp_ms: 1,
                ..wire::Value::default()
            })
            .collect()
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

fn number(url: &Url, name: &str) -> u64 {
    parameter(url, name).map_or(0, |text| text.parse().expect("a number"))
}

fn key(url: &Url) -> Bytes {
    decoded(&parameter(url, "key_base64").expect("a key"))
}

fn decoded(text: &str) -> Bytes {
    URL_SAFE_NO_PAD.decode(text).expect("base64").into()
}
