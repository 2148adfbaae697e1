//! The text of `/metrics`, rate-limited because encoding it costs a hundred times as much as requesting it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::budget::{Budget, Permit};
use parking_lot::Mutex;
use tokio::time::Instant;

use poem::{Endpoint, Request, Response};

use super::content::Content;

/// It is written so many times in so much time. More frequent requests get the last result.
const RENDERS: u32 = 20;
const WITHIN: Duration = Duration::from_secs(1);

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics, written anew for each who asks, up to a bound.
pub(in crate::http) struct MetricsText {
    render: Arc<dyn Fn() -> String + Send + Sync>,
    /// What texts are charged to for as long as a client has not taken them.
    answers: Budget,
    state: Mutex<State>,
}

struct State {
    since: Instant,
    renders: u32,
    last: Option<Arc<Content>>,
}

/// A text and its room, if it has any: there is always one text.
struct Charged {
    text: String,
    _room: Option<Permit>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl MetricsText {
    pub(in crate::http) fn new(
        render: Arc<dyn Fn() -> String + Send + Sync>,
        answers: Budget,
    ) -> Self {
        Self {
            render,
            answers,
            state: Mutex::new(State {
                since: Instant::now(),
                renders: 0,
                last: None,
            }),
        }
    }

    /// The metrics as they are now, or were a moment ago.
    pub(super) fn text(&self) -> Arc<Content> {
        let mut state = self.state.lock();
        if state.since.elapsed() >= WITHIN {
            state.since = Instant::now();
            state.renders = 0;
        }
        if let Some(last) = &state.last
            && state.renders >= RENDERS
        {
            return Arc::clone(last);
        }
        state.renders += 1;
        let text = (self.render)();
        let room = self.answers.take(text.len() as u64).ok();
        if let Some(last) = &state.last
            && room.is_none()
        {
            return Arc::clone(last);
        }
        let bytes = Bytes::from_owner(Charged { text, _room: room });
        let text = Arc::new(Content::new(CONTENT_TYPE, bytes));
        state.last = Some(Arc::clone(&text));
        text
    }
}

/// `GET /-/metrics`: the same text for the console.
pub(in crate::http) struct MetricsRoute(pub(in crate::http) Arc<MetricsText>);

impl Endpoint for MetricsRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self.0.text().answer(request.headers()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use poem::http::HeaderMap;

    use super::*;

    fn metrics_text(bytes: u64) -> (MetricsText, Budget) {
        let renders = AtomicU32::new(0);
        let render = move || format!("{:060}\n", renders.fetch_add(1, Ordering::Relaxed));
        let answers = Budget::new("bytes", bytes);
        (MetricsText::new(Arc::new(render), answers.clone()), answers)
    }

    async fn text(metrics: &MetricsText) -> u32 {
        let body = metrics.text().answer(&HeaderMap::new()).into_body();
        let text = body.into_string().await.expect("text");
        text.trim().parse().expect("a number")
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_more_often_than_metrics_are_written_is_answered_what_was_written_last() {
        let (metrics, _) = metrics_text(1 << 20);
        for second in 0..3 {
            for asked in 0..100 {
                let last = second * RENDERS + asked.min(RENDERS - 1);
                assert_eq!(text(&metrics).await, last);
            }
            tokio::time::advance(WITHIN).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn texts_that_are_not_taken_are_charged_and_the_last_is_answered_when_there_is_no_room() {
        let (metrics, answers) = metrics_text(3 * 61);
        let unread: Vec<_> = (0..5)
            .map(|_| metrics.text().answer(&HeaderMap::new()))
            .collect();
        assert_eq!(answers.used(), 3 * 61);
        assert_eq!(text(&metrics).await, 2);
        drop(unread);
        assert_eq!(answers.used(), 61);
        assert!(text(&metrics).await > 2);
    }
}
