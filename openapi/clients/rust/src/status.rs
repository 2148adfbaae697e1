//! What a server says of itself.

use crate::answers::answered;
use crate::error::{Error, ErrorKind};
use crate::http::Http;
use crate::partition::About;
use crate::reading::unanswered;
use crate::record::Segment;
use crate::retry::Retry;
use crate::wire::SegmentsResponse;

const READY: &str = "/-/ready";
const SEGMENTS: &str = "/api/v1/log/segments";

/// A server that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether it takes requests; `None` if it does not say it at this address (but at its admin port, or not to everybody).
    pub ready: Option<bool>,
    /// What it says of that, in its own words, if it is not ready.
    pub reason: Option<String>,
    /// The records below this sequence are on object storage; `None` if the log cannot be read, and of a cluster without
    /// [a partition](crate::LogClient::of_partition): sequences count per partition.
    pub durable_sequence: Option<u64>,
    /// The segments of the log, in order; `None` where `durable_sequence` is.
    pub segments: Option<Vec<Segment>>,
}

/// Asks for both.
pub(crate) async fn status(http: &Http, retry: &Retry, about: &About) -> Result<Status, Error> {
    let ask = || async {
        let asked = http.get(READY, &[], false, &About::default()).await;
        let asked = asked.map_err(|lost| unanswered(lost, retry));
        asked.map_err(|error| error.of_request("GET", &http.url_of(READY)))
    };
    let answer = retry.until_answered(ask).await?;
    let ready = match answer.status {
        200 => Some(true),
        503 => Some(false),
        _ => None,
    };
    let refusal = answered::<SegmentsResponse>(&answer).err();
    let mut status = Status {
        ready,
        reason: refusal
            .filter(|_| ready == Some(false))
            .map(|refusal| refusal.message().to_owned()),
        durable_sequence: None,
        segments: None,
    };
    match segments(http, retry, about).await {
        Ok((durable, segments)) => {
            status.durable_sequence = durable;
            status.segments = Some(segments);
        }
        Err(error) if ready == Some(false) && *error.kind() == ErrorKind::Unavailable => {}
        Err(error) if *error.kind() == ErrorKind::InvalidArgument => {
            // Without a partition there are no segments of a cluster.
            http.prepare(true).await;
            if about.partition.is_some() || !http.cluster.has_partitions() {
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(status)
}

async fn segments(
    http: &Http,
    retry: &Retry,
    about: &About,
) -> Result<(Option<u64>, Vec<Segment>), Error> {
    let parameters = about.parameter();
    let asked = http
        .get(SEGMENTS, parameters.as_slice(), false, about)
        .await;
    let named = |error: Error| error.of_request("GET", &http.url_of(SEGMENTS));
    let answer = asked.map_err(|lost| named(unanswered(lost, retry)))?;
    let found: SegmentsResponse = answered(&answer).map_err(named)?;
    let durable = answer.headers.get("log-durable-sequence");
    let durable = durable.and_then(|durable| durable.to_str().ok()?.parse().ok());
    let segments = found.segments.into_iter().map(Into::into);
    Ok((durable, segments.collect()))
}
