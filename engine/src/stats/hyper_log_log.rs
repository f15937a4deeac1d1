//! `HyperLogLog`: how many different values there were, in a few kilobytes whatever their number.
//!
//! A hash of 64 bits chooses a register by its upper bits, and each register keeps the longest run of zeros that the rest of
//! a hash began with. While there are few values, the upper 26 bits and the run behind them are kept for each instead: next
//! to exact, and small. The estimate from the registers is the one of O. Ertl, "New cardinality estimation algorithms for
//! HyperLogLog sketches" (2017), which is unbiased from nothing to 2^64 without tables.

use super::aggregator::Aggregator;
use crate::error::{Error, Result};
use crate::hash::hash_key;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// Bits of a hash that tell sparse entries apart.
const SPARSE_BITS: u32 = 26;
/// Bits of an entry below those: a run of zeros, at most 39.
const RUN_BITS: u32 = 6;
/// More entries than this are not kept, since each goes to its place in a sorted vector.
const MOST_ENTRIES: usize = 4096;

/// Counts different values approximately. With precision *p* it has 2^*p* registers of a byte, and a standard error of
/// 1.04 / sqrt(2^*p*): two thirds of all estimates are closer than that. Up to an eighth as many values (and 4096), it is
/// next to exact and takes four bytes for each.
///
/// Merging gives the same sketch as adding all values to one, in whatever order and parts.
///
/// ```
/// use dpark::stats::HyperLogLog;
/// let mut sketch = HyperLogLog::with_error(0.01)?;
/// (0..1000).chain(500..1000).for_each(|x| sketch.add(&x));
/// assert_eq!(sketch.count(), 1000);
/// (0..1_000_000).for_each(|x| sketch.add(&x));
/// assert!((sketch.estimate() / 1e6 - 1.0).abs() < 0.02);
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HyperLogLog {
    precision: u32,
    registers: Registers,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Registers {
    /// Entries in ascending order: the upper bits of a hash, then the length of the longest run behind them, plus one.
    Sparse(Vec<u32>),
    /// For each register the length of its longest run, plus one; 0 if it has none.
    Dense(Vec<u8>),
}

impl HyperLogLog {
    /// The smallest sketch with at most this standard error, which must be from 0.00204 (precision 18) to below 1. It has at
    /// least precision 4; 0.01 makes precision 14, which are 16 KB.
    pub fn with_error(relative_error: f64) -> Result<HyperLogLog> {
        let precision = (2.0 * (1.04 / relative_error).log2()).ceil();
        if !(relative_error > 0.0 && relative_error < 1.0 && precision <= 18.0) {
            return Err(Error::Invalid(format!(
                "a relative error of {relative_error} cannot be kept; use one from 0.00204 to below 1 (0.01 is usual), or \
                 `distinct().count()` for the exact number"
            )));
        }
        Ok(HyperLogLog::with_precision(precision.max(4.0) as u32))
    }

    /// A sketch with 2^`precision` registers; `precision` is brought into 4..=18.
    pub fn with_precision(precision: u32) -> HyperLogLog {
        HyperLogLog { precision: precision.clamp(4, 18), registers: Registers::Sparse(Vec::new()) }
    }

    /// The base-2 logarithm of the number of registers.
    pub fn precision(&self) -> u32 {
        self.precision
    }

    /// Adds a value, by the engine's fixed hash.
    #[inline]
    pub fn add<T: Hash + ?Sized>(&mut self, value: &T) {
        self.add_hash(hash_key(value))
    }

    /// Adds a value by its hash, of which all 64 bits must be evenly distributed.
    #[inline]
    pub fn add_hash(&mut self, hash: u64) {
        let precision = self.precision;
        match &mut self.registers {
            Registers::Dense(registers) => raise(registers, (hash >> (64 - precision)) as usize, run(hash, precision)),
            Registers::Sparse(_) => {
                self.add_entry(((hash >> (64 - SPARSE_BITS)) as u32) << RUN_BITS | run(hash, SPARSE_BITS))
            }
        }
    }

    #[inline(never)]
    fn add_entry(&mut self, entry: u32) {
        let precision = self.precision;
        match &mut self.registers {
            Registers::Dense(registers) => {
                let (register, run) = place(entry, precision);
                raise(registers, register, run)
            }
            Registers::Sparse(entries) => {
                let at = entries.partition_point(|other| other >> RUN_BITS < entry >> RUN_BITS);
                match entries.get_mut(at).filter(|other| **other >> RUN_BITS == entry >> RUN_BITS) {
                    Some(other) => *other = entry.max(*other),
                    None => entries.insert(at, entry),
                }
                if entries.len() > most_entries(precision) {
                    self.make_dense()
                }
            }
        }
    }

    fn make_dense(&mut self) {
        if let Registers::Sparse(entries) = &self.registers {
            let mut registers = vec![0; 1 << self.precision];
            for entry in entries {
                let (register, run) = place(*entry, self.precision);
                raise(&mut registers, register, run);
            }
            self.registers = Registers::Dense(registers);
        }
    }

    /// Adds all values that `other` has seen. Of two precisions the lower one stays.
    ///
    /// ```
    /// use dpark::stats::HyperLogLog;
    /// let (mut a, mut b) = (HyperLogLog::default(), HyperLogLog::default());
    /// (0..10).for_each(|x| a.add(&x));
    /// (5..20).for_each(|x| b.add(&x));
    /// a.merge(&b);
    /// assert_eq!(a.count(), 20);
    /// ```
    pub fn merge(&mut self, other: &HyperLogLog) {
        self.lower(other.precision);
        match &other.registers {
            Registers::Sparse(entries) => entries.iter().for_each(|entry| self.add_entry(*entry)),
            Registers::Dense(registers) => {
                self.make_dense();
                if let Registers::Dense(own) = &mut self.registers {
                    raise_all(own, registers, other.precision - self.precision);
                }
            }
        }
    }

    /// Gives up precision.
    fn lower(&mut self, precision: u32) {
        if precision >= self.precision {
            return;
        }
        let lost = self.precision - precision;
        self.precision = precision;
        match &self.registers {
            Registers::Sparse(entries) if entries.len() <= most_entries(precision) => {}
            Registers::Sparse(_) => self.make_dense(),
            Registers::Dense(registers) => {
                let mut fewer = vec![0; 1 << precision];
                raise_all(&mut fewer, registers, lost);
                self.registers = Registers::Dense(fewer);
            }
        }
    }

    /// The estimated number of different values.
    pub fn estimate(&self) -> f64 {
        match &self.registers {
            // So many hashes leave that many of 2^26 places empty.
            Registers::Sparse(entries) => {
                let places = f64::from(1u32 << SPARSE_BITS);
                -places * (-(entries.len() as f64) / places).ln_1p()
            }
            Registers::Dense(registers) => estimate(registers, self.precision),
        }
    }

    /// The same as a whole number.
    pub fn count(&self) -> u64 {
        self.estimate().round() as u64
    }
}

impl Default for HyperLogLog {
    /// Precision 14: a standard error of 0.8 %.
    fn default() -> HyperLogLog {
        HyperLogLog::with_precision(14)
    }
}

impl std::fmt::Debug for HyperLogLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HyperLogLog {{ precision: {}, count: {} }}", self.precision, self.count())
    }
}

fn most_entries(precision: u32) -> usize {
    ((1 << precision) / 8).min(MOST_ENTRIES)
}

/// One more than the number of zeros that follow the upper `precision` bits of a hash.
#[inline]
fn run(hash: u64, precision: u32) -> u32 {
    (hash << precision | 1 << (precision - 1)).leading_zeros() + 1
}

/// The register of an entry and its run there.
fn place(entry: u32, precision: u32) -> (usize, u32) {
    let upper = entry >> RUN_BITS;
    // The bits that belong to the run now, leftmost.
    let rest = upper << (32 - SPARSE_BITS + precision);
    let run = match rest {
        0 => SPARSE_BITS - precision + (entry & ((1 << RUN_BITS) - 1)),
        _ => rest.leading_zeros() + 1,
    };
    ((upper >> (SPARSE_BITS - precision)) as usize, run)
}

#[inline]
fn raise(registers: &mut [u8], register: usize, run: u32) {
    let known = &mut registers[register];
    *known = (*known).max(run as u8);
}

/// Raises each register to the largest of the 2^`lost` registers of a finer sketch that it stands for.
fn raise_all(registers: &mut [u8], finer: &[u8], lost: u32) {
    for (i, run) in finer.iter().enumerate().filter(|(_, run)| **run != 0) {
        let rest = (i as u64).unbounded_shl(64 - lost);
        let run = if rest == 0 { lost + u32::from(*run) } else { rest.leading_zeros() + 1 };
        raise(registers, i >> lost, run);
    }
}

fn estimate(registers: &[u8], precision: u32) -> f64 {
    let longest = 65 - precision as usize;
    let mut counts = [0u32; 66];
    registers.iter().for_each(|run| counts[usize::from(*run).min(longest)] += 1);
    let m = registers.len() as f64;
    let mut z = m * tau(1.0 - f64::from(counts[longest]) / m);
    for count in counts[1..longest].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(f64::from(counts[0]) / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

/// x + the sum of 2^(k-1) x^(2^k) over k from 1.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut factor) = (x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - the sum of 2^-k (1 - x^(2^-k))^2 over k from 1) / 3.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x).powi(2) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// Gathers the hashes of values in sketches of a precision.
#[derive(Serialize, Deserialize)]
pub(crate) struct Precision(u32);

impl Precision {
    pub(crate) fn of_error(relative_error: f64) -> Result<Precision> {
        HyperLogLog::with_error(relative_error).map(|sketch| Precision(sketch.precision))
    }
}

impl<V: Hash> Aggregator<V> for Precision {
    type Sketch = HyperLogLog;

    fn zero(&self) -> HyperLogLog {
        HyperLogLog::with_precision(self.0)
    }

    #[inline]
    fn add(&self, sketch: &mut HyperLogLog, value: V) {
        sketch.add(&value)
    }

    fn merge(&self, sketch: &mut HyperLogLog, other: HyperLogLog) {
        sketch.merge(&other)
    }
}

#[cfg(test)]
mod tests;
