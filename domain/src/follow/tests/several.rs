//! Followers of several keys.

use super::*;
use crate::KeySet;

fn prefix(prefix: &str) -> Selection {
    Selection::Prefix(prefix.as_bytes().to_vec().into())
}

fn keys(names: &[&str]) -> Selection {
    Selection::Keys(KeySet::new(names.iter().map(|name| key(name)).collect()).expect("a set"))
}

/// Applies a commit with a record of each of these keys.
fn commit(followers: &Followers, names: &[&str], first: u64, size: usize) -> Sequence {
    let runs = names.iter().zip(first..);
    let runs: Vec<(Key, Run)> = runs
        .map(|(name, sequence)| (key(name), run(sequence, size)))
        .collect();
    let tip = Sequence::new(first + names.len() as u64);
    followers.applied(Some(&runs), tip);
    tip
}

/// What a follower is given next: the sequences and keys of a commit, and where it ends.
fn given(follower: &mut Following) -> Option<(Vec<(u64, Key)>, u64)> {
    let Delivery::Commit { runs, end } = follower.next().now_or_never()? else {
        panic!("not a commit");
    };
    let runs = runs.into_iter();
    let runs = runs.map(|(key, run)| (run.first().get(), key)).collect();
    Some((runs, end.get()))
}

#[test]
fn a_commit_is_one_delivery_to_followers_of_several_of_its_keys() {
    for visibility in [Visibility::Memory, Visibility::Durable] {
        let followers = followers(10);
        let register = |selection| followers.register(selection, visibility).expect("room");
        let mut of_prefix = register(prefix("a/"));
        let mut of_all = register(prefix(""));
        let mut of_keys = register(keys(&["b", "a/2"]));
        let mut of_other = register(prefix("a/3"));
        commit(&followers, &["a/1", "b", "a/2", "c"], 0, 1);
        let tip = commit(&followers, &["b", "c"], 4, 1);
        followers.durable(tip);
        let named = |of: &[(u64, &str)]| of.iter().map(|(s, name)| (*s, key(name))).collect();
        let first = named(&[(0, "a/1"), (2, "a/2")]);
        assert_eq!(given(&mut of_prefix), Some((first, 4)));
        assert_eq!(given(&mut of_prefix), None);
        let first = named(&[(1, "b"), (2, "a/2")]);
        assert_eq!(given(&mut of_keys), Some((first, 4)));
        assert_eq!(given(&mut of_keys), Some((named(&[(4, "b")]), 6)));
        assert_eq!(given(&mut of_all).expect("a commit").0.len(), 4);
        assert_eq!(given(&mut of_all).expect("a commit").0.len(), 2);
        assert_eq!(given(&mut of_other), None);
        assert_eq!(of_other.caught_up_to(), Some(tip));
        followers.read_again(&key("a/1"));
        for (follower, reads_again) in [(&mut of_prefix, true), (&mut of_keys, false)] {
            let next = follower.next().now_or_never();
            assert_eq!(next == Some(Delivery::Behind), reads_again);
        }
        assert_eq!(of_all.next().now_or_never(), Some(Delivery::Behind));
    }
}

#[test]
fn a_follower_of_several_keys_is_given_no_part_of_a_commit() {
    let followers = followers(10);
    let mut follower = followers
        .register(prefix(""), Visibility::Memory)
        .expect("room");
    // As in the middle of a delivery.
    let permit = || followers.room.take(1).expect("room");
    let shared = Arc::new(permit());
    let tip = Sequence::new(2);
    let is_first = |sequence, name| {
        let of_key = (key(name), run(sequence, 1));
        follower.inbox.put(&of_key, tip, Some((&shared, permit())))
    };
    assert!(is_first(1, "b"));
    assert!(!is_first(0, "a"));
    assert_eq!(given(&mut follower), None);
    let mut state = locked(&followers.state);
    state.delivered.tip = tip;
    let inbox = Arc::clone(&follower.inbox);
    state.announce(&inbox);
    drop(state);
    assert_eq!(given(&mut follower).expect("a commit").0.len(), 2);
}

#[test]
fn a_commit_that_does_not_fit_is_read_from_the_store_as_a_whole() {
    let followers = followers(10);
    let mut follower = followers
        .register(prefix(""), Visibility::Memory)
        .expect("room");
    commit(&followers, &["a", "b", "c"], 0, INBOX_BYTES / 2);
    assert_eq!(follower.next().now_or_never(), Some(Delivery::Behind));
    assert_eq!(follower.next().now_or_never(), None);
    commit(&followers, &["a"], 3, 1);
    assert!(given(&mut follower).is_some());
}

#[test]
fn all_followers_leave_and_nothing_of_them_stays() {
    let followers = followers(10);
    let selections = [prefix("a/"), prefix("a/"), keys(&["a", "b"]), of("a")];
    let registered = selections.map(|selection| followers.register(selection, Visibility::Durable));
    commit(&followers, &["a", "a/1", "b"], 0, 10);
    assert_eq!(locked(&followers.state).undurable.len(), 4);
    assert!(followers.keys.used() > 0);
    drop(registered);
    let state = locked(&followers.state);
    assert!(state.all.is_empty() && state.by_key.is_empty() && state.undurable.is_empty());
    assert_eq!(state.by_prefix.matching(b"a/1").count(), 0);
    assert_eq!((followers.keys.used(), followers.room.used()), (0, 0));
}

#[test]
fn keys_of_sets_are_limited_all_together() {
    let limits = Limits {
        follower_bytes: 4 * 3 * (KEY_OVERHEAD + 1),
        ..Limits::default()
    };
    let followers = Arc::new(Followers::new(&limits));
    let register = |names: &[&str]| followers.register(keys(names), Visibility::Memory);
    let held = register(&["a", "b"]).expect("room");
    assert!(register(&["a", "b"]).is_err());
    assert!(register(&["a"]).is_ok());
    drop(held);
    assert!(register(&["a", "b", "c"]).is_ok());
}

proptest! {
    /// As with followers of one key.
    #[test]
    fn a_follower_of_several_keys_misses_nothing_however_slow_it_is(
        durable: bool,
        steps in prop::collection::vec(prop_oneof![
            5 => (0usize..INBOX_BYTES / 2, 0usize..7).prop_map(|(size, keys)| Several::Apply { size, keys }),
            1 => Just(Several::Uncollected),
            2 => Just(Several::Flush),
            3 => Just(Several::Take),
        ], 0..60),
    ) {
        let visibility = if durable { Visibility::Durable } else { Visibility::Memory };
        let followers = followers(1);
        let mut follower = followers.register(prefix("a/"), visibility).expect("room");
        let names: [&[&str]; 7] = [&["a/1"], &["b"], &["b", "a/1"], &["a/2", "a/1", "a/2"], &["a/1", "b", "a/2"], &["b", "c"], &["a/3", "c"]];
        // The sequences that it is to see, and those it saw.
        let (mut expected, mut seen) = (Vec::new(), Vec::new());
        let (mut tip, mut flushed) = (0u64, 0u64);
        let mut take = |follower: &mut Following, expected: &[u64], visible: u64| {
            let visible = expected.iter().copied().filter(|sequence| *sequence < visible);
            let visible: Vec<u64> = visible.collect();
            while let Some(delivery) = follower.try_next() {
                match delivery {
                    Delivery::Commit { runs, .. } => {
                        let mut sequences: Vec<u64> = runs.iter().map(|(_, run)| run.first().get()).collect();
                        sequences.sort_unstable();
                        // What was read from the store is passed over.
                        let last = seen.last().copied();
                        seen.extend(sequences.into_iter().filter(|s| last.is_none_or(|last| *s > last)));
                    }
                    Delivery::Behind => seen = visible.clone(),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(seen, visible, "asleep with records to see");
        };
        for step in steps {
            match step {
                Several::Apply { size, keys } => {
                    let of_prefix = names[keys].iter().zip(tip..).filter(|(name, _)| name.starts_with("a/"));
                    expected.extend(of_prefix.map(|(_, sequence)| sequence));
                    tip = commit(&followers, names[keys], tip, size).get();
                }
                Several::Uncollected => {
                    expected.push(tip);
                    tip += 1;
                    followers.applied(None, Sequence::new(tip));
                }
                Several::Flush => {
                    flushed = tip;
                    followers.durable(Sequence::new(flushed));
                }
                Several::Take => take(&mut follower, &expected, if durable { flushed } else { tip }),
            }
            prop_assert!(follower.inbox.content().bytes <= INBOX_BYTES);
        }
        take(&mut follower, &expected, if durable { flushed } else { tip });
    }
}

#[derive(Debug, Clone)]
enum Several {
    Apply { size: usize, keys: usize },
    Uncollected,
    Flush,
    Take,
}
