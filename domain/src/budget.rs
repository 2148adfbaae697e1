//! A bound on something that many requests hold at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// A number of units (requests, bytes, followers) that permits are taken from and given back to.
///
/// Taking never waits: when there is not enough left the caller is told [`Error::Overloaded`] and can tell its
/// client, instead of queueing without a bound.
#[derive(Debug, Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    what: &'static str,
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// A budget of `limit` units; `what` names it in errors.
    pub fn new(what: &'static str, limit: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                what,
                limit,
                used: AtomicU64::new(0),
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

    /// Takes as many as are wanted, but no more than a quarter of what is left, so that there is something for those who
    /// come later; and no fewer than `least`.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when fewer than `least` are left.
    pub fn take_some(&self, wanted: u64, least: u64) -> Result<Permit> {
        let left = self.inner.limit.saturating_sub(self.used());
        self.take(wanted.min(least.max(left / 4)))
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
    /// How many units it is for.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Takes more, or gives some back, until it is for so many.
    ///
    /// # Errors
    /// As [`Permit::grow`].
    pub fn resize(&mut self, units: u64) -> Result<()> {
        if let Some(surplus) = self.units.checked_sub(units) {
            self.budget.inner.used.fetch_sub(surplus, Ordering::Relaxed);
            self.units = units;
            return Ok(());
        }
        self.grow(units - self.units)
    }

    /// Takes `units` more.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when that is more than what is left; the permit stays as it was.
    pub fn grow(&mut self, units: u64) -> Result<()> {
        let Inner { what, limit, used } = &*self.budget.inner;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(units).filter(|sum| sum <= limit)
        })
        .map_err(|_| Error::Overloaded {
            what,
            limit: *limit,
        })?;
        self.units += units;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget
            .inner
            .used
            .fetch_sub(self.units, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_later_gets_less_but_never_less_than_the_least() {
        let budget = Budget::new("test", 100);
        let permits: Vec<_> = std::iter::from_fn(|| budget.take_some(30, 10).ok()).collect();
        let units: Vec<_> = permits.iter().map(Permit::units).collect();
        assert_eq!(units, [25, 18, 14, 10, 10, 10, 10]);
        assert_eq!(budget.used(), 97);
    }

    #[test]
    fn a_permit_that_is_resized_gives_back_or_takes_the_difference() {
        let budget = Budget::new("test", 10);
        let mut permit = budget.take(5).expect("fits");
        permit.resize(2).expect("less");
        assert_eq!((permit.units(), budget.used()), (2, 2));
        permit.resize(10).expect("fits exactly");
        permit.resize(11).expect_err("too much");
        assert_eq!(budget.used(), 10);
        drop(permit);
        assert_eq!(budget.used(), 0);
    }

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
        drop(second);
        assert_eq!(budget.used(), 0);
    }
}
