//! One budget for everything that grows with the data: cached blocks, map outputs, tables, collected rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be held, and bytes that are.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl MemoryBudget {
    pub(crate) fn new(limit: u64) -> Arc<MemoryBudget> {
        Arc::new(MemoryBudget { limit, used: AtomicU64::new(0) })
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A reservation of nothing.
    pub(crate) fn reserve(self: &Arc<Self>) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Reservation {
    /// Sets the size of the reservation; if there is not enough left, how many bytes are missing.
    pub(crate) fn try_resize(&mut self, bytes: u64) -> Result<(), u64> {
        let used = &self.budget.used;
        if bytes <= self.bytes {
            used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        } else {
            let more = bytes - self.bytes;
            let limit = self.budget.limit;
            let fits = |used: u64| used.checked_add(more).filter(|total| *total <= limit);
            used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
                .map_err(|used| used.saturating_add(more) - limit)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// The same for what is there already and cannot be refused: the budget may be exceeded.
    pub(crate) fn grow(&mut self, bytes: u64) {
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// A reservation of nothing from the same budget.
    pub(crate) fn emptied(&self) -> Reservation {
        self.budget.reserve()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_never_exceed_the_limit_and_come_back() {
        let budget = MemoryBudget::new(100);
        let mut a = budget.reserve();
        let mut b = budget.reserve();
        assert_eq!(a.try_resize(70), Ok(()));
        assert_eq!(b.try_resize(50), Err(20));
        assert_eq!(b.try_resize(30), Ok(()));
        assert_eq!(a.try_resize(10), Ok(()));
        assert_eq!(budget.used(), 40);
        drop((a, b));
        assert_eq!(budget.used(), 0);
    }
}
