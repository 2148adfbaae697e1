use std::fs;

use super::*;

const READ: &str = "read-token-0123456789";
const APPEND: &str = "append-token-0123456789";

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tokens");
    fs::write(&path, text).expect("written");
    (folder, path)
}

fn open(text: &str) -> Result<TokenFile, BadTokens> {
    let (_folder, path) = file(text);
    TokenFile::open(&path)
}

fn ask(tokens: &TokenFile, bearer: &str, right: Right) -> Result<(), Denied> {
    let credentials = Credentials {
        bearer: Some(bearer),
    };
    tokens.authorize(credentials, right)
}

#[test]
fn a_token_may_do_what_its_rights_say_and_an_unknown_one_nothing() {
    let text = format!("# who may\n\na read {READ}\n  b\tappend,read   {APPEND}  \n");
    let tokens = open(&text).expect("tokens");
    assert_eq!(tokens.count(), 2);
    assert_eq!(ask(&tokens, READ, Right::Read), Ok(()));
    assert_eq!(ask(&tokens, READ, Right::Append), Err(Denied::Insufficient));
    assert_eq!(ask(&tokens, APPEND, Right::Append), Ok(()));
    assert_eq!(ask(&tokens, APPEND, Right::Read), Ok(()));
    assert_eq!(
        ask(&tokens, APPEND, Right::Admin),
        Err(Denied::Insufficient)
    );
    for unknown in [
        "",
        "a",
        &READ[1..],
        &format!("{READ}0"),
        &READ.to_uppercase(),
    ] {
        assert_eq!(
            ask(&tokens, unknown, Right::Read),
            Err(Denied::Unauthenticated),
            "{unknown:?}"
        );
    }
    assert_eq!(
        tokens.authorize(Credentials::default(), Right::Read),
        Err(Denied::Unauthenticated)
    );
}

#[test]
fn a_digest_stands_for_its_token_and_is_none_itself() {
    // printf %s read-token-0123456789 | sha256sum
    let hex: String = digest_of(READ.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tokens = open(&format!("a read sha256:{hex}")).expect("tokens");
    assert_eq!(ask(&tokens, READ, Right::Read), Ok(()));
    for not_it in [hex.clone(), format!("sha256:{hex}")] {
        assert_eq!(
            ask(&tokens, &not_it, Right::Read),
            Err(Denied::Unauthenticated)
        );
    }
}

#[test]
fn the_digest_is_the_well_known_one() {
    let abc = from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(Some(digest_of(b"abc")), abc);
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_without_what_stands_in_it() {
    let long = "x".repeat(70);
    for (text, why) in [
        ("".to_owned(), "no token"),
        ("# nothing\n\n".to_owned(), "no token"),
        (format!("a read {READ}\nb {APPEND}"), "line 2"),
        (format!("a {READ} read"), "line 1 has rights"),
        (format!("a read, {READ}"), "line 1 has rights"),
        (format!("a read {READ} {APPEND}"), "line 1 is not"),
        (
            "a read short-secret".to_owned(),
            "line 1 has a token of less",
        ),
        (format!("a read {READ}\u{e9}"), "line 1 has a token with"),
        (format!("a read sha256:{long}"), "line 1 has a SHA-256"),
        (
            format!("a read sha256:{}", &long[6..]),
            "line 1 has a SHA-256",
        ),
        (
            format!("a read {READ}\na append {APPEND}"),
            "line 2 has the name",
        ),
        (
            format!("a read {READ}\nb append {READ}"),
            "line 2 has the token",
        ),
    ] {
        let error = open(&text).err().expect("refused").to_string();
        assert!(error.contains(why), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{error:?}");
        for secret in [READ, APPEND, "short-secret", &long[6..]] {
            assert!(!error.contains(secret), "{error}");
        }
    }
    let missing = TokenFile::open(Path::new("/does/not/exist")).err();
    assert!(missing.is_some_and(|error| error.to_string().contains("/does/not/exist")));
}

#[tokio::test]
async fn a_changed_file_holds_at_once_and_a_bad_one_leaves_the_old_tokens() {
    let (_folder, path) = file(&format!("a read {READ}"));
    let tokens = TokenFile::open(&path).expect("tokens");
    assert_eq!(tokens.reload().await.expect("good"), None);

    fs::write(&path, "nonsense").expect("written");
    assert!(tokens.reload().await.is_err());
    assert_eq!(tokens.reload().await.expect("told already"), None);
    assert_eq!(ask(&tokens, READ, Right::Read), Ok(()));

    fs::remove_file(&path).expect("removed");
    assert!(tokens.reload().await.is_err());
    assert_eq!(tokens.reload().await.expect("told already"), None);
    assert_eq!(ask(&tokens, READ, Right::Read), Ok(()));

    fs::write(&path, format!("a append {APPEND}")).expect("written");
    assert_eq!(tokens.reload().await.expect("good"), Some(1));
    assert_eq!(
        ask(&tokens, READ, Right::Read),
        Err(Denied::Unauthenticated)
    );
    assert_eq!(ask(&tokens, APPEND, Right::Append), Ok(()));
}
