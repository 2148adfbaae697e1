//! An HTTP proxy between a client and a server on loopback that counts requests by method, and can be slow.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Forwards every connection to one port of 127.0.0.1, byte for byte, for as long as the process lives.
///
/// It reads HTTP/1.1 requests one after the other, with a body of a stated length, as S3 clients send them. A
/// connection that speaks otherwise is closed.
#[derive(Debug)]
pub struct CountingProxy {
    port: u16,
    requests: Requests,
    refused: Refused,
}

/// The method whose requests are answered 403, if any.
type Refused = Arc<Mutex<Option<String>>>;

/// The request lines of what was forwarded, without the version, each with how often.
type Requests = Arc<Mutex<BTreeMap<String, u64>>>;

impl CountingProxy {
    /// Listens on a free port, in front of `target`.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(target: u16) -> Self {
        Self::start_slow(target, Duration::ZERO)
    }

    /// As [`CountingProxy::start`], and every request is forwarded so much later than it came.
    ///
    /// # Panics
    /// As [`CountingProxy::start`].
    pub fn start_slow(target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a free port");
        let port = listener.local_addr().expect("the port's number").port();
        let requests = Requests::default();
        let counted = Arc::clone(&requests);
        let refused = Refused::default();
        let refusing = Arc::clone(&refused);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                let refusing = Arc::clone(&refusing);
                thread::spawn(move || drop(forward(&client, target, delay, &counted, &refusing)));
            }
        });
        Self {
            port,
            requests,
            refused,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything of this method that was forwarded since the last call of [`CountingProxy::forget`]: paths with
    /// queries, each with how often.
    pub fn seen(&self, method: &str) -> BTreeMap<String, u64> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let of_method = requests.iter().filter_map(|(request, count)| {
            let path = request.strip_prefix(method)?.strip_prefix(' ')?;
            Some((path.to_owned(), *count))
        });
        of_method.collect()
    }

    /// From now on answers requests of this method 403, as S3 does when a policy forbids them.
    pub fn refuse(&self, method: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = Some(method.to_owned());
    }

    /// Forwards every request again.
    pub fn refuse_nothing(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Starts counting again.
    pub fn forget(&self) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.clear();
    }
}

fn forward(
    client: &TcpStream,
    target: u16,
    delay: Duration,
    requests: &Requests,
    refused: &Refused,
) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    for socket in [client, &server] {
        socket.set_nodelay(true)?;
    }
    let answers = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let (mut from, mut to) = answers;
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
    let outcome = forward_requests(client, &server, delay, requests, refused);
    drop(server.shutdown(Shutdown::Write));
    drop(back.join());
    outcome
}

fn forward_requests(
    client: &TcpStream,
    mut server: &TcpStream,
    delay: Duration,
    requests: &Requests,
    refused: &Refused,
) -> io::Result<()> {
    let mut answers = client;
    let mut client = BufReader::new(client);
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let begin = head.len();
            if client.read_line(&mut head)? == 0 {
                return Ok(());
            }
            let line = head[begin..].trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let request = head.lines().next().unwrap_or_default();
        let request = request.trim_end_matches(" HTTP/1.1").to_owned();
        // Counted before it is forwarded: who has the answer finds it counted.
        *requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(request)
            .or_default() += 1;
        thread::sleep(delay);
        let method = refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(method) = method.filter(|method| head.starts_with(method.as_str())) {
            io::copy(&mut (&mut client).take(length), &mut io::sink())?;
            let body =
                format!("<Error><Code>AccessDenied</Code><Message>no {method}</Message></Error>");
            // Requests come one after the other, so no answer of the server is under way.
            write!(
                answers,
                "HTTP/1.1 403 Forbidden\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
            continue;
        }
        server.write_all(head.as_bytes())?;
        io::copy(&mut (&mut client).take(length), &mut server)?;
    }
}
