//! Orders of records that are wrong, and what hides a part of them.

use log_domain::{Batch, Limits, Record};

use super::*;
use crate::store::slate::layout::{names, order};

/// Records of these keys in one commit.
fn of(keys: &[&'static str]) -> Append {
    let limits = Limits::default();
    let record = |key: &&'static str| Record::parse((*key).into(), "v".into(), &limits);
    let records = keys
        .iter()
        .map(|key| record(key).expect("within the limits"));
    let batch = Batch::new(records.collect(), &limits).expect("a batch");
    batch.into()
}

/// A log of one segment, with sequences 0 to 7. The keys `a` to `e` have the numbers 0 to 4: more than are held in memory.
async fn fixture() -> Fixture {
    let log: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&log, |_| {}).await.expect("opened");
    let fixture = Fixture { log, store };
    fixture.append(of(&["a", "b", "c", "a", "d"])).await;
    fixture.append(of(&["e", "a", "b"])).await;
    fixture
}

/// The value of an order row.
fn numbers(numbers: &[u32]) -> Bytes {
    let mut row = order::Builder::default();
    numbers.iter().for_each(|number| row.push(*number));
    row.finish(i64::MAX).expect("not empty")
}

fn last(sequence: u64) -> Bytes {
    order::key(1, Sequence::new(sequence))
}

impl Fixture {
    async fn delete(&self, row: Bytes) {
        self.store.db.delete(row).await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_the_order_of_a_good_log_after_restarts_and_deletions() {
    let Fixture { log, store } = fixture().await;
    store.close(CLOSE).await.expect("closed");
    let store = open_with(&log, |options| options.key_table_bytes = 1_000);
    let fixture = Fixture {
        log: Arc::clone(&log),
        store: store.await.expect("opened"),
    };
    fixture.append(of(&["e", "f", "a", "a", "g"])).await;
    let deletion = Deletion {
        key: Key::stored("a".into()),
        before: Some(Sequence::new(9)),
    };
    fixture.store.delete(deletion).await.expect("deleted");
    fixture.append(of(&["b", "a"])).await;
    let report = fixture.check().await;
    assert_eq!(report.findings, [""; 0]);
    // Records that are hidden are not counted.
    assert_eq!((report.records, report.keys), (15 - 3, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn floors_of_keys_hide_records_whether_their_names_are_held_from_the_beginning_or_read_later()
{
    for key in ["a", "b", "c", "d", "e"] {
        let fixture = fixture().await;
        let deletion = Deletion {
            key: Key::stored(key.into()),
            before: Some(Sequence::new(6)),
        };
        fixture.store.delete(deletion).await.expect("deleted");
        let report = fixture.check().await;
        assert_eq!(report.findings, [""; 0], "{key}");
        let value = prefix_floors::value(Sequence::new(6));
        let fixture = self::fixture().await;
        fixture.put(prefix_floors::key(key.as_bytes()), value).await;
        fixture.flush_to(FlushType::Wal).await;
        let report = fixture.check().await;
        assert_eq!(report.findings, [""; 0], "{key}");
        // What is above the floor must be named.
        fixture.delete(last(7)).await;
        fixture.finds("the order does not name the keys").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_much_too_high_takes_one_pass_more() {
    let fixture = fixture().await;
    fixture
        .put(names::key(1, u32::MAX), names::value(b"x"))
        .await;
    fixture
        .finds("there is a key with number 4294967295, and the state row says that 5")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_does_not_name_the_keys_of_the_records_is_found() {
    // Two of them swapped, the last one of another key or of a key without a name, and the first one missing.
    for (wrong, says) in [
        (&[1_u32, 0, 2, 0, 3][..], "sequences 0 to 0: the order"),
        (&[0, 1, 2, 0, 4], "sequences 4 to 4: the order"),
        (
            &[0, 1, 2, 0, 5],
            "there is a key with number 5, and the state row says that 5",
        ),
        (&[1, 2, 0, 3], "sequences 0 to 0: the order"),
    ] {
        let fixture = fixture().await;
        fixture.put(last(4), numbers(wrong)).await;
        fixture.finds(says).await;
    }
    let fixture = fixture().await;
    fixture.delete(last(7)).await;
    fixture.finds("sequences 5 to 5: the order").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_order_that_cannot_be_is_found_with_its_place() {
    let early = order::key(1, Sequence::new(3));
    let beyond = order::key(1, Sequence::new(9));
    for (key, value, says) in [
        (
            last(4),
            Bytes::from_static(&[2]),
            "an order row has format version 2",
        ),
        (
            last(4),
            numbers(&[0, 1, 2, 0, 3]).slice(..12),
            "the numbers of the order row up to sequence 4",
        ),
        (early, numbers(&[0]), "its first sequence 0 is not above"),
        (last(4), numbers(&[0, 1, 2, 0, 3]), "before the row before"),
        (beyond, numbers(&[0]), "not in the segment"),
        (last(4).slice(..8), numbers(&[0]), "order row"),
        (
            Bytes::from_static(b"\0\0\0\x01\x31"),
            Bytes::new(),
            "the type of the row is not known",
        ),
        (
            Bytes::from_static(b"\0\0\0\x01\x01"),
            Bytes::new(),
            "the type of the row is not known",
        ),
    ] {
        let fixture = fixture().await;
        fixture.put(key, value).await;
        fixture.finds(says).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_agree_with_the_directory_are_found() {
    for number in [1_u32, 4] {
        let key = ["b", "e"][number as usize / 4];
        let fixture = fixture().await;
        fixture.delete(names::key(1, number)).await;
        let says = format!("key {key}: the directory says that its number is {number}, and no key");
        fixture.finds(&says).await;

        let fixture = self::fixture().await;
        fixture.put(names::key(1, number), names::value(b"x")).await;
        let says =
            format!("key {key}: the directory says that its number is {number}, and another");
        fixture.finds(&says).await;

        let fixture = self::fixture().await;
        let row = directory::key(key.as_bytes(), 1);
        fixture.put(row, directory::value(Some(0), 2)).await;
        fixture
            .finds("its number is 2, and another key has it")
            .await;
    }
    let fixture = fixture().await;
    fixture.put(names::key(1, 9), names::value(b"x")).await;
    fixture
        .finds("segment 1: 6 keys have a number, and the directory lists 5")
        .await;
    let fixture = self::fixture().await;
    fixture
        .put(names::key(1, 9), Bytes::from_static(&[2]))
        .await;
    fixture.finds("a name row has format version 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_the_state_does_not_know_are_found() {
    let fixture = fixture().await;
    let row = fixture.store.db.get(state::key()).await.expect("read");
    let mut known = state::decode(&row.expect("there")).expect("a row");
    known.numbers = 4;
    fixture.put(state::key(), state::encode(&known)).await;
    fixture
        .finds("there is a key with number 4, and the state row says that 4")
        .await;
}
