//! Cursors.

use futures::future::join_all;

use super::*;
use crate::{Cursor, Producer};

fn name(name: &str) -> CursorName {
    CursorName::parse(name).expect("a name")
}

fn to(cursor: &str, position: u64, expected: Option<u64>) -> CursorMove {
    CursorMove {
        name: name(cursor),
        position: position.into(),
        expected: expected.map(Sequence::new),
    }
}

/// An append of one record that moves cursors.
fn moving(moves: &[CursorMove]) -> Append {
    let append = Append::from(batch(&[(b"k", b"v")]));
    append.with_cursors(moves.to_vec()).expect("moves")
}

fn conflict(cursor: &str, expected: u64, position: Option<u64>) -> Rejection {
    Rejection::CursorConflict {
        name: name(cursor),
        expected: expected.into(),
        position: position.map(Sequence::new),
    }
}

async fn moved<F: Fixture>(
    log: &Opened<'_, F>,
    wanted: CursorMove,
) -> std::result::Result<u64, Rejection> {
    match log.writer.move_cursor(wanted).await {
        Ok(cursor) => Ok(cursor.position.get()),
        Err(Error::Rejected(why)) => Err(*why),
        Err(error) => panic!("{error}"),
    }
}

/// Where a cursor is, as a reader finds it.
async fn position<F: Fixture>(log: &Opened<'_, F>, cursor: &str) -> Option<u64> {
    match log.reader().await.cursor(&name(cursor)).await {
        Ok(cursor) => Some(cursor.position.get()),
        Err(Error::NoCursor(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

pub(super) async fn cursors_are_found_by_name_and_listed_in_pages<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    let now_ms = log.clock.now_ms();
    log.applied(&[(b"k", b"0"), (b"k", b"1")]).await;
    for (cursor, position) in [("b", 1), ("a/\u{e9}", 2), ("a", 0), ("c", 2)] {
        moved(&log, to(cursor, position, None))
            .await
            .expect("moved");
    }
    let log = {
        let clock = Arc::clone(&log.clock);
        clock.advance(Duration::from_secs(1));
        log.close().await;
        open_at(&fixture, NEVER, clock).await
    };
    moved(&log, to("c", 1, None)).await.expect("moved");
    // A reader elsewhere that shows this shows the cursors.
    log.applied(&[(b"k", b"2")]).await;
    let reader = log.reader().await;
    let found = reader.cursor(&name("c")).await.expect("found");
    let expected = Cursor {
        name: name("c"),
        position: Sequence::new(1),
        updated_ms: now_ms + 1_000,
    };
    assert_eq!(found, expected);
    assert!(matches!(
        reader.cursor(&name("d")).await,
        Err(Error::NoCursor(_))
    ));
    let mut query = CursorsQuery {
        limit: 2,
        ..CursorsQuery::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = reader.cursors(&query).await.expect("listed");
        let names = page.cursors.iter().map(|cursor| cursor.name.to_string());
        pages.push(names.collect::<Vec<_>>().join(","));
        match page.next_start_after {
            Some(after) => query.start_after = Some(after.to_string()),
            None => break,
        }
    }
    assert_eq!(pages, ["a,a/\u{e9}", "b,c"]);
    for (prefix, start_after, expected) in [
        ("a", None, "a,a/\u{e9}"),
        ("a", Some("a"), "a/\u{e9}"),
        ("b", Some("a"), "b"),
        ("a", Some("b"), ""),
        ("x", None, ""),
    ] {
        let query = CursorsQuery {
            prefix: prefix.to_owned(),
            start_after: start_after.map(str::to_owned),
            limit: 10,
        };
        let page = reader.cursors(&query).await.expect("listed");
        let names = page.cursors.iter().map(|cursor| cursor.name.to_string());
        assert_eq!(names.collect::<Vec<_>>().join(","), expected, "{query:?}");
        assert_eq!(page.next_start_after, None, "{query:?}");
    }
    log.close().await;
}

pub(super) async fn a_cursor_moves_only_from_where_it_is_expected<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"0"), (b"k", b"1"), (b"k", b"2")])
        .await;
    // One that does not exist is at 0.
    assert_eq!(
        moved(&log, to("c", 1, Some(1))).await,
        Err(conflict("c", 1, None))
    );
    assert_eq!(moved(&log, to("c", 2, Some(0))).await, Ok(2));
    assert_eq!(
        moved(&log, to("c", 3, Some(0))).await,
        Err(conflict("c", 0, Some(2)))
    );
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    assert_eq!(moved(&log, to("c", 3, Some(2))).await, Ok(3));
    assert_eq!(moved(&log, to("c", 1, None)).await, Ok(1), "back, too");
    let beyond = log.writer.move_cursor(to("c", 4, None)).await;
    assert!(matches!(beyond, Err(Error::Invalid(_))), "{beyond:?}");
    assert_eq!(log.writer.delete_cursor(&name("c")).await.ok(), Some(true));
    assert_eq!(log.writer.delete_cursor(&name("c")).await.ok(), Some(false));
    assert_eq!(moved(&log, to("c", 3, Some(0))).await, Ok(3));
    let clock = Arc::clone(&log.clock);
    assert_eq!(log.writer.delete_cursor(&name("c")).await.ok(), Some(true));
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    assert_eq!(position(&log, "c").await, None);
    log.close().await;
}

pub(super) async fn cursors_move_with_their_records_or_not_at_all<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"0")]).await;
    let both = moving(&[to("a", 1, Some(0)), to("b", 0, None)]);
    let appended = log.try_append(both, Durability::Applied).await;
    assert_eq!(appended.expect("appended").start.get(), 1);
    assert_eq!(position(&log, "a").await, Some(1));
    assert_eq!(position(&log, "b").await, Some(0));
    // The end of the log is that with the record.
    let beyond = moving(&[to("a", 4, None)]);
    let beyond = log.try_append(beyond, Durability::Durable).await;
    assert!(matches!(beyond, Err(Error::Invalid(_))), "{beyond:?}");
    let refused = moving(&[to("b", 2, Some(0)), to("a", 2, Some(0))]);
    let refused = log.try_append(refused, Durability::Durable).await;
    assert_eq!(rejected(refused), conflict("a", 0, Some(1)));
    // A precondition that does not hold keeps cursors where they are, too.
    let conditional = super::conditional(0).with_cursors(vec![to("a", 2, Some(1))]);
    let refused = log
        .try_append(conditional.expect("moves"), Durability::Durable)
        .await;
    assert!(matches!(rejected(refused), Rejection::Conflict { .. }));
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    log.applied(&[(b"other", b"")]).await;
    assert_eq!(position(&log, "a").await, Some(1));
    assert_eq!(position(&log, "b").await, Some(0));
    assert_eq!(log.read(b"k", Visibility::Durable).await.len(), 2);
    // A duplicate gets its first answer and moves nothing again.
    let request = || {
        let producer = Producer::parse("producer", 0, 0).expect("a producer");
        let append = Append::new(batch(&[(b"k", b"v")]), Vec::new(), Some(producer));
        let append = append.expect("an append");
        append
            .with_cursors(vec![to("a", 2, Some(1))])
            .expect("moves")
    };
    let first = log.try_append(request(), Durability::Durable).await;
    let first = first.expect("appended");
    assert_eq!(moved(&log, to("a", 3, Some(2))).await, Ok(3));
    let again = log.try_append(request(), Durability::Durable).await;
    let again = again.expect("a duplicate");
    assert_eq!((again.start, again.duplicate), (first.start, true));
    log.applied(&[(b"other", b"")]).await;
    assert_eq!(position(&log, "a").await, Some(3));
    // A cursor may count what its own append has.
    let first = log.try_append(moving(&[to("end", 0, None)]), Durability::Applied);
    let end = first.await.expect("appended").start.get() + 2;
    let to_the_end = moving(&[to("end", end, Some(0))]);
    let appended = log.try_append(to_the_end, Durability::Durable).await;
    assert_eq!(appended.expect("appended").start.get(), end - 1);
    assert_eq!(position(&log, "end").await, Some(end));
    log.close().await;
}

pub(super) async fn of_consumers_that_race_exactly_one_moves_a_cursor<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    for round in 0..10 {
        log.applied(&[(b"input", b"")]).await;
        let race = |racer: u64| {
            let wanted = to("c", round + 1, Some(round));
            let log = &log;
            async move {
                match racer % 2 {
                    0 => moved(log, wanted).await.is_ok(),
                    _ => {
                        let append = moving(&[wanted]);
                        log.try_append(append, Durability::Applied).await.is_ok()
                    }
                }
            }
        };
        let outcomes = join_all((0..8).map(race)).await;
        let winners = outcomes.iter().filter(|won| **won).count();
        assert_eq!(winners, 1, "round {round}");
    }
    log.close().await;
}
