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
            let n = check_rows(&keys)?;
            let numbers = directed(of(&keys), direction);
            drop(keys);
            let mut order: Vec<u32> = (0..n).collect();
            by_numbers(&mut order, &numbers, task)?;
            Ok(order)
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
    let mut order: Vec<u32> = (0..n).collect();
    let compare = &mut |a: u32, b: u32| {
        let ordering = vt.compare(keys.row(a as usize), keys.row(b as usize));
        if direction == Direction::Ascending { ordering } else { ordering.reverse() }
    };
    let Some(Bits { of, exact }) = bits(vt.key) else { return by_merging(order, compare, task) };
    let numbers = directed(of(keys), direction);
    by_numbers(&mut order, &numbers, task)?;
    if !exact {
        for run in order.chunk_by_mut(|a, b| numbers[*a as usize] == numbers[*b as usize]) {
            if run.len() > 1 {
                let sorted = by_merging(run.to_vec(), compare, task)?;
                run.copy_from_slice(&sorted);
            }
        }
    }
    Ok(order)
}

fn check_rows(keys: &Batch) -> Result<u32, Stop> {
    u32::try_from(keys.rows()).map_err(|_| {
        let message = "a partition has more than four thousand million rows to sort; use more partitions";
        Failure::Other(message.to_owned()).into()
    })
}

fn directed(mut numbers: Vec<u64>, direction: Direction) -> Vec<u64> {
    if direction == Direction::Descending {
        numbers.iter_mut().for_each(|number| *number = !*number);
    }
    numbers
}

/// Fewer rows are sorted by comparing.
const FEW: usize = 256;

/// Of the numbers' distances from the least one, the highest bits that tell so many times as many of them apart as there are rows
/// (two to this power) leave few rows to be compared.
const SPARE_BITS: u32 = 5;

/// Sorts rows, which are in their order, by their numbers. The rows of a range lie close together, so it is distances from the least
/// number that count. A row and the highest bits of its distance fit into one word; words are sorted digit by digit. Rows
/// that agree in these bits, which are few unless many numbers are equal or nearly so, are sorted by the others.
fn by_numbers(order: &mut [u32], numbers: &[u64], task: &TaskContext) -> Result<(), Stop> {
    let number = |row: &u32| numbers[*row as usize];
    if order.len() < FEW {
        order.sort_by_key(number);
        return Ok(());
    }
    task.check()?;
    let least = order.iter().map(number).min().unwrap_or_default();
    let differing = order.iter().fold(0, |any, row| any | (number(row) - least));
    let bits = u64::BITS - differing.leading_zeros();
    let high = bits.min(order.len().ilog2() + SPARE_BITS).min(u32::BITS);
    let low = bits - high;
    let word = |row: &u32| ((number(row) - least) >> low) << u32::BITS | u64::from(*row);
    let mut words = order.iter().map(word).collect();
    sort_words(&mut words, high, task)?;
    order.iter_mut().zip(&words).for_each(|(row, word)| *row = *word as u32);
    if low > 0 {
        let mut rest = order;
        for run in words.chunk_by(|a, b| a >> u32::BITS == b >> u32::BITS) {
            let (rows, behind) = rest.split_at_mut(run.len());
            rest = behind;
            if rows.len() > 1 {
                by_numbers(rows, numbers, task)?;
            }
        }
    }
    Ok(())
}

/// Digits are of at most so many bits.
const DIGIT: u32 = 11;

/// Sorts by so many of the upper 32 bits, from the lowest digit to the highest. Words that are equal in these stay in order.
fn sort_words(words: &mut Vec<u64>, bits: u32, task: &TaskContext) -> Result<(), Stop> {
    // As few digits as there can be, and all of about the same width.
    let width = bits.div_ceil(bits.div_ceil(DIGIT).max(1)).max(1);
    let mut other = vec![0; words.len()];
    for shift in (0..bits).step_by(width as usize) {
        task.check()?;
        let digit = |word: &u64| (word >> (u32::BITS + shift)) as usize & ((1 << width) - 1);
        let mut next = vec![0usize; 1 << width];
        words.iter().for_each(|word| next[digit(word)] += 1);
        let mut sum = 0;
        for at in &mut next {
            sum += std::mem::replace(at, sum);
        }
        for word in words.iter() {
            let at = &mut next[digit(word)];
            other[*at] = *word;
            *at += 1;
        }
        std::mem::swap(words, &mut other);
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

    /// The order of rows with these numbers.
    fn order_by(numbers: &[u64]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
        by_numbers(&mut order, numbers, &TaskContext::default()).unwrap();
        order
    }

    #[test]
    fn numbers_sort_stably() {
        let mixed = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let spreads: [fn(u64, u64) -> u64; 6] = [
            |_, mixed| mixed,
            |_, mixed| (mixed >> 40) + (1 << 63),
            |i, mixed| mixed >> (i % 3 * 20) & !0xfff0,
            |_, mixed| mixed % 3,
            // Nearly all in one run of the highest bits, and those once more.
            |i, mixed| if i % 100 == 0 { mixed } else { mixed >> 44 },
            |i, mixed| {
                if i % 50 == 0 {
                    mixed
                } else if i % 50 < 9 {
                    mixed >> 30
                } else {
                    mixed % 500
                }
            },
        ];
        for n in [0, 1, 255, 256, 10_000, 50_000] {
            for spread in spreads {
                let numbers: Vec<u64> = (0..n).map(|i| spread(i, mixed(i))).collect();
                let mut expected: Vec<u32> = (0..n as u32).collect();
                expected.sort_by_key(|row| numbers[*row as usize]);
                assert_eq!(order_by(&numbers), expected);
            }
        }
        assert_eq!(order_by(&[u64::MAX, 0, u64::MAX]), [1, 0, 2]);
        assert!(order_by(&[7; 1000]).is_sorted());
    }

    #[test]
    fn a_cancelled_sort_stops() {
        let task = TaskContext::default();
        task.cancel();
        assert_eq!(by_merging((0..10).collect(), &mut |a, b| a.cmp(&b), &task), Err(Stop::Cancelled));
        assert_eq!(by_numbers(&mut (0..1000).collect::<Vec<u32>>(), &[1; 1000], &task), Err(Stop::Cancelled));
        assert_eq!(sort_words(&mut vec![0], 9, &task), Err(Stop::Cancelled));
    }
}
