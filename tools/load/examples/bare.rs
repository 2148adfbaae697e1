//! The least that an HTTP server has to do for an append: reads the body and answers a constant.
//!
//! `tools/bench` compares the CPU of the server with it. It uses the version of hyper that the server uses, and answers as many bytes
//! as the server answers to an append.
//!
//! `bare --port 8080`

use std::convert::Infallible;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

/// Answers every request with a constant, when its body was read.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen, on 127.0.0.1
    #[arg(long)]
    port: u16,
}

/// As long as the message that answers an append of one record.
const ANSWER: &[u8] = b"0123456789";

#[tokio::main]
#[expect(clippy::print_stderr, reason = "how it complains")]
async fn main() -> ExitCode {
    let Arguments { port } = Arguments::parse();
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("bare: cannot listen on port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(tokio::spawn(serve(connection))),
            Err(error) => {
                eprintln!("bare: cannot accept a connection: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
}

/// Serves a connection until its client closes or breaks it.
#[expect(clippy::print_stderr, reason = "how it complains")]
async fn serve(connection: TcpStream) {
    if let Err(error) = connection.set_nodelay(true) {
        eprintln!("bare: cannot set TCP_NODELAY: {error}");
        return;
    }
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(connection), service_fn(answer))
        .await;
    if let Err(error) = served {
        eprintln!("bare: {error}");
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(_body) = request.into_body().collect().await else {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    let media_type = "application/protobuf".parse().expect("a media type");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}
