//! Cursors over crashes, takeovers and stops.

use super::held_store::{Held, What};
use super::restarts::crash_after;
use super::*;

fn to(cursor: &str, position: u64, expected: Option<u64>) -> CursorMove {
    CursorMove {
        name: CursorName::parse(cursor).expect("a name"),
        position: position.into(),
        expected: expected.map(Sequence::new),
    }
}

async fn position(store: &SlateStore, cursor: &str) -> Option<u64> {
    let name = CursorName::parse(cursor).expect("a name");
    let found = store.cursor(&name).await.expect("found");
    found.map(|cursor| cursor.position.get())
}

fn moving(value: &'static str, wanted: CursorMove) -> Append {
    let append = batch("results", &[value]).with_cursors(vec![wanted]);
    append.expect("moves")
}

#[test]
fn after_a_crash_cursors_are_where_they_were_acknowledged_and_have_their_records() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut acknowledged = 0;
    for life in 0..5 {
        let objects = Arc::clone(&objects);
        acknowledged = crash_after(async move {
            let store = open(&objects).await;
            let at = position(&store, "durable").await.unwrap_or_default();
            assert_eq!(at, acknowledged, "life {life}");
            // What moves with records is there with them, or not at all.
            let results = values(&store, "results").await.len() as u64;
            assert_eq!(
                position(&store, "applied").await.unwrap_or_default(),
                results
            );
            let appended = store.append(batch("input", &["i"]), Durability::Durable);
            let tip = appended.await.expect("appended").end().get();
            let moved = store.move_cursor(to("durable", tip, Some(at))).await;
            assert_eq!(moved.expect("moved").position.get(), tip);
            for step in 0..20 {
                let wanted = to("applied", results + step + 1, Some(results + step));
                let moved = store.append(moving("r", wanted), Durability::Applied).await;
                moved.expect("appended");
            }
            tip
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_answered_once_its_move_is_durable_and_so_is_what_rests_on_it() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let held = Arc::new(Held::of(memory, What::Write, "/wal/"));
    let store = open(&(Arc::clone(&held) as Arc<dyn ObjectStore>)).await;
    let appended = store.append(batch("input", &["i", "j"]), Durability::Durable);
    appended.await.expect("appended");
    held.hold_next();
    let moved = store.move_cursor(to("c", 1, Some(0)));
    let conflict = async {
        held.is_held().await;
        // It is shown, and judged by, before it is durable.
        assert_eq!(position(&store, "c").await, Some(1));
        store.move_cursor(to("c", 2, Some(0))).await
    };
    let soon = Duration::from_millis(200);
    let both = async { futures::join!(moved, conflict) };
    let mut both = Box::pin(both);
    assert!(tokio::time::timeout(soon, &mut both).await.is_err());
    held.release();
    let (moved, conflict) = both.await;
    assert_eq!(moved.expect("moved").position.get(), 1);
    assert!(matches!(conflict, Err(Error::Rejected(_))), "{conflict:?}");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_writer_moves_no_cursor() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let older = open(&objects).await;
    older
        .append(batch("k", &["v"]), Durability::Durable)
        .await
        .expect("appended");
    older.move_cursor(to("c", 1, None)).await.expect("moved");
    let newer = open(&objects).await;
    let moved = older.move_cursor(to("c", 0, None)).await;
    assert!(
        matches!(moved, Err(Error::Fenced | Error::CursorUnknown(_))),
        "{moved:?}"
    );
    assert_eq!(older.stopped().await, Stopped::Fenced);
    let refused = older.move_cursor(to("c", 0, None)).await;
    assert!(matches!(refused, Err(Error::Fenced)), "{refused:?}");
    assert_eq!(position(&newer, "c").await, Some(1));
    newer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_cursors_until_some_are_deleted() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let limited = |options: &mut Options| options.limits.cursors = 2;
    let store = open_with(&objects, limited).await.expect("opened");
    for cursor in ["a", "b"] {
        store.move_cursor(to(cursor, 0, None)).await.expect("moved");
    }
    assert_eq!(store.status().cursors, 2);
    let refused = store.move_cursor(to("c", 0, None)).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    let refused = moving("r", to("c", 0, None));
    let refused = store.append(refused, Durability::Applied).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    store
        .move_cursor(to("b", 0, Some(0)))
        .await
        .expect("it is there");
    let a = CursorName::parse("a").expect("a name");
    assert!(store.delete_cursor(&a).await.expect("deleted"));
    store.move_cursor(to("c", 0, None)).await.expect("moved");
    store.close(CLOSE).await.expect("closed");
    // A limit that is lower than before forgets none.
    let lower = |options: &mut Options| options.limits.cursors = 1;
    let store = open_with(&objects, lower).await.expect("opened");
    assert_eq!(store.status().cursors, 2);
    store
        .move_cursor(to("c", 0, Some(0)))
        .await
        .expect("it is there");
    assert!(store.move_cursor(to("a", 0, None)).await.is_err());
    store.close(CLOSE).await.expect("closed");
}
