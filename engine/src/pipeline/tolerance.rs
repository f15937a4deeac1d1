//! `--err`: bad rows are left out and counted, as long as they are few. This is the one place besides the edge between engine
//! and user code where panics are caught.
//!
//! An operator of a tolerant pipeline gets its rows one by one: its loop over more than one row does not count how far it
//! came, so after a panic nobody could tell which rows are left. What a row has made is passed on when the row is done, so
//! a bad one leaves nothing behind.

use super::{Stage, Step};
use crate::batch::{BATCH_BYTES, Batch, Elem};
use crate::error::Failure;
use crate::scheduler::edge;
use crate::task::{Stop, TaskContext};

/// Rows are judged early only after so many…
const ENOUGH: u64 = 100;

/// …and only if so many times as many as tolerated are bad, since bad rows come together (DPark's numbers).
const HOPELESS: f64 = 10.0;

/// What one row makes is held back up to this size; a row that makes more and panics then fails its task.
const HELD_BYTES: usize = 64 * BATCH_BYTES;

/// How many rows a source or an operator has seen in one task, and how many of them were bad.
#[derive(Debug)]
pub(crate) struct BadRows {
    what: &'static str,
    total: u64,
    bad: u64,
    last: String,
}

impl BadRows {
    pub(crate) fn new(what: &'static str) -> BadRows {
        BadRows { what, total: 0, bad: 0, last: String::new() }
    }

    /// Counts rows, good or bad.
    pub(crate) fn seen(&mut self, rows: usize) {
        self.total += rows as u64;
    }

    /// The row that was counted last is bad: leaves it out, unless too many are.
    pub(crate) fn skip(&mut self, why: String, task: &TaskContext) -> Result<(), Stop> {
        self.bad += 1;
        task.add_bad_record(self.what, &why);
        self.last = why;
        if self.total > ENOUGH { self.judge(HOPELESS, task) } else { Ok(()) }
    }

    /// Judges all rows of the partition.
    pub(crate) fn finish(&self, task: &TaskContext) -> Result<(), Stop> {
        self.judge(1.0, task)
    }

    fn judge(&self, times: f64, task: &TaskContext) -> Result<(), Stop> {
        let BadRows { what, total, bad, last } = self;
        let ratio = task.err();
        // A little more, so that 29 of 100 are 0.29 of them.
        if *bad as f64 <= *total as f64 * ratio * times * (1.0 + 1e-9) {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "{what}: {bad} of {total} rows were bad, and --err {ratio} tolerates {} of so many; the last one: {last}; mend \
             the data or the closure, or tolerate more",
            (*total as f64 * ratio) as u64
        ))
        .into())
    }
}

/// What a tolerant pipeline keeps.
pub(super) struct Tolerance {
    /// One for each operator.
    stages: Vec<StageRows>,
    /// What an operator makes of its row in one call.
    made: Batch,
    /// What the row has made so far.
    held: Batch,
}

struct StageRows {
    rows: BadRows,
    /// The row that the operator is given.
    row: Batch,
    /// A row has made so much that a part of it was passed on already.
    unfinished: bool,
}

impl Tolerance {
    /// None if the task tolerates nothing.
    pub(super) fn new(stages: &[Stage], task: &TaskContext) -> Option<Tolerance> {
        if task.err() == 0.0 {
            return None;
        }
        let empty = || Batch::new(Elem::<()>::VT);
        let stages =
            stages.iter().map(|stage| StageRows { rows: BadRows::new(stage.op.name), row: empty(), unfinished: false });
        Some(Tolerance { stages: stages.collect(), made: empty(), held: empty() })
    }

    /// Runs operator `at` over its input, row by row.
    pub(super) fn run(
        &mut self,
        at: usize,
        stage: &mut Stage,
        input: &mut Batch,
        out: &mut Batch,
        task: &TaskContext,
    ) -> Result<Step, Stop> {
        let Tolerance { stages, made, held } = self;
        let StageRows { rows, row, unfinished } = &mut stages[at];
        let most = |bytes: usize| (bytes / out.elem().size.max(1)).max(1);
        let (most_made, most_held) = (most(BATCH_BYTES), most(HELD_BYTES));
        made.retype(out.elem());
        held.retype(out.elem());
        loop {
            if !*unfinished {
                if input.is_empty() {
                    return Ok(Step::Done);
                }
                if out.rows() >= out.limit {
                    return Ok(Step::More);
                }
                row.retype(input.elem());
                input.move_rows(row, 1);
                rows.seen(1);
            }
            let mut run = || loop {
                made.limit = most_made;
                // SAFETY: closure, state and batches have the types of the operator's table, as in `Pipeline::next`.
                let step = unsafe { (stage.op.run)(stage.closure.ptr(), stage.state.ptr, row, made) };
                made.move_rows(held, usize::MAX);
                if step == Step::Done || held.rows() >= most_held || task.check().is_err() {
                    return step;
                }
            };
            match edge::guard(&mut run) {
                Ok(step) => {
                    held.move_rows(out, usize::MAX);
                    *unfinished = step == Step::More;
                    if *unfinished {
                        return Ok(Step::More);
                    }
                }
                Err(panic) if *unfinished => return Err(panic.into()),
                Err(panic) => {
                    // The state belongs to the row (an iterator, say); dropping it is the user's code once more.
                    let renewed = stage.state.renewed();
                    let state = std::mem::replace(&mut stage.state, renewed);
                    let dropped = edge::guard(|| drop(state));
                    [&mut *row, made, held].into_iter().for_each(Batch::clear);
                    dropped?;
                    rows.skip(panic.to_string(), task)?;
                }
            }
        }
    }

    /// Judges the rows of every operator at the end of the partition.
    pub(super) fn finish(&self, task: &TaskContext) -> Result<(), Stop> {
        self.stages.iter().try_for_each(|stage| stage.rows.finish(task))
    }
}
