//! Hash tables over erased rows: dense rows in insertion order plus an index of (hash tag, row number). Generic code does
//! the comparison of keys and nothing else, so a cell carries no hash table of its own.

mod combine;
mod dense;
mod direct;
mod numbering;

use crate::batch::{Batch, ElemVt, take_row};
use crate::hash::{hash_key, partition_of, piece_of};
use crate::shuffle::{HashFn, KeyVt};
pub use combine::combine_pairs;
pub(crate) use dense::Emptied;
use dense::{Dense, Integers};
pub(crate) use direct::Direct;
pub(crate) use numbering::{KeyPlace, Numbering};
use std::hash::Hash;

/// One table for each piece of each reduce partition; the reduce side has a single one.
#[derive(Debug)]
pub struct Buckets {
    tables: Vec<RawTable>,
    /// Number of partitions, and tables for each of them.
    partitions: usize,
    pieces: usize,
    bytes: usize,
    /// How often rows of a table have moved to larger memory.
    moved: usize,
    /// The map partition that the tables are filled from.
    map: usize,
    /// How keys are read, if they are integers that may be found to lie close together.
    integers: Option<Integers>,
    /// Set if they do: all rows.
    dense: Option<Dense>,
    /// Set if the rows of the first table are found by the numbers of their keys.
    direct: Option<Direct>,
    /// Of the rows that are being placed.
    hashes: Vec<u64>,
    /// The row whose value user code holds at the moment; it is leaked if that code panics.
    hole: *mut u8,
}

#[derive(Debug)]
struct RawTable {
    /// (lower half of the hash, row number); a power of two of them, linear probing.
    index: Vec<(u32, u32)>,
    rows: Batch,
}

const EMPTY: u32 = u32::MAX;

/// A search for one key.
#[derive(Debug)]
struct Probe<'a> {
    table: &'a mut RawTable,
    bytes: &'a mut usize,
    moved: &'a mut usize,
    tag: u32,
    slot: usize,
    /// What the slot is one of, if it is not the table's index.
    direct: Option<&'a mut Direct>,
}

/// Rows that are hashed and looked up together.
const GROUP: usize = 32;

/// Moves every row of `input` into the tables: `update` changes the row of its key, `insert` makes a new one.
///
/// Rows go in groups: all are hashed, then all are looked up, then all keys are compared, then all are moved. Each of the
/// steps waits for memory once for the whole group, instead of three times for each row.
///
/// # Safety
/// `input` holds rows of type `T`, the tables of type `S`. If rows may be found by number, `key` is where those of the input have
/// their keys.
#[inline]
pub unsafe fn upsert_rows<T, S>(
    input: &mut Batch,
    tables: &mut Buckets,
    key: Option<usize>,
    hash: impl Fn(&T) -> u64,
    same: impl Fn(&T, &S) -> bool,
    insert: impl Fn(T) -> S,
    update: impl Fn(&mut Buckets, *mut S, T),
) {
    let mut hashes = [0; GROUP];
    let mut found = [std::ptr::null_mut(); GROUP];
    while !input.is_empty() {
        let rows = input.rows().min(GROUP);
        // SAFETY: the group's rows exist until they are taken; rows of the tables are initialised and stay where they are
        // until one is inserted; new ones are written before anything else is called.
        unsafe {
            let group = input.row(0) as *const T;
            let mut i = 0;
            if key
                .is_none_or(|key| !tables.numbers(group.byte_add(key) as *const u8, size_of::<T>(), rows, &mut hashes))
            {
                while i < rows {
                    hashes[i] = hash(&*group.add(i));
                    i += 1;
                }
            }
            tables.look_up(&hashes, &mut found, rows);
            i = 0;
            while i < rows {
                let row = found[i] as *const S;
                if !row.is_null() && !same(&*group.add(i), &*row) {
                    found[i] = std::ptr::null_mut();
                }
                i += 1;
            }
            let moved = tables.moved;
            i = 0;
            while i < rows {
                let row = take_row::<T>(input);
                let mut target = found[i] as *mut S;
                if target.is_null() || tables.moved != moved {
                    let mut probe = tables.probe(hashes[i]);
                    loop {
                        target = probe.candidate() as *mut S;
                        if target.is_null() || same(&row, &*target) {
                            break;
                        }
                    }
                    if target.is_null() {
                        let row = insert(row);
                        (probe.insert() as *mut S).write(row);
                        i += 1;
                        continue;
                    }
                }
                update(tables, target, row);
                i += 1;
            }
        }
    }
}

/// The number of its key for each row with these hashes, in the order of the keys' first rows; `same` compares the keys of two
/// rows. The table gets, for each key, its first row and the number of its rows.
///
/// # Safety
/// The table is empty, and its rows are of type `(u32, u32)`.
#[inline(never)]
pub unsafe fn number_keys(
    hashes: &[u64],
    known: &mut Buckets,
    same: &mut dyn FnMut(usize, usize) -> bool,
) -> Box<[u32]> {
    let mut numbers = vec![0; hashes.len()].into_boxed_slice();
    let mut group = [0; GROUP];
    let mut found = [std::ptr::null_mut(); GROUP];
    for (at, hashes) in (0..).step_by(GROUP).zip(hashes.chunks(GROUP)) {
        group[..hashes.len()].copy_from_slice(hashes);
        known.look_up(&group, &mut found, hashes.len());
        let moved = known.moved;
        for (i, hash) in hashes.iter().enumerate() {
            let (row, key) = (at + i, found[i] as *mut (u32, u32));
            // SAFETY: rows of the table are such pairs, and stay where they are as long as none has moved.
            numbers[row] = unsafe {
                if !key.is_null() && known.moved == moved && same((*key).0 as usize, row) {
                    known.count(key)
                } else {
                    known.number(*hash, &mut |first| same(first as usize, row), row as u32)
                }
            };
        }
    }
    numbers
}

/// The hashes of the keys of all rows, in their order.
///
/// # Safety
/// The batch holds rows of type `(K, V)`.
pub unsafe fn hash_pairs<K: Hash, V>(rows: &Batch, hashes: &mut Vec<u64>) {
    let n = rows.rows();
    let (hashes, rows) = (more(hashes, n), rows.row(0) as *const (K, V));
    let mut i = 0;
    while i < n {
        // SAFETY: row `i` exists, and so does the place for its hash.
        unsafe { *hashes.add(i) = hash_key(&(*rows.add(i)).0) }
        i += 1;
    }
}

/// Adds `n` zeros; where they begin.
#[inline(never)]
fn more(numbers: &mut Vec<u64>, n: usize) -> *mut u64 {
    let first = numbers.len();
    numbers.resize(first + n, 0);
    numbers[first..].as_mut_ptr()
}

/// The same for addresses.
#[inline(never)]
fn more_addresses(addresses: &mut Vec<*mut u8>, n: usize) -> *mut *mut u8 {
    let first = addresses.len();
    addresses.resize(first + n, std::ptr::null_mut());
    addresses[first..].as_mut_ptr()
}

/// Finds the table's row for every row of `input`: an address, or null if there is none with that key.
///
/// # Safety
/// `input` holds rows of type `T`, the tables of type `S`; `key` is where the former have their keys.
#[inline]
pub unsafe fn find_rows<T, S>(
    input: &Batch,
    tables: &mut Buckets,
    found: &mut Vec<*mut u8>,
    key: usize,
    hash: impl Fn(&T) -> u64,
    same: impl Fn(&T, &S) -> bool,
) {
    let mut hashes = [0; GROUP];
    let mut group = [std::ptr::null_mut(); GROUP];
    let n = input.rows();
    let found = more_addresses(found, n);
    let mut at = 0;
    while at < n {
        let rows = (n - at).min(GROUP);
        let mut i = 0;
        // SAFETY: rows of the input exist, each with a place in `found`; found rows of the tables are initialised.
        unsafe {
            let row = |i: usize| &*(input.row(at + i) as *const T);
            if !tables.numbers(input.row(at).add(key), size_of::<T>(), rows, &mut hashes) {
                while i < rows {
                    hashes[i] = hash(row(i));
                    i += 1;
                }
            }
            tables.look_up(&hashes, &mut group, rows);
            i = 0;
            while i < rows {
                let mut target = group[i] as *const S;
                if !target.is_null() && !same(row(i), &*target) {
                    let mut probe = tables.probe(hashes[i]);
                    target = probe.candidate() as *const S;
                    while !target.is_null() && !same(row(i), &*target) {
                        target = probe.candidate() as *const S;
                    }
                }
                *found.add(at + i) = target as *mut u8;
                i += 1;
            }
        }
        at += rows;
    }
}

impl Buckets {
    /// Empty tables for `partitions` partitions.
    pub fn new(rows: &'static ElemVt, partitions: usize) -> Buckets {
        let table = || RawTable { index: Vec::new(), rows: Batch::new(rows) };
        let tables = (0..partitions).map(|_| table()).collect();
        Buckets {
            tables,
            partitions,
            pieces: 1,
            bytes: 0,
            moved: 0,
            map: 0,
            integers: None,
            dense: None,
            direct: None,
            hashes: Vec::new(),
            hole: std::ptr::null_mut(),
        }
    }

    /// The same for the map side of a shuffle: filled from one map partition, each partition in pieces.
    pub(crate) fn for_map(
        rows: &'static ElemVt,
        keys: Option<&KeyVt>,
        partitions: usize,
        pieces: usize,
        map: usize,
    ) -> Buckets {
        let mut tables = Buckets::new(rows, partitions * pieces);
        tables.integers = keys.and_then(Integers::of);
        tables.partitions = partitions;
        tables.pieces = pieces;
        tables.map = map;
        tables
    }

    /// The map partition that the tables are filled from.
    pub fn map_partition(&self) -> usize {
        self.map
    }

    /// Number of tables.
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// The table of a hash.
    #[inline]
    pub fn table_of(&self, hash: u64) -> usize {
        if self.tables.len() == 1 {
            0
        } else {
            partition_of(hash, self.partitions) * self.pieces + piece_of(hash, self.pieces)
        }
    }

    /// Makes room for so many rows in the first table.
    pub(crate) fn expect(&mut self, rows: usize) {
        let table = &mut self.tables[0];
        let (before, more) = (table.rows.bytes(), rows.saturating_sub(table.rows.len));
        table.rows.reserve(more);
        self.bytes += table.rows.bytes() - before;
        let slots = (rows * 2 + 1).next_power_of_two();
        if self.direct.is_none() && more > 0 && slots > table.index.len() {
            self.bytes += table.resize_index(slots);
        }
    }

    /// Starts the search for the key with this hash.
    #[inline(never)]
    fn probe(&mut self, hash: u64) -> Probe<'_> {
        let table = if self.direct.is_some() { 0 } else { self.table_of(hash) };
        let table = &mut self.tables[table];
        if let Some(direct) = &mut self.direct {
            let (bytes, moved) = (&mut self.bytes, &mut self.moved);
            return Probe { slot: hash as usize, table, bytes, moved, tag: 0, direct: Some(direct) };
        }
        if table.rows.len * 2 >= table.index.len() {
            self.bytes += table.grow_index();
        }
        let tag = hash as u32;
        let slot = tag as usize & (table.index.len() - 1);
        Probe { slot, table, bytes: &mut self.bytes, moved: &mut self.moved, tag, direct: None }
    }

    /// For each hash the first row that may have its key, or null.
    #[inline(never)]
    fn look_up(&self, hashes: &[u64; GROUP], found: &mut [*mut u8; GROUP], n: usize) {
        if let Some(direct) = &self.direct {
            return self.look_up_numbers(direct, &hashes[..n], found);
        }
        // Small tables are in the processor's cache.
        if self.bytes > 128 << 10 {
            for hash in &hashes[..n] {
                let table = &self.tables[self.table_of(*hash)];
                let slot = *hash as u32 as usize & table.index.len().wrapping_sub(1);
                prefetch(table.index.as_ptr().wrapping_add(slot) as *const u8);
            }
        }
        for (hash, found) in hashes[..n].iter().zip(found) {
            *found = self.tables[self.table_of(*hash)].first_candidate(*hash as u32);
            prefetch(*found);
        }
    }

    /// Uninitialised memory for one more row of a table, without a key. The caller writes it and calls nothing else in
    /// between.
    pub fn append(&mut self, table: usize) -> *mut u8 {
        let Buckets { tables, bytes, moved, .. } = self;
        tables[table].append(bytes, moved)
    }

    /// Moves every row of `input` to the end of the table of its key's hash.
    ///
    /// # Safety
    /// The function was made for rows of this type, which are those of the tables.
    #[inline(never)]
    pub unsafe fn place(&mut self, input: &mut Batch, hash: HashFn) {
        self.hashes.clear();
        // SAFETY: passed on from the caller.
        unsafe { hash(input, &mut self.hashes) }
        match input.elem().size {
            8 => self.scatter::<8>(input),
            16 => self.scatter::<16>(input),
            24 => self.scatter::<24>(input),
            32 => self.scatter::<32>(input),
            _ => self.scatter::<0>(input),
        }
    }

    /// `SIZE` is the size of a row, or 0 if it is not one of the usual ones.
    fn scatter<const SIZE: usize>(&mut self, input: &mut Batch) {
        let size = if SIZE == 0 { input.elem().size } else { SIZE };
        for i in 0..self.hashes.len() {
            let table = self.table_of(self.hashes[i]);
            let to = self.tables[table].append(&mut self.bytes, &mut self.moved);
            // SAFETY: there is a hash for each row; the row moves to fresh memory for one.
            unsafe { std::ptr::copy_nonoverlapping(input.row(0), to, size) }
            input.head += 1;
        }
    }

    /// Tells that the value of `row` is being computed by user code, which may panic; null afterwards.
    #[inline]
    pub fn set_hole(&mut self, row: *mut u8) {
        self.hole = row;
    }

    /// The number, in the order of insertion, of the key with this hash for which `same` holds of its first row; a new one for
    /// the row `row` if there is none. The table's rows are pairs of a key's first row and the number of its rows.
    #[inline(never)]
    fn number(&mut self, hash: u64, same: &mut dyn FnMut(u32) -> bool, row: u32) -> u32 {
        let next = self.tables[0].rows.len as u32;
        let mut probe = self.probe(hash);
        loop {
            let known = probe.candidate() as *mut (u32, u32);
            // SAFETY: rows of the table are such pairs; a new one is written at once.
            unsafe {
                if known.is_null() {
                    (probe.insert() as *mut (u32, u32)).write((row, 1));
                    return next;
                }
                if same((*known).0) {
                    return self.count(known);
                }
            }
        }
    }

    /// Counts one more row of a key; the key's number.
    ///
    /// # Safety
    /// It is a row of the first table, whose rows are those of `number`.
    #[inline]
    unsafe fn count(&mut self, known: *mut (u32, u32)) -> u32 {
        // SAFETY: passed on from the caller.
        unsafe { (*known).1 += 1 }
        ((known as usize - self.tables[0].rows.ptr as usize) / size_of::<(u32, u32)>()) as u32
    }

    /// Memory held by rows and indices (not what rows own elsewhere).
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        let dense = self.dense.as_ref().map_or(0, Dense::rows);
        dense + self.tables.iter().map(|table| table.rows.rows()).sum::<usize>()
    }

    /// The rows of every table, to be looked at; none that are in an array instead (these own nothing elsewhere).
    pub fn all_rows(&self) -> impl Iterator<Item = &Batch> {
        self.tables.iter().map(|table| &table.rows)
    }

    /// The rows of every table, in insertion order.
    pub fn into_rows(mut self) -> Box<dyn Iterator<Item = Batch>> {
        match self.spread() {
            Some(rows) => Box::new(rows),
            None => Box::new(std::mem::take(&mut self.tables).into_iter().map(|table| table.rows)),
        }
    }

    /// All rows of the first table, for the reduce side.
    pub fn rows_mut(&mut self) -> &mut Batch {
        &mut self.tables[0].rows
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
    fn candidate(&mut self) -> *mut u8 {
        if let Some(direct) = &self.direct {
            return direct.row(self.slot, &self.table.rows);
        }
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
    fn insert(self) -> *mut u8 {
        let row = self.table.rows.len as u32;
        match self.direct {
            Some(direct) => direct.set(self.slot, row),
            None => self.table.index[self.slot] = (self.tag, row),
        }
        self.table.append(self.bytes, self.moved)
    }
}

impl RawTable {
    fn take_rows(&mut self) -> Batch {
        let elem = self.rows.elem();
        std::mem::replace(&mut self.rows, Batch::new(elem))
    }

    fn first_candidate(&self, tag: u32) -> *mut u8 {
        let mask = self.index.len().wrapping_sub(1);
        let mut slot = tag as usize & mask;
        while let Some((other, row)) = self.index.get(slot).copied()
            && row != EMPTY
        {
            if other == tag {
                return self.rows.row(row as usize);
            }
            slot = (slot + 1) & mask;
        }
        std::ptr::null_mut()
    }

    #[inline]
    fn append(&mut self, bytes: &mut usize, moved: &mut usize) -> *mut u8 {
        if self.rows.len >= self.rows.capacity() {
            let before = self.rows.bytes();
            self.rows.reserve(1);
            *bytes += self.rows.bytes() - before;
            *moved += 1;
        }
        let row = self.rows.row(self.rows.len);
        self.rows.len += 1;
        row
    }

    #[cold]
    #[inline(never)]
    fn grow_index(&mut self) -> usize {
        let factor = if self.index.len() < 1 << 12 { 4 } else { 2 };
        self.resize_index((self.index.len() * factor).max(64))
    }

    fn resize_index(&mut self, slots: usize) -> usize {
        assert!(slots <= 1 << 32, "a partition has more than two thousand million different keys; use more partitions");
        let old = std::mem::replace(&mut self.index, vec![(0, EMPTY); slots]);
        for (tag, row) in old.iter().copied().filter(|(_, row)| *row != EMPTY) {
            self.add_to_index(tag, row);
        }
        (slots - old.len()) * size_of::<(u32, u32)>()
    }

    /// Adds a row to the index, which has room.
    fn add_to_index(&mut self, tag: u32, row: u32) {
        let mask = self.index.len() - 1;
        let mut slot = tag as usize & mask;
        while self.index[slot].1 != EMPTY {
            slot = (slot + 1) & mask;
        }
        self.index[slot] = (tag, row);
    }

    /// Drops all rows but the one at `hole`, if it is one of them.
    fn drop_around(&mut self, hole: *mut u8) {
        let rows = &mut self.rows;
        let size = rows.elem().size.max(1);
        let offset = (hole as usize).wrapping_sub(rows.row(0) as usize);
        if offset < rows.rows() * size {
            let mut before = Batch::new(rows.elem());
            rows.move_rows(&mut before, offset / size);
            rows.head += usize::from(!rows.is_empty());
        }
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        if !self.hole.is_null() {
            let hole = self.hole;
            self.tables.iter_mut().for_each(|table| table.drop_around(hole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;

    fn count(tables: &mut Buckets, words: Vec<String>) {
        let mut input = Batch::from_vec(words);
        // SAFETY: the input holds strings, the tables rows of the type below.
        unsafe {
            upsert_rows::<String, (String, u32)>(
                &mut input,
                tables,
                None,
                hash_key,
                |word, row| *word == row.0,
                |word| (word, 1),
                |_, row, _| (*row).1 += 1,
            )
        }
    }

    #[test]
    fn insertion_order_and_counts_survive_growth() {
        let mut tables = Buckets::new(Elem::<(String, u32)>::VT, 1);
        for round in 0..3 {
            count(&mut tables, (0..5_000).map(|i| format!("key {}", i * (round + 1) % 5_000)).collect());
        }
        assert_eq!(tables.rows(), 5_000);
        let rows: Vec<(String, u32)> = tables
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
        let mut tables = Buckets::new(Elem::<std::sync::Arc<()>>::VT, 2);
        for i in 0..6 {
            let row = tables.append(i % 2) as *mut std::sync::Arc<()>;
            // SAFETY: fresh memory for one row.
            unsafe { row.write(std::sync::Arc::clone(&counted)) };
        }
        tables.hole = tables.tables[1].rows.row(1);
        drop(tables);
        assert_eq!(std::sync::Arc::strong_count(&counted), 2, "the row in the hole is leaked, the others are dropped");
    }
}
