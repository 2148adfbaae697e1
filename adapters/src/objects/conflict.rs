//! The answer 409 to a conditional PUT, which does not say whether the object is there.
//!
//! The clients report a 409 as an object that exists. SlateDB then takes a file of the WAL for one of another writer,
//! and either stops as fenced or, while it opens the log, continues after it. That leaves a gap in the WAL, and the log
//! can never be opened again. What a 409 means:
//!
//! - S3 answers `ConditionalRequestConflict` when another request for the same object was under way
//!   (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>). The client tries again after it when it
//!   sent `If-Match`, but not when it sent `If-None-Match`. An object that is there is answered 412.
//! - Google Cloud Storage: the same, with `x-goog-if-generation-match`
//!   (<https://cloud.google.com/storage/docs/xml-api/reference-status>).
//! - Azure answers `BlobAlreadyExists` when the object is there, and 409 with other codes for a container that is being
//!   deleted, an account that is being made or a blob under a policy
//!   (<https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>).

use std::sync::Arc;

use http::header::IF_NONE_MATCH;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};

/// Azure's header with the code of an error.
const AZURE_CODE: &str = "x-ms-error-code";
/// Azure's only 409 that says that the object is there.
const AZURE_EXISTS: &str = "BlobAlreadyExists";
/// Google's precondition; `0` is an object that is not there.
const GENERATION: &str = "x-goog-if-generation-match";

/// Connects as another does, and has such requests tried again, with the pauses and the limits of the store's client.
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
        let headers = request.headers();
        let creates = request.method() == Method::PUT
            && (headers.contains_key(IF_NONE_MATCH) || headers.contains_key(GENERATION));
        let mut response = self.0.execute(request).await?;
        let exists = response.headers().get(AZURE_CODE);
        let exists = exists.is_some_and(|code| code == AZURE_EXISTS);
        if creates && response.status() == StatusCode::CONFLICT && !exists {
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
    use object_store::azure::MicrosoftAzureBuilder;
    use object_store::client::HttpResponseBody;
    use object_store::gcp::GoogleCloudStorageBuilder;
    use object_store::path::Path;
    use object_store::{Error, ObjectStore, PutMode, PutOptions};

    use super::*;

    /// Answers with these statuses and Azure codes, one after the other.
    #[derive(Debug, Clone)]
    struct Scripted(Arc<Mutex<Vec<(u16, &'static str)>>>);

    impl HttpConnector for Scripted {
        fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
            Ok(HttpClient::new(self.clone()))
        }
    }

    #[async_trait::async_trait]
    impl HttpService for Scripted {
        async fn call(&self, _request: HttpRequest) -> Result<HttpResponse, HttpError> {
            let (status, code) = self.0.lock().unwrap().remove(0);
            let response = http::Response::builder()
                .status(status)
                .header("etag", "\"1\"")
                .header("x-goog-generation", "1")
                .header(AZURE_CODE, code);
            Ok(response
                .body(HttpResponseBody::from(String::new()))
                .unwrap())
        }
    }

    fn s3(connector: RetryingConflicts) -> Box<dyn ObjectStore> {
        let builder = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_region("us-east-1")
            .with_skip_signature(true)
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        Box::new(builder.with_http_connector(connector).build().unwrap())
    }

    fn gcs(connector: RetryingConflicts) -> Box<dyn ObjectStore> {
        let builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name("bucket")
            .with_bearer_token("token");
        Box::new(builder.with_http_connector(connector).build().unwrap())
    }

    fn azure(connector: RetryingConflicts) -> Box<dyn ObjectStore> {
        let builder = MicrosoftAzureBuilder::new()
            .with_account("account")
            .with_container_name("container")
            .with_bearer_token_authorization("token");
        Box::new(builder.with_http_connector(connector).build().unwrap())
    }

    type Open = fn(RetryingConflicts) -> Box<dyn ObjectStore>;

    async fn create(open: Open, answers: &[(u16, &'static str)]) -> (Result<(), Error>, usize) {
        let script = Scripted(Arc::new(Mutex::new(answers.to_vec())));
        let store = open(RetryingConflicts(Arc::new(script.clone())));
        let options = PutOptions::from(PutMode::Create);
        let put = store.put_opts(&Path::from("a"), "b".into(), options).await;
        let outcome = put.map(drop);
        let left = script.0.lock().unwrap().len();
        (outcome, left)
    }

    #[track_caller]
    fn exists(outcome: &Result<(), Error>) {
        let exists = matches!(outcome, Err(Error::AlreadyExists { .. }));
        assert!(exists, "{outcome:?}");
    }

    #[tokio::test]
    async fn a_conflict_is_tried_again_until_it_is_known_whether_the_object_is_there() {
        for open in [s3 as Open, gcs, azure] {
            let (outcome, left) = create(open, &[(409, ""), (409, ""), (200, "")]).await;
            outcome.expect("written");
            assert_eq!(left, 0);
            let (outcome, left) = create(open, &[(409, ""), (412, "")]).await;
            exists(&outcome);
            assert_eq!(left, 0);
        }
    }

    #[tokio::test]
    async fn an_object_that_is_there_is_reported_without_another_request() {
        for open in [s3 as Open, gcs, azure] {
            let (outcome, left) = create(open, &[(412, ""), (200, "")]).await;
            exists(&outcome);
            assert_eq!(left, 1);
        }
    }

    #[tokio::test]
    async fn of_azures_conflicts_one_says_that_the_object_is_there() {
        let (outcome, left) = create(azure, &[(409, AZURE_EXISTS), (200, "")]).await;
        exists(&outcome);
        assert_eq!(left, 1);
        let answers = [(409, "ContainerBeingDeleted"), (201, "")];
        let (outcome, left) = create(azure, &answers).await;
        outcome.expect("written");
        assert_eq!(left, 0);
    }
}
