//! One page of a listing, of those of all partitions.

use bytes::Bytes;

/// A page of a listing of names, in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What is listed.
    pub items: Vec<T>,
    /// Where the next page starts: after this name. There is nothing more up to it, and behind it there may be. `None` at the end.
    pub next_start_after: Option<Bytes>,
}

impl<T> Listing<T> {
    /// The first `limit` of what is on `pages`, of different partitions, all from the same start, with names of up to `bytes` bytes and at least one.
    /// It ends where the first of them does that has more, so that nothing is left out.
    pub fn merged(
        pages: Vec<Self>,
        limit: usize,
        bytes: usize,
        name: impl Fn(&T) -> Bytes,
    ) -> Self {
        let ends = pages
            .iter()
            .filter_map(|page| page.next_start_after.clone());
        let mut next_start_after = ends.min();
        let mut named: Vec<(Bytes, T)> = pages
            .into_iter()
            .flat_map(|page| page.items)
            .map(|item| (name(&item), item))
            .filter(|(name, _)| next_start_after.as_ref().is_none_or(|end| name <= end))
            .collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut sum = 0;
        let fitting = named.iter().take_while(|(name, _)| {
            sum += name.len();
            sum <= bytes
        });
        let fitting = fitting.count().max(1).min(limit);
        if named.len() > fitting {
            named.truncate(fitting);
            next_start_after = named.last().map(|(name, _)| name.clone());
        }
        Self {
            items: named.into_iter().map(|(_, item)| item).collect(),
            next_start_after,
        }
    }
}

/// How many items to ask each of `partitions` for, to have a page of `limit`: more than its share, so that one page of each is mostly enough.
pub fn share(limit: usize, partitions: u32) -> usize {
    let share = limit / partitions.max(1) as usize;
    (2 * share + 8).min(limit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A page of the names of one partition.
    fn page(of: &BTreeSet<u16>, after: Option<u16>, limit: usize) -> Listing<u16> {
        let mut left = of
            .iter()
            .filter(|name| after.is_none_or(|after| **name > after));
        let items: Vec<u16> = left.by_ref().take(limit).copied().collect();
        let more = left.next().and_then(|_| items.last().copied());
        Listing {
            items,
            next_start_after: more.map(bytes),
        }
    }

    fn bytes(name: u16) -> Bytes {
        Bytes::copy_from_slice(&name.to_be_bytes())
    }

    proptest! {
        #[test]
        fn page_by_page_everything_is_listed_once_and_in_order(
            partitions in prop::collection::vec(prop::collection::btree_set(any::<u16>(), 0..40), 1..6),
            limit in 1_usize..20,
            short in 1_usize..20,
            room in 1_usize..100,
        ) {
            let all: BTreeSet<u16> = partitions.iter().flatten().copied().collect();
            // A name is in one partition.
            let partitions: Vec<BTreeSet<u16>> = (0..partitions.len())
                .map(|number| {
                    let own = all.iter().filter(|name| usize::from(**name) % partitions.len() == number);
                    own.copied().collect()
                })
                .collect();
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let pages = partitions.iter().map(|of| page(of, after, short));
                // One by one, as they arrive.
                let merged = pages.reduce(|one, other| {
                    Listing::merged(vec![one, other], limit, room, |name| bytes(*name))
                });
                let merged = Listing::merged(merged.into_iter().collect(), limit, room, |name| bytes(*name));
                prop_assert!(merged.items.len() <= limit);
                prop_assert!(merged.items.len() <= 1 || 2 * merged.items.len() <= room);
                listed.extend(merged.items);
                let Some(next) = merged.next_start_after else { break };
                let next = u16::from_be_bytes([next[0], next[1]]);
                prop_assert!(after.is_none_or(|after| next > after), "no page gets further");
                after = Some(next);
            }
            prop_assert_eq!(listed, all.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_share_is_never_nothing_and_never_more_than_the_page(limit in 1_usize..20_000, partitions in 1_u32..5_000) {
            let share = share(limit, partitions);
            prop_assert!(share >= 1 && share <= limit);
            prop_assert!(share * partitions as usize >= limit.min(8 * partitions as usize));
        }
    }
}
