//! Notices that the wall clock was set ahead.

use std::time::Duration;

use tokio::time::Instant;

/// A step of at least so much is one; less is drift, or a check that came late.
const STEP: Duration = Duration::from_mins(1);
/// A clock that was set ahead is believed after this time, if it was not set back.
const BELIEVED_AFTER: Duration = Duration::from_hours(1);

/// Compares the wall clock with time that passes.
pub(crate) struct ClockSteps {
    wall_ms: i64,
    at: Instant,
    stepped: Option<Instant>,
}

impl ClockSteps {
    /// Believes the wall clock as it is now, `wall_ms` (Unix ms).
    pub(crate) fn new(wall_ms: i64, at: Instant) -> Self {
        Self {
            wall_ms,
            at,
            stepped: None,
        }
    }

    /// Whether the wall clock can be believed, which says `wall_ms` now. One that was set ahead cannot for an hour, unless it is set
    /// back before.
    pub(crate) fn believes(&mut self, wall_ms: i64, at: Instant) -> bool {
        let passed = at.saturating_duration_since(self.at);
        let ahead_ms = wall_ms
            .saturating_sub(self.wall_ms)
            .saturating_sub(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
        if ahead_ms < STEP.as_millis() as i64 {
            (self.wall_ms, self.at, self.stepped) = (wall_ms, at, None);
            return true;
        }
        let stepped = *self.stepped.get_or_insert(at);
        let believes = at.saturating_duration_since(stepped) >= BELIEVED_AFTER;
        if believes {
            (self.wall_ms, self.at, self.stepped) = (wall_ms, at, None);
        }
        believes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_ahead_is_believed_after_an_hour_or_when_it_is_set_back() {
        let began = Instant::now();
        let mut steps = ClockSteps::new(1_000, began);
        let mut believes = |wall_s: i64, passed_s: u64| {
            steps.believes(
                1_000 + 1_000 * wall_s,
                began + Duration::from_secs(passed_s),
            )
        };
        assert!(believes(5, 5));
        assert!(believes(40, 10), "drift");
        assert!(believes(4_000, 3_970), "a check that came late");
        assert!(!believes(400_000, 3_975));
        assert!(!believes(400_005, 3_980));
        assert!(believes(3_990, 3_985), "set back");
        assert!(!believes(400_000, 4_000));
        assert!(!believes(403_000, 7_000));
        assert!(believes(403_601, 7_601), "an hour later");
        assert!(believes(403_606, 7_606));
        assert!(believes(0, 7_610), "backwards is no danger");
    }
}
