//! The permutation that sorts keys: digit by digit where keys are numbers, else by merging. Both are stable, and both
//! notice a cancelled task.

use super::SortVt;
use super::bits::{Bits, bits};
use crate::batch::Batch;
use crate::error::Failure;
use crate::task::{Stop, TaskContext};
use std::cmp::Ordering;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// The smallest key first.
    Ascending,
    /// The largest key first; equal keys stay in order.
    Descending,
}

/// The stable sorting permutation of keys that are not needed any more: large sorts need their memory.
pub(super) fn order_of(
    vt: &'static SortVt,
    keys: Batch,
    direction: Direction,
    task: &TaskContext,
) -> Result<Vec<u32>, Stop> {
    match bits(vt.key) {
        Some(Bits { of, exact: true }) => {
            check_rows(&keys)?;
            let numbers = of(&keys);
            drop(keys);
            Ok(by_digits(numbers, direction, task)?.iter().map(|row| row.1).collect())
        }
        _ => order(vt, &keys, direction, task),
    }
}

/// The stable sorting permutation of the keys of a batch.
pub(super) fn order(
    vt: &'static SortVt,
    keys: &Batch,
    direction: Direction,
    task: &TaskContext,
) -> Result<Vec<u32>, Stop> {
    let n = check_rows(keys)?;
    let compare = &mut |a: u32, b: u32| {
        let ordering = vt.compare(keys.row(a as usize), keys.row(b as usize));
        if direction == Direction::Ascending { ordering } else { ordering.reverse() }
    };
    let Some(Bits { of, exact }) = bits(vt.key) else { return by_merging((0..n).collect(), compare, task) };
    let rows = by_digits(of(keys), direction, task)?;
    let mut order: Vec<u32> = rows.iter().map(|row| row.1).collect();
    let mut start = 0;
    for run in rows.chunk_by(|a, b| a.0 == b.0) {
        let end = start + run.len();
        if run.len() > 1 && !exact {
            let sorted = by_merging(order[start..end].to_vec(), compare, task)?;
            order[start..end].copy_from_slice(&sorted);
        }
        start = end;
    }
    Ok(order)
}

fn check_rows(keys: &Batch) -> Result<u32, Stop> {
    u32::try_from(keys.rows()).map_err(|_| {
        let message = "a partition has more than four thousand million rows to sort; use more partitions";
        Failure::Other(message.to_owned()).into()
    })
}

/// Digits are of at most so many bits.
const DIGIT: u32 = 11;

fn by_digits(mut rows: Vec<(u64, u32)>, direction: Direction, task: &TaskContext) -> Result<Vec<(u64, u32)>, Stop> {
    if direction == Direction::Descending {
        rows.iter_mut().for_each(|row| row.0 = !row.0);
    }
    sort_numbers(&mut rows, task)?;
    Ok(rows)
}

/// Sorts by the numbers, from the lowest digit to the highest, of their distances from the least one: the rows of a range lie close
/// together. Digits that are 0 in all of them are left out.
fn sort_numbers(rows: &mut Vec<(u64, u32)>, task: &TaskContext) -> Result<(), Stop> {
    task.check()?;
    if rows.len() < 256 {
        rows.sort_by_key(|row| row.0);
        return Ok(());
    }
    let least = rows.iter().map(|row| row.0).min().unwrap_or_default();
    let differing = rows.iter().fold(0, |any, row| any | (row.0 - least));
    let bits = u64::BITS - differing.leading_zeros();
    // As few digits as there can be, and all of about the same width.
    let width = bits.div_ceil(bits.div_ceil(DIGIT).max(1)).max(1);
    let mut other = vec![(0, 0); rows.len()];
    for shift in (0..bits).step_by(width as usize) {
        let mask = (1u64 << width) - 1;
        if differing >> shift & mask == 0 {
            continue;
        }
        task.check()?;
        let digit = |row: &(u64, u32)| ((row.0 - least) >> shift & mask) as usize;
        let mut next = vec![0usize; 1 << width];
        rows.iter().for_each(|row| next[digit(row)] += 1);
        let mut sum = 0;
        for at in &mut next {
            sum += std::mem::replace(at, sum);
        }
        for row in rows.iter() {
            let at = &mut next[digit(row)];
            other[*at] = *row;
            *at += 1;
        }
        std::mem::swap(rows, &mut other);
    }
    Ok(())
}

/// Sorts by comparisons: a merge sort of our own, because it has to notice a cancelled task.
pub(super) fn by_merging(
    mut order: Vec<u32>,
    compare: &mut dyn FnMut(u32, u32) -> Ordering,
    task: &TaskContext,
) -> Result<Vec<u32>, Stop> {
    const RUN: usize = 4096;
    for run in order.chunks_mut(RUN) {
        task.check()?;
        run.sort_by(|a, b| compare(*a, *b));
    }
    let mut merged = Vec::with_capacity(if order.len() > RUN { order.len() } else { 0 });
    let mut width = RUN;
    while width < order.len() {
        merged.clear();
        for pair in order.chunks(width * 2) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, &mut merged, compare, task)?;
        }
        std::mem::swap(&mut order, &mut merged);
        width *= 2;
    }
    Ok(order)
}

fn merge(
    mut left: &[u32],
    mut right: &[u32],
    out: &mut Vec<u32>,
    compare: &mut dyn FnMut(u32, u32) -> Ordering,
    task: &TaskContext,
) -> Result<(), Stop> {
    while let (Some((l, left_rest)), Some((r, right_rest))) = (left.split_first(), right.split_first()) {
        if out.len().is_multiple_of(4096) {
            task.check()?;
        }
        if compare(*r, *l) == Ordering::Less {
            out.push(*r);
            right = right_rest;
        } else {
            out.push(*l);
            left = left_rest;
        }
    }
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_is_stable_across_runs() {
        let values: Vec<u32> = (0..30_000u32).map(|i| i.wrapping_mul(2_654_435_761) % 100).collect();
        let compare = |a: u32, b: u32| values[a as usize].cmp(&values[b as usize]);
        let order = by_merging((0..30_000).collect(), &mut { compare }, &TaskContext::default()).unwrap();
        let mut expected: Vec<u32> = (0..30_000).collect();
        expected.sort_by_key(|i| values[*i as usize]);
        assert_eq!(order, expected);
    }

    #[test]
    fn digits_sort_stably() {
        for n in [0, 1, 255, 256, 10_000u32] {
            let mut rows: Vec<(u64, u32)> = (0..n)
                .map(|i| (u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 3 * 20) & !0xfff0, i))
                .collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|row| row.0);
            sort_numbers(&mut rows, &TaskContext::default()).unwrap();
            assert_eq!(rows, expected);
        }
    }

    #[test]
    fn a_cancelled_sort_stops() {
        let task = TaskContext::default();
        task.cancel();
        assert_eq!(by_merging((0..10).collect(), &mut |a, b| a.cmp(&b), &task), Err(Stop::Cancelled));
        assert_eq!(sort_numbers(&mut vec![(1, 0)], &task), Err(Stop::Cancelled));
    }
}
