//! 20 million pairs of text sorted by key, pairs with equal keys in their order. The sorted rows are folded into a checksum that
//! depends on their order, where the programs of other systems write them out: writing would hide the sort behind formatting.

use crate::Workload;
use crate::chunks::{chunks, map};
use crate::input::{Data, parse_pair, take_pair};
use dpark::{DparkContext, Result};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "sort", script: "sort", files: &["pairs"], limits: (1.5, 1.5), engine, twin };

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let sorted = ctx.text_file(data.path("pairs")).map_str(|line| parse_pair(line.as_bytes()).0).sort_by(|pair| pair.0);
    Ok(total(&sorted.map_partitions(|rows| [checksum(rows)]).collect()?))
}

const BASE: u64 = 0x5851_f42d_4c95_7f2d;

/// The number of rows, a polynomial of them modulo 2⁶⁴ whose first row has the highest power, and that power's successor.
pub(crate) fn checksum(rows: impl Iterator<Item = (u64, i64)>) -> (u64, u64, u64) {
    rows.fold((0, 0, 1), |(count, sum, power), (key, value)| {
        let row = key.wrapping_mul(31).wrapping_add(value as u64);
        (count + 1, sum.wrapping_mul(BASE).wrapping_add(row), power.wrapping_mul(BASE))
    })
}

/// The checksum of parts one after the other.
fn total(parts: &[(u64, u64, u64)]) -> String {
    let (count, sum) = parts
        .iter()
        .fold((0, 0u64), |(count, sum), part| (count + part.0, sum.wrapping_mul(part.2).wrapping_add(part.1)));
    format!("{count} {sum}")
}

/// Ranges of keys: the highest bits that differ.
const RANGES: usize = 256;

/// Rows of one chunk of text, by the range of their keys.
type Ranges = Vec<Vec<(u64, i64)>>;

fn twin(data: &Data) -> String {
    let text = data.map("pairs");
    let chunks = chunks(&text);
    let bits = 64 - highest_key(&chunks).leading_zeros();
    let shift = bits.saturating_sub(RANGES.ilog2());
    let mut parts: Vec<Ranges> = map(data.threads, chunks, |chunk| {
        // Lines of 30 bytes, and some room.
        let rows = chunk.len() / 25 / RANGES;
        let mut ranges: Ranges = (0..RANGES).map(|_| Vec::with_capacity(rows)).collect();
        let mut rest = chunk;
        while let Some((pair, behind)) = take_pair(rest) {
            rest = behind;
            // A key that the sample did not foresee goes to the last range: it is above all others.
            ranges[((pair.0 >> shift) as usize).min(RANGES - 1)].push(pair);
        }
        ranges
    });
    let ranges: Vec<Vec<Vec<(u64, i64)>>> =
        (0..RANGES).map(|range| parts.iter_mut().map(|part| std::mem::take(&mut part[range])).collect()).collect();
    let sums = map(data.threads, ranges, |parts| {
        let mut rows = Vec::with_capacity(parts.iter().map(Vec::len).sum());
        for mut part in parts {
            rows.append(&mut part);
        }
        sort_range(&mut rows, shift);
        checksum(rows.into_iter())
    });
    total(&sums)
}

/// The highest key of a sample.
fn highest_key(chunks: &[&[u8]]) -> u64 {
    let mut highest = 0;
    for chunk in chunks {
        let mut rest = *chunk;
        for _ in 0..1000 {
            let Some(((key, _), behind)) = take_pair(rest) else { break };
            highest = highest.max(key);
            rest = behind;
        }
    }
    highest
}

/// Rows that agree in the bits above `shift`: placed by the next bits, then sorted in the small.
fn sort_range(rows: &mut Vec<(u64, i64)>, shift: u32) {
    const BITS: u32 = 11;
    if shift < BITS || rows.len() < 1 << BITS {
        rows.sort_by_key(|row| row.0);
        return;
    }
    let slot = |key: u64| (key >> (shift - BITS)) as usize & ((1 << BITS) - 1);
    let first = rows[0].0 >> shift;
    if rows.iter().any(|row| row.0 >> shift != first) {
        rows.sort_by_key(|row| row.0);
        return;
    }
    let mut ends = vec![0; (1 << BITS) + 1];
    rows.iter().for_each(|row| ends[slot(row.0) + 1] += 1);
    for at in 1..ends.len() {
        ends[at] += ends[at - 1];
    }
    let mut placed = vec![(0, 0); rows.len()];
    let mut next = ends.clone();
    for row in rows.iter() {
        let at = &mut next[slot(row.0)];
        placed[*at] = *row;
        *at += 1;
    }
    for at in 1..ends.len() {
        placed[ends[at - 1]..ends[at]].sort_by_key(|row| row.0);
    }
    *rows = placed;
}
