//! A bound on a resource that concurrent requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// A number of units (requests, bytes, followers) that permits are taken from and given back to.
///
/// Taking never waits: if not enough is left, the caller gets [`Error::Overloaded`] instead of queueing without a
/// bound.
#[derive(Debug, Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    what: &'static str,
    limit: u64,
    used: AtomicU64,
    /// What this is a part of.
    whole: Option<Budget>,
}

impl Budget {
    /// A budget of `limit` units; `what` names it in errors.
    pub fn new(what: &'static str, limit: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                what,
                limit,
                used: AtomicU64::new(0),
                whole: None,
            }),
        }
    }

    /// A share of this budget for one user, so that no user takes all of it. An unused share always allows one permit of
    /// any size, if the whole budget has room for it.
    #[must_use]
    pub fn part(&self, limit: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                what: self.inner.what,
                limit,
                used: AtomicU64::new(0),
                whole: Some(self.clone()),
            }),
        }
    }

    /// Takes `units` out until the permit is dropped.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when that is more than what is left.
    pub fn take(&self, units: u64) -> Result<Permit> {
        let mut permit = Permit {
            budget: self.clone(),
            units: 0,
        };
        permit.grow(units)?;
        Ok(permit)
    }

    /// How many units there are.
    pub fn limit(&self) -> u64 {
        self.inner.limit
    }

    /// Units that are taken now.
    pub fn used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }
}

/// Units taken from a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    units: u64,
}

impl Permit {
    /// Takes `units` out of the same budget until the other permit is dropped.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn another(&self, units: u64) -> Result<Self> {
        self.budget.take(units)
    }

    /// Takes `units` more.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when that is more than what is left; the permit stays as it was.
    pub fn grow(&mut self, units: u64) -> Result<()> {
        self.budget.add(units, self.units)?;
        self.units += units;
        Ok(())
    }

    /// Gives back `units`, if it has as many, and else all it has.
    pub fn give_back(&mut self, units: u64) {
        self.shrink_to(self.units.saturating_sub(units));
    }

    /// Gives back all but `units`, if it has more.
    pub fn shrink_to(&mut self, units: u64) {
        let spare = self.units.saturating_sub(units);
        self.budget.give_back(spare);
        self.units -= spare;
    }
}

impl Budget {
    /// Adds `units` to a permit that has `own` ones.
    fn add(&self, units: u64, own: u64) -> Result<()> {
        let Inner {
            what,
            limit,
            used,
            whole,
        } = &*self.inner;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let alone = used == own && whole.is_some();
            let sum = used.checked_add(units);
            sum.filter(|sum| alone || sum <= limit)
        })
        .map_err(|_| Error::Overloaded {
            what,
            limit: *limit,
        })?;
        if let Some(whole) = whole
            && let Err(full) = whole.add(units, own)
        {
            used.fetch_sub(units, Ordering::Relaxed);
            return Err(full);
        }
        Ok(())
    }

    fn give_back(&self, units: u64) {
        self.inner.used.fetch_sub(units, Ordering::Relaxed);
        if let Some(whole) = &self.inner.whole {
            whole.give_back(units);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.give_back(self.units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_budget_refuses_and_a_dropped_permit_makes_room() {
        let budget = Budget::new("test", 10);
        let first = budget.take(7).expect("fits");
        let mut second = budget.take(2).expect("fits");
        assert!(matches!(
            second.grow(2),
            Err(Error::Overloaded {
                what: "test",
                limit: 10
            })
        ));
        second.grow(1).expect("fills it exactly");
        assert_eq!(budget.used(), 10);
        drop(first);
        assert_eq!(budget.used(), 3);
        second.shrink_to(5);
        assert_eq!(budget.used(), 3);
        second.shrink_to(2);
        second.give_back(1);
        assert_eq!(budget.used(), 1);
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn no_part_takes_the_whole_and_each_may_take_one_thing() {
        let whole = Budget::new("test", 100);
        let (first, second) = (whole.part(25), whole.part(25));
        let held = first.take(20).expect("fits");
        assert!(first.take(10).is_err());
        assert_eq!(whole.used(), 20);
        // Larger than its part, and alone.
        let large = second.take(70).expect("fits into the whole");
        assert!(second.take(1).is_err());
        assert!(whole.take(11).is_err());
        drop(held);
        assert_eq!((first.used(), whole.used()), (0, 70));
        assert!(first.take(31).is_err(), "more than is left");
        assert_eq!((first.used(), whole.used()), (0, 70));
        drop(large);
        assert_eq!((second.used(), whole.used()), (0, 0));
    }
}
