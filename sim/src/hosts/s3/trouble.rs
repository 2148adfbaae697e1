//! What can go wrong inside S3, besides not being reached.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use s3s::Body;
use s3s::service::S3Service;
use serde::Serialize;

/// A kind of trouble. Rates are percentages of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Trouble {
    /// Every request takes up to this much longer.
    Slow {
        /// In milliseconds.
        up_to_ms: u64,
    },
    /// Answers 500 and does nothing.
    Failing(u32),
    /// Does what it was asked to, and breaks the connection instead of answering.
    LosingAnswers(u32),
    /// Answers 503 SlowDown and does nothing.
    Throttling(u32),
    /// Answers conditional writes with 409 ConditionalRequestConflict and does nothing, as S3 does when two writes of
    /// one object meet.
    Conflicting(u32),
}

/// The troubles of now, and what decides whom they meet.
#[derive(Clone)]
pub struct Troubles(Arc<Mutex<Now>>);

struct Now {
    troubles: Vec<Trouble>,
    random: StdRng,
}

/// What becomes of one request.
enum Fate {
    Served { after: Duration },
    Answered(StatusCode, &'static str),
    Lost,
}

impl Troubles {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Now {
            troubles: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        })))
    }

    /// This one too, from now on.
    pub fn begin(&self, trouble: Trouble) {
        self.0.lock().troubles.push(trouble);
    }

    /// Not this one any more.
    pub fn end(&self, trouble: Trouble) {
        let mut now = self.0.lock();
        if let Some(at) = now.troubles.iter().position(|known| *known == trouble) {
            now.troubles.remove(at);
        }
    }

    fn fate(&self, conditional: bool) -> Fate {
        let mut now = self.0.lock();
        let Now { troubles, random } = &mut *now;
        let mut after = Duration::ZERO;
        for trouble in troubles.iter() {
            let mut strikes = |percent: u32| random.random_range(0..100) < percent;
            match *trouble {
                Trouble::Slow { up_to_ms } => {
                    after += Duration::from_millis(random.random_range(0..=up_to_ms));
                }
                Trouble::Failing(percent) if strikes(percent) => {
                    return Fate::Answered(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
                }
                Trouble::Throttling(percent) if strikes(percent) => {
                    return Fate::Answered(StatusCode::SERVICE_UNAVAILABLE, "SlowDown");
                }
                Trouble::Conflicting(percent) if conditional && strikes(percent) => {
                    return Fate::Answered(StatusCode::CONFLICT, "ConditionalRequestConflict");
                }
                Trouble::LosingAnswers(percent) if strikes(percent) => return Fate::Lost,
                _ => {}
            }
        }
        Fate::Served { after }
    }
}

/// S3 with its troubles.
#[derive(Clone)]
pub(super) struct Troubled {
    pub(super) s3: S3Service,
    pub(super) troubles: Troubles,
}

impl Service<Request<Incoming>> for Troubled {
    type Response = Response<Body>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let headers = request.headers();
        let conditional = request.method() == Method::PUT
            && (headers.contains_key("if-none-match") || headers.contains_key("if-match"));
        let fate = self.troubles.fate(conditional);
        let s3 = self.s3.clone();
        Box::pin(async move {
            match fate {
                Fate::Served { after } => {
                    if !after.is_zero() {
                        tokio::time::sleep(after).await;
                    }
                    let answer = s3.call(request.map(Body::from)).await;
                    answer.map_err(|error| format!("{error:?}").into())
                }
                Fate::Answered(status, code) => {
                    let text = format!(
                        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>simulated</Message></Error>"
                    );
                    Ok(Response::builder().status(status).body(Body::from(text))?)
                }
                Fate::Lost => {
                    drop(s3.call(request.map(Body::from)).await);
                    Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
                }
            }
        })
    }
}
