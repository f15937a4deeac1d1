//! Rows on loan: a batch that shows rows of a cached block where they are, for an operator that only looks at them. They are not
//! cloned, and the block stays as long as a batch shows rows of it. Only a batch whose owner says that it may borrow is lent
//! rows; everybody else gets rows that are its own.

use super::{Batch, SharedBatch, dangling, same_type};
use std::sync::Arc;

impl Batch {
    /// Whether the rows belong to another batch.
    #[inline]
    pub(super) fn is_on_loan(&self) -> bool {
        !self.lender.is_null()
    }

    /// Shows `n` rows of another batch from `first` on. This one is empty and may borrow.
    pub(crate) fn borrow_rows(&mut self, lender: &Arc<SharedBatch>, first: usize, n: usize) {
        let rows = lender.get();
        assert!(self.may_borrow && self.is_empty() && first + n <= rows.rows(), "a loan that nobody has asked for");
        debug_assert!(same_type(self.elem, rows.elem), "rows lent between types");
        let mut shown = Batch::new(self.elem);
        (shown.limit, shown.may_borrow) = (self.limit, true);
        (shown.ptr, shown.len) = (rows.row(first), n);
        shown.lender = Arc::into_raw(Arc::clone(lender));
        *self = shown;
    }

    /// Shows the first `n` of these rows in `to` instead.
    #[inline(never)]
    pub(super) fn lend_on(&mut self, to: &mut Batch, n: usize) {
        // SAFETY: `borrow_rows` took the address from an `Arc`, one count of which is this batch's.
        let lender = unsafe {
            Arc::increment_strong_count(self.lender);
            Arc::from_raw(self.lender)
        };
        let first = (self.row(0) as usize - lender.get().row(0) as usize).checked_div(self.elem.size).unwrap_or(0);
        to.borrow_rows(&lender, first, n);
        self.head += n;
        if self.is_empty() {
            self.give_back();
        }
    }

    /// Ends the loan: the batch is empty then.
    pub(super) fn give_back(&mut self) {
        let lender = std::mem::replace(&mut self.lender, std::ptr::null());
        self.ptr = dangling(self.elem.align);
        self.head = 0;
        self.len = 0;
        // SAFETY: as in `lend_on`; the batch forgets it here.
        drop(unsafe { Arc::from_raw(lender) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;

    #[test]
    fn rows_on_loan_are_the_lenders_and_keep_it() {
        let counted = Arc::new(());
        let rows: Vec<Arc<()>> = (0..5).map(|_| Arc::clone(&counted)).collect();
        // SAFETY: the rows are `Send + Sync`.
        let lender = Arc::new(unsafe { SharedBatch::new(Batch::from_vec(rows)) });
        let mut shown = Batch::new(Elem::<Arc<()>>::VT);
        shown.may_borrow = true;
        shown.borrow_rows(&lender, 1, 4);
        let mut first = Batch::new(Elem::<Arc<()>>::VT);
        first.may_borrow = true;
        shown.move_rows(&mut first, 3);
        assert_eq!((first.rows(), shown.rows()), (3, 1));
        assert_eq!((first.row(0), shown.row(0)), (lender.get().row(1), lender.get().row(4)));
        let mut second = Batch::new(Elem::<Arc<()>>::VT);
        second.may_borrow = true;
        shown.move_rows(&mut second, 1);
        assert!(shown.is_empty() && !shown.is_on_loan() && second.is_on_loan());
        drop(second);
        drop(lender);
        assert_eq!(Arc::strong_count(&counted), 6, "the rows are still there");
        first.clear();
        assert_eq!(Arc::strong_count(&counted), 1, "and go with the last loan, once");
        assert!(first.may_borrow && first.rows() == 0);
    }
}
