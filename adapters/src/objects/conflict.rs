//! S3's answer 409 to a conditional PUT: another request for the same object was under way, try again.
//!
//! It says nothing about whether the object is there. The S3 client tries again after a 409 when it sent `If-Match`;
//! when it sent `If-None-Match`, it reports that the object exists
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, `ConditionalRequestConflict`). SlateDB then
//! takes a file of the WAL for one of another writer, and either stops as fenced or, while it opens the log, goes on
//! behind it: with a gap in the WAL that no server can open any more.

use std::sync::Arc;

use http::header::IF_NONE_MATCH;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};

/// Connects as another does, and has such requests tried again, with the pauses and the limits of the S3 client.
#[derive(Debug)]
pub(super) struct RetryingConflicts(pub(super) Arc<dyn HttpConnector>);

impl HttpConnector for RetryingConflicts {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Service(HttpClient);

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let creates =
            request.method() == Method::PUT && request.headers().contains_key(IF_NONE_MATCH);
        let mut response = self.0.execute(request).await?;
        if creates && response.status() == StatusCode::CONFLICT {
            // A status that the client tries again after.
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
    use object_store::client::HttpResponseBody;
    use object_store::path::Path;
    use object_store::{Error, ObjectStore, PutMode, PutOptions};

    use super::*;

    /// Answers with these statuses, one after the other.
    #[derive(Debug, Clone)]
    struct Scripted(Arc<Mutex<Vec<u16>>>);

    impl HttpConnector for Scripted {
        fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
            Ok(HttpClient::new(self.clone()))
        }
    }

    #[async_trait::async_trait]
    impl HttpService for Scripted {
        async fn call(&self, _request: HttpRequest) -> Result<HttpResponse, HttpError> {
            let status = self.0.lock().unwrap().remove(0);
            let response = http::Response::builder()
                .status(status)
                .header("etag", "\"1\"");
            Ok(response
                .body(HttpResponseBody::from(String::new()))
                .unwrap())
        }
    }

    async fn create(statuses: &[u16]) -> (Result<(), Error>, usize) {
        let script = Scripted(Arc::new(Mutex::new(statuses.to_vec())));
        let store = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_region("us-east-1")
            .with_skip_signature(true)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_http_connector(RetryingConflicts(Arc::new(script.clone())))
            .build()
            .unwrap();
        let options = PutOptions::from(PutMode::Create);
        let put = store.put_opts(&Path::from("a"), "b".into(), options).await;
        let outcome = put.map(drop);
        let left = script.0.lock().unwrap().len();
        (outcome, left)
    }

    #[tokio::test]
    async fn a_conflict_is_tried_again_until_it_is_known_whether_the_object_is_there() {
        let (outcome, left) = create(&[409, 409, 200]).await;
        outcome.expect("written");
        assert_eq!(left, 0);
        let (outcome, left) = create(&[409, 412]).await;
        assert!(
            matches!(outcome, Err(Error::AlreadyExists { .. })),
            "{outcome:?}"
        );
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn an_object_that_is_there_is_reported_at_once() {
        let (outcome, left) = create(&[412, 200]).await;
        assert!(
            matches!(outcome, Err(Error::AlreadyExists { .. })),
            "{outcome:?}"
        );
        assert_eq!(left, 1);
    }
}
