//! Leaving out rows of a batch. A predicate is asked about all rows of a batch first, in a loop that does nothing else and so can
//! use wide vectors; the rows are moved together here, by code that is compiled once for each size of row. They are not moved at
//! all if nobody comes after the filter but a sink that is content with the answers: [`Selected`].

mod compress;
#[cfg(test)]
mod tests;

use super::{Batch, ElemVt};

/// What becomes of a filter's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    /// They are forgotten when the rows have been moved.
    Unwanted,
    /// They may be handed on in the place of rows.
    Wanted,
    /// The batch has them, and no rows.
    Given,
}

/// Rows for a sink that does not need them side by side: all rows that came to the last filter of a pipeline, and its answers.
pub(crate) struct Selected {
    pub(crate) rows: Batch,
    /// No rows: the memory of the answers.
    pub(crate) answers: Batch,
}

impl Selected {
    pub(crate) fn new(elem: &'static ElemVt) -> Selected {
        Selected { rows: Batch::new(elem), answers: Batch::new(elem) }
    }

    /// The rows, and for each of them whether it counts; no answers if all do.
    pub(crate) fn parts(&mut self) -> (&mut Batch, Option<&[bool]>) {
        // SAFETY: the filter that gave the mask wrote an answer for each row, none of which was taken since.
        let answers = || unsafe { std::slice::from_raw_parts(self.answers.ptr as *const bool, self.rows.rows()) };
        let answers = (self.answers.mask == Mask::Given).then(answers);
        (&mut self.rows, answers)
    }

    /// How many rows count.
    pub(crate) fn count(&mut self) -> usize {
        match self.parts() {
            (rows, None) => rows.rows(),
            // As many as can be counted in a byte at a time: sixteen or more of them are added at once.
            (_, Some(answers)) => {
                let count = |part: &[bool]| part.iter().fold(0, |count: u8, answer| count + u8::from(*answer));
                answers.chunks(u8::MAX.into()).map(|part| usize::from(count(part))).sum()
            }
        }
    }
}

impl Batch {
    /// Memory of this empty batch for an answer for each of so many rows of another batch, which [`Batch::select`] reads.
    #[inline(never)]
    pub(super) fn mask(&mut self, rows: usize) -> *mut bool {
        debug_assert!(self.is_empty(), "the mask is where the rows of the output would be");
        if self.layout.size() < rows {
            self.resize(rows);
        }
        self.ptr as *mut bool
    }

    /// Moves the rows that the mask in `out` says yes to into `out` and drops the others. The batches exchange their memory: the
    /// rows move together where they are. If the mask is wanted, it is given, and nothing moves.
    ///
    /// # Safety
    /// Both hold rows of the same type; `out` has got a mask for all rows of this batch.
    #[inline(never)]
    pub(super) unsafe fn select(&mut self, out: &mut Batch) {
        if out.mask == Mask::Wanted {
            out.mask = Mask::Given;
            return;
        }
        let (rows, n) = (self.row(0), self.rows());
        let (size, drop) = (self.elem.size, self.elem.drop);
        // Forgotten first: if a row's drop panics, the others leak instead of being dropped twice.
        self.head = 0;
        self.len = 0;
        // SAFETY: the caller wrote `n` answers. There are `n` rows, which nobody else can reach now; the kept ones move to
        // the start of the memory, at or before where they were.
        let kept = unsafe {
            let mask = std::slice::from_raw_parts(out.ptr as *const bool, n);
            match drop {
                Some(drop) => move_runs(rows, self.ptr, size, mask, drop),
                None => move_plain(rows, self.ptr, size, mask),
            }
        };
        std::mem::swap(self, out);
        out.len = kept;
    }

    /// Hands all rows over to the empty batch `out` as rows of its type: they have been replaced one by one. This batch is left
    /// with the memory and the type of `out`.
    ///
    /// # Safety
    /// The memory of this batch has become as many rows of the type of `out`, which has the same size and alignment.
    #[inline(never)]
    pub(super) unsafe fn hand_over(&mut self, out: &mut Batch) {
        let elem = out.elem;
        std::mem::swap(self, out);
        out.elem = elem;
    }
}

/// Moves the rows that the mask says yes to to the front of `to`, and drops the others; how many there are.
///
/// # Safety
/// There are as many rows of this size at `rows` as the mask is long; `to` is `rows` or lies before it in the same memory.
unsafe fn move_runs(rows: *mut u8, to: *mut u8, size: usize, mask: &[bool], drop: unsafe fn(*mut u8, usize)) -> usize {
    let mut kept = 0;
    let mut at = 0;
    for run in mask.chunk_by(|a, b| a == b) {
        // SAFETY: the run's rows are among those of the mask; `kept` is at most `at`.
        unsafe {
            let row = rows.add(at * size);
            if run[0] {
                std::ptr::copy(row, to.add(kept * size), run.len() * size);
                kept += run.len();
            } else {
                drop(row, run.len());
            }
        }
        at += run.len();
    }
    kept
}

/// The same for rows that need no drop.
///
/// # Safety
/// As for [`move_runs`].
unsafe fn move_plain(rows: *mut u8, to: *mut u8, size: usize, mask: &[bool]) -> usize {
    // SAFETY: passed on from the caller; the arrays have the size of the rows.
    unsafe {
        match size {
            0 => mask.iter().filter(|keep| **keep).count(),
            1 => move_each::<1>(rows, to, mask),
            4 => compress::move_4(rows, to, mask),
            8 => compress::move_8(rows, to, mask),
            16 => move_each::<16>(rows, to, mask),
            24 => move_each::<24>(rows, to, mask),
            32 => move_each::<32>(rows, to, mask),
            _ => move_runs(rows, to, size, mask, |_, _| {}),
        }
    }
}

/// Writes every row and counts the kept ones only: that saves a branch that nobody could predict.
///
/// # Safety
/// As for [`move_runs`].
unsafe fn move_each<const SIZE: usize>(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
    let (rows, to) = (rows as *const [u8; SIZE], to as *mut [u8; SIZE]);
    let mut kept = 0;
    for (i, keep) in mask.iter().enumerate() {
        // SAFETY: `kept` is at most `i`, so what is written over has been read before.
        unsafe { to.add(kept).write(rows.add(i).read()) }
        kept += usize::from(*keep);
    }
    kept
}
