//! The emulator of Azure that the other tests stand on: does it keep what Azure promises?

use log_testkit::azurite::Azurite;

const ONLY_IF_ABSENT: &[&str] = &["x-ms-blob-type: BlockBlob", "if-none-match: *"];

#[test]
fn of_many_conditional_puts_one_succeeds_and_the_others_are_told_that_the_blob_exists() {
    let azurite = Azurite::start();
    azurite.create_container("conditional");
    let put = |body: &str| {
        let body = body.as_bytes();
        let answer = azurite.request("PUT", "/conditional/a", "", ONLY_IF_ABSENT, body);
        let answer = answer.expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, text)
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let racers = ["1", "2", "3", "4"].map(|body| scope.spawn(move || put(body)));
        racers.map(|racer| racer.join().expect("no panic")).into()
    });
    let refused: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status != 201)
        .collect();
    assert_eq!(refused.len(), 3, "{answers:?}");
    for (status, body) in refused {
        assert_eq!(*status, 409);
        assert!(body.contains("BlobAlreadyExists"), "{body}");
    }
    // A container that is not there is a 404.
    let missing = azurite.request("GET", "/not-there/a", "", &[], b"");
    let missing = missing.expect("an answer");
    let text = String::from_utf8_lossy(&missing.body).into_owned();
    assert_eq!(missing.status, 404);
    assert!(text.contains("ContainerNotFound"), "{text}");
}
