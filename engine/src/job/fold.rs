//! Folding the rows of a partition into one value.

use crate::batch::{Batch, ElemVt, Selected, SharedBatch};
use crate::closure::Closure;
use crate::codec::{CodecError, CodecVt, Reader, Writer};
use crate::error::Failure;
use crate::pipeline::{BadRows, Pipeline};
use crate::scheduler::edge;
use crate::task::{Stop, TaskContext};

/// A fold over rows.
#[derive(Debug)]
pub struct FoldVt {
    /// The type of the accumulated value.
    pub acc: &'static ElemVt,
    /// How it travels to the driver.
    pub codec: &'static CodecVt,
    /// Folds all rows of a batch into `acc`, which holds no row (before the first) or one; returns what went wrong, if
    /// anything. Arguments: closure, rows, acc.
    pub step: StepFn,
    /// The same for those rows of a batch that a mask says yes to, where that is faster than moving these together first.
    pub step_selected: Option<SelectedStepFn>,
    /// Whether a row at which the closure panics can be left out.
    pub bad_rows: LeaveOut,
}

/// How the accumulated value outlives a bad row.
#[derive(Debug)]
pub enum LeaveOut {
    /// Not at all: the loop has no closure of the user's.
    Never,
    /// The closure does not get it.
    Untouched,
    /// The closure takes it, and it is gone with the panic. There is a copy, by the means that the fold's first value is
    /// copied with.
    Copied,
    /// The same for a fold that begins with a row: the value is written down.
    Saved,
}

/// The loop of a fold.
pub type StepFn = unsafe fn(*const u8, &mut Batch, &mut Batch) -> Option<&'static str>;

/// The loop over some rows of a batch. Arguments: rows, whether each counts, acc.
pub(super) type SelectedStepFn = unsafe fn(&mut Batch, &[bool], &mut Batch);

/// Appends clones of rows to a batch.
pub(crate) type CloneFn = unsafe fn(*const u8, usize, &mut Batch);

/// The value a fold begins with.
pub(crate) struct Zero {
    pub(crate) row: SharedBatch,
    pub(crate) clone: CloneFn,
}

impl Zero {
    pub(crate) fn copy(&self) -> Batch {
        let row = self.row.get();
        let mut copy = Batch::new(row.elem());
        // SAFETY: the batch holds one row of the type that `clone` clones.
        unsafe { (self.clone)(row.row(0), 1, &mut copy) }
        copy
    }
}

/// A fold of one partition.
pub(super) struct Fold<'a> {
    pub(super) name: &'static str,
    pub(super) vt: &'static FoldVt,
    pub(super) closure: Closure,
    pub(super) zero: Option<&'a Zero>,
    pub(super) task: &'a TaskContext,
}

impl Fold<'_> {
    /// All rows folded into one value, or none.
    pub(super) fn run(&self, pipeline: &mut Pipeline, rows: &mut Batch) -> Result<Batch, Stop> {
        let mut acc = self.zero.map_or_else(|| Batch::new(self.vt.acc), Zero::copy);
        let kept = Kept::new(self.vt, self.zero).filter(|_| self.task.err() > 0.0);
        match (kept, self.vt.step_selected) {
            (Some(kept), _) => self.leave_out(pipeline, rows, &mut acc, kept)?,
            (None, Some(step)) => self.run_selected(pipeline, rows.elem(), step, &mut acc)?,
            (None, None) => {
                while pipeline.next(rows)? {
                    self.task.add_rows(rows.rows() as u64);
                    self.step(rows, &mut acc)?;
                }
            }
        }
        Ok(acc)
    }

    /// Leaves rows that a filter says no to where they are.
    fn run_selected(
        &self,
        pipeline: &mut Pipeline,
        elem: &'static ElemVt,
        step: SelectedStepFn,
        acc: &mut Batch,
    ) -> Result<(), Stop> {
        let mut selected = Selected::new(elem);
        while pipeline.next_selected(&mut selected)? {
            self.task.add_rows(selected.count() as u64);
            match selected.parts() {
                // SAFETY: the batches have the types of the table, and there is an answer for each row.
                (rows, Some(answers)) => unsafe { step(rows, answers, acc) },
                (rows, None) => self.step(rows, acc)?,
            }
        }
        Ok(())
    }

    /// Goes row by row, without those at which the closure panics.
    fn leave_out(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        acc: &mut Batch,
        mut kept: Kept,
    ) -> Result<(), Stop> {
        let mut row = Batch::new(rows.elem());
        let mut bad = BadRows::new(self.name);
        while pipeline.next(rows)? {
            self.task.add_rows(rows.rows() as u64);
            while !rows.is_empty() {
                rows.move_rows(&mut row, 1);
                bad.seen(1);
                kept.keep(acc)?;
                match edge::guard(|| self.step(&mut row, acc)) {
                    Ok(stepped) => stepped?,
                    Err(panic) => {
                        row.clear();
                        kept.restore(acc)?;
                        bad.skip(panic.to_string(), self.task)?;
                    }
                }
            }
        }
        bad.finish(self.task)
    }

    fn step(&self, rows: &mut Batch, acc: &mut Batch) -> Result<(), Stop> {
        // SAFETY: closure and batches have the types of the table.
        match unsafe { (self.vt.step)(self.closure.ptr(), rows, acc) } {
            Some(problem) => Err(Failure::Other(problem.to_owned()).into()),
            None => Ok(()),
        }
    }
}

/// The accumulated value before the present row.
enum Kept {
    Untouched,
    Copied { clone: CloneFn, copy: Batch },
    Saved { codec: &'static CodecVt, rows: usize, out: Writer },
}

impl Kept {
    /// None if rows cannot be left out.
    fn new(vt: &'static FoldVt, zero: Option<&Zero>) -> Option<Kept> {
        match &vt.bad_rows {
            LeaveOut::Never => None,
            LeaveOut::Untouched => Some(Kept::Untouched),
            LeaveOut::Copied => zero.map(|zero| Kept::Copied { clone: zero.clone, copy: Batch::new(vt.acc) }),
            LeaveOut::Saved => Some(Kept::Saved { codec: vt.codec, rows: 0, out: Writer::default() }),
        }
    }

    fn keep(&mut self, acc: &Batch) -> Result<(), Stop> {
        match self {
            Kept::Untouched => Ok(()),
            Kept::Copied { clone, copy } => {
                copy.clear();
                // SAFETY: both batches have rows of the type that `clone` clones. A panic of the user's in it fails the task.
                unsafe { clone(acc.row(0), acc.rows(), copy) }
                Ok(())
            }
            Kept::Saved { codec, rows, out } => {
                out.bytes.clear();
                *rows = acc.rows();
                // SAFETY: the codec is that of the accumulated value.
                unsafe { (codec.save)(acc.row(0), *rows, out) }.map_err(|error| cannot("written", &error))
            }
        }
    }

    fn restore(&mut self, acc: &mut Batch) -> Result<(), Stop> {
        match self {
            Kept::Untouched => Ok(()),
            Kept::Copied { copy, .. } => {
                std::mem::swap(acc, copy);
                Ok(())
            }
            Kept::Saved { codec, rows, out } => {
                acc.clear();
                // SAFETY: as in `keep`.
                unsafe { (codec.load)(&mut Reader::new(&out.bytes), *rows, acc) }
                    .map_err(|error| cannot("read back", &error))
            }
        }
    }
}

#[cold]
fn cannot(what: &str, error: &CodecError) -> Stop {
    Failure::Other(format!("the value before a bad row cannot be {what}: {error}")).into()
}
