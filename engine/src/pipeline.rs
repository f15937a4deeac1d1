//! How a task computes a partition: a source yields batches, a flat list of operators turns each into the next, and the
//! sink pulls. A loop runs the operators, so a chain of ten thousand needs no deep stack; a sink that has enough just
//! stops pulling.
//!
//! ```text
//! source ──batch──► op 0 ──batch──► op 1 ── … ──► sink
//!                     ▲ `Step::More`: its output was full; it is run again, with the rest of its input, before the
//!                       source is asked for more
//! ```
//!
//! Batches start at one row and grow while the source's last batch took less than ten milliseconds to travel down, up to
//! 16 KB, so `take(1)` behind an expensive `map` runs it once, not two thousand times.

mod partitions;
mod plan;
mod probe;
mod texts;
mod tolerance;

pub use partitions::{PairVt, PartitionsVt, Rows, Upstream};
pub(crate) use plan::{open_partition, open_uncached};
pub use probe::{Cursor, ProbeVt};
pub(crate) use probe::{Probe, build};
pub(crate) use texts::TextOp;
pub use texts::{TextFn, Texts};
pub(crate) use tolerance::BadRows;

use crate::batch::{BATCH_BYTES, Batch, ElemVt, Mask, Selected};
use crate::closure::Closure;
use crate::error::Failure;
use crate::scheduler::edge;
use crate::task::{Stop, TaskContext};
use std::alloc::Layout;
use std::time::{Duration, Instant};
use tolerance::Tolerance;

/// An operator: the loop over a batch of rows, and the state it keeps between calls.
#[derive(Debug)]
pub struct OpVt {
    /// The operator's name.
    pub name: &'static str,
    /// The type of the rows it makes.
    pub out: &'static ElemVt,
    /// What it keeps between two calls for one partition. If its closure panics and bad rows are tolerated, it is made anew, so
    /// an operator with a closure keeps no more than what belongs to the current row.
    pub state: Option<&'static StateVt>,
    /// Turns rows of `input` into rows of the empty batch `out`. Arguments: closure, state, input, out.
    pub run: unsafe fn(*const u8, *mut u8, &mut Batch, &mut Batch) -> Step,
}

/// The state of an operator.
#[derive(Debug)]
pub struct StateVt {
    /// Its layout.
    pub layout: Layout,
    /// Writes the initial state for a partition with this index (or, for `zip_with_index`, for one whose first row has it).
    pub init: unsafe fn(*mut u8, u64),
    /// Drops the state.
    pub drop: unsafe fn(*mut u8),
}

/// How far an operator came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The input is used up.
    Done,
    /// The output is full; call again with the same input.
    More,
}

/// Yields the rows of a partition.
pub(crate) trait Source {
    /// Adds at most `out.limit` rows to the empty batch `out`; `false` if there are no more.
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop>;

    /// The number of all rows, by a way that makes none of them; none if there is no such way. Asked before the first batch.
    fn count_rows(&mut self, task: &TaskContext) -> Result<Option<u64>, Stop> {
        let _ = task;
        Ok(None)
    }
}

/// A running partition.
pub(crate) struct Pipeline {
    source: Box<dyn Source>,
    input: &'static ElemVt,
    stages: Vec<Stage>,
    /// Operators whose output was full, with the rest of their input; the deepest last.
    pending: Vec<(usize, Batch)>,
    /// Empty batches to be used again.
    spare: Vec<Batch>,
    pace: Pace,
    task: TaskContext,
    /// Set if bad rows are tolerated.
    tolerance: Option<Tolerance>,
}

struct Stage {
    op: &'static OpVt,
    closure: Closure,
    state: State,
}

impl Stage {
    /// The operator as a loop over borrowed texts.
    fn texts(&self, texts: TextFn) -> TextOp {
        TextOp { op: self.op, texts, closure: self.closure.clone() }
    }
}

impl Pipeline {
    fn new(source: Box<dyn Source>, input: &'static ElemVt, stages: Vec<Stage>, task: &TaskContext) -> Pipeline {
        let widest = stages.iter().map(|stage| stage.op.out.size).fold(input.size, usize::max);
        let pace = Pace::new((BATCH_BYTES / widest.max(1)).clamp(1, BATCH_BYTES / 4));
        let tolerance = Tolerance::new(&stages, task);
        let task = task.clone();
        Pipeline { source, input, stages, pending: Vec::new(), spare: Vec::new(), pace, task, tolerance }
    }

    /// The next rows, or none at the end. What the sink does not take out of the batch is dropped.
    pub(crate) fn next(&mut self, out: &mut Batch) -> Result<bool, Stop> {
        self.advance(out, None)
    }

    /// The same for a sink that can do with the answers of a filter about rows: if the last operator is one, it moves none.
    pub(crate) fn next_selected(&mut self, out: &mut Selected) -> Result<bool, Stop> {
        out.answers.mask = Mask::Unwanted;
        self.advance(&mut out.rows, Some(&mut out.answers))
    }

    fn advance(&mut self, out: &mut Batch, mut answers: Option<&mut Batch>) -> Result<bool, Stop> {
        out.clear();
        check_depth()?;
        loop {
            self.task.check()?;
            // An operator that was interrupted has rows to give even if its input is used up.
            let (mut at, mut rows, mut resumed) = match self.pending.pop() {
                Some((at, rows)) => (at, rows, true),
                None => {
                    let mut rows = self.take_spare(self.input);
                    rows.limit = self.pace.next();
                    rows.may_borrow = out.may_borrow && self.stages.is_empty();
                    if !self.source.next_batch(&mut rows, &self.task)? {
                        self.tolerance.as_ref().map_or(Ok(()), |tolerance| tolerance.finish(&self.task))?;
                        return Ok(false);
                    }
                    (0, rows, false)
                }
            };
            while at < self.stages.len() && (resumed || !rows.is_empty()) {
                resumed = false;
                let mut next = self.take_spare(self.stages[at].op.out);
                next.limit = self.pace.rows;
                if answers.is_some() && at + 1 == self.stages.len() {
                    next.mask = Mask::Wanted;
                }
                let stage = &mut self.stages[at];
                let step = match &mut self.tolerance {
                    Some(tolerance) => tolerance.run(at, stage, &mut rows, &mut next, &self.task)?,
                    // SAFETY: closure, state and batches have the types of the operator's table: checked when the lineage
                    // was planned (`open_partition`).
                    None => unsafe { (stage.op.run)(stage.closure.ptr(), stage.state.ptr, &mut rows, &mut next) },
                };
                at += 1;
                if let (Some(answers), Mask::Given) = (&mut answers, next.mask) {
                    std::mem::swap(*answers, &mut next);
                    self.spare.push(next);
                    break;
                }
                match step {
                    Step::More => self.pending.push((at - 1, rows)),
                    Step::Done => self.spare.push(rows),
                }
                rows = next;
            }
            if !rows.is_empty() {
                std::mem::swap(out, &mut rows);
                self.spare.push(rows);
                return Ok(true);
            }
            self.spare.push(rows);
        }
    }

    /// The number of rows, if it can be told without making them.
    pub(crate) fn count_rows(&mut self) -> Result<Option<u64>, Stop> {
        if self.stages.is_empty() { self.source.count_rows(&self.task) } else { Ok(None) }
    }

    pub(crate) fn task(&self) -> &TaskContext {
        &self.task
    }

    /// An empty batch for rows of this type.
    fn take_spare(&mut self, elem: &'static ElemVt) -> Batch {
        match self.spare.pop() {
            Some(mut batch) => {
                batch.retype(elem);
                batch
            }
            None => Batch::new(elem),
        }
    }
}

impl Source for Pipeline {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        self.next(out)
    }
}

/// Fails where partitions are computed inside partitions so deep that the stack would end.
fn check_depth() -> Result<(), Stop> {
    if !edge::stack_is_short() {
        return Ok(());
    }
    let message = "the lineage is too deep: too many RDDs of `map_partitions`, `coalesce`, `persist`, or joins and \
                   aggregations of what is partitioned alike, each made of the one before; `checkpoint` every few hundred \
                   of them";
    Err(Failure::Other(message.to_owned()).into())
}

/// How many rows the next batch has.
struct Pace {
    rows: usize,
    most: usize,
    last: Option<Instant>,
}

/// A batch that takes longer than this does not grow: it bounds how late a cancelled task notices.
const SLOW: Duration = Duration::from_millis(10);

impl Pace {
    fn new(most: usize) -> Pace {
        Pace { rows: 1, most, last: None }
    }

    fn next(&mut self) -> usize {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            let taken = now - last;
            if taken > SLOW {
                self.rows = (self.rows / 2).max(1);
            } else if taken < SLOW / 2 {
                self.rows = (self.rows * 2).min(self.most);
            }
        }
        self.rows
    }
}

/// Owned state of one operator in one pipeline.
struct State {
    ptr: *mut u8,
    vt: Option<&'static StateVt>,
    /// What it began with.
    index: u64,
}

impl State {
    fn new(vt: Option<&'static StateVt>, index: u64) -> State {
        let Some(StateVt { layout, init, .. }) = vt else {
            return State { ptr: std::ptr::null_mut(), vt, index };
        };
        // SAFETY: the layout is that of the state's type; `init` writes a value of it to fresh memory.
        unsafe {
            let ptr = if layout.size() == 0 {
                std::ptr::without_provenance_mut(layout.align())
            } else {
                std::alloc::alloc(*layout)
            };
            if ptr.is_null() {
                std::alloc::handle_alloc_error(*layout)
            }
            init(ptr, index);
            State { ptr, vt, index }
        }
    }

    /// A new one that begins as this one did.
    fn renewed(&self) -> State {
        State::new(self.vt, self.index)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(StateVt { layout, drop, .. }) = self.vt {
            // SAFETY: the state was initialised by `new` and is dropped once.
            unsafe {
                drop(self.ptr);
                if layout.size() != 0 {
                    std::alloc::dealloc(self.ptr, *layout);
                }
            }
        }
    }
}
