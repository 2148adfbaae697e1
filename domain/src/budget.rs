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
