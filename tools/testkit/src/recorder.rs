//! A proxy before an HTTP server of a test: it writes down what goes by, and can lose headers on the way.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request that went by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// What follows the question mark, as it was sent; empty if there is none.
    pub query: String,
    /// The headers as they came, also those that are lost on the way; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A proxy on a port of 127.0.0.1, for as long as the test process runs.
#[derive(Debug, Clone)]
pub struct Recorder {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Recorder {
    /// Stands before the server on this port and loses these headers (names in lower case) of every request.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before(server: u16, lost: &'static [&'static str]) -> Self {
        Self::changing(server, move |call| {
            call.headers
                .retain(|name, _| !lost.contains(&name.as_str()));
            Ok(())
        })
    }

    /// Stands before the server on this port; `change` changes each request, or gives the answer to it.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn changing(
        server: u16,
        change: impl Fn(&mut Call) -> Result<(), Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::answering(move |call| {
            let mut call = call.clone();
            match change(&mut call) {
                Ok(()) => forward(&call, server),
                Err(answer) => Ok(answer),
            }
        })
    }

    /// Answers by itself: `answer` gives the whole HTTP answer to each request, head and body.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn answering(
        answer: impl Fn(&Call) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a loopback port");
        Self::on(listener, answer)
    }

    /// Stands before the server on this port at a port that the client knew before.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn at(port: u16, server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("bind the port");
        Self::on(listener, move |call| forward(call, server))
    }

    fn on(
        listener: TcpListener,
        answer: impl Fn(&Call) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().expect("address of a listener").port();
        let recorder = Self {
            port,
            calls: Arc::default(),
        };
        let (calls, answer) = (Arc::clone(&recorder.calls), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (calls, answer) = (Arc::clone(&calls), Arc::clone(&answer));
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || drop(serve(stream, &calls, &*answer)));
            }
        });
        recorder
    }

    /// The port to send requests to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything that went by so far, in the order in which it came.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic under this lock").clone()
    }
}

/// An HTTP answer with this body, to be given by [`Recorder::answering`].
pub fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into()
}

/// One request for each connection: the answer says so, and the client makes another one.
fn serve(
    mut stream: TcpStream,
    calls: &Mutex<Vec<Call>>,
    answer: &dyn Fn(&Call) -> io::Result<Vec<u8>>,
) -> io::Result<()> {
    let call = read(&mut BufReader::new(stream.try_clone()?))?;
    let lock = calls.lock();
    lock.expect("no panic under this lock").push(call.clone());
    stream.write_all(&answer(&call)?)?;
    stream.shutdown(Shutdown::Write)?;
    // Until the client has closed too, or it could miss the answer.
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

fn read(stream: &mut impl BufRead) -> io::Result<Call> {
    let line = |stream: &mut dyn BufRead| {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok::<_, io::Error>(line.trim_end().to_owned())
    };
    let first = line(stream)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::Error::other("not an HTTP request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let header = line(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map(|length| length.parse());
    let length: u64 = length.transpose().map_err(io::Error::other)?.unwrap_or(0);
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    Ok(Call {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

fn forward(call: &Call, server: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let mark = if call.query.is_empty() { "" } else { "?" };
    let mut head = format!(
        "{} {}{mark}{} HTTP/1.1\r\n",
        call.method, call.path, call.query
    );
    for (name, value) in &call.headers {
        if name != "connection" && name != "expect" {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(&call.body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
