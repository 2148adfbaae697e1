use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The records of a partition: sequences, with gaps, and sizes.
type Records = Vec<(Sequence, usize)>;

fn records() -> impl Strategy<Value = Records> {
    prop::collection::vec((1_u64..4, 0_usize..40), 0..30).prop_map(|steps| {
        let mut sequence = 0;
        let records = steps.into_iter().map(|(step, bytes)| {
            sequence += step;
            (Sequence::new(sequence), bytes)
        });
        records.collect()
    })
}

/// What a partition answers that has up to `most` records on a page.
fn answer(of: &Records, ask: &Ask, most: usize) -> (Records, End) {
    let mut left = of
        .iter()
        .filter(|(sequence, _)| *sequence >= ask.start)
        .copied();
    let records: Records = left.by_ref().take(ask.records.min(most)).collect();
    let more = left.next().is_some();
    let next = match (more, records.last()) {
        (true, Some((last, _))) => last.plus(1),
        _ => Sequence::new(1_000),
    };
    let end = End {
        next,
        more,
        trimmed_before: None,
    };
    (records, end)
}

fn partition(number: u32) -> Partition {
    Partitions::new(number + 1)
        .and_then(|all| {
            all.get(number)
                .ok_or_else(|| Error::invalid("no such partition"))
        })
        .expect("a partition")
}

/// One page, which is cut off after so many answers: the records of each partition, the positions, and whether there is more.
fn page(
    of: &[Records],
    positions: &[(Partition, Sequence)],
    (limit, room, most): (usize, usize, usize),
    answers: usize,
) -> (Vec<(u32, Sequence, usize)>, Vec<Position>, bool) {
    let partitions = Partitions::new(of.len() as u32).expect("some");
    let mut rounds = Rounds::new(partitions, positions, limit, room).expect("positions");
    let (mut read, mut answered) = (Vec::new(), 0);
    'page: loop {
        let asks = rounds.asks();
        if asks.is_empty() {
            break;
        }
        for ask in asks {
            let number = ask.partition.number();
            let (records, end) = answer(&of[number as usize], &ask, most);
            let taken = rounds.take(&ask, records.iter().copied(), end);
            let records = records[..taken].iter();
            read.extend(records.map(|(sequence, bytes)| (number, *sequence, *bytes)));
            answered += 1;
            if rounds.is_full() || answered == answers {
                break 'page;
            }
        }
    }
    let (positions, more) = rounds.finish();
    (read, positions, more)
}

fn resumed(positions: &[Position]) -> Vec<(Partition, Sequence)> {
    let positions = positions.iter();
    positions
        .map(|position| (position.partition, position.next))
        .collect()
}

proptest! {
    #[test]
    fn page_by_page_every_record_is_read_once_and_in_order(
        of in prop::collection::vec(records(), 1..7),
        limit in 1_usize..50,
        room in 1_usize..200,
        most in 1_usize..20,
        answers in 7_usize..40,
    ) {
        let mut read: BTreeMap<u32, Records> = BTreeMap::new();
        let mut positions = Vec::new();
        // Each page has a record, until all are read.
        let pages = of.iter().map(Vec::len).sum::<usize>();
        let mut ended = false;
        for _ in 0..=pages {
            let (records, next, more) = page(&of, &positions, (limit, room, most), answers);
            prop_assert!(records.len() <= limit);
            let bytes: usize = records.iter().map(|(_, _, bytes)| bytes).sum();
            prop_assert!(records.len() <= 1 || bytes <= room);
            for (number, sequence, bytes) in records {
                read.entry(number).or_default().push((sequence, bytes));
            }
            let mut numbers: Vec<u32> = next.iter().map(|position| position.partition.number()).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..of.len() as u32).collect::<Vec<_>>());
            positions = resumed(&next);
            if !more {
                ended = true;
                break;
            }
        }
        prop_assert!(ended, "no end");
        for (number, records) in (0..).zip(&of) {
            prop_assert_eq!(&read.remove(&number).unwrap_or_default(), records);
        }
    }

    #[test]
    fn each_partition_that_has_more_is_read_in_as_many_pages_as_there_are_partitions(
        number in 1_usize..9,
        sizes in prop::collection::vec(1_usize..60, 9),
        limit in 1_usize..20,
        room in 1_usize..100,
        most in 1_usize..8,
        answers in 1_usize..12,
    ) {
        // Far more than is read here.
        let of: Vec<Records> = (0..number)
            .map(|at| (0..5_000).map(|sequence| (Sequence::new(sequence), sizes[at])).collect())
            .collect();
        let mut positions = Vec::new();
        for _ in 0..5 {
            let mut reached: Vec<u64> = vec![0; number];
            for (partition, next) in &positions {
                let next: &Sequence = next;
                let partition: &Partition = partition;
                reached[partition.number() as usize] = next.get();
            }
            for _ in 0..number {
                let (_, next, more) = page(&of, &positions, (limit, room, most), answers);
                prop_assert!(more);
                positions = resumed(&next);
            }
            for (partition, next) in &positions {
                prop_assert!(next.get() > reached[partition.number() as usize], "{partition} is left out");
            }
        }
    }
}

#[test]
fn records_of_one_size_are_divided_evenly() {
    let of: Vec<Records> = (0..4)
        .map(|_| {
            (0..100)
                .map(|sequence| (Sequence::new(sequence), 1))
                .collect()
        })
        .collect();
    let mut positions = Vec::new();
    for _ in 0..4 {
        let (records, next, _) = page(&of, &positions, (10, 1_000, 1_000), 100);
        assert_eq!(records.len(), 10);
        positions = resumed(&next);
    }
    assert!(
        positions.iter().all(|(_, next)| *next == Sequence::new(10)),
        "{positions:?}"
    );
}

#[test]
fn what_was_trimmed_is_told_with_the_position_that_is_past_it_and_not_before() {
    let partitions = Partitions::new(2).expect("two");
    let mut rounds = Rounds::new(partitions, &[], 10, 100).expect("a page");
    let asks = rounds.asks();
    let end = |next| End {
        next: Sequence::new(next),
        more: false,
        trimmed_before: Some(Sequence::new(5)),
    };
    let record = |sequence, bytes| std::iter::once((Sequence::new(sequence), bytes));
    assert_eq!(rounds.take(&asks[0], record(6, 90), end(7)), 1);
    // No room: nothing of it is taken, and it is asked again.
    assert_eq!(rounds.take(&asks[1], record(8, 20), end(9)), 0);
    assert!(rounds.is_full() && rounds.asks().is_empty());
    let (positions, more) = rounds.finish();
    let [second, first] = &positions[..] else {
        panic!("{positions:?}")
    };
    assert!(more);
    assert_eq!((second.next, second.trimmed_before), (Sequence::ZERO, None));
    let floor = Some(Sequence::new(5));
    assert_eq!(
        (first.next, first.trimmed_before),
        (Sequence::new(7), floor)
    );
}

#[test]
fn a_partition_has_one_position() {
    let partitions = Partitions::new(3).expect("three");
    let twice = [partition(1), partition(1)].map(|partition| (partition, Sequence::ZERO));
    let refused = Rounds::new(partitions, &twice, 1, 1).expect_err("given twice");
    assert!(
        refused.to_string().contains("partition 1 is given twice"),
        "{refused}"
    );
    // Those without one are read first.
    let given = [(partition(0), Sequence::new(7))];
    let rounds = Rounds::new(partitions, &given, 1, 1).expect("a page");
    let asks = rounds.asks();
    let order: Vec<_> = asks
        .iter()
        .map(|ask| (ask.partition.number(), ask.start.get()))
        .collect();
    assert_eq!(order, [(1, 0), (2, 0), (0, 7)]);
}
