//! An emulator of Google Cloud Storage's XML API, in the test's own process.
//!
//! Those that can be installed ignore the preconditions of a PUT, on which a log stands. This one has the part of the
//! API that the client uses, and `tests/gcs.rs` holds it to Google's documents:
//! <https://cloud.google.com/storage/docs/xml-api/overview>. What it does not know it refuses with 400.

mod answer;
mod objects;
mod uploads;

use std::sync::{Arc, Condvar, Mutex};

use crate::recorder::{Call, Recorder};
use objects::Buckets;

/// A running emulator, for as long as the test process lives.
#[derive(Debug, Clone)]
pub struct Gcs {
    recorder: Recorder,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: Mutex<Buckets>,
    /// Accepted bearer tokens; if empty, all requests are accepted.
    tokens: Mutex<Vec<String>>,
    paused: Mutex<bool>,
    resumed: Condvar,
}

impl Gcs {
    /// Starts it on a free port of 127.0.0.1. Everybody is let in.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        let state = Arc::<State>::default();
        let answering = Arc::clone(&state);
        let recorder = Recorder::answering(move |call| Ok(answering.answer(call)));
        Self { recorder, state }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.recorder.port()
    }

    /// Everything that was asked.
    pub fn calls(&self) -> Vec<Call> {
        self.recorder.calls()
    }

    /// The environment of a client of this emulator, without credentials.
    pub fn environment(&self) -> Vec<(String, String)> {
        Self::environment_at(self.port())
    }

    /// As [`Gcs::environment`], at the port of a proxy in front.
    pub fn environment_at(port: u16) -> Vec<(String, String)> {
        let url = format!("http://127.0.0.1:{port}");
        [
            ("GOOGLE_BASE_URL", url.as_str()),
            ("GOOGLE_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The same, with a token that every request must have.
    pub fn environment_with_token(&self) -> Vec<(String, String)> {
        let mut environment = self.environment();
        environment.push(("GOOGLE_BEARER_TOKEN".to_owned(), "token".to_owned()));
        environment
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// When a thread of the emulator has panicked.
    pub fn create_bucket(&self, name: &str) {
        let mut buckets = self.state.buckets.lock().expect("no panic under this lock");
        buckets.create(name);
    }

    /// From now on lets in who has one of the tokens that were given to this method.
    ///
    /// # Panics
    /// As [`Gcs::create_bucket`].
    pub fn accept_token(&self, token: &str) {
        let mut tokens = self.state.tokens.lock().expect("no panic under this lock");
        tokens.push(token.to_owned());
    }

    /// Begins an outage: requests are taken and not answered.
    ///
    /// # Panics
    /// As [`Gcs::create_bucket`].
    pub fn pause(&self) {
        *self.state.paused.lock().expect("no panic under this lock") = true;
    }

    /// Ends the outage that [`Gcs::pause`] began.
    ///
    /// # Panics
    /// As [`Gcs::create_bucket`].
    pub fn resume(&self) {
        *self.state.paused.lock().expect("no panic under this lock") = false;
        self.state.resumed.notify_all();
    }
}

impl State {
    fn answer(&self, call: &Call) -> Vec<u8> {
        let mut paused = self.paused.lock().expect("no panic under this lock");
        while *paused {
            paused = self.resumed.wait(paused).expect("no panic under this lock");
        }
        drop(paused);
        let tokens = self
            .tokens
            .lock()
            .expect("no panic under this lock")
            .clone();
        let given = call.headers.get("authorization");
        let given = given.and_then(|text| text.strip_prefix("Bearer "));
        if !tokens.is_empty() && !given.is_some_and(|given| tokens.iter().any(|t| t == given)) {
            return answer::refusal(401, "AuthenticationRequired", "Authentication required.");
        }
        let mut buckets = self.buckets.lock().expect("no panic under this lock");
        buckets.answer(call)
    }
}
