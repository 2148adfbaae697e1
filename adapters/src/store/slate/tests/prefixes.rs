//! Whatever a prefix is made of: it is refused, or all objects of the log lie below exactly it.

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// What happens to a log with this prefix; whether it was accepted.
async fn lies_below(prefix: &str) -> bool {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let at = |path: &str| {
        let path = path.to_owned();
        move |options: &mut Options| options.path = path
    };
    let store = match open_with(&objects, at(prefix)).await {
        Ok(store) => store,
        Err(error) => {
            assert!(matches!(error, Error::Invalid(_)), "{prefix:?}: {error}");
            let written: Vec<_> = objects.list(None).try_collect().await.expect("listed");
            assert!(written.is_empty(), "{prefix:?}: {written:?}");
            return false;
        }
    };
    store
        .append(batch("k", &["a", "b"]), Durability::Durable)
        .await
        .expect("appended");
    // As it is while the server runs, or after a crash: some of it is in the WAL alone.
    let copy: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let all: Vec<_> = objects.list(None).try_collect().await.expect("listed");
    for object in all {
        let name = object.location.as_ref().to_owned();
        let below = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('/'));
        let below = below.unwrap_or_else(|| panic!("{name:?} is not below {prefix:?}"));
        let found = objects.get(&object.location).await.expect("found");
        let content = found.bytes().await.expect("read");
        let there = Path::from(format!("copy/{below}"));
        copy.put(&there, content.into()).await.expect("copied");
    }
    let copied = open_with(&copy, at("copy")).await.expect("opened");
    let found = values(&copied, "k").await;
    assert_eq!(found, [(0, "a".into()), (1, "b".into())], "{prefix:?}");
    copied.close(CLOSE).await.expect("closed");
    store.close(CLOSE).await.expect("closed");
    true
}

#[test]
fn all_objects_of_a_log_lie_below_its_prefix_or_it_is_refused() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let accepts = |prefix: &str| runtime.block_on(lies_below(prefix));
    for prefix in [
        "log",
        "some/log",
        "a b",
        "!$&'()+,-.:;=@_/...x",
        &"x".repeat(900),
    ] {
        assert!(accepts(prefix), "{prefix:?} is refused");
    }
    for prefix in [
        "größe", "100%", "a%20b", "..", "a//b", "/a", "a/", "a#b?", "a\tb", "", "~",
    ] {
        assert!(!accepts(prefix), "{prefix:?} is accepted");
    }
    let mut runner = TestRunner::new(Config::with_cases(60));
    let prefixes = prop_oneof![".{0,8}", "[ -~]{0,6}", "[a-z./ %]{0,6}", "[a-z]{900,902}"];
    let ran = runner.run(&prefixes, |prefix| {
        accepts(&prefix);
        Ok(())
    });
    ran.expect("below the prefix, or refused");
}
