//! Hash tables over erased rows: dense rows in insertion order plus an index of (hash tag, row number). Generic code does
//! the comparison of keys and nothing else, so a cell carries no hash table of its own.

use crate::batch::{Batch, ElemVt, take_row};
use crate::hash::partition_of;

/// One table for each reduce partition; the reduce side has a single one.
#[derive(Debug)]
pub struct Buckets {
    tables: Vec<RawTable>,
    bytes: usize,
}

#[derive(Debug)]
struct RawTable {
    /// (lower half of the hash, row number); a power of two of them, linear probing.
    index: Vec<(u32, u32)>,
    rows: Batch,
    /// The row whose value user code holds at the moment; it is leaked if that code panics.
    hole: *mut u8,
}

const EMPTY: u32 = u32::MAX;

/// A search for one key.
#[derive(Debug)]
pub struct Probe<'a> {
    table: &'a mut RawTable,
    bytes: &'a mut usize,
    tag: u32,
    slot: usize,
}

impl Buckets {
    /// Empty tables for `partitions` partitions.
    pub fn new(rows: &'static ElemVt, partitions: usize) -> Buckets {
        let table = || RawTable { index: Vec::new(), rows: Batch::new(rows), hole: std::ptr::null_mut() };
        Buckets { tables: (0..partitions).map(|_| table()).collect(), bytes: 0 }
    }

    /// Starts the search for the key with this hash.
    #[inline(never)]
    pub fn probe(&mut self, hash: u64) -> Probe<'_> {
        let partition = if self.tables.len() == 1 { 0 } else { partition_of(hash, self.tables.len()) };
        let table = &mut self.tables[partition];
        if table.rows.len * 2 >= table.index.len() {
            self.bytes += table.grow_index();
        }
        let tag = hash as u32;
        Probe { slot: tag as usize & (table.index.len() - 1), table, bytes: &mut self.bytes, tag }
    }

    /// Uninitialised memory for one more row of a partition, without a key. The caller writes it and calls nothing else
    /// in between.
    pub fn append(&mut self, partition: usize) -> *mut u8 {
        let Buckets { tables, bytes } = self;
        tables[partition].append(bytes)
    }

    /// Memory held by rows and indices (not what rows own elsewhere).
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.rows()).sum()
    }

    /// The rows of every partition, to be looked at.
    pub fn all_rows(&self) -> impl Iterator<Item = &Batch> {
        self.tables.iter().map(|table| &table.rows)
    }

    /// The rows of every partition, in insertion order.
    pub fn into_rows(self) -> impl Iterator<Item = Batch> {
        self.tables.into_iter().map(|mut table| {
            let elem = table.rows.elem();
            std::mem::replace(&mut table.rows, Batch::new(elem))
        })
    }

    /// All rows of the first table, for the reduce side.
    pub fn rows_mut(&mut self) -> &mut Batch {
        &mut self.tables[0].rows
    }
}

/// Rows whose table entries are fetched together.
const GROUP: usize = 32;

/// Moves every row of `input` into `f`, together with its hash. Rows are hashed in groups and the processor is told which
/// table rows they will need, so that it waits for memory once a group instead of twice a row.
///
/// # Safety
/// `input` holds rows of type `T`.
#[inline]
pub unsafe fn drain_hashed<T>(
    input: &mut Batch,
    tables: &mut Buckets,
    hash: impl Fn(&T) -> u64,
    mut f: impl FnMut(&mut Buckets, u64, T),
) {
    let mut hashes = [0; GROUP];
    while !input.is_empty() {
        let rows = input.rows().min(GROUP);
        let mut i = 0;
        while i < rows {
            // SAFETY: row `i` exists and has the type `T`.
            hashes[i] = hash(unsafe { &*(input.row(i) as *const T) });
            i += 1;
        }
        tables.prefetch(&hashes, rows);
        i = 0;
        while i < rows {
            // SAFETY: the group's rows are still there.
            let row = unsafe { take_row::<T>(input) };
            f(tables, hashes[i], row);
            i += 1;
        }
    }
}

impl Buckets {
    /// Loads the memory that the searches for these hashes will begin with.
    #[inline(never)]
    fn prefetch(&self, hashes: &[u64; GROUP], n: usize) {
        // Small tables are in the cache anyway.
        if self.bytes < 128 << 10 {
            return;
        }
        let slot = |hash: u64| {
            let partition = if self.tables.len() == 1 { 0 } else { partition_of(hash, self.tables.len()) };
            let table = &self.tables[partition];
            (!table.index.is_empty()).then(|| (table, hash as u32 as usize & (table.index.len() - 1)))
        };
        for hash in &hashes[..n] {
            if let Some((table, slot)) = slot(*hash) {
                prefetch(table.index.as_ptr().wrapping_add(slot) as *const u8);
            }
        }
        for hash in &hashes[..n] {
            if let Some((table, slot)) = slot(*hash)
                && let (tag, row) = table.index[slot]
                && row != EMPTY
                && tag == *hash as u32
            {
                prefetch(table.rows.row(row as usize));
            }
        }
    }
}

#[inline]
fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching has no effect but on speed, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8)
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl Probe<'_> {
    /// The next row whose key may be equal, or null if there is none.
    #[inline(never)]
    pub fn candidate(&mut self) -> *mut u8 {
        let mask = self.table.index.len() - 1;
        loop {
            let (tag, row) = self.table.index[self.slot];
            if row == EMPTY {
                return std::ptr::null_mut();
            }
            self.slot = (self.slot + 1) & mask;
            if tag == self.tag {
                return self.table.rows.row(row as usize);
            }
        }
    }

    /// Uninitialised memory for the key's row, after `candidate` returned null. The caller writes it and calls nothing else
    /// in between.
    #[inline(never)]
    pub fn insert(self) -> *mut u8 {
        self.table.index[self.slot] = (self.tag, self.table.rows.len as u32);
        self.table.append(self.bytes)
    }

    /// Tells that the value of `row` is being computed by user code, which may panic; null afterwards.
    #[inline]
    pub fn set_hole(&mut self, row: *mut u8) {
        self.table.hole = row;
    }
}

impl RawTable {
    fn append(&mut self, bytes: &mut usize) -> *mut u8 {
        let before = self.rows.bytes();
        self.rows.reserve(1);
        *bytes += self.rows.bytes() - before;
        let row = self.rows.row(self.rows.len);
        self.rows.len += 1;
        row
    }

    #[cold]
    #[inline(never)]
    fn grow_index(&mut self) -> usize {
        let slots = (self.index.len() * 4).max(64);
        assert!(slots <= 1 << 32, "a partition has more than two thousand million different keys; use more partitions");
        let old = std::mem::replace(&mut self.index, vec![(0, EMPTY); slots]);
        for (tag, row) in old.iter().copied().filter(|(_, row)| *row != EMPTY) {
            let mut slot = tag as usize & (slots - 1);
            while self.index[slot].1 != EMPTY {
                slot = (slot + 1) & (slots - 1);
            }
            self.index[slot] = (tag, row);
        }
        (slots - old.len()) * size_of::<(u32, u32)>()
    }
}

impl Drop for RawTable {
    fn drop(&mut self) {
        if !self.hole.is_null() {
            let hole = self.hole;
            let first = self.rows.row(0);
            let size = self.rows.elem().size.max(1);
            let index = (hole as usize - first as usize) / size;
            let elem = self.rows.elem();
            let mut rows = std::mem::replace(&mut self.rows, Batch::new(elem));
            let n = rows.rows();
            let mut tail = Batch::new(rows.elem());
            // Everything but the row with the hole is dropped.
            let mut before = Batch::new(rows.elem());
            rows.move_rows(&mut before, index);
            rows.head += usize::from(index < n);
            rows.move_rows(&mut tail, usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;
    use crate::hash::hash_key;

    fn count(buckets: &mut Buckets, key: &str) {
        let mut probe = buckets.probe(hash_key(key));
        loop {
            let row = probe.candidate() as *mut (String, u32);
            if row.is_null() {
                let slot = probe.insert() as *mut (String, u32);
                // SAFETY: the slot is fresh memory for one such row.
                unsafe { slot.write((key.to_owned(), 1)) };
                return;
            }
            // SAFETY: candidates are initialised rows of this type.
            unsafe {
                if (*row).0 == key {
                    (*row).1 += 1;
                    return;
                }
            }
        }
    }

    #[test]
    fn insertion_order_and_counts_survive_growth() {
        let mut buckets = Buckets::new(Elem::<(String, u32)>::VT, 1);
        for round in 0..3 {
            for i in 0..5_000 {
                count(&mut buckets, &format!("key {}", i * (round + 1) % 5_000));
            }
        }
        assert_eq!(buckets.rows(), 5_000);
        let rows: Vec<(String, u32)> = buckets
            .into_rows()
            // SAFETY: the table was made for rows of this type.
            .flat_map(|rows| unsafe { rows.into_vec::<(String, u32)>() })
            .collect();
        assert!(rows.iter().take(3).map(|row| row.0.as_str()).eq(["key 0", "key 1", "key 2"]));
        assert_eq!(rows.iter().map(|row| row.1).sum::<u32>(), 15_000);
    }

    #[test]
    fn a_panic_in_the_middle_of_an_update_drops_the_other_rows_once() {
        let counted = std::sync::Arc::new(());
        let mut buckets = Buckets::new(Elem::<std::sync::Arc<()>>::VT, 1);
        for _ in 0..3 {
            let row = buckets.append(0) as *mut std::sync::Arc<()>;
            // SAFETY: fresh memory for one row.
            unsafe { row.write(std::sync::Arc::clone(&counted)) };
        }
        let hole = buckets.tables[0].rows.row(1);
        buckets.tables[0].hole = hole;
        drop(buckets);
        assert_eq!(
            std::sync::Arc::strong_count(&counted),
            2,
            "the row in the hole is leaked, the other two are dropped"
        );
    }
}
