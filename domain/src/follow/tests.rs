use super::inbox::INBOX_BYTES;
use super::*;
use crate::Error;
use crate::run::RunBuilder;
use futures::FutureExt;
use proptest::prelude::*;

mod several;

fn key(name: &str) -> Key {
    Key::stored(name.as_bytes().to_vec().into())
}

fn of(name: &str) -> Selection {
    Selection::Key(key(name))
}

fn run(sequence: u64, size: usize) -> Run {
    let mut builder = RunBuilder::new(0);
    builder.push(Sequence::new(sequence), &vec![0; size]);
    builder.finish().expect("one record")
}

fn followers(limit: usize) -> Arc<Followers> {
    Arc::new(Followers::new(&Limits {
        followers: limit,
        ..Limits::default()
    }))
}

fn apply(followers: &Followers, name: &str, sequence: u64, size: usize) {
    let runs = [(key(name), run(sequence, size))];
    followers.applied(Some(&runs), Sequence::new(sequence + 1));
}

#[test]
fn a_commit_wakes_exactly_the_followers_of_its_keys() {
    let followers = followers(10);
    let mut a = followers
        .register(of("a"), Visibility::Memory)
        .expect("room");
    let mut b = followers
        .register(of("b"), Visibility::Memory)
        .expect("room");
    apply(&followers, "a", 0, 1);
    assert_eq!(a.next().now_or_never(), Some(Delivery::Run(run(0, 1))));
    assert_eq!(b.next().now_or_never(), None);
    assert_eq!(b.caught_up_to(), Some(Sequence::new(1)));
}

#[test]
fn the_followers_of_a_key_read_again_when_they_are_told_so() {
    let followers = followers(10);
    for visibility in [Visibility::Memory, Visibility::Durable] {
        let register = |name| followers.register(of(name), visibility).expect("room");
        let (mut a, mut b) = (register("a"), register("b"));
        followers.durable(Sequence::new(1));
        apply(&followers, "a", 1, 1);
        apply(&followers, "b", 2, 1);
        followers.read_again(&key("a"));
        assert_eq!(a.next().now_or_never(), Some(Delivery::Behind));
        followers.durable(Sequence::new(3));
        assert_eq!(b.next().now_or_never(), Some(Delivery::Run(run(2, 1))));
        if visibility == Visibility::Durable {
            // What it was to see later is read from the store then.
            assert_eq!(a.next().now_or_never(), Some(Delivery::Behind));
        }
        assert_eq!(a.next().now_or_never(), None);
        apply(&followers, "a", 3, 1);
        followers.durable(Sequence::new(4));
        assert_eq!(a.next().now_or_never(), Some(Delivery::Run(run(3, 1))));
    }
}

#[test]
fn a_durable_follower_waits_for_the_watermark() {
    let followers = followers(10);
    let mut follower = followers
        .register(of("a"), Visibility::Durable)
        .expect("room");
    apply(&followers, "a", 0, 1);
    assert_eq!(follower.next().now_or_never(), None);
    followers.durable(Sequence::new(1));
    assert_eq!(
        follower.next().now_or_never(),
        Some(Delivery::Run(run(0, 1)))
    );
}

#[test]
fn a_durable_follower_hears_of_a_commit_that_was_durable_before_it_was_announced() {
    let followers = followers(10);
    let mut follower = followers
        .register(of("a"), Visibility::Durable)
        .expect("room");
    followers.durable(Sequence::new(1));
    assert_eq!(
        follower.caught_up_to(),
        Some(Sequence::ZERO),
        "not past what is still to come"
    );
    apply(&followers, "a", 0, 1);
    assert_eq!(
        follower.next().now_or_never(),
        Some(Delivery::Run(run(0, 1)))
    );
    assert_eq!(follower.caught_up_to(), Some(Sequence::new(1)));
}

#[test]
fn a_durable_follower_is_sent_to_the_store_for_what_was_applied_before_it_came() {
    let followers = followers(10);
    apply(&followers, "a", 0, 1);
    let mut follower = followers
        .register(of("a"), Visibility::Durable)
        .expect("room");
    assert_eq!(follower.next().now_or_never(), None);
    assert_eq!(follower.caught_up_to(), None, "there is something to come");
    followers.durable(Sequence::new(1));
    assert_eq!(follower.next().now_or_never(), Some(Delivery::Behind));
    assert_eq!(follower.caught_up_to(), Some(Sequence::new(1)));
}

#[test]
fn however_long_nothing_becomes_durable_a_follower_is_queued_once() {
    let followers = followers(10);
    let follower = followers
        .register(of("a"), Visibility::Durable)
        .expect("room");
    for sequence in 0..1_000 {
        apply(&followers, "a", sequence, INBOX_BYTES / 100);
    }
    assert_eq!(locked(&followers.state).undurable.len(), 1);
    drop(follower);
    assert_eq!(locked(&followers.state).undurable.len(), 0);
}

#[test]
fn what_waits_for_followers_is_bounded_all_together_and_shared_runs_count_once() {
    let limits = Limits {
        follower_bytes: 100_000,
        ..Limits::default()
    };
    let followers = Arc::new(Followers::new(&limits));
    let mut same = (0..10)
        .map(|_| followers.register(of("a"), Visibility::Memory))
        .collect::<Result<Vec<_>>>()
        .expect("room");
    apply(&followers, "a", 0, 50_000);
    assert!(followers.room.used() < 60_000, "{}", followers.room.used());
    let mut other = followers
        .register(of("b"), Visibility::Memory)
        .expect("room");
    apply(&followers, "b", 1, 60_000);
    assert_eq!(other.next().now_or_never(), Some(Delivery::Behind));
    for follower in &mut same {
        let delivery = follower.next().now_or_never();
        assert_eq!(delivery, Some(Delivery::Run(run(0, 50_000))));
    }
    assert_eq!(followers.room.used(), 0);
    apply(&followers, "b", 2, 60_000);
    assert_eq!(
        other.next().now_or_never(),
        Some(Delivery::Run(run(2, 60_000)))
    );
}

#[test]
fn stopping_answers_those_who_wait_and_those_who_come_after() {
    let followers = followers(10);
    let mut early = followers
        .register(of("a"), Visibility::Memory)
        .expect("room");
    apply(&followers, "a", 0, 1);
    followers.stop(Stopped::Closing);
    assert_eq!(early.next().now_or_never(), Some(Delivery::Run(run(0, 1))));
    assert_eq!(
        early.next().now_or_never(),
        Some(Delivery::Stopped(Stopped::Closing))
    );
    let mut late = followers
        .register(of("a"), Visibility::Memory)
        .expect("room");
    assert_eq!(
        late.next().now_or_never(),
        Some(Delivery::Stopped(Stopped::Closing))
    );
}

#[test]
fn who_waits_for_a_sequence_is_woken_when_it_is_shown_and_takes_a_place() {
    let followers = followers(1);
    let shown = std::cell::Cell::new(Watermarks::default());
    let reached = |visibility| followers.reached(Sequence::new(2), visibility, || shown.get());
    let show = |tip: u64, durable: u64| {
        shown.set(Watermarks {
            tip: tip.into(),
            durable: durable.into(),
        });
    };
    let mut applied = Box::pin(reached(Visibility::Memory));
    assert!(applied.as_mut().now_or_never().is_none());
    assert!(matches!(
        reached(Visibility::Durable).now_or_never(),
        Some(Err(Error::Overloaded { .. }))
    ));
    show(1, 0);
    apply(&followers, "a", 0, 1);
    assert!(applied.as_mut().now_or_never().is_none());
    show(2, 0);
    apply(&followers, "a", 1, 1);
    assert!(matches!(applied.as_mut().now_or_never(), Some(Ok(true))));
    drop(applied);
    let mut durable = Box::pin(reached(Visibility::Durable));
    assert!(durable.as_mut().now_or_never().is_none());
    show(2, 2);
    followers.durable(Sequence::new(2));
    assert!(matches!(durable.as_mut().now_or_never(), Some(Ok(true))));
    drop(durable);
    show(0, 0);
    let mut waiting = Box::pin(reached(Visibility::Memory));
    assert!(waiting.as_mut().now_or_never().is_none());
    followers.stop(Stopped::Closing);
    assert!(matches!(waiting.as_mut().now_or_never(), Some(Ok(false))));
}

#[test]
fn places_are_limited_and_come_back() {
    let followers = followers(1);
    let first = followers
        .register(of("a"), Visibility::Memory)
        .expect("room");
    assert!(followers.register(of("a"), Visibility::Memory).is_err());
    drop(first);
    assert!(followers.register(of("a"), Visibility::Memory).is_ok());
    assert!(!followers.is_listening());
}

#[derive(Debug, Clone)]
enum Step {
    Apply { size: usize },
    ApplyUncollected,
    Return,
    Flush,
    Take,
}

proptest! {
    /// A follower who scans when told that it is behind sees every record once, in order, whatever the
    /// interleaving, and memory stays within the bound.
    #[test]
    fn a_follower_misses_nothing_however_slow_it_is(
        durable: bool,
        steps in prop::collection::vec(prop_oneof![
            5 => (0usize..INBOX_BYTES).prop_map(|size| Step::Apply { size }),
            1 => Just(Step::ApplyUncollected),
            1 => Just(Step::Return),
            2 => Just(Step::Flush),
            3 => Just(Step::Take),
        ], 0..80),
    ) {
        let visibility = if durable { Visibility::Durable } else { Visibility::Memory };
        let followers = followers(1);
        let mut follower = followers.register(of("a"), visibility).expect("room");
        let (mut tip, mut flushed, mut position) = (0u64, 0u64, 0u64);
        let mut take = |follower: &mut Following, tip: u64, flushed: u64| {
            let visible = if durable { flushed } else { tip };
            while let Some(delivery) = follower.try_next() {
                match delivery {
                    Delivery::Run(run) => {
                        if run.last().get() >= position {
                            assert_eq!(run.first().get(), position);
                            position += 1;
                        }
                        assert!(position <= visible);
                    }
                    Delivery::Behind => position = visible,
                    other => panic!("{other:?} of one key that goes on"),
                }
            }
            assert_eq!(position, visible, "asleep with records to see");
        };
        for step in steps {
            match step {
                Step::Apply { size } => {
                    apply(&followers, "a", tip, size);
                    tip += 1;
                }
                Step::ApplyUncollected => {
                    tip += 1;
                    followers.applied(None, Sequence::new(tip));
                }
                Step::Return => {
                    // It leaves, comes back where it was, and reads what is visible before it waits.
                    take(&mut follower, tip, flushed);
                    drop(follower);
                    follower = followers.register(of("a"), visibility).expect("room");
                }
                Step::Flush => {
                    flushed = tip;
                    followers.durable(Sequence::new(flushed));
                }
                Step::Take => take(&mut follower, tip, flushed),
            }
            prop_assert!(follower.inbox.content().bytes <= INBOX_BYTES);
        }
        take(&mut follower, tip, flushed);
    }
}
