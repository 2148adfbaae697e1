//! Which partitions of a node write data files next.

use std::cmp::Reverse;

use super::Partition;
use crate::Backlog;

/// So many pieces are left to the next writer, at most: it reads about 300 in a second (measured by `tools/scale/scale opening`, with a bucket
/// that answers after 20 ms), and opens the partitions of a node that has died all at once.
const MAX_PIECES: u64 = 128;

/// Of the partitions of a node and their backlogs, those that are to write what is in memory into data files, the largest first: all with many
/// pieces, and the largest ones until the others together have at most `bytes`.
pub fn due(backlogs: &[(Partition, Backlog)], bytes: u64) -> Vec<Partition> {
    let mut largest = backlogs.to_vec();
    largest.sort_by_key(|(partition, backlog)| (Reverse(backlog.bytes), *partition));
    let (many, few): (Vec<_>, Vec<_>) = largest
        .into_iter()
        .partition(|(_, backlog)| backlog.pieces >= MAX_PIECES);
    let mut left: u64 = few.iter().map(|(_, backlog)| backlog.bytes).sum();
    let over = few.into_iter().take_while(|(_, backlog)| {
        let is_over = left > bytes;
        left -= backlog.bytes;
        is_over
    });
    many.into_iter()
        .chain(over)
        .map(|(partition, _)| partition)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::Partitions;

    fn of(backlogs: &[(u64, u64)]) -> Vec<(Partition, Backlog)> {
        let partitions = Partitions::new(64).expect("in range").all();
        let backlogs = backlogs.iter();
        let backlogs = backlogs.map(|(pieces, bytes)| Backlog {
            pieces: *pieces,
            bytes: *bytes,
        });
        partitions.zip(backlogs).collect()
    }

    fn due_of(backlogs: &[(u64, u64)], bytes: u64) -> Vec<u32> {
        let due = due(&of(backlogs), bytes).into_iter();
        due.map(Partition::number).collect()
    }

    #[test]
    fn within_the_budget_only_those_with_many_pieces_are_due() {
        let backlogs = [(127, 10), (128, 1), (0, 0), (200, 0)];
        assert_eq!(due_of(&backlogs, 11), [1, 3]);
        assert_eq!(due_of(&[], 0), [] as [u32; 0]);
    }

    #[test]
    fn over_the_budget_the_largest_are_due_until_the_rest_is_within_it() {
        assert_eq!(due_of(&[(1, 10), (1, 30), (1, 20)], 30), [1]);
        assert_eq!(due_of(&[(1, 10), (1, 30), (1, 20)], 29), [1, 2]);
        assert_eq!(due_of(&[(1, 10), (1, 30), (1, 20)], 0), [1, 2, 0]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_within_the_budget_and_has_few_pieces(
            backlogs in proptest::collection::vec((0..1024_u64, 0..100_u64), 0..64), bytes in 0..1000_u64,
        ) {
            let due = due_of(&backlogs, bytes);
            let rest = backlogs.iter().enumerate();
            let rest: Vec<_> = rest.filter(|(at, _)| !due.contains(&(*at as u32))).collect();
            prop_assert!(rest.iter().all(|(_, (pieces, _))| *pieces < MAX_PIECES));
            let left: u64 = rest.iter().map(|(_, (_, bytes))| bytes).sum();
            prop_assert!(left <= bytes);
            // Nobody writes for the budget that need not: without the smallest that has few pieces, the rest would be over it.
            let few = due.iter().map(|at| backlogs[*at as usize]).filter(|(pieces, _)| *pieces < MAX_PIECES);
            if let Some((_, smallest)) = few.min_by_key(|(_, bytes)| *bytes) {
                prop_assert!(left + smallest > bytes);
            }
        }
    }
}
