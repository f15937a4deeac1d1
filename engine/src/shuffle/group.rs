//! Gathering the rows of a key: first all keys of a piece are numbered and their rows counted, then the rows move into
//! vectors of the right size. That is a second copy of the piece, for which memory is reserved in between.

use crate::batch::{Batch, ElemVt};
use crate::error::Failure;
use crate::node::Node;
use crate::storage::Reservation;
use crate::table::{Buckets, Numbering};
use crate::task::Stop;
use std::any::TypeId;

/// How the rows of a piece become rows of which each has all values of a key.
#[derive(Debug)]
pub struct GroupVt {
    /// Numbers the keys of all rows; there are no more rows than a `u32` can count.
    pub number: unsafe fn(&Batch) -> Numbered,
    /// Takes all rows of the first batch, adds a row for each key to the second.
    pub gather: unsafe fn(&mut Batch, &mut Numbered, &mut Batch),
    /// Bytes of a value in its key's vector.
    pub value: usize,
    /// The keys' type, and where the rows have them.
    pub key: (fn() -> TypeId, usize),
}

/// The keys of rows by number, in the order of their first rows.
#[derive(Debug)]
pub struct Numbered {
    /// The number of each row's key.
    pub numbers: Box<[u32]>,
    /// For each key its first row, and the number of its rows.
    pub keys: Buckets,
}

impl GroupVt {
    /// Groups rows that hold so many bytes; the memory is that of the groups afterwards. There are so many pieces like this one.
    pub(super) fn run(
        &self,
        node: &Node,
        (mut rows, pieces): (Batch, usize),
        numbering: &mut Option<Numbering>,
        out: &'static ElemVt,
        (memory, held): (&mut Reservation, u64),
    ) -> Result<Batch, Stop> {
        let context = node.context.arc();
        let n = check_rows(node, &rows)?;
        let numbers = u64::from(n) * size_of::<u32>() as u64;
        context.reserve(memory, held + numbers)?;
        let mut numbered = match numbering.as_mut().and_then(|numbering| numbering.number(&rows)) {
            Some((numbers, keys)) => Numbered { numbers, keys },
            None => {
                // SAFETY: the rows are those that the table was made for.
                let numbered = unsafe { (self.number)(&rows) };
                *numbering = Numbering::like(&rows, numbered.keys.rows(), pieces, self.key, memory.emptied());
                numbered
            }
        };
        let copy = numbered.keys.rows() as u64 * out.size as u64 + u64::from(n) * self.value as u64;
        context.reserve(memory, held + numbers + numbered.keys.bytes() as u64 + copy)?;
        let owned = held.saturating_sub(rows.bytes() as u64);
        let mut groups = Batch::new(out);
        // SAFETY: as above; the numbers are those of these rows.
        unsafe { (self.gather)(&mut rows, &mut numbered, &mut groups) }
        drop((rows, numbered));
        context.reserve(memory, owned + copy)?;
        Ok(groups)
    }
}

/// The number of rows, which are numbered with 32 bits.
fn check_rows(node: &Node, rows: &Batch) -> Result<u32, Stop> {
    u32::try_from(rows.rows()).map_err(|_| {
        let (operator, call_site, n) = (node.operator, &node.call_site, rows.rows());
        Failure::Other(format!(
            "{operator} at {call_site}: {n} rows of one partition come together, more than 32 bits can number; use more \
             partitions (`shuffle_into`), or `reduce_by_key` or `aggregate_by_key` if few keys have so many values"
        ))
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DparkContext;
    use crate::batch::Elem;

    #[test]
    fn more_rows_than_can_be_numbered_are_an_error() {
        let pairs = DparkContext::local(1).parallelize(vec![((), ())]);
        let grouped = pairs.group_by_key();
        let node = grouped.handle.arc();
        // Rows without a size need no memory.
        let mut rows = Batch::new(Elem::<((), ())>::VT);
        rows.len = u32::MAX as usize;
        assert_eq!(check_rows(node, &rows), Ok(u32::MAX));
        rows.len += 1;
        let Err(Stop::Failed(failure)) = check_rows(node, &rows) else { panic!("{} rows are numbered", rows.rows()) };
        let message = failure.to_string();
        assert!(message.starts_with("group_by_key at engine/src/shuffle/group.rs:"), "{message}");
        assert!(message.contains("4294967296 rows of one partition") && message.contains("shuffle_into"), "{message}");
    }
}
