//! Retention rules for prefixes: what they remove, and what readers are told.

use super::*;
use crate::Counted;

pub(super) async fn rules_hide_old_records_of_their_prefixes_and_readers_are_told<F: Fixture>(
    fixture: F,
) {
    let log = open(&fixture, BY_TIME).await;
    for _ in 0..3 {
        log.applied(&[(b"a/1", b"v"), (b"b", b"v"), (b"a/1", b"v"), (b"a/2", b"v")])
            .await;
        log.clock.advance(Duration::from_secs(10));
    }
    let rules = rules(&[(b"a/", 15), (b"c", 1_000)]);
    assert_eq!(log.ruled(&rules).await, [(b"a/".to_vec(), 4)]);
    assert_eq!(log.ruled(&rules).await, [], "it is raised once");
    log.applied(&[(b"last", b"v")]).await;
    let reader = log.reader().await;
    assert_eq!(reader.floor(), Sequence::ZERO, "of the log");
    for (key, sequences, trimmed_before) in [
        (&b"a/1"[..], &[4u64, 6, 8, 10][..], Some(4)),
        (b"a/2", &[7, 11], Some(4)),
        (b"a/", &[], Some(4)),
        (b"a", &[], None),
        (b"b", &[1, 5, 9], None),
    ] {
        let scan = scan_all(key);
        let page = reader.scan(&scan).await.expect("scanned");
        let found: Vec<u64> = entries(&page).into_iter().map(|(s, _)| s).collect();
        let trimmed_before = trimmed_before.map(Sequence::new);
        assert_eq!(found, sequences);
        assert_eq!(page.trimmed_before, trimmed_before);
        let counted = reader.count(&stored(key), SequenceRange::ALL).await;
        let expected = Counted {
            records: sequences.len() as u64,
            trimmed_before,
        };
        assert_eq!(counted.expect("counted"), expected);
    }
    for page in [1, 2, 100] {
        assert_eq!(listed(reader, 0..u32::MAX, page).await, "a/1,a/2,b,last");
        assert_eq!(listed(reader, 1..2, page).await, "b");
        assert_eq!(listed(reader, 1..3, page).await, "a/1,a/2,b");
    }
    // All that there is is older.
    log.clock.advance(Duration::from_secs(30));
    let rules = self::rules(&[(b"a/", 15), (b"a/2", 5)]);
    let raised = log.ruled(&rules).await;
    assert_eq!(raised, [(b"a/".to_vec(), 13), (b"a/2".to_vec(), 13)]);
    log.applied(&[(b"last", b"v")]).await;
    let reader = log.reader().await;
    assert_eq!(listed(reader, 0..u32::MAX, 1).await, "b,last");
    assert_eq!(listed(reader, 2..4, 1).await, "b");
    assert_eq!(log.read(b"a/1", Visibility::Memory).await, []);
    // The key begins anew.
    let again = log.applied(&[(b"a/1", b"new")]).await;
    assert_eq!(log.read(b"a/1", Visibility::Memory).await.len(), 1);
    let reader = log.reader().await;
    assert_eq!(listed(reader, 0..u32::MAX, 2).await, "a/1,b,last");
    let counted = reader.count(&stored(b"a/1"), SequenceRange::ALL).await;
    let expected = Counted {
        records: 1,
        trimmed_before: Some(13.into()),
    };
    assert_eq!(counted.expect("counted"), expected, "with {again}");
    // The highest floor counts.
    assert_eq!(log.deleted(b"a/1", Some(3)).await, 13);
    assert_eq!(log.trimmed(14).await, 14);
    assert_eq!(log.ruled(&rules).await, []);
    log.close().await;
}

pub(super) async fn the_floor_of_a_prefix_stays_and_never_goes_back<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"1"), (b"k2", b"2"), (b"o", b"")])
        .await;
    let rules = rules(&[(b"k", 50), (b"k2", 500)]);
    assert_eq!(log.ruled(&rules).await, []);
    log.clock.advance(Duration::from_secs(100));
    // The shortest wins, also for a key with a longer prefix.
    assert_eq!(log.ruled(&rules).await, [(b"k".to_vec(), 3)]);
    assert_eq!(log.applied(&[(b"k2", b"3")]).await, 3);
    log.clock.advance(Duration::from_secs(1_000));
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    // Without the rule, what was deleted stays deleted, and nothing else is.
    assert_eq!(log.ruled(&PrefixRules::default()).await, []);
    assert_eq!(log.read(b"k", Visibility::Durable).await, []);
    assert_eq!(log.read(b"k2", Visibility::Durable).await.len(), 1);
    assert_eq!(log.read(b"o", Visibility::Durable).await.len(), 1);
    let unknown = log.try_append(conditional(2), Durability::Durable).await;
    assert_eq!(rejected(unknown), trimmed(2, 3));
    let none = log.try_append(conditional(0), Durability::Durable).await;
    assert_eq!(none.expect("appended").start.get(), 4);
    let again = log.try_append(conditional(2), Durability::Durable).await;
    assert_eq!(rejected(again), conflict(2, 4));
    assert_eq!(log.ruled(&self::rules(&[(b"k", 2_000)])).await, []);
    log.clock.advance(Duration::from_secs(1_000));
    assert_eq!(
        log.ruled(&rules).await,
        [(b"k".to_vec(), 5), (b"k2".to_vec(), 5)]
    );
    assert_eq!(log.read(b"k2", Visibility::Memory).await, []);
    assert_eq!(log.read(b"o", Visibility::Memory).await.len(), 1);
    log.close().await;
}

pub(super) async fn a_follower_is_given_nothing_that_a_rule_has_deleted<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    following::nothing_hidden_is_given_at_the_tip(&log, async || {
        log.clock.advance(Duration::from_secs(100));
        let rules = rules(&[(b"k", 50)]);
        assert_eq!(log.ruled(&rules).await, [(b"k".to_vec(), 4)]);
    })
    .await;
    log.close().await;
}

/// Rules with these prefixes and ages in seconds.
fn rules(all: &[(&'static [u8], u64)]) -> PrefixRules {
    let rules = all.iter().map(|(prefix, seconds)| PrefixRule {
        prefix: Bytes::from_static(prefix),
        max_age: Duration::from_secs(*seconds),
    });
    PrefixRules::new(rules.collect(), &Limits::default()).expect("rules")
}
