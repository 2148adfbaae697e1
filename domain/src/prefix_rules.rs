//! Retention by prefix: the records of keys with a prefix go sooner than others.
//!
//! Each rule advances a floor of its own. The *floor of a prefix* holds for all keys that begin with it, so that of several rules for a
//! key the one with the shortest age wins, whichever prefix is longer.

use std::time::Duration;

use bytes::Bytes;

use crate::trim::Extent;
use crate::{Error, Limits, Result, Sequence, Trim};

/// Maximum number of rules.
pub const PREFIX_RULES: usize = 256;

/// For how long the records of keys with a prefix stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixRule {
    /// What the keys begin with: at least one byte.
    pub prefix: Bytes,
    /// Records go that are older than this, by whole segments, as with [`crate::Retention::max_age`].
    pub max_age: Duration,
}

/// Rules for different prefixes: at most [`PREFIX_RULES`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrefixRules(Vec<PrefixRule>);

/// Below the floor, nothing is read of keys that begin with the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixFloor {
    /// What the keys begin with.
    pub prefix: Bytes,
    /// The floor.
    pub floor: Sequence,
}

impl PrefixRules {
    /// Takes these rules.
    ///
    /// # Errors
    /// [`Error::Invalid`] for too many, for one without a prefix or with one that no key can have, for an age of 0, and for
    /// two with the same prefix.
    pub fn new(mut rules: Vec<PrefixRule>, limits: &Limits) -> Result<Self> {
        if rules.len() > PREFIX_RULES {
            return Err(Error::invalid(format!(
                "there are {} rules, at most {PREFIX_RULES} are accepted: use shorter prefixes",
                rules.len()
            )));
        }
        for PrefixRule { prefix, max_age } in &rules {
            let named = prefix.escape_ascii();
            if prefix.is_empty() {
                return Err(Error::invalid(
                    "a rule must have a prefix, for example \"session/\": a limit for all keys is retention.max_age",
                ));
            }
            if prefix.len() > limits.key_bytes {
                return Err(Error::invalid(format!(
                    "a prefix of {} bytes is longer than any key: at most {} are accepted",
                    prefix.len(),
                    limits.key_bytes
                )));
            }
            if max_age.is_zero() {
                return Err(Error::invalid(format!(
                    "the max_age of the rule for \"{named}\" must be more than 0, for example 7d"
                )));
            }
        }
        rules.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        if let Some(pair) = rules
            .windows(2)
            .find(|pair| pair[0].prefix == pair[1].prefix)
        {
            return Err(Error::invalid(format!(
                "there are two rules for \"{}\": keep the one with the shorter max_age",
                pair[0].prefix.escape_ascii()
            )));
        }
        Ok(Self(rules))
    }

    /// Whether there are none.
    pub fn is_off(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the prefixes.
    pub fn all(&self) -> &[PrefixRule] {
        &self.0
    }

    /// The shortest age of all: segments must be sealed more often than that.
    pub fn shortest(&self) -> Option<Duration> {
        self.0.iter().map(|rule| rule.max_age).min()
    }

    /// The floors that are due in a log that reaches so far, one for each rule that finds something older than its age.
    pub fn due<'a>(&'a self, log: Extent<'a>) -> impl Iterator<Item = PrefixFloor> + 'a {
        self.0.iter().filter_map(move |rule| {
            // A time that is not in the future is not refused.
            let floor = Trim::older_than(rule.max_age, log.now_ms).floor(log).ok()?;
            (floor > Sequence::ZERO).then(|| PrefixFloor {
                prefix: rule.prefix.clone(),
                floor,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Segment;

    fn rule(prefix: &'static str, seconds: u64) -> PrefixRule {
        PrefixRule {
            prefix: Bytes::from_static(prefix.as_bytes()),
            max_age: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused_and_says_what_is_accepted() {
        let limits = Limits::default();
        let long = PrefixRule {
            prefix: Bytes::from(vec![b'a'; limits.key_bytes + 1]),
            ..rule("", 1)
        };
        let many = |count: usize| -> Vec<PrefixRule> {
            let prefixes = (0..count).map(|n| Bytes::from(format!("{n}")));
            let rules = prefixes.map(|prefix| PrefixRule {
                prefix,
                ..rule("", 1)
            });
            rules.collect()
        };
        for (rules, says) in [
            (vec![rule("", 5)], "session/"),
            (vec![long], "longer than any key"),
            (vec![rule("a", 0)], "for example 7d"),
            (
                vec![rule("a", 5), rule("b", 5), rule("a", 6)],
                "two rules for \"a\"",
            ),
            (many(PREFIX_RULES + 1), "at most 256"),
        ] {
            let refused = PrefixRules::new(rules, &limits).expect_err("refused");
            assert!(matches!(refused, Error::Invalid(_)));
            assert!(refused.to_string().contains(says), "{refused}");
        }
        assert!(PrefixRules::new(many(PREFIX_RULES), &limits).is_ok());
        let rules = PrefixRules::new(vec![rule("b", 7), rule("a", 60)], &limits).expect("rules");
        assert!(!rules.is_off() && PrefixRules::default().is_off());
        assert_eq!(rules.shortest(), Some(Duration::from_secs(7)));
    }

    proptest! {
        /// No record younger than the age is below the floor, and no segment whose successor began before that time is above it.
        #[test]
        fn what_is_due_is_older_than_the_age_of_its_rule_and_goes_by_whole_segments(
            waits in prop::collection::vec((0i64..40, prop::bool::weighted(0.3)), 0..40),
            ages in prop::collection::vec(1u64..600, 1..4),
            idle_ms in 0i64..400,
        ) {
            let (mut now_ms, mut segments, mut times) = (1_000, Vec::<Segment>::new(), Vec::new());
            for (wait_ms, seals) in waits {
                now_ms += wait_ms;
                if seals || segments.is_empty() {
                    segments.push(Segment {
                        id: segments.len() as u32 + 1,
                        start: Sequence::new(times.len() as u64),
                        start_time_ms: now_ms,
                    });
                }
                times.push(now_ms);
            }
            let log = Extent {
                segments: &segments,
                tip: Sequence::new(times.len() as u64),
                last_time_ms: now_ms,
                now_ms: now_ms + idle_ms,
            };
            let rules = ages.iter().zip(["a", "b", "c"]).map(|(age_ms, prefix)| PrefixRule {
                max_age: Duration::from_millis(*age_ms),
                ..rule(prefix, 0)
            });
            let rules = PrefixRules::new(rules.collect(), &Limits::default()).expect("rules");
            let due: Vec<PrefixFloor> = rules.due(log).collect();
            for rule in &rules.0 {
                let found = due.iter().find(|due| due.prefix == rule.prefix);
                let floor = found.map_or(0, |due| due.floor.get());
                prop_assert!(found.is_none() || floor > 0);
                let since = log.now_ms - rule.max_age.as_millis() as i64;
                let below = times.iter().take(floor as usize);
                prop_assert!(below.clone().all(|time| *time < since), "a younger record goes");
                let sealed_before = segments.iter().filter(|next| next.start_time_ms < since);
                let ends = sealed_before.map(|next| next.start.get()).max();
                prop_assert!(floor >= ends.unwrap_or_default(), "an older segment stays");
                let is_whole = segments.iter().any(|segment| segment.start.get() == floor);
                prop_assert!(floor == 0 || is_whole || floor == log.tip.get());
            }
            // The shorter the age, the higher the floor.
            let floor = |prefix: &[u8]| due.iter().find(|due| due.prefix == prefix).map(|due| due.floor);
            for pair in rules.0.windows(2) {
                let (a, b) = (floor(&pair[0].prefix), floor(&pair[1].prefix));
                prop_assert!(a >= b || pair[0].max_age > pair[1].max_age);
            }
        }
    }
}
