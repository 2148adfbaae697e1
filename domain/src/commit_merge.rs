//! Merging what is in memory as a whole: the runs of one commit, each of one key.

use crate::merged_run::MergedRun;
use crate::{Key, PageLimit, Result, Run, Sequence};

/// Room in a merged run for what its records have in addition to those of the runs that are merged, and to their keys: tags and lengths.
const MORE_BYTES: usize = 4;

/// Merges the runs of one commit, each of one key, and gives the merged ones to `take` until it wants no more. Returns whether it
/// wanted all. They are the same ones that a [`Merge`](crate::merge::Merge) gives.
///
/// # Errors
/// Those of `take`, and [`crate::Error::Corrupt`] when a run is damaged.
pub fn merge_commit(
    runs: &[(Key, Run)],
    limit: PageLimit,
    mut take: impl FnMut(&Run) -> Result<bool>,
) -> Result<bool> {
    let mut merged = MergedRun::new(limit, room(runs));
    for place in places(runs)? {
        let (key, run) = &runs[place.source];
        let time = run.timestamp_ms();
        if let Some(ended) = merged.ended(time)
            && !take(&ended)?
        {
            return Ok(false);
        }
        if let Some(raw) = run.entries_from(place.at).next_raw() {
            merged.next(time).push_raw(key, run, &raw?);
        }
    }
    match merged.close() {
        Some(last) => take(&last),
        None => Ok(true),
    }
}

/// Where a record is.
struct Place {
    sequence: Sequence,
    /// In which one of the runs.
    source: usize,
    /// Where in its encoding.
    at: usize,
}

/// Where the records are, in the order of their sequences.
fn places(runs: &[(Key, Run)]) -> Result<Vec<Place>> {
    let count = runs.iter().map(|(_, run)| run.count() as usize).sum();
    // A count that is damaged is not to reserve memory.
    let mut places = Vec::with_capacity(usize::min(count, 64 * 1024));
    for (source, (_, run)) in runs.iter().enumerate() {
        let mut entries = run.entries();
        loop {
            let at = entries.at();
            let Some(raw) = entries.next_raw() else {
                break;
            };
            places.push(Place {
                sequence: raw?.sequence,
                source,
                at,
            });
        }
    }
    places.sort_unstable_by_key(|place| place.sequence);
    Ok(places)
}

/// What all of it takes at most, merged, if no record is huge.
fn room(runs: &[(Key, Run)]) -> usize {
    let room = runs.iter().map(|(key, run)| {
        let keys = (key.as_ref().len() + MORE_BYTES).saturating_mul(run.count() as usize);
        run.encoded().len().saturating_add(keys)
    });
    room.fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::merge::{Merge, Merged};
    use crate::run::RunBuilder;

    fn key(name: u8) -> Key {
        Key::stored(vec![b'k', name].into())
    }

    fn limit(records: usize, bytes: usize) -> PageLimit {
        PageLimit {
            records,
            bytes,
            time: None,
        }
    }

    /// One run of each key of these records, which are key, value, and whether the key is named. Some runs have another time.
    fn runs(commit: &[(u8, Vec<u8>, bool)]) -> Vec<(Key, Run)> {
        let of = |name: u8| {
            let mut builder = RunBuilder::new(i64::from(name / 3));
            for (sequence, (_, value, named)) in
                (0..).zip(commit).filter(|(_, record)| record.0 == name)
            {
                let headers = Default::default();
                let sequence = Sequence::new(sequence);
                match named {
                    true => builder.push_keyed(&key(7), sequence, value, &headers),
                    false => builder.push(sequence, value),
                }
            }
            Some((key(name), builder.finish()?))
        };
        (0..5).filter_map(of).collect()
    }

    /// What a [`Merge`] gives of them.
    fn expected(runs: Vec<(Key, Run)>, limit: PageLimit) -> Vec<Run> {
        let (keys, runs): (Vec<Key>, Vec<Run>) = runs.into_iter().unzip();
        let mut merge = Merge::new(keys, limit);
        for (source, run) in runs.into_iter().enumerate() {
            merge.feed(source, run).expect("not damaged");
        }
        let mut all = Vec::new();
        loop {
            match merge.step().expect("not damaged") {
                Merged::Run(run) => all.push(run),
                Merged::Exhausted(_) => {}
                Merged::End => return all,
            }
        }
    }

    proptest! {
        #[test]
        fn a_commit_is_merged_as_any_runs_are_until_nobody_wants_more(
            commit in prop::collection::vec((0u8..5, prop::collection::vec(any::<u8>(), 0..30), any::<bool>()), 0..40),
            wanted in 1usize..6, records in 1usize..9, bytes in 1usize..400,
        ) {
            let runs = runs(&commit);
            let expected = expected(runs.clone(), limit(records, bytes));
            let mut taken = Vec::new();
            let all = merge_commit(&runs, limit(records, bytes), |run| {
                taken.push(run.clone());
                Ok(taken.len() < wanted)
            });
            prop_assert_eq!(&taken[..], &expected[..expected.len().min(wanted)]);
            prop_assert_eq!(all.expect("not damaged"), expected.len() < wanted);
        }

        #[test]
        fn damaged_runs_are_errors_and_never_panics(bytes: Vec<u8>, count: u32) {
            let run = Run::stored(Sequence::ZERO, Sequence::new(5), count, 7, Bytes::from(bytes));
            let _ = merge_commit(&[(key(0), run)], limit(3, 100), |_| Ok(true));
        }
    }
}
