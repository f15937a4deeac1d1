//! The rows of a partition that is read where it is and comes piece by piece: they are handed out one piece at a time, so that
//! a join holds the table of one piece only.

use super::HashFn;
use crate::batch::{Batch, ElemVt};
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
    /// The hashes of the keys of those that were, and how many of them have been handed out.
    hashes: Vec<u64>,
    passed: usize,
}

impl RowsInPieces {
    /// The hash function is that of these rows' keys.
    pub(super) fn new(pipeline: Box<Pipeline>, elem: &'static ElemVt, hash: HashFn, pieces: usize) -> RowsInPieces {
        let (pipeline, batch) = (Some(pipeline), Batch::new(elem));
        RowsInPieces(Rc::new(RefCell::new(Rows { pipeline, hash, pieces, batch, hashes: Vec::new(), passed: 0 })))
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
        let Rows { pipeline, hash, pieces, batch, hashes, passed } = &mut *self.rows.borrow_mut();
        if batch.is_empty() {
            hashes.clear();
            *passed = 0;
            let Some(running) = pipeline else { return Ok(false) };
            if !running.next(batch)? {
                *pipeline = None;
                return Ok(false);
            }
            // SAFETY: the function was made for rows of this type.
            unsafe { hash(batch, hashes) }
        }
        let here = |hash: &&u64| piece_of(**hash, *pieces) == self.piece;
        let n = hashes[*passed..].iter().take(out.limit).take_while(here).count();
        if n == 0 && piece_of(hashes[*passed], *pieces) < self.piece {
            return Err(Failure::Other("rows that should come piece by piece do not".to_owned()).into());
        }
        batch.move_rows(out, n);
        *passed += n;
        Ok(n > 0)
    }
}
