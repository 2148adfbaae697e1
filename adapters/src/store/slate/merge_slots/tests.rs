use super::*;

const ONE: Wanted = Wanted {
    merges: Merges { short: 1, long: 0 },
    room: 64,
};
const NONE: Merges = Merges { short: 0, long: 0 };

#[tokio::test]
async fn a_log_that_is_dropped_gives_its_slots_back_and_the_next_one_is_called() {
    let slots = MergeSlots::new(1);
    let (a, b) = (slots.join(), slots.join());
    assert_eq!(a.ask(NONE, ONE), ONE.merges);
    assert_eq!(b.ask(NONE, ONE), NONE);
    assert_eq!((slots.running(), slots.waiting()), (1, 1));
    drop(a);
    assert_eq!((slots.running(), slots.waiting()), (0, 1));
    b.should_look().await;
    assert_eq!(b.ask(NONE, ONE), ONE.merges);
    drop(b);
    assert_eq!((slots.running(), slots.waiting()), (0, 0));
    assert!(slots.0.lock().hurries.is_empty());
}
