//! Checkpoints that expire, or seem to.

use std::time::Duration;

use slatedb::admin::Admin;

use super::*;
use crate::store::slate::engine_clock::EngineClock;

/// Loses the checkpoint when data is about to be copied, and what it held.
struct Losing<'a>(&'a Fixture);

impl Progress for Losing<'_> {
    fn stage(&self, what: &str, _bytes: u64) {
        if what != "copying data" {
            return;
        }
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let admin = self.0.source().admin();
                for found in admin.list_checkpoints(None).await.expect("listed") {
                    let deleted = admin.delete_checkpoint(found.id).await;
                    deleted.expect("deleted");
                }
                let manifest = self.0.source().newest_manifest().await.expect("read");
                let files = self
                    .0
                    .source()
                    .data_files(&manifest.expect("a manifest"))
                    .await;
                for file in files.expect("listed") {
                    let path = self.0.source().object(&file.name);
                    self.0.log.delete(&path).await.expect("deleted");
                }
            });
        });
    }
    fn advanced(&self, _bytes: u64) {}
    fn note(&self, _line: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_gone_with_an_expired_checkpoint_are_no_damage() {
    let fixture = Fixture::new().await;
    fixture.append("value").await;
    fixture.flush().await;
    let (source, never) = (fixture.source(), std::future::pending());
    let progress = Losing(&fixture);
    let run = back_up(
        &source,
        &fixture.repository,
        &fixture.clock,
        &progress,
        never,
    )
    .await;
    assert!(
        matches!(&run, Err(Error::Unavailable { message, .. }) if message.contains("has expired")),
        "{run:?}"
    );
    // Without that, they are.
    let run = fixture.back_up().await;
    assert!(matches!(&run, Err(Error::Corrupt(_))), "{run:?}");
}

#[tokio::test]
async fn a_checkpoint_is_there_for_as_long_as_it_is_held_however_long_that_takes() {
    let fixture = Fixture::new().await;
    fixture.append("value").await;
    fixture.flush().await;
    fixture.store.close(CLOSE).await.expect("closed");
    // As the server does it, by a clock of its own.
    let clock = EngineClock::new(&crate::clock::SystemClock);
    let server = Admin::builder("log", Arc::clone(&fixture.log));
    let server = server.with_system_clock(Arc::new(clock)).build();
    let collect = || async {
        let all = slatedb::config::GarbageCollectorOptions::default();
        server.run_gc_once(all).await.expect("collected");
    };
    let pin = super::pin::Pin::take(&fixture.source(), "a test", &crate::clock::SystemClock).await;
    let pin = pin.expect("held");
    tokio::time::pause();
    let kept = tokio::time::timeout(Duration::from_secs(40 * 60), pin.keep()).await;
    assert!(kept.is_err(), "{kept:?}");
    collect().await;
    assert!(!pin.is_lost().await);
    // When nobody holds it, as after a crash, it expires.
    tokio::time::advance(Duration::from_secs(11 * 60)).await;
    collect().await;
    assert!(pin.is_lost().await);
}

/// A clock that is a day behind that of the server.
struct Behind;

impl Clock for Behind {
    fn now_ms(&self) -> i64 {
        crate::clock::SystemClock.now_ms() - 24 * 60 * 60 * 1_000
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_does_not_expire_early_because_the_clock_here_is_behind() {
    let fixture = Fixture::new().await;
    fixture.append("value").await;
    fixture.flush().await;
    let pin = super::pin::Pin::take(&fixture.source(), "a test", &Behind).await;
    let pin = pin.expect("held");
    let collected = async {
        // As the server does it.
        let collect = slatedb::config::GarbageCollectorOptions::default();
        let admin = fixture.source().admin();
        admin.run_gc_once(collect).await.expect("collected");
    };
    collected.await;
    assert!(!pin.is_lost().await);
    pin.release().await;
}
