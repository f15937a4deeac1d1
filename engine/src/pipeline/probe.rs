//! Rows of one partition that meet a table made of another: joins and products. The table is built first; then the rows
//! flow past it, and what comes out is bounded by the batch, however many rows meet.

use super::{Pipeline, Source, Step};
use crate::batch::{Batch, ElemVt};
use crate::closure::Closure;
use crate::codec::CodecVt;
use crate::context::Context;
use crate::node::Node;
use crate::shuffle::{HashFn, Intake, MergeFn};
use crate::table::{Buckets, Direct};
use crate::task::{Stop, TaskContext};
use std::any::TypeId;

/// How rows meet a table.
#[derive(Debug)]
pub struct ProbeVt {
    /// The operator's name.
    pub name: &'static str,
    /// The rows that come out.
    pub out: &'static ElemVt,
    /// The rows that go past the table.
    pub left: &'static ElemVt,
    /// The rows of the table.
    pub table: &'static ElemVt,
    /// The hashes of the keys by which rows of either input meet; none if keys do not matter.
    pub hash: Option<[HashFn; 2]>,
    /// The keys' type, and where the table's rows have them; none if they do not matter.
    pub key: Option<(fn() -> TypeId, usize)>,
    /// Measures the rows of the second input.
    pub codec: &'static CodecVt,
    /// How rows of the second input enter the table (without a closure: the argument is null); none if they are its rows.
    pub build: Option<MergeFn>,
    /// Takes rows from the batch after the closure and writes what comes of them to the last one, up to its limit.
    pub probe: unsafe fn(*const u8, &mut Batch, &mut Buckets, &mut Cursor, &mut Batch) -> Step,
    /// Whether it only looks at rows, until it clears their batch: they may be on loan.
    pub borrows: bool,
    /// Writes what is to be said of the table when all rows have gone past, up to the limit; `met` counts what was said of the
    /// table's first row.
    pub rest: Option<unsafe fn(&mut Buckets, &mut Cursor, &mut Batch) -> Step>,
}

impl ProbeVt {
    /// An empty batch for rows of an input, of this type.
    pub(crate) fn rows(&self, input: usize, elem: &'static ElemVt) -> Batch {
        let mut rows = Batch::new(elem);
        rows.may_borrow = self.borrows && input == 0;
        rows
    }
}

/// How far a batch of rows has gone past the table.
#[derive(Debug, Default)]
pub struct Cursor {
    /// For each row of the batch, its row of the table, or null. Empty before a batch is looked up.
    pub found: Vec<*mut u8>,
    /// The batch's row that is next, counted from its beginning.
    pub row: usize,
    /// How many of the rows that it meets it has met already.
    pub met: usize,
}

/// Rows that are handed to `probe` at a time.
const CHUNK: usize = 1024;

/// The running operator.
pub(crate) struct Probe {
    op: &'static ProbeVt,
    closure: Closure,
    left: Box<dyn Source>,
    rows: Batch,
    tables: Buckets,
    cursor: Cursor,
    left_ended: bool,
    _memory: Intake,
}

impl Probe {
    pub(crate) fn new(
        (op, closure): (&'static ProbeVt, Closure),
        left: Box<dyn Source>,
        tables: Buckets,
        memory: Intake,
    ) -> Probe {
        let rows = op.rows(0, op.left);
        Probe { op, closure, left, rows, tables, cursor: Cursor::default(), left_ended: false, _memory: memory }
    }

    /// The table's index by number, for the next table.
    pub(crate) fn take_direct(&mut self) -> Option<Direct> {
        self.tables.take_direct()
    }
}

impl Source for Probe {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        while !self.left_ended {
            task.check()?;
            if self.rows.is_empty() {
                self.rows.clear();
                self.rows.limit = CHUNK.min(out.limit);
                self.cursor = Cursor { found: std::mem::take(&mut self.cursor.found), ..Cursor::default() };
                self.cursor.found.clear();
                self.left_ended = !self.left.next_batch(&mut self.rows, task)?;
            }
            // SAFETY: closure, batches and table have the types of the operator's table, as the lineage was planned.
            unsafe { (self.op.probe)(self.closure.ptr(), &mut self.rows, &mut self.tables, &mut self.cursor, out) };
            if !out.is_empty() {
                return Ok(true);
            }
        }
        if let Some(rest) = self.op.rest {
            while !self.tables.rows_mut().is_empty() && out.is_empty() {
                task.check()?;
                // SAFETY: as above.
                unsafe { rest(&mut self.tables, &mut self.cursor, out) };
            }
        }
        Ok(!out.is_empty())
    }
}

/// Adds rows to the table of an operator, and to its share of the budget.
pub(crate) fn build(
    op: &'static ProbeVt,
    rows: &mut Batch,
    tables: &mut Buckets,
    memory: &mut Intake,
    context: &Context,
) -> Result<(), Stop> {
    memory.take(rows, op.codec);
    let size = rows.elem().size;
    match op.build {
        // SAFETY: rows and table have the types of the operator's table; it has no closure.
        Some(build) => unsafe { build(std::ptr::null(), rows, tables) },
        None => rows.move_rows(tables.rows_mut(), usize::MAX),
    }
    let bytes = memory.bytes(tables, size);
    context.reserve(memory.memory(), bytes)?;
    Ok(())
}

/// Every row of `left` with every row of `right`.
pub(super) fn product(
    node: &Node,
    op: &'static ProbeVt,
    left: Pipeline,
    mut right: Pipeline,
) -> Result<Box<dyn Source>, Stop> {
    let context = node.context.arc();
    let mut tables = Buckets::new(op.table, 1);
    let mut memory = Intake::new(context.budget.reserve());
    let mut rows = Batch::new(op.table);
    while right.next(&mut rows)? {
        build(op, &mut rows, &mut tables, &mut memory, context)?;
    }
    Ok(Box::new(Probe::new((op, Closure::none()), Box::new(left), tables, memory)))
}
