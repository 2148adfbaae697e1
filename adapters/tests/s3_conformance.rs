//! Stores on a real S3 server.

use log_testkit::seaweedfs::SeaweedFs;

#[test]
fn the_s3_server_that_the_stores_are_tested_on_starts_and_takes_a_bucket() {
    let s3 = SeaweedFs::start();
    s3.create_bucket("conformance");
    let put = s3
        .request("PUT", "/conformance/object", &[], b"body")
        .unwrap();
    assert_eq!(put.status, 200);
}
