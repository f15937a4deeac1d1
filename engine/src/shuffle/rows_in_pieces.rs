//! The rows of a partition that is read where it is and comes piece by piece: they are handed out one piece at a time, so that
//! a join holds the table of one piece only.

use super::HashFn;
use crate::batch::Batch;
use crate::error::Failure;
use crate::hash::piece_of;
use crate::pipeline::{Pipeline, Source};
use crate::task::{Stop, TaskContext};
use std::cell::RefCell;
use std::rc::Rc;

/// All rows, shared by the readers of the pieces, of which one reads at a time.
pub(super) struct RowsInPieces(Rc<RefCell<Rows>>);

struct Rows {
    /// None when it has ended.
    pipeline: Option<Box<Pipeline>>,
    hash: HashFn,
    pieces: usize,
    /// Rows that were computed and belong to this or a later piece.
    batch: Batch,
    /// The piece of the first of them, and how many follow in the same one.
    run: (usize, usize),
    /// Hashes of keys.
    hashes: Vec<u64>,
}

impl Rows {
    /// The piece of the first row, and how many of the rows that have come are in it. Most often all are: the last one tells.
    fn run(&mut self) -> (usize, usize) {
        let rows = self.batch.rows();
        let first = self.piece_at(0);
        if self.piece_at(rows - 1) == first {
            return (first, rows);
        }
        self.hashes.clear();
        // SAFETY: the function was made for rows of this type.
        unsafe { (self.hash)(&self.batch, &mut self.hashes) }
        let here = |hash: &&u64| piece_of(**hash, self.pieces) == first;
        (first, self.hashes.iter().take_while(here).count())
    }

    /// The piece of a row.
    fn piece_at(&mut self, row: usize) -> usize {
        let Rows { batch, hash, hashes, pieces, .. } = self;
        let (head, len) = (batch.head, batch.len);
        hashes.clear();
        // For a moment the batch has this row only.
        (batch.head, batch.len) = (head + row, head + row + 1);
        // SAFETY: the function was made for rows of this type.
        unsafe { hash(batch, hashes) }
        (batch.head, batch.len) = (head, len);
        piece_of(hashes[0], *pieces)
    }
}

impl RowsInPieces {
    /// The rows come by way of an empty batch. The hash function is that of their keys.
    pub(super) fn new(pipeline: Box<Pipeline>, batch: Batch, hash: HashFn, pieces: usize) -> RowsInPieces {
        let pipeline = Some(pipeline);
        RowsInPieces(Rc::new(RefCell::new(Rows { pipeline, hash, pieces, batch, run: (0, 0), hashes: Vec::new() })))
    }

    /// The rows of the next piece.
    pub(super) fn piece(&self, piece: usize) -> Piece {
        Piece { rows: Rc::clone(&self.0), piece }
    }
}

/// The rows of one piece.
pub(super) struct Piece {
    rows: Rc<RefCell<Rows>>,
    piece: usize,
}

impl Source for Piece {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        let rows = &mut *self.rows.borrow_mut();
        if rows.batch.is_empty() {
            let Some(running) = &mut rows.pipeline else { return Ok(false) };
            if !running.next(&mut rows.batch)? {
                rows.pipeline = None;
                return Ok(false);
            }
        }
        if rows.run.1 == 0 {
            rows.run = rows.run();
        }
        let (piece, left) = &mut rows.run;
        if *piece < self.piece {
            return Err(Failure::Other("rows that should come piece by piece do not".to_owned()).into());
        }
        let n = if *piece == self.piece { out.limit.min(*left) } else { 0 };
        rows.batch.move_rows(out, n);
        *left -= n;
        Ok(n > 0)
    }
}
