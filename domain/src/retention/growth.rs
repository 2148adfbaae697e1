//! Room for what is stored between two checks of retention, so that a log stays within its size also until the next one.

use std::collections::VecDeque;

use super::Retention;

/// Checks that are remembered.
const CHECKS: usize = 12;
/// Part of the size that is left free at most: a burst must not cost a log much more than itself.
const LARGEST_PART: u64 = 10;

/// How much was stored between the last checks.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    /// What was stored after the last check; `None` before the first one.
    left: Option<u64>,
    lately: VecDeque<u64>,
}

impl Growth {
    /// At a check that finds so many bytes stored: what stays, less the most that was stored between two of the last 12
    /// checks, up to a tenth of the size.
    pub fn leave_room(&mut self, retention: Retention, stored: u64) -> Retention {
        if let Some(left) = self.left {
            self.lately.push_back(stored.saturating_sub(left));
        }
        if self.lately.len() > CHECKS {
            self.lately.pop_front();
        }
        let room = self.lately.iter().copied().max().unwrap_or_default();
        let less = |most: u64| most - room.min(most / LARGEST_PART);
        Retention {
            max_bytes: retention.max_bytes.map(less),
            ..retention
        }
    }

    /// So many bytes are stored after the check.
    pub fn left(&mut self, stored: u64) {
        self.left = Some(stored);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 10_000;

    fn by_size() -> Retention {
        Retention {
            max_bytes: Some(MOST),
            ..Retention::default()
        }
    }

    #[test]
    fn a_log_that_does_not_grow_may_be_as_large_as_it_says() {
        let mut growth = Growth::default();
        // What is there at the start did not come since the last check.
        for _ in 0..3 {
            assert_eq!(growth.leave_room(by_size(), MOST), by_size());
            growth.left(MOST);
        }
        growth.leave_room(Retention::default(), MOST + 70);
        let after = growth.leave_room(by_size(), MOST + 70);
        assert_eq!(after.max_bytes, Some(MOST - 70));
        for _ in 0..CHECKS {
            growth.left(MOST);
            growth.leave_room(by_size(), MOST);
        }
        assert_eq!(growth.leave_room(by_size(), MOST), by_size(), "long ago");
        let off = growth.leave_room(Retention::default(), MOST);
        assert!(off.is_off());
    }

    proptest! {
        /// Segments as small as it takes: what is over the size goes to the byte.
        #[test]
        fn a_log_stays_within_its_size_unless_it_grows_more_than_before(
            comes in prop::collection::vec(0u64..MOST / LARGEST_PART, 1..60),
        ) {
            let (mut growth, mut stored) = (Growth::default(), 0);
            let mut most_lately = VecDeque::new();
            for comes in comes {
                let grew_more = most_lately.iter().all(|before| *before < comes);
                stored += comes;
                prop_assert!(stored <= MOST || grew_more, "{stored}");
                let stays = growth.leave_room(by_size(), stored);
                stored = stored.min(stays.max_bytes.expect("a size"));
                growth.left(stored);
                most_lately.push_back(comes);
                if most_lately.len() > CHECKS {
                    most_lately.pop_front();
                }
                prop_assert!(stays.max_bytes >= Some(MOST - MOST / LARGEST_PART));
            }
        }
    }
}
