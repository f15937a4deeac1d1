//! Rows on their way to tables that are larger than the processor's cache: they gather in a buffer for each table, and are
//! combined when there are enough to make use of the table while it is in the cache.

use super::HashFn;
use crate::batch::{Batch, ElemVt};
use crate::table::Buckets;

/// Rows that gather for one table.
const ROWS: usize = 4096;

/// Tables up to this size stay in the cache anyway.
pub(super) const CACHE: usize = 512 << 10;

/// All buffers of a map task together take no more memory.
const MOST: u64 = 32 << 20;

/// A buffer for each table.
pub(super) struct Buffers {
    rows: Vec<Batch>,
    hash: HashFn,
    hashes: Vec<u64>,
}

impl Buffers {
    /// Whether rows had better gather before they are combined. Rows that own memory are combined at once: what is freed
    /// soon is cheaper to allocate again.
    pub(super) fn pay_off(input: &'static ElemVt, tables: &Buckets) -> bool {
        input.drop.is_none()
            && input.size > 0
            && tables.bytes() > CACHE
            && !tables.is_dense()
            && tables.tables() > 1
            && Buffers::bytes(input, tables) <= MOST
    }

    pub(super) fn new(input: &'static ElemVt, tables: &Buckets, hash: HashFn) -> Buffers {
        let buffer = || {
            let mut rows = Batch::new(input);
            rows.reserve(ROWS);
            rows
        };
        Buffers { rows: (0..tables.tables()).map(|_| buffer()).collect(), hash, hashes: Vec::new() }
    }

    /// Memory that the buffers for these tables take.
    pub(super) fn bytes(input: &'static ElemVt, tables: &Buckets) -> u64 {
        (tables.tables() * ROWS * input.size) as u64
    }

    /// Takes all rows of a batch; `combine` gets the rows of a full buffer.
    pub(super) fn take(
        &mut self,
        rows: &mut Batch,
        tables: &mut Buckets,
        combine: &mut dyn FnMut(&mut Batch, &mut Buckets),
    ) {
        self.hashes.clear();
        // SAFETY: the function was made for rows of this type.
        unsafe { (self.hash)(rows, &mut self.hashes) }
        match rows.elem().size {
            8 => self.scatter::<8>(rows, tables, combine),
            16 => self.scatter::<16>(rows, tables, combine),
            24 => self.scatter::<24>(rows, tables, combine),
            32 => self.scatter::<32>(rows, tables, combine),
            _ => self.scatter::<0>(rows, tables, combine),
        }
    }

    /// `SIZE` is the size of a row, or 0 if it is not one of the usual ones.
    fn scatter<const SIZE: usize>(
        &mut self,
        rows: &mut Batch,
        tables: &mut Buckets,
        combine: &mut dyn FnMut(&mut Batch, &mut Buckets),
    ) {
        let size = if SIZE == 0 { rows.elem().size } else { SIZE };
        for hash in &self.hashes {
            let buffer = &mut self.rows[tables.table_of(*hash)];
            if buffer.len == ROWS {
                combine(buffer, tables);
                buffer.clear();
            }
            // SAFETY: there is a hash for each row; the row moves to the buffer, which has room for `ROWS` rows and less in it.
            unsafe { std::ptr::copy_nonoverlapping(rows.row(0), buffer.ptr.add(buffer.len * size), size) }
            rows.head += 1;
            buffer.len += 1;
        }
    }

    /// Combines what is left.
    pub(super) fn finish(mut self, tables: &mut Buckets, combine: &mut dyn FnMut(&mut Batch, &mut Buckets)) {
        for rows in &mut self.rows {
            combine(rows, tables);
        }
    }
}
