//! Which files of the WAL belong to a state of the log: the ones behind its manifest.

/// A file of the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::slate) struct WalFile {
    pub(in crate::store::slate) id: u64,
    pub(super) bytes: u64,
}

/// What a listing of the WAL tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WalTail {
    /// These are all files behind the manifest, in order. Everything that was durable is in them or in the manifest.
    Complete(Vec<WalFile>),
    /// Files were garbage-collected that the manifest needs: a newer manifest is needed.
    Collected,
    /// This file is missing, and no manifest says that it is not needed. It may be on its way to the store.
    Missing(u64),
}

/// Judges a listing, in any order. `replayed` is the last file that the manifest does not need; `replayed_now` is that of
/// the newest manifest, read after the listing.
pub(super) fn wal_tail(mut listed: Vec<WalFile>, replayed: u64, replayed_now: u64) -> WalTail {
    listed.retain(|file| file.id > replayed);
    listed.sort_unstable_by_key(|file| file.id);
    let mut next = replayed + 1;
    for file in &listed {
        if file.id != next {
            return match next <= replayed_now {
                true => WalTail::Collected,
                false => WalTail::Missing(next),
            };
        }
        next += 1;
    }
    match next <= replayed_now {
        true => WalTail::Collected,
        false => WalTail::Complete(listed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(ids: impl IntoIterator<Item = u64>) -> Vec<WalFile> {
        let file = |id| WalFile { id, bytes: id };
        ids.into_iter().map(file).collect()
    }

    #[test]
    fn files_behind_the_manifest_are_complete_collected_or_missing() {
        assert_eq!(
            wal_tail(files([3, 1, 2]), 1, 1),
            WalTail::Complete(files([2, 3]))
        );
        assert_eq!(wal_tail(files([]), 4, 4), WalTail::Complete(vec![]));
        assert_eq!(wal_tail(files([4]), 4, 4), WalTail::Complete(vec![]));
        assert_eq!(wal_tail(files([3, 4]), 1, 2), WalTail::Collected);
        assert_eq!(wal_tail(files([2, 4]), 1, 3), WalTail::Collected);
        assert_eq!(wal_tail(files([2]), 1, 3), WalTail::Collected);
        assert_eq!(wal_tail(files([2, 4]), 1, 2), WalTail::Missing(3));
    }

    proptest! {
        /// A log whose WAL was written up to `last`; the garbage collector may have deleted any of its files up to
        /// `replayed_now`: what counts as complete is complete.
        #[test]
        fn what_counts_as_complete_has_every_file(
            replayed in 0u64..6, more in 0u64..6, last in 0u64..12, collected: u16,
        ) {
            let replayed_now = replayed + more;
            let last = last.max(replayed_now);
            let is_there = |id: &u64| *id > replayed_now || collected & (1 << id) == 0;
            let listed = files((1..=last).filter(is_there));
            match wal_tail(listed, replayed, replayed_now) {
                WalTail::Complete(found) => prop_assert_eq!(found, files(replayed + 1..=last)),
                WalTail::Collected => prop_assert!((replayed + 1..=replayed_now).any(|id| !is_there(&id))),
                WalTail::Missing(id) => prop_assert!(false, "{} is not missing", id),
            }
        }
    }
}
