//! Joins, piece by piece: the second input becomes a table, past which the rows of the first one flow. If one of the inputs is
//! read where it is and does not come in pieces, all pieces are joined at once.

use super::Intake;
use super::read::{CHUNK, Input};
use crate::batch::Batch;
use crate::closure::Closure;
use crate::error::Failure;
use crate::node::Node;
use crate::pipeline::{Probe, ProbeVt, Source, build};
use crate::table::{Buckets, Direct};
use crate::task::{Stop, TaskContext};
use std::ops::Range;
use std::sync::Arc;

/// The rows of a reduce partition.
pub(super) struct Joined {
    node: Arc<Node>,
    op: &'static ProbeVt,
    closure: Closure,
    inputs: Vec<Input>,
    /// Not joined yet.
    pieces: Range<usize>,
    /// Pieces that are joined at once.
    step: usize,
    running: Option<Probe>,
    /// Keys of the piece before: about as many are in the next one.
    keys: usize,
    /// Finds the rows of the next piece's table, if keys are integers that lie close together.
    direct: Option<Direct>,
}

impl Joined {
    pub(super) fn new(
        node: Arc<Node>,
        (op, closure): (&'static ProbeVt, Closure),
        inputs: Vec<Input>,
        pieces: Range<usize>,
        step: usize,
    ) -> Joined {
        Joined { node, op, closure, inputs, pieces, step, running: None, keys: 0, direct: None }
    }

    fn start(&mut self, pieces: Range<usize>, task: &TaskContext) -> Result<Probe, Stop> {
        let Joined { node, op, closure, inputs, keys, direct, pieces: left, step, .. } = self;
        let context = node.context.arc();
        let mut tables = Buckets::new(op.table, 1);
        let is_direct = direct.take().map(|direct| tables.find_by_number(direct)).is_some();
        tables.expect(*keys);
        let mut memory = Intake::new(context.budget.reserve());
        let Some(shuffled) = node.shuffled() else { return Err(Failure::Other("a join of nothing".to_owned()).into()) };
        let mut rows = Batch::new(shuffled.inputs[1].write.input);
        rows.limit = CHUNK;
        let mut right = inputs[1].rows(node, pieces.clone());
        while right.next_batch(&mut rows, task)? {
            task.check()?;
            build(op, &mut rows, &mut tables, &mut memory, context)?;
            rows.clear();
        }
        *keys = tables.rows();
        if let (false, Some(key)) = (is_direct, op.key) {
            *direct = Direct::like(tables.rows_mut(), left.len() / *step, key, context.budget.reserve());
        }
        Ok(Probe::new((op, closure.clone()), inputs[0].rows(node, pieces), tables, memory))
    }
}

impl Source for Joined {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        loop {
            let running = match &mut self.running {
                Some(running) => running,
                None if self.pieces.is_empty() => return Ok(false),
                None => {
                    let first = self.pieces.start;
                    self.pieces.start += self.step;
                    let probe = self.start(first..self.pieces.start, task)?;
                    self.running.insert(probe)
                }
            };
            if running.next_batch(out, task)? {
                return Ok(true);
            }
            self.direct = self.running.take().and_then(|mut running| running.take_direct()).or(self.direct.take());
        }
    }
}
